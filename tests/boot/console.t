#!/bin/sh
# SPDX-License-Identifier: MIT
#
# console.t - virtio console and named ports under Debian's kernel: bytes both ways, the end of input, a slow and a
# departed host, what is written last.
. "$(dirname "$0")/lib.sh"

# What is wrong with a --port is told before anything is loaded.
refused() { # STATUS TEXT NAME ARGS...
    want=$1
    text=$2
    name=$3
    shift 3
    run_vmm 20 run "$@" "$work/none" </dev/null
    [ "$rc" -eq "$want" ] && grep -qF -- "$text" "$work/err"
    ok $? "$name" || note "$work/err"
}
echo x >"$work/none"
set -- --board micro --binary
refused 125 'uart, virtio, stderr or none' "--console takes one of four words" --console tty "$@"
refused 125 'needs in=FILE, out=FILE or both' "a port needs a file" --port a "$@"
refused 125 '"a b" is no name' "a port's name is a word" --port 'a b,in=/dev/null' "$@"
refused 127 'No such file' "a missing input" --port "a,in=$work/missing" "$@"
refused 125 "is the console's" "standard input is the console's" --port a,in=- "$@"
refused 125 'descriptor 77 is not open' "a closed descriptor" --port a,in=fd:77 "$@"
refused 125 'cannot be written' "a descriptor that is only read" --port a,out=fd:0 "$@"
refused 125 'there is a port a' "one name twice" --port a,in=/dev/null --port a,out=/dev/null "$@"

need_guest cloud
initrd_with_modules cloud
append="console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1"
# The names of ports come by and by.
ports() { # NUMBER
    cat <<END
depmod; modprobe virtio_mmio; modprobe virtio_console
until [ "\$(cat /sys/class/virtio-ports/*/name 2>/dev/null | wc -l)" -eq $1 ]; do usleep 10000; done
for p in /sys/class/virtio-ports/*; do ln -s /dev/\${p##*/} /dev/\$(cat \$p/name); done
END
}

in_guest() { # NUMBER OF PORTS, ARGS...: the script comes on stdin
    {
        ports "$1"
        cat
    } >"$work/script"
    shift
    run_vmm 240 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --append "$append" \
        --report "$work/report" "$@" <"$work/script"
    sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
}

head -c 30000000 /dev/urandom >"$work/big"
printf 'header\n' >"$work/copy"
in_guest 3 --port "big,in=$work/big" --port "copy,out=$work/copy" --port nothing,in=/dev/null <<'END'
cat /dev/big >/dev/copy; echo "cat $?"
cat /dev/nothing; echo "nothing $?"
exit 3
END
is_rc 3 "a guest copies one port to another"
printf 'cat 0\nnothing 0\n' >"$work/want"
same "$work/out" "$work/want" "each input ends, an empty one too"
{
    echo header
    cat "$work/big"
} | cmp - "$work/copy"
ok $? "30 MB arrive as they were, behind what was in the file"
has "$work/report" '"option":"port"' "the report has the device"

# The last bytes: the guest is off while the reader has not begun.
mkfifo "$work/fifo"
(
    exec 3<"$work/fifo"
    until [ -e "$work/off" ]; do sleep 0.1; done
    cat <&3 >"$work/late"
) &
reader=$!
in_guest 2 --port "late,out=$work/fifo" --port "off,out=$work/off" <<'END' &
head -c 300000 /dev/zero | tr '\0' x >/dev/late
exit 0
END
writer=$!
# It has no more to do than to wait for us: its vCPU is gone.
sleep 6
touch "$work/off"
wait "$writer"
wait "$reader"
[ "$(tr -d x <"$work/late" | wc -c)" -eq 0 ] && [ "$(wc -c <"$work/late")" -eq 300000 ]
ok $? "what a guest wrote before it ended is written" || wc -c "$work/late"

# A reader that leaves: the guest sees the port closed, and goes on.
(head -c 10 <"$work/fifo" >"$work/ten") &
in_guest 1 --port "gone,out=$work/fifo" <<'END'
(yes >/dev/gone) & i=0
while [ $i -lt 50 ] && kill -0 $! 2>/dev/null; do usleep 100000; i=$((i + 1)); [ $i -eq 10 ] && echo on; done
exit 0
END
is_rc 0 "a guest whose reader left goes on"
has "$work/out" on "and does other things"

# SIGTERM while the last bytes wait.
(
    exec 3<"$work/fifo"
    sleep 30
) &
reader=$!
{
    ports 1
    echo 'head -c 300000 /dev/zero >/dev/late'
    echo 'exit 0'
} >"$work/script"
"$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --append "$append" \
    --port "late,out=$work/fifo" <"$work/script" >"$work/out" 2>"$work/err" &
writer=$!
sleep 6
kill -TERM "$writer"
rc=0
wait "$writer" || rc=$?
is_rc 143 "SIGTERM ends a machine whose last bytes nobody reads"
kill "$reader" 2>/dev/null

# hvc0 as the machine's console, the UART beside it.
mkdir "$work/root"
cat >"$work/root/hvc" <<'END'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /bin /sbin /usr/bin /usr/sbin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s
export PATH=/sbin:/bin:/usr/sbin:/usr/bin
depmod; modprobe virtio_mmio; modprobe virtio_console
until (: </dev/hvc0) 2>/dev/null; do usleep 10000; done
exec </dev/hvc0 >/dev/hvc0 2>&1
stty -echo -onlcr
echo listening
read -r line
echo "heard $line"; cat /proc/cmdline; stty size
echo "on the uart" >/dev/ttyAMA0
poweroff -f
END
chmod 755 "$work/root/hvc"
(cd "$work/root" && echo hvc | cpio -o -H newc 2>/dev/null | gzip -1) >>"$work/initrd.gz"
(
    : >"$work/out"
    exec 3>"$work/fifo"
    until grep -q listening "$work/out"; do sleep 0.1; done
    echo "to hvc0" >&3
) &
run_vmm 120 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --console virtio \
    --append "rdinit=/hvc console=hvc0 quiet" <"$work/fifo"
is_rc 0 "a guest with a virtio console"
printf 'listening\nheard to hvc0\nrdinit=/hvc console=hvc0 quiet\n' >"$work/want"
head -n 3 "$work/out" | tr -d '\r' >"$work/two"
same "$work/two" "$work/want" "standard input and output are the console's"
has "$work/err" "on the uart" "and standard error the UART's"
done_testing
