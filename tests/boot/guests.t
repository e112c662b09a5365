#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guests.t - every bare-metal guest that checks itself, on every board it is made for.
. "$(dirname "$0")/lib.sh"
need_images
engine=${ENGINE:-soft}

for board in virt micro vibe; do
    for name in exceptions strict mmu timer irq fp selfmod smp library; do
        for cpus in 1 2 4 8; do
            case $name.$cpus in
            smp.* | library.* | *.1) ;;
            *) continue ;;
            esac
            # shellcheck disable=SC2046 # arguments
            run_vmm 60 $(guest $board $name) --engine "$engine" --cpus $cpus </dev/null
            grep '^not ok\|^# got' "$work/out" | sed 's/^/# /'
            [ "$rc" -eq 0 ] && grep -q '^1\.\.[1-9]' "$work/out" && ! grep -q '^not ok' "$work/out"
            ok $? "$name on $board, $cpus CPU ($(grep -c '^ok' "$work/out") checks)" || note "$work/err"
        done
    done
done
done_testing
