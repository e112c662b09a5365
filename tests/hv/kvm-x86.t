#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kvm-x86.t - the KVM engine on an x86-64 host that QEMU emulates (nested-kvm.sh): board pc, bare-metal guests by
# every way of starting, Debian's kernel as bzImage and as PVH vmlinux.
#
# VIBEVMM_KVM_X86 names the x86-64 build under test.
. "$(dirname "$0")/lib.sh"
nested_arch=x86
kvm_vmm=${VIBEVMM_KVM_X86:-$vmm}
# QEMU 7.2 does not intercept XSETBV for a guest of its emulated SVM: KVM would not know of the guest's XCR0.
machine='-s 2 -c max,-xsave'

for tool in qemu-system-x86_64:qemu-system-x86 cpio:cpio; do
    command -v "${tool%:*}" >/dev/null || skip_all "no ${tool%:*} here (Debian: ${tool#*:})"
done
[ "$(od -An -tu2 -j18 -N2 "$kvm_vmm" | tr -d ' ')" = 62 ] || skip_all "no x86-64 build to test on this host"
"$top/images/x86/build.sh" >"$work/build.log" 2>&1 || {
    [ $? -eq 77 ] && skip_all "no compiler for x86-64 (gcc-x86-64-linux-gnu)"
    note "$work/build.log"
    echo "Bail out! images/x86/build.sh failed"
    exit 1
}
need_images

# kvm NAME STATUS INPUT OUTPUT ARGS: a case, and what it must come to. printf %b takes input and output.
kvm() {
    printf '%s %s\n' "$1" "$2" >>"$work/list"
    printf '%b' "$4" >"$work/want.$1"
    printf '%s\n' "$1 $3 --engine kvm --timeout 60s $5" >>"$work/cases"
}
kvm pvh 0 - 'hello by PVH: console=ttyS0,115200n8r\n' hello.elf
kvm pvh-args 0 - 'hello by PVH: a b -- c\n' "--append 'a b' hello.elf -- c"
kvm long 0 - 'hello by 64-bit entry: x\n' 'hello-long.elf --append x'
kvm bzimage 0 - 'hello by bzImage: x\ninitrd line\n' 'bzimage --append x --initrd text'
kvm real 0 - 'hello by real mode at 0x07c00\n' '--board pc --binary real.raw'
kvm real-at 0 - 'hello by real mode at 0x81235\n' '--board pc --binary real.raw --entry 0x81235'
kvm tables 0 - '0x0+0x9fc00 ram\n0x9fc00+0x60400 reserved\n0x100000+0xff00000 ram\nRSDP sum 0
XSDT sum 0\nFACP sum 0\nDSDT sum 0\nAPIC sum 0 cpus 3\n' 'tables.elf --cpus 3'
kvm tables-5g 0 - '0x0+0x9fc00 ram\n0x9fc00+0x60400 reserved\n0x100000+0xbff00000 ram\n0x100000000+0x80000000 ram
RSDP sum 0\nXSDT sum 0\nFACP sum 0\nDSDT sum 0\nAPIC sum 0 cpus 1\n' 'tables.elf --mem 5G'
kvm smp2 0 - 'others 1, sum 10\n' 'smp.elf --cpus 2 --append cpus=2'
kvm smp8 0 - 'others 7, sum 280\n' 'smp.elf --cpus 8 --append cpus=8'
kvm timer 0 - '8254 ticks\nlocal APIC ticks\nclock ticks\n' timer.elf
kvm echo 0 'some\040input\040q' 'some input q\n' echo.elf
kvm echo-irq 0 'one\ntwo\nthe\040end\n' 'one\ntwo\nthe end\n16 bytes\n' echo-irq.elf
kvm ports 0 - 'a string of bytes by one instruction\nnothing there: 0xff 0xffffffff 0xffffffff
scratch: 0x5a 0x5a 0x5a0x5a0x5a0x5a\n' ports.elf
kvm fp 0 - '0x3ff6a09e667f3bcd\n' fp.elf
kvm status 42 - '' 'ends.elf --append status=42'
kvm port 7 - '' 'ends.elf --append port=3'
kvm off 0 - '' 'ends.elf --append off'
kvm reset 121 - '' 'ends.elf --append reset'
kvm triple 123 - '' 'ends.elf --append triple'
kvm nowhere 123 - '' 'ends.elf --append nowhere'
kvm spin 124 - '' 'ends.elf --append spin --timeout 2s'
kvm spin-smp 124 - '' 'ends.elf --append spin --timeout 2s --cpus 8'
kvm hlt 124 - '' 'ends.elf --append hlt --timeout 2s'
kvm too-many 125 - '' 'ends.elf --cpus 9'
kvm not-here 125 - '' 'virt/hello-once.elf'
kvm wrong-board 126 - '' 'virt/hello-once.elf --board pc'
echo 'initrd line' >"$work/text"

