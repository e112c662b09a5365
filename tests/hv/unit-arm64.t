#!/bin/sh
# SPDX-License-Identifier: MIT
#
# unit-arm64.t - the unit tests of the KVM engine's ARM64 build, under QEMU's user emulation: they bring their own
# kernel (tests/unit/kvm_rig.h), so they need no /dev/kvm. Each binary is one line here, and prints its own.
. "$(dirname "$0")/../boot/lib.sh"
build=${VIBEVMM_KVM:-$top/build/release-aarch64-linux-gnu-gcc-glibc/vibevmm}
build=$(dirname "$build")

qemu=$(command -v qemu-aarch64 || command -v qemu-aarch64-static) ||
    skip_all "no qemu-aarch64 here (Debian: qemu-user)"
[ -x "$build/tests/unit/test_kvm" ] || skip_all "no ARM64 build (make CROSS=aarch64-linux-gnu- kvm-tests)"
for name in test_kvm test_kvm_arm64; do
    limit 300 "$qemu" "$build/tests/unit/$name" >"$work/out" 2>&1
    ok $? "$name on ARM64" || note "$work/out"
    sed 's/^/# /' "$work/out" | grep -v '^# ok' | head -n 20
done
done_testing
