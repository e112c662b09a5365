#!/bin/sh
# SPDX-License-Identifier: MIT
#
# u-boot.t - firmware from flash: Debian's U-Boot for QEMU's virt machine, driven by a pipe.
. "$(dirname "$0")/lib.sh"
need_guest u-boot
printf '\nversion\nbdinfo\nprintenv arch\npoweroff\n' >"$work/in"
run_vmm 120 run --firmware "$guests/u-boot/u-boot.bin" --mem 256M --timeout 100s <"$work/in"
is_rc 0 "commands from a pipe, and poweroff"
tr -d '\r' <"$work/out" >"$work/text"
has "$work/text" "=> version" "the prompt, and the first command whole"
has "$work/text" "U-Boot 20" "version"
has "$work/text" "DRAM:  256 MiB" "the memory of the device tree"
has "$work/text" "fdt_blob" "bdinfo"
has "$work/text" "arch=arm" "printenv"
has "$work/text" "=> poweroff" "poweroff"

# The same 100 kB promise as to Linux: it polls, without interrupts.
{
    echo
    i=0
    while [ $i -lt 1500 ]; do
        i=$((i + 1))
        echo "setexpr n 0x$i + 0 # a line of padding to make the script a long one"
    done
    echo 'echo counted ${n}'
    echo poweroff
} >"$work/in"
run_vmm 240 run --firmware "$guests/u-boot/u-boot.bin" --mem 256M --timeout 200s <"$work/in"
is_rc 0 "a script of $(wc -c <"$work/in") bytes given at launch"
has "$work/out" "counted 1500" "and its last line ran"
[ "$(grep -ac '^=> setexpr' "$work/out")" -eq 1500 ]
ok $? "each of its lines was echoed whole ($(grep -ac '^=> setexpr' "$work/out") of 1500)"
done_testing
