#!/bin/sh
# SPDX-License-Identifier: MIT
#
# io.t - vibevmm as a command: stdin, stdout, exit status, time limit, signals.
. "$(dirname "$0")/lib.sh"
"$top/tests/kernels/build.sh" || ok 1 "tests/kernels/build.sh"
hello=$top/tests/kernels/arm64_hello.raw

# The historic line; the guest prints for ever, so the reader ends it.
(limit 20 "$vmm" --binary "$hello" --entry 0x10000 --mem 128M; echo $? >"$work/rc") 2>"$work/err" | head -n 3 >"$work/out"
printf 'Hello World!\nHello World!\nHello World!\n' >"$work/want"
same "$work/out" "$work/want" "arm64_hello.raw at 0x10000 with 128M prints"
rc=$(cat "$work/rc")
is_rc 141 "and ends with 141 when its reader goes away"
(limit 20 "$vmm" --binary "$hello" --entry 0x10000 --mem 128M --log 4; :) 2>/dev/null | head -n 3 >"$work/out"
same "$work/out" "$work/want" "and with --log 4 the same on stdout"
run_vmm 20 --binary "$top/tests/kernels/arm64_minimal.raw" --entry 0x10000 --mem 128M </dev/null
echo Hi >"$work/want"
same "$work/out" "$work/want" "arm64_minimal.raw prints Hi"
is_rc 0 "and powers off"

run_vmm 20 --timeout 300ms --binary "$hello" --entry 0x10000 </dev/null
is_rc 124 "--timeout: 124"
limit 20 "$vmm" --binary "$hello" --entry 0x10000 >/dev/null 2>&1 </dev/null &
pid=$!
sleep 0.3
pkill -TERM -P $pid
wait $pid
rc=$?
is_rc 143 "SIGTERM: 143"
rc=0
limit 20 "$vmm" --binary "$hello" --entry 0x10000 >&- 2>"$work/err" </dev/null || rc=$?
[ "$rc" -ne 0 ] && [ "$rc" -ne 137 ]
ok $? "closed stdout: ends, status $rc"
if [ -c /dev/full ]; then
    rc=0
    limit 20 "$vmm" --binary "$hello" --entry 0x10000 >/dev/full 2>"$work/err" </dev/null || rc=$?
    is_rc 125 "full disk behind stdout: 125"
fi

if ! "$top/images/build.sh" >"$work/log" 2>&1; then
    skip "no compiler for ARM64 (gcc-aarch64-linux-gnu)" "echo and exit-status guests"
    done_testing
fi
for want in 0 1 42 255; do
    echo $want >"$work/in"
    run_vmm 20 run "$images/virt/exit-status.elf" <"$work/in"
    is_rc $want "sysctl: the guest's status is $want"
done
for pair in reset:121 restart:121 off:0; do
    echo "${pair%:*}" >"$work/in"
    run_vmm 20 run "$images/virt/exit-status.elf" <"$work/in"
    is_rc "${pair#*:}" "${pair%:*}: status ${pair#*:}"
done
# A pipe of 200 kB through a polled and an interrupt-driven UART: not a byte lost, not one invented.
i=0
while [ $i -lt 4000 ]; do
    i=$((i + 1))
    echo "line $i of the long input, without the last letter"
done >"$work/long"
tr -d q <"$work/long" >"$work/in"
cp "$work/in" "$work/want"
echo q >>"$work/in"
echo q >>"$work/want"
for name in echo echo-irq; do
    run_vmm 60 run "$images/virt/$name.elf" <"$work/in"
    sed '/^# status/d' "$work/out" >"$work/out2"
    same "$work/out2" "$work/want" "$name gives back $(wc -c <"$work/in") bytes"
done
# The same through a slow reader (back-pressure) and a late writer.
(sleep 0.5; cat "$work/in") | limit 60 "$vmm" run "$images/virt/echo-irq.elf" 2>/dev/null |
    { sleep 0.5; sed '/^# status/d'; } >"$work/out2"
same "$work/out2" "$work/want" "and through a late writer to a slow reader"
done_testing
