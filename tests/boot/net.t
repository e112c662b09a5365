#!/bin/sh
# SPDX-License-Identifier: MIT
#
# net.t - a network by passt under Debian's kernel: an address by DHCP, 100 MB from a web server on the host's
# loopback, a page of the guest's web server by --publish; what --net and --publish refuse.
. "$(dirname "$0")/lib.sh"
command -v passt >/dev/null || skip_all "no passt here (Debian: passt)"
command -v python3 >/dev/null || skip_all "no python3 here"
need_guest cloud
initrd_with_modules cloud

mkdir "$work/www"
head -c 100000000 /dev/urandom >"$work/www/big"
python3 -c '
import functools, http.server, os, sys
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), h)
open(sys.argv[2] + ".new", "w").write(str(s.server_port))
os.rename(sys.argv[2] + ".new", sys.argv[2])
s.serve_forever()' "$work/www" "$work/port" >"$work/log" 2>&1 &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
until [ -e "$work/port" ]; do sleep 0.1; done
port=$(cat "$work/port")

run_vmm 20 run --board vibe --binary "$work/port" --publish 8080:80
is_rc 125 "--publish without a network"
has "$work/err" "needs --net user" "and the message"
run_vmm 20 run --board vibe --binary "$work/port" --net user --publish "$port:80"
is_rc 125 "--publish of a port in use"
has "$work/err" "TCP port $port of 127.0.0.1: Address" "and the message"
run_vmm 20 run --board vibe --binary "$work/port" --net user --publish 0:80
has "$work/err" "its HOST is no port" "--publish of a port that is none"
run_vmm 20 run --board vibe --binary "$work/port" --net user,mac=53:00:00:00:00:01
has "$work/err" "is no MAC address of one station" "a MAC address of a group"
run_vmm 20 run --board vibe --binary "$work/port" --net tap=vibenone0
has "$work/err" "there is no such interface" "a tap that is not there"

cat >"$work/script" <<END
depmod; modprobe virtio_mmio; modprobe virtio_net
ip link set eth0 up
cat >/tmp/dhcp <<'EOF'
#!/bin/sh
[ "\$1" = bound ] || exit 0
ip addr add "\$ip/\$mask" dev eth0; ip route add default via "\$router" dev eth0
EOF
chmod +x /tmp/dhcp
udhcpc -i eth0 -n -q -f -s /tmp/dhcp >/dev/null 2>&1 && echo address
wget -q -O - http://\$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p'):$port/big | sha256sum
exit
END
run_vmm 200 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --net user \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
is_rc 0 "a guest with a network"
sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
{ echo address; sha256sum <"$work/www/big"; } >"$work/want"
same "$work/out" "$work/want" "an address by DHCP, 100 MB from the host's loopback, the same checksum"
# The other way: a page from the guest's web server. The guest runs until we have it.
public=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
sed -i '/^wget/d; /^exit$/d' "$work/script"
cat >>"$work/script" <<'END'
mkdir /www; head -c 20000000 /dev/urandom >/www/page; sha256sum </www/page
httpd -f -p 80 -h /www
END
"$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --net user --publish "$public:80" \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script" >"$work/out" 2>"$work/err" &
guest=$!
limit 100 python3 -c '
import hashlib, sys, time, urllib.request
while True:
    try:
        page = urllib.request.urlopen("http://127.0.0.1:%s/page" % sys.argv[1], timeout=20).read()
        break
    except OSError:
        time.sleep(0.2)
print(hashlib.sha256(page).hexdigest() + "  -")' "$public" >"$work/got"
kill -TERM "$guest"
rc=0
wait "$guest" || rc=$?
is_rc 143 "SIGTERM ends a guest with a published port"
sed '1,/vibevmm: ready/d; s/\r$//' "$work/out" | sed -n 2p >"$work/want"
same "$work/got" "$work/want" "20 MB from the guest's web server by --publish, the same checksum"
pgrep -f "passt.*$public" >/dev/null && rc=1 || rc=0
[ "$rc" -eq 0 ]
ok $? "and passt has ended with it"

# A passt that runs already. As root it becomes nobody, who must get at the folder.
chmod 711 "$work"
mkdir -m 777 "$work/open"
passt --foreground --quiet --socket "$work/open/s" >"$work/log" 2>&1 &
passt=$!
until [ -e "$work/open/s" ] || ! kill -0 $passt 2>/dev/null; do sleep 0.1; done
sed -i '/^mkdir/,$d' "$work/script"
cat >>"$work/script" <<'END'
cat /sys/class/net/eth0/address /sys/class/net/eth0/carrier; echo "ha""lf"
i=0; while [ "$(cat /sys/class/net/eth0/carrier)" = 1 ] && [ $i -lt 1000 ]; do usleep 100000; i=$((i + 1)); done
cat /sys/class/net/eth0/carrier; exit
END
: >"$work/out"
(
    until grep -q '^half' "$work/out" || ! kill -0 $$ 2>/dev/null; do sleep 0.1; done
    kill -KILL $passt
) >/dev/null 2>&1 &
killer=$!
run_vmm 100 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M \
    --net "passt=$work/open/s,mac=52:54:00:aa:bb:cc" \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
kill $killer $passt 2>/dev/null
is_rc 0 "a guest with a passt that runs already"
sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
printf '%s\n' address 52:54:00:aa:bb:cc 1 half 0 >"$work/want"
same "$work/out" "$work/want" "it has an address and its MAC, and the link goes down when passt ends"
has "$work/err" "passt has ended" "which is told"

# Two networks without addresses of their own have the same two after a reset, and each another one.
mkfifo "$work/in"
"$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --net user --net user --reboot --timeout 170s \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/in" >"$work/out" 2>"$work/err" &
guest=$!
exec 9>"$work/in"
for way in 'reboot -f' exit; do
    echo "depmod; modprobe virtio_mmio; modprobe virtio_net; cat /sys/class/net/eth?/address; $way" >&9
    # What is written before the machine is anew belongs to the one before.
    until [ "$(grep -c 'vibevmm: ready' "$work/out")" -ge 2 ]; do
        kill -0 $guest 2>/dev/null || break
        sleep 0.1
    done
done
exec 9>&-
rc=0
wait "$guest" || rc=$?
is_rc 0 "a guest with two networks, and a reset"
sed '1,/vibevmm: ready/d; s/\r$//' "$work/out" | grep '^..:..:..:..:..:..$' >"$work/macs"
head -n 2 "$work/macs" >"$work/before"
tail -n 2 "$work/macs" >"$work/after"
same "$work/before" "$work/after" "the addresses are the same after it"
[ "$(sort -u "$work/macs" | wc -l)" -eq 2 ] && [ "$(wc -l <"$work/macs")" -eq 4 ]
ok $? "and each has its own"
done_testing