nested 400 "$top"/build/images/pc/* "$images/virt" "$work/text"
ok $nested_rc "the emulated host ran to its end" || note "$work/nested.err"
while read -r name status <&3; do
    case_of "$name"
    is_status "$status" "$name: status $status"
    same "$work/out" "$work/want.$name" "$name: prints what it should"
done 3<"$work/list"
case_of triple
has "$work/err" "triple fault" "a triple fault is named"
has "$work/err" "in 32-bit mode, by PVH" "with how the guest was started"
case_of nowhere
has "$work/err" "PC 0xb0000000, no memory there" "a jump to nowhere: the PC"
has "$work/err" "jumped to an address with no memory" "and the likely cause"
case_of too-many
has "$work/err" "board pc on engine kvm takes 1 to 8" "how many vCPUs there are"
case_of not-here
has "$work/err" "this is an x86-64 host, and the board is for ARM64; or use --engine soft" "another CPU's board"
case_of wrong-board
has "$work/err" "this board needs an x86-64 one; --board virt runs it" "another CPU's image"

"$top/images/demo/build.sh" cloud-amd64 >"$work/build.log" 2>&1 || {
    skip "Debian's kernel cannot be fetched: $(tail -n 1 "$work/build.log")" "Debian's kernel as the guest"
    done_testing
}
linux=$guests/cloud-amd64
word() { # OFFSET TYPE BYTES: of the kernel's header
    od -An -t"$2$3" -j"$1" -N"$3" "$linux/vmlinuz" | tr -d ' '
}
# The kernel inside the bzImage (Linux x86/boot.rst, payload_offset), which Debian packs with LZ4 for this flavour.
vmlinux='' why='no lz4 here'
if command -v lz4 >/dev/null; then
    at=$((($(word 497 u 1) + 1) * 512 + $(word 584 u 4)))
    tail -c +$((at + 1)) "$linux/vmlinuz" | head -c $(($(word 588 u 4) - 4)) | lz4 -dc >"$work/vmlinux" 2>"$work/lz4.err" &&
        vmlinux=$work/vmlinux
    why="the kernel is not packed with LZ4"
fi
script='uname\040-m\ngrep\040-c\040^processor\040/proc/cpuinfo\necho\040a\040|\040tr\040a\040c\ncat\040/proc/cmdline\nexit\0405\n'
append="--append 'console=ttyS0,115200n8r quiet loglevel=0 vibevmm.pipe=1'"
opts="--engine kvm --timeout 100s --initrd initrd.gz $append"
{
    printf '%s\n' "linux.1 $script $opts vmlinuz" "linux.2 $script $opts vmlinuz --cpus 2"
    [ ! "$vmlinux" ] || printf '%s\n' "pvh.2 $script $opts vmlinux --cpus 2 --mem 4G"
    printf '%s\n' "restart reboot\\040-f\\n $opts vmlinuz"
} >"$work/cases"
# shellcheck disable=SC2086 # a path or nothing
nested 500 "$linux/vmlinuz" "$linux/initrd.gz" $vmlinux
for name in linux.1 linux.2 pvh.2; do
    cpus=${name#*.}
    if [ $name = pvh.2 ] && [ ! "$vmlinux" ]; then
        skip "$why" "Debian's vmlinux by PVH"
        continue
    fi
    case_of $name
    is_status 5 "$name: Debian's kernel runs a script; its status is the machine's"
    tr -d '\r' <"$work/out" | sed '1,/vibevmm: ready/d' >"$work/got"
    printf 'x86_64\n%s\nc\nconsole=ttyS0,115200n8r quiet loglevel=0 vibevmm.pipe=1\n' "$cpus" >"$work/want"
    same "$work/got" "$work/want" "$name: and prints what it should"
done
case_of restart
is_status 121 "Linux restarts by the firmware's entry"
done_testing
