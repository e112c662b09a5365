#!/bin/sh
# SPDX-License-Identifier: MIT
#
# vsock.t - streams between programs of the guest and of the host under Debian's kernel: 240 MB both ways, by the host's
# connections and by the guest's; who is refused; what is left at the end.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3 here"
command -v aarch64-linux-gnu-gcc >/dev/null || skip_all "no compiler for ARM64 (gcc-aarch64-linux-gnu)"
need_guest cloud
initrd_with_modules cloud
mkdir -p "$work/root/bin"
aarch64-linux-gnu-gcc -static -O2 -o "$work/root/bin/vsock" "$top/tests/boot/vsock_guest.c" 2>"$work/log" ||
    skip_all "no C library for ARM64 (libc6-dev-arm64-cross)"
(cd "$work/root" && find . | cpio -o -H newc 2>/dev/null | gzip -1) >>"$work/initrd.gz"
sock=$work/v.sock

: >"$work/file"
run_vmm 20 run --binary "$work/file" --vsock "$sock,cid=2"
is_rc 125 "a guest with the host's number"
has "$work/err" "cid=2: a guest's number is 3 to 4294967294" "and the message"
run_vmm 20 run --binary "$work/file" --vsock "$work/$(printf '%090d' 1)"
is_rc 125 "a socket with too long a name"
has "$work/err" "up to 96" "and the message"
echo x >"$work/there"
run_vmm 20 run --binary "$work/there" --entry 0x40080000 --vsock "$work/there"
is_rc 125 "a file in the socket's place"
has "$work/err" "there is such a file already" "and the message"
run_vmm 20 run --binary "$work/there" --vsock "$sock" --vsock "$sock.2"
is_rc 125 "two such devices"
run_vmm 20 run --binary "$work/there" --entry 0x40080000 --vsock "$work/none/v.sock"
is_rc 125 "a socket in a folder that is not there"
[ "$(cat "$work/there")" = x ] && [ ! -e "$sock" ]
ok $? "nothing is removed, nothing left"

cat >"$work/script" <<'END'
depmod; modprobe virtio_mmio; modprobe vmw_vsock_virtio_transport
vsock listen 5000 &
head -c 40000000 /dev/urandom >/tmp/f; want=$(sha256sum </tmp/f)
vsock connect 2 6002 </dev/null & control=$!
[ "$(vsock connect 2 6000 </tmp/f | sha256sum)" = "$want" ] && echo there and back
vsock connect 2 6001 </dev/null 2>&1
vsock connect 7 6000 </dev/null 2>&1
wait $control
head -c 300000 /tmp/f | vsock close 2 6003
exit
END
timeout 290 "$top/tests/boot/vsock_host.py" "$sock" >"$work/host" 2>"$work/host.err" &
host=$!
until [ -e "$sock.ready" ]; do sleep 0.1; done
run_vmm 280 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --cpus 2 --vsock "$sock" \
    --report "$work/report" --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
is_rc 0 "a guest with sockets to the host"
[ "$rc" -eq 0 ] || kill $host
wait $host
sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
printf '%s\n' 'there and back' 'connect: Connection reset by peer' 'connect: Connection reset by peer' >"$work/want"
same "$work/out" "$work/want" "40 MB of the guest's, there and back; a port that nobody has, and another guest, refuse"
cat >"$work/want" <<'END'
early b'with the request'
echo 40000000
in a row
late 300000
nobody b''
refused b''
refused b''
refused b''
refused b''
two streams there and back [True, True]
END
LC_ALL=C sort "$work/host" >"$work/host.sorted"
same "$work/host.sorted" "$work/want" "two streams of 40 MB of the host's, one slow; bad requests; 300 in a row; bytes of a guest that ended"
has "$work/report" '"option":"vsock"' "the report has it"
[ ! -e "$sock" ]
ok $? "and the socket's file is gone"

cat >"$work/script" <<'END'
depmod; modprobe virtio_mmio; modprobe vmw_vsock_virtio_transport
vsock listen 5000
END
"$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --vsock "$sock,cid=77" \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script" >"$work/out" 2>"$work/err" &
guest=$!
# Who comes before the guest has a driver waits for it; who comes before its server is refused, and tries again.
limit 100 python3 -c '
import socket, sys, time
while True:
    s = socket.socket(socket.AF_UNIX)
    try:
        s.connect(sys.argv[1])
        s.sendall(b"CONNECT 5000\nhello")
        if s.recv(100).startswith(b"OK"):
            break
    except OSError:
        pass
    time.sleep(0.1)' "$sock"
kill -TERM "$guest"
rc=0
wait "$guest" || rc=$?
is_rc 143 "SIGTERM ends a guest with a stream"
[ ! -e "$sock" ]
ok $? "and the socket's file is gone"
done_testing
