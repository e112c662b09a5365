#!/bin/sh
# SPDX-License-Identifier: MIT
#
# el1-qemu.t - as el1.t, EL1_QEMU_COUNT instructions (1 million), and by QEMU.
cd "$(dirname "$0")/../.." || exit 1
exec make -s check-el1 N="${EL1_QEMU_COUNT:-1000000}" SEED="${A64_SEED:-$(date +%j)}" QEMU=qemu-system-aarch64
