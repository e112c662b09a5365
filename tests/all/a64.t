#!/bin/sh
# SPDX-License-Identifier: MIT
#
# a64.t - the software CPU against qemu-aarch64 on random instructions: A64_COUNT of them (5 million).
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-a64 N="${A64_COUNT:-5000000}" SEED="${A64_SEED:-$(date +%j)}"
