#!/bin/sh
# SPDX-License-Identifier: MIT
#
# el1-full.t - as el1.t, EL1_FULL_COUNT instructions (1 million), with so little room for decoded and translated code that it
# is full again and again, and with another thread that kicks the CPU and has it decode code anew.
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-el1 N="${EL1_FULL_COUNT:-1000000}" SEED="${A64_SEED:-$(date +%j)}" EL1='--mirrors 24 --cache 512 --disturb 1'
