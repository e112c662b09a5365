#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Exit statuses and reports of guests that run (docs/command.md).
. tests/cli/lib.sh
cd "$T" || exit 1
vibe="--board vibe --entry 0x10000 --mem 128M --binary"

# x1 = the sysctl device of vibe; w2 = what is stored there (SiFive test finisher)
sysctl='d2b20001 f2820001'
# shellcheck disable=SC2086
{
    words off.raw $sysctl 528aaaa2 b9000022 14000000
    words s42.raw $sysctl 52866662 72a00542 b9000022 14000000
    words reset.raw $sysctl 528eeee2 b9000022 14000000
    words loop.raw 14000000
    words sleep.raw d503207f 17ffffff
    # VBAR_EL1 is behind the code, where all is zero; the jump is to what is no code either
    words nowhere.raw d2a00021 d518c001 d5033fdf d2800000 d61f0000
}

expect 'the bytes and nothing else' 0 '' $vibe "$KERNELS/arm64_minimal.raw"
printf 'Hi\n' >hi
check 'which are' out_is hi
expect 'a raw entry picks the board' 0 'board vibe: virt has no RAM at --entry 0x10000' \
    -v --binary "$KERNELS/arm64_minimal.raw" --entry 0x10000 --mem 128M
expect 'power-off by sysctl' 0 '' $vibe off.raw
expect "the guest's status" 42 '' $vibe s42.raw
expect 'reset' 121 'asked for a reset' $vibe reset.raw
expect 'reset with --reboot goes on until --timeout' 124 'within --timeout' --reboot --timeout 200ms $vibe reset.raw
expect '--timeout' 124 'within --timeout' --timeout 100ms $vibe loop.raw
expect '--timeout of a sleeping guest' 124 'within --timeout' --timeout 100ms $vibe sleep.raw
expect 'a guest that cannot go on' 123 'likely' --timeout 5s $vibe nowhere.raw
check 'its image and entry are named' grep -q 'entry 0x10000' err
check 'and its registers' grep -q 'registers x0' err

# A caller may ignore SIGHUP, as nohup does; these runs do not inherit that.
for sig in TERM INT HUP QUIT; do
    env --default-signal=HUP "$VIBEVMM" $vibe "$KERNELS/arm64_hello.raw" >pipe 2>err &
    pid=$!
    while [ ! -s pipe ]; do kill -0 $pid 2>/dev/null || break; done
    if [ $sig = INT ] || [ $sig = QUIT ]; then
        kill -$sig $pid # a background job of this shell ignores these two, and so must we
        sleep 0.1
        check "SIG$sig stays ignored when it was" kill -0 $pid
        kill -KILL $pid
        wait $pid 2>/dev/null
    else
        kill -$sig $pid
        wait $pid
        check "SIG$sig: 128 + its number" test $? = $((128 + $(kill -l $sig)))
        check "SIG$sig: no message" test ! -s err
    fi
    rm -f pipe
done

"$VIBEVMM" $vibe "$KERNELS/arm64_hello.raw" 2>err | head -1 >first
check 'nobody reads: 141' test "${PIPESTATUS[0]}" = 141
check 'without a message' test ! -s err
"$VIBEVMM" $vibe "$KERNELS/arm64_hello.raw" 2>err >/dev/full
check 'a full disk: 125' test $? = 125
check 'and its message' grep -q 'standard output: No space left' err
"$VIBEVMM" $vibe "$KERNELS/arm64_minimal.raw" 2>err >&-
check 'closed standard output: 125' test $? = 125
check 'and its message' grep -q 'standard output is closed' err
"$VIBEVMM" $vibe "$KERNELS/arm64_minimal.raw" >out 2>err <&-
check 'closed standard input is none' test $? = 0
"$VIBEVMM" $vibe "$KERNELS/arm64_minimal.raw" >out </dev/null 2>&-
check 'closed standard error takes no bytes of ours' cmp out hi
mkfifo full
exec 3<>full
"$VIBEVMM" --timeout 300ms $vibe "$KERNELS/arm64_hello.raw" >full 2>err &
wait $!
check '--timeout while a full pipe holds the guest' test $? = 124
exec 3>&-

expect '--report' 0 '' --report r.json $vibe "$KERNELS/arm64_minimal.raw"
check 'it says how it ended' grep -q '"end":"off","status":0' r.json
check 'and how long each phase took' grep -q '"phases_ns":{"exec":' r.json
if command -v python3 >/dev/null; then
    json='python3 -m json.tool'
    check 'it is JSON' $json r.json
    expect '--report of a guest that cannot go on' 123 'likely' --report r.json --timeout 5s $vibe nowhere.raw
    check 'is JSON' $json r.json
    name=$(printf 'no"\\\001\377')
    expect '--report of a launch that failed' 127 'No such file' --report r.json "--kernel=$name"
    check 'is JSON, whatever the name' $json r.json
fi
expect '--report into a full disk' 125 '--report /dev/full: No space left' --report /dev/full $vibe off.raw
expect "and it hides no status of the guest's" 42 '--report /dev/full: No space left' --report /dev/full $vibe s42.raw

expect '--log 0 says nothing' 124 'within --timeout' --log 0 --timeout 50ms $vibe loop.raw
expect '--log 4 traces' 0 'vibevmm: ' --log 4 $vibe "$KERNELS/arm64_minimal.raw"
check 'and leaves standard output alone' cmp hi out
expect '--doctor explains a silent guest' 124 'no console output after 50 ms' --doctor 50ms --timeout 300ms $vibe sleep.raw
finish
