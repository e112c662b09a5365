#!/bin/sh
# SPDX-License-Identifier: MIT
#
# disk.t - ext4 on a virtio disk under Debian's kernel: what is written is there after power-off, after a signal, and,
# where it was synced, after SIGKILL; several guests on one base; U-Boot reads a disk.
. "$(dirname "$0")/lib.sh"
PATH=$PATH:/usr/sbin:/sbin
command -v mkfs.ext4 >/dev/null || skip_all "no mkfs.ext4 here (Debian: e2fsprogs)"
need_guest cloud
initrd_with_modules cloud

# The script that comes on stdin, in a guest with these options: behind the mark, $work/out.
in_guest() {
    { echo 'depmod; modprobe virtio_mmio; modprobe virtio_blk; mkdir /m'; cat; } >"$work/script"
    run_vmm 240 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M \
        --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" "$@" <"$work/script"
    sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
}
clean() { # FILE NAME: its file system has no fault; -p replays the journal first, where a run was cut off
    fsck.ext4 -p "$1" >"$work/fsck" 2>&1
    fsck.ext4 -fn "$1" >>"$work/fsck" 2>&1
    ok $? "$2" || note "$work/fsck"
}

truncate -s 128M "$work/disk"
mkfs.ext4 -q -F "$work/disk"
in_guest --report "$work/report" --disk "$work/disk,serial=first one" <<'END'
cat /sys/block/vda/serial; echo; cat /sys/block/vda/size
mount /dev/vda /m && head -c 30000000 /dev/urandom >/m/file && sync
sha256sum </m/file >/m/sum
echo 3 >/proc/sys/vm/drop_caches
sha256sum </m/file | cmp - /m/sum && echo same
rm -f /m/none; fstrim /m && echo trimmed
umount /m; exit
END
is_rc 0 "a guest writes a disk and powers off"
printf 'first one\n262144\nsame\ntrimmed\n' >"$work/want"
same "$work/out" "$work/want" "serial number, size, what was written is read again"
has "$work/report" '"devices":[{"window":"virtio0","option":"disk"' "the report lists it"
has "$work/report" '"driven":true' "and that a driver has set it up"
clean "$work/disk" "fsck after power-off"

# Without its modules this kernel has no driver for virtio windows.
echo 'exec sleep 1000' >"$work/script"
run_vmm 100 run --kernel "$guests/cloud/vmlinuz" --initrd "$guests/cloud/initrd.gz" --mem 256M --timeout 6s -v \
    --append "console=ttyAMA0,115200n8r vibevmm.pipe=1" --disk "$work/disk,ro" <"$work/script"
has "$work/err" "modprobe virtio_mmio" "a kernel without a driver for it: the diagnosis says so"

# Ends when the guest says `now`: by SIGTERM (15), then by SIGKILL (9).
for sig in 15 9; do
    cat >"$work/script" <<'END'
depmod; modprobe virtio_mmio; modprobe virtio_blk; mkdir /m; mount /dev/vda /m
head -c 5000000 /dev/urandom >/m/synced; sha256sum </m/synced >/m/synced.sum; sync
echo now
while :; do head -c 3000000 /dev/urandom >/m/busy; done
END
    mkfifo "$work/pipe"
    "$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --timeout 200s \
        --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" --disk "$work/disk" \
        <"$work/script" >"$work/pipe" 2>"$work/err" &
    pid=$!
    sed '/^now/q' <"$work/pipe" >/dev/null &
    wait $!
    kill -$sig $pid
    wait $pid
    rc=$?
    rm "$work/pipe"
    [ $rc -eq $((128 + sig)) ]
    ok $? "a guest that writes is ended by signal $sig"
    clean "$work/disk" "fsck after signal $sig"
    in_guest --disk "$work/disk,ro" <<'END'
mount -o ro /dev/vda /m; sha256sum </m/synced | cmp - /m/synced.sum && echo intact
touch /m/x 2>/dev/null || echo read-only
cat /sys/block/vda/ro
exit
END
    printf 'intact\nread-only\n1\n' >"$work/want"
    same "$work/out" "$work/want" "what was synced before signal $sig is intact; ,ro is read-only"
