#!/bin/sh
# SPDX-License-Identifier: MIT
#
# virtio.t - Debian's drivers on what the command line attaches: the order of the windows, entropy.
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
done_testing
