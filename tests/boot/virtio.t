#!/bin/sh
# SPDX-License-Identifier: MIT
#
# virtio.t - Debian's drivers on what the command line attaches: the order of the windows, entropy, memory given back.
. "$(dirname "$0")/lib.sh"
need_guest cloud
initrd_with_modules cloud

cat >"$work/script" <<'END'
depmod; modprobe virtio_mmio; modprobe virtio-rng
cat /sys/class/misc/hw_random/rng_available
head -c 100000 /dev/hwrng | wc -c
head -c 32 /dev/hwrng >a; head -c 32 /dev/hwrng >b; cmp -s a b || echo differ
for d in /sys/bus/virtio/devices/*; do echo "$(cat $d/device) $(basename $(readlink -f $d/..))"; done
exit
END
run_vmm 180 run --rng --rng --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
is_rc 0 "Linux with two entropy devices"
sed -i '1,/vibevmm: ready/d; s/\r$//; s/ $//' "$work/out"
cat >"$work/want" <<'END'
virtio_rng.0 virtio_rng.1
100000
differ
0x0004 a000000.virtio_mmio
0x0004 a000200.virtio_mmio
END
same "$work/out" "$work/want" "they are in the first two windows, and give bytes"

# A guest that is driven line by line, so that its memory can be looked at in between.
mkfifo "$work/in"
"$vmm" run --balloon 64M --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --timeout 170s --report "$work/report" \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/in" >"$work/out" 2>"$work/err" &
pid=$!
exec 9>"$work/in"
# wait_for COMMAND...: until it is true, or the machine has ended
wait_for() {
    until "$@"; do
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.1
    done
}
said() {
    tr -d '\r' <"$work/out" | sed '1,/vibevmm: ready/d' | grep -qx "$1"
}
rss() { # in MiB
    awk '/^VmRSS/ { print int($2 / 1024) }' /proc/$pid/status
}
below() {
    [ "$(rss)" -lt "$1" ]
}
echo 'depmod; modprobe virtio_mmio; mkdir /m; mount -t tmpfs -o size=400M tmpfs /m; dd if=/dev/zero of=/m/f bs=1M count=250 2>/dev/null; echo filled' >&9
wait_for said filled
full=$(rss)
[ "$full" -gt 250 ]
ok $? "a guest that fills 250 MiB has them of the host"
echo 'rm /m/f; modprobe virtio_balloon; echo freed' >&9
wait_for said freed
wait_for below $((full - 180))
ok $? "what it frees is reported, and goes back to the host ($full MiB, then $(rss) MiB)"
echo 'dd if=/dev/zero of=/m/f bs=1M count=200 2>/dev/null; for i in 1 2 3; do yes $i | head -n 1000000 >/m/$i; done' >&9
echo 'cat /m/f /m/[123] | sha256sum; sleep 5; exit' >&9
exec 9>&-
wait $pid
rc=$?
is_rc 0 "it goes on with memory it gave back"
want=$({
    head -c 200M /dev/zero
    for i in 1 2 3; do yes $i | head -n 1000000; done
} | sha256sum)
said "$want"
ok $? "and the bytes are right"
# The driver's first statistics were of an almost empty memory.
stat_of() { # in MiB
    sed -n "s/.*\"stats\":{[^}]*\"$1\":\([0-9]*\).*/\1/p" "$work/report" | awk '{ print int($1 / 1048576) }'
}
total=$(stat_of total)
free=$(stat_of free)
[ "$(stat_of target)" = 64 ] && [ "$total" -gt 400 ] && [ "$total" -lt 512 ] && [ "$free" -lt $((total - 200)) ]
ok $? "the report has the guest's memory as it was at the end ($free of $total MiB free)"
done_testing
