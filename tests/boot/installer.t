#!/bin/sh
# SPDX-License-Identifier: MIT
#
# installer.t - Debian's installer, the largest userland here, up to its first dialog.
. "$(dirname "$0")/lib.sh"
need_guest installer
limit 300 "$vmm" run --kernel "$guests/installer/vmlinuz" --initrd "$guests/installer/initrd.gz" --mem 1G \
    --append "console=ttyAMA0,115200n8r DEBIAN_FRONTEND=text" --timeout 240s </dev/null >"$work/out" 2>"$work/err" &
pid=$!
found=1
i=0
while [ $i -lt 480 ] && kill -0 $pid 2>/dev/null; do
    # The list of languages; in the text and the newt front end alike it is titled so.
    if grep -aq 'Select a language' "$work/out"; then
        found=0
        break
    fi
    sleep 0.5
    i=$((i + 1))
done
ok $found "the first dialog: \"Select a language\" (after $((i / 2)) s)" || tail -n 15 "$work/out" | tr -cd '[:print:]\n' | sed 's/^/# /'
pkill -TERM -P $pid
rc=0
wait $pid || rc=$?
is_rc 143 "and SIGTERM ends it"
! grep -a 'Kernel panic\|Oops\|Unable to handle' "$work/out"
ok $? "no complaint in the kernel's log"
done_testing
