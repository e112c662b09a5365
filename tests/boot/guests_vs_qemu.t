#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guests_vs_qemu.t - the second opinion: the same guest, bit for bit, prints the same under qemu-system-aarch64.
#
# Not among them: strict.c, which is about what QEMU 7.2 leaves out, and library.c, since QEMU has no room for its device
# tree of 1 MiB below an ELF of the kit.
. "$(dirname "$0")/lib.sh"
command -v qemu-system-aarch64 >/dev/null || skip_all "no qemu-system-aarch64 here (qemu-system-arm)"
need_images

for name in hello-once exceptions mmu timer irq fp selfmod smp.1 smp.4; do
    cpus=1
    [ "$name" = "${name%.*}" ] || cpus=${name#*.}
    elf=$images/virt/${name%.*}.elf
    limit 120 qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -smp "$cpus" -m 256 -net none -nographic \
        -kernel "$elf" </dev/null >"$work/qemu" 2>"$work/qemu.err" || note "$work/qemu.err"
    run_vmm 60 run --board virt --engine soft --cpus "$cpus" "$elf" </dev/null
    [ -s "$work/qemu" ] && same "$work/out" "$work/qemu" "$name prints the same" || [ -s "$work/qemu" ] ||
        ok 1 "$name: QEMU printed something"
done
done_testing