done

# Three guests at once on one base, each with changes of its own.
before=$(cksum <"$work/disk")
for i in 1 2 3; do
    over=
    [ $i -ne 3 ] || over="=$work/over"
    {
        echo 'depmod; modprobe virtio_mmio; modprobe virtio_blk; mkdir /m; mount /dev/vda /m'
        echo "yes $i | head -n 2000000 >/m/file; sync; echo 3 >/proc/sys/vm/drop_caches"
        echo "grep -cvx $i /m/file; umount /m; exit $i"
    } >"$work/script$i"
    "$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --timeout 200s \
        --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" --disk "$work/disk,cow$over" \
        <"$work/script$i" >"$work/out$i" 2>"$work/err$i" &
    eval "pid$i=\$!"
done
for i in 1 2 3; do
    eval "wait \$pid$i"
    [ $? -eq $i ] && sed '1,/vibevmm: ready/d; s/\r$//' "$work/out$i" | grep -qx 0
    ok $? "guest $i of three on one base" || note "$work/err$i"
done
[ "$(cksum <"$work/disk")" = "$before" ]
ok $? "the base is unchanged"
in_guest --disk "$work/disk,cow=$work/over" <<'END'
mount /dev/vda /m; head -n 1 /m/file; umount /m; exit
END
echo 3 >"$work/want"
same "$work/out" "$work/want" "an overlay in a file is kept"
in_guest --disk "$work/disk,cow=$work/raw" <<'END'
yes never flushed | dd of=/dev/vda bs=4096 count=1 seek=100 oflag=direct iflag=fullblock 2>/dev/null; poweroff -f
END
in_guest --disk "$work/disk,cow=$work/raw" <<'END'
dd if=/dev/vda bs=4096 count=1 skip=100 2>/dev/null | head -n 1; exit
END
echo never flushed >"$work/want"
same "$work/out" "$work/want" "also what the guest wrote and never flushed"

run_vmm 20 run --board vibe --binary "$work/want" --disk "$work/a" --disk "$work/b" --disk "$work/c" --disk "$work/d"
is_rc 125 "more disks than windows"
has "$work/err" "board vibe has 3 virtio windows, and this is device 4" "and the message"
run_vmm 20 run --board vibe --binary "$work/want" --disk "$work/none"
is_rc 127 "a disk that is not there"
run_vmm 20 run --board vibe --binary "$work/want" --disk "$work/disk,rw"
is_rc 125 "a word that is not known"
has "$work/err" '"rw" is not one of ro, raw, cow, cow=TEXT, serial=TEXT' "and those that are"
flock -s "$work/disk" true # util-linux's flock(2) is another kind of lock: it is no reason to refuse
run_vmm 20 run --board vibe --binary "$work/want" --timeout 1s --disk "$work/disk" --disk "$work/disk"
is_rc 125 "one disk twice"
has "$work/err" "another process uses it" "and the message"

"$top/images/demo/build.sh" u-boot >"$work/build.log" 2>&1 || {
    skip "U-Boot cannot be fetched: $(tail -n 1 "$work/build.log")" "U-Boot reads a disk"
    done_testing
}
mkdir "$work/tree"
echo 'read by firmware' >"$work/tree/hello.txt"
truncate -s 16M "$work/small"
mkfs.ext4 -q -F -d "$work/tree" "$work/small"
printf '\nvirtio info\next4ls virtio 0\next4load virtio 0 ${loadaddr} hello.txt\nmd.b ${loadaddr} 4\npoweroff\n' >"$work/in"
run_vmm 60 run --firmware "$guests/u-boot/u-boot.bin" --disk "$work/small,ro" --timeout 50s <"$work/in"
is_rc 0 "U-Boot with a disk"
has "$work/out" "hello.txt" "it lists an ext4 file system"
has "$work/out" "17 bytes read" "and reads a file"
has "$work/out" "72 65 61 64" "with its bytes"
done_testing
