#!/bin/sh
# SPDX-License-Identifier: MIT
#
# el1.t - exceptions, translation, system registers and changed code in random programs: EL1_COUNT instructions (4 million)
# by translated code and by the interpreter.
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-el1 N="${EL1_COUNT:-4000000}" SEED="${A64_SEED:-$(date +%j)}"
