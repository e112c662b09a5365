#!/bin/sh
# SPDX-License-Identifier: MIT
#
# jit.t - translated code against the interpreter on random instructions: JIT_COUNT of them (20 million).
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-jit N="${JIT_COUNT:-20000000}" SEED="${A64_SEED:-$(date +%j)}"
