#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exec.t [ARCH] - `vibevmm exec` on the KVM engine, in emulated hosts: x86-64 programs on x86-64, ARM64 ones on ARM64.
#
# VIBEVMM_KVM_X86 and VIBEVMM_KVM name the builds under test.
. "$(dirname "$0")/lib.sh"
export VIBEVMM_CACHE="$guests"

# columns: the emulated host, Debian's name of it, QEMU, its options (see kvm-x86.t), e_machine, the build
try() {
    nested_arch=$1 debian=$2 qemu=$3 machine=$4 elf=$5 kvm_vmm=$6
    name="exec on $nested_arch"
    command -v "$qemu" >/dev/null || { skip "no $qemu here" "$name"; return; }
    { [ -x "$kvm_vmm" ] && [ "$(od -An -tu2 -j18 -N2 "$kvm_vmm" | tr -d ' ')" = "$elf" ]; } || { skip "no build for it" "$name"; return; }
    cache=$guests/exec/1/$debian
    [ -e "$cache/cloud/vmlinuz" ] || "$vmm" exec --setup "$debian" >"$work/setup" 2>&1 || {
        skip "exec --setup $debian: $(tail -n 1 "$work/setup")" "$name"
        return
    }
    rm -rf "$work/in"
    mkdir "$work/in"
    cp -r "$cache/cloud" "$work/in/kernel"
    cp "$cache/busybox/busybox" "$work/in/busybox"
    # shellcheck disable=SC2086 # options
    "$here/nested-kvm.sh" $machine -t 500 $nested_arch "$here/exec-inner.sh" "$kvm_vmm" "$work/in/kernel" "$work/in/busybox" \
        >"$work/nested" 2>"$work/nested.err"
    nested_rc=$?
    if [ $nested_rc -eq 125 ] && ! grep -q '@@case' "$work/nested"; then
        skip "no emulated host: $(tail -n 1 "$work/nested.err")" "$name"
        return
    fi
    case_of sort
    is_status 0 "$name: a program"
    printf 'a\nb\n' >"$work/want"
    same "$work/out" "$work/want" "$name: its input and output"
    case_of status
    is_status 42 "$name: two vCPUs, and a status"
    echo 2 >"$work/want"
    same "$work/out" "$work/want" "$name: it sees both"
    case_of cat
    is_status 0 "$name: 3 MB, byte for byte"
}

try x86 amd64 qemu-system-x86_64 '-s 2 -c max,-xsave' 62 "${VIBEVMM_KVM_X86:-$vmm}"
try arm64 arm64 qemu-system-aarch64 '-s 2' 183 "${VIBEVMM_KVM:-$top/build/release-aarch64-linux-gnu-gcc-glibc/vibevmm}"
done_testing
