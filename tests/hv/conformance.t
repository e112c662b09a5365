#!/bin/sh
# SPDX-License-Identifier: MIT
#
# conformance.t - bare-metal guests leave the same trace on the soft engine here and on KVM in the emulated ARM64
# host (nested-kvm.sh): every access to a device, and at each of them the registers (conformance.c). Of guests
# that watch time or the interrupt controller, only the accesses are compared. Then the same guests on KVM
# with their vCPU taken apart at every 50th access: nothing may be missing in its state.
. "$(dirname "$0")/../boot/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
kvm_vmm=${VIBEVMM_KVM:-$top/build/release-aarch64-linux-gnu-gcc-glibc/vibevmm}
soft_tool=$(dirname "$vmm")/tests/hv/conformance
kvm_tool=$(dirname "$kvm_vmm")/tests/hv/conformance

for tool in qemu-system-aarch64:qemu-system-arm cpio:cpio aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu; do
    command -v "${tool%:*}" >/dev/null || skip_all "no ${tool%:*} here (Debian: ${tool#*:})"
done
if [ ! -x "$soft_tool" ] || [ ! -x "$kvm_tool" ]; then
    skip_all "tests/hv/conformance is not built (make check-kvm does, for this host and for ARM64)"
fi
need_images

# trace NAME OPTIONS BOARD GUEST: the run on soft, and a line for the one on KVM
trace() {
    # shellcheck disable=SC2086 # options
    limit 120 "$soft_tool" $2 soft "$3" "$images/$3/$4.elf" >"$work/$1.soft"
    ok $? "$1: runs on soft"
    echo "$1 $2 kvm $3 ./$3/$4.elf" >>"$work/traces"
}
for name in hello-once exceptions mmu fp selfmod; do
    trace $name "" virt $name
done
for name in timer irq; do
    trace $name -m virt $name
done
trace micro "" micro hello-once
trace vibe "" vibe hello-once
for name in exceptions mmu fp; do
    echo "$name.apart -s 50 kvm virt ./virt/$name.elf" >>"$work/traces"
done

"$here/nested-kvm.sh" -t 900 -o "$work/got" arm64 "$here/conformance-inner.sh" "$kvm_tool" "$work/traces" \
    "$images/virt" "$images/micro" "$images/vibe" >"$work/nested" 2>"$work/nested.err"
rc=$?
[ $rc -ne 125 ] || [ -s "$work/nested" ] || skip_all "no emulated host: $(tail -n 1 "$work/nested.err")"
ok $rc "the emulated host ran to its end" || note "$work/nested.err"

while read -r name _; do
    grep -qx "$name 0" "$work/nested"
    ok $? "$name: runs on KVM" || note "$work/nested"
    gunzip "$work/got/$name.gz"
    tail -n 1 "$work/got/$name" | grep -qx 'end 1 status 0'
    ok $? "$name: to its end"
    same "$work/got/$name" "$work/${name%.apart}.soft" "$name: the same trace as on soft"
done <"$work/traces"
done_testing
