#!/bin/sh
# SPDX-License-Identifier: MIT
#
# el1-shadow.t - as el1.t, EL1_SHADOW_COUNT instructions (500000), each piece of translated code checked where it runs.
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-el1 N="${EL1_SHADOW_COUNT:-500000}" SEED="${A64_SEED:-$(date +%j)}" SOFT=shadow
