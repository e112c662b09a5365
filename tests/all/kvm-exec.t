#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kvm-exec.t - `vibevmm exec` on KVM, in the hosts that QEMU emulates.
cd "$(dirname "$0")/../.." || exit 1
if command -v aarch64-linux-gnu-gcc >/dev/null && tests/hv/cross-libs.sh >&2; then
    make -s -j"$(nproc)" CROSS=aarch64-linux-gnu- all >&2 || {
        echo "Bail out! make CROSS=aarch64-linux-gnu- fails"
        exit 1
    }
fi
exec tests/hv/exec.t
