#!/bin/sh
# SPDX-License-Identifier: MIT
#
# httpd.t - the kit's web server (images/examples/httpd.c): frame by frame against a network that the test is, on every
# board, then behind passt with pages for the host.
. "$(dirname "$0")/lib.sh"
command -v python3 >/dev/null || skip_all "no python3 here"
need_images

for board in micro virt vibe; do
    limit 300 python3 "$top/tests/boot/httpd.py" "$vmm" $board "$images/$board/examples/httpd.elf" >"$work/out" 2>"$work/err"
    rc=$?
    grep '^not ok\|^#' "$work/out" | sed 's/^/# /'
    [ $rc -eq 0 ] && grep -q '^1\.\.[1-9]' "$work/out"
    ok $? "$board: a network of frames ($(grep -c '^ok' "$work/out") checks)" || note "$work/err"
done
httpd=$images/micro/examples/httpd.elf
run_vmm 20 run --board micro "$httpd" </dev/null
is_rc 1 "without a network: 1"
for bad in x "1 0" "1 65536" "1 80 1.2.3" "1 80 1.2.3.256" "1 80 1.2.3.4.5" "1 80 1..2.3" "1 80 1.2.3.4 5"; do
    # shellcheck disable=SC2086 # words
    run_vmm 20 run --board micro "$httpd" -- $bad </dev/null
    is_rc 2 "arguments that are none ($bad): 2"
done

if ! command -v passt >/dev/null; then
    skip "no passt here (Debian: passt)" "pages for the host"
    done_testing
fi
public=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$vmm" run --board micro --net user --publish "$public:80" "$httpd" </dev/null >"$work/out" 2>"$work/err" &
guest=$!
# 200 pages, eight at a time; what each says is which one it is.
limit 100 python3 -c '
import concurrent.futures, sys, time, urllib.request
def page(first):
    while True:
        try:
            return urllib.request.urlopen("http://127.0.0.1:%s/" % sys.argv[1], timeout=5).read().decode()
        except OSError:
            if not first:
                raise
            time.sleep(0.1)
pages = [page(True)]
with concurrent.futures.ThreadPoolExecutor(8) as pool:
    pages += pool.map(page, [False] * 199)
numbers = sorted(int(p.splitlines()[1].split()[1]) for p in pages)
print(len(set(numbers)), all(p.startswith("Hello from a machine of one C file\n") for p in pages))' \
    "$public" >"$work/got" 2>"$work/err2" || note "$work/err2"
echo "200 True" >"$work/want"
same "$work/got" "$work/want" "200 pages for the host by --net user --publish"
kill -TERM $guest
rc=0
wait $guest || rc=$?
is_rc 143 "SIGTERM: 143"
done_testing
