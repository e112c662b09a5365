#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tap.t - a guest on a tap interface, with the checksum and segmentation offloads of one: 50 MB from a web server and
# 50 MB back; two guests on a bridge. In a network namespace of the test's own.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3 here"
if [ -z "${VIBEVMM_TAP_NS:-}" ]; then
    for how in "unshare -n" "unshare -rn"; do
        # shellcheck disable=SC2086 # a command and its options
        $how sh -c 'ip tuntap add dev vibetry mode tap' 2>/dev/null && exec $how env VIBEVMM_TAP_NS=1 "$0"
    done
    skip_all "no network namespace with a tap interface can be had here (ip, unshare, /dev/net/tun)"
fi
need_guest cloud
initrd_with_modules cloud
ip link set lo up
ip tuntap add dev tapa mode tap
ip addr add 10.0.0.1/24 dev tapa
ip link set tapa up
head -c 50000000 /dev/urandom >"$work/page"
python3 -c '
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = open(sys.argv[1] + "/page", "rb").read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        open(sys.argv[1] + "/posted", "wb").write(body)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *args):
        pass
s = http.server.HTTPServer(("10.0.0.1", 8000), Handler)
open(sys.argv[1] + "/listens", "w").close()
s.serve_forever()' "$work" &
server=$!
trap 'kill $server; rm -rf "$work"' EXIT
until [ -e "$work/listens" ]; do sleep 0.1; done
cat >"$work/script" <<'END'
depmod; modprobe virtio_mmio; modprobe virtio_net
ip link set eth0 up; ip addr add 10.0.0.2/24 dev eth0
wget -q -O /tmp/page http://10.0.0.1:8000/page; sha256sum </tmp/page
{ printf 'POST / HTTP/1.0\r\nContent-Length: 50000000\r\n\r\n'; cat /tmp/page; } | nc 10.0.0.1 8000 | head -n 1 | cut -c 10-12
exit
END
run_vmm 120 run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 512M --net tap=tapa \
    --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
is_rc 0 "a guest on a tap interface"
sed -i '1,/vibevmm: ready/d; s/\r$//' "$work/out"
{
    sha256sum <"$work/page"
    echo 200
} >"$work/want"
same "$work/out" "$work/want" "50 MB from the host, the same checksum"
cmp "$work/page" "$work/posted"
ok $? "and back, byte for byte"

# Two guests on a bridge: one asks the other's web server until it is there.
if ip link add br0 type bridge 2>/dev/null; then
    ip link set br0 up
    for tap in tapb tapc; do
        ip tuntap add dev $tap mode tap
        ip link set $tap master br0 up
    done
    guest() { # TAP ADDRESS SCRIPT
        printf 'depmod; modprobe virtio_mmio; modprobe virtio_net; ip link set eth0 up; ip addr add %s/24 dev eth0; %s\nexit\n' "$2" "$3" |
            timeout 100 "$vmm" run --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --mem 256M --net tap="$1" \
                --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" >"$work/$1.out" 2>"$work/$1.err"
        echo $? >"$work/$1.rc"
    }
    guest tapb 10.0.1.1 'mkdir /w; yes 0123456789 | head -c 20000000 >/w/page; httpd -p 80 -h /w; nc -l -p 9 </dev/null' &
    guest tapc 10.0.1.2 'until wget -q -O /tmp/page http://10.0.1.1/page; do sleep 1; done; sha256sum </tmp/page; until nc 10.0.1.1 9 </dev/null; do sleep 1; done'
    wait $!
    ok "$(cat "$work/tapc.rc")" "a guest that asks another one"
    ok "$(cat "$work/tapb.rc")" "and the one that answers"
    tr -d '\r' <"$work/tapc.out" | grep '  -$' >"$work/out"
    yes 0123456789 | head -c 20000000 | sha256sum >"$work/want"
    same "$work/out" "$work/want" "20 MB from one to the other, the same checksum"
fi
done_testing
