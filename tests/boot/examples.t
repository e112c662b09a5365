#!/bin/sh
# SPDX-License-Identifier: MIT
#
# examples.t - the programs of images/examples (docs/kit.md): what they print, how they end, as ELF on every board and
# as appliances.
. "$(dirname "$0")/lib.sh"
need_images
engine=${ENGINE:-soft}

# example SECONDS NAME ARGUMENTS...: stdin as given
example() {
    seconds=$1
    name=$2
    shift 2
    run_vmm "$seconds" run --engine "$engine" --board "$board" "$images/$board/examples/$name.elf" "$@"
}

says() { # TEXT NAME: are these the bytes, as printf %b takes them?
    printf '%b' "$1" >"$work/want"
    same "$work/out" "$work/want" "$2"
}

i=0
while [ $i -lt 3000 ]; do
    i=$((i + 1))
    printf 'line %d\tof  the text\n' $i
done >"$work/text"
printf 'and an end without one' >>"$work/text"
LC_ALL=C wc <"$work/text" | awk '{ print $1, $2, $3 }' >"$work/counts"

for board in micro virt vibe; do
    example 20 hello </dev/null
    says "Hello World!\n" "$board: hello"
    is_rc 0 "and it ends with 0"
    example 20 hello -- one 'two three' '' </dev/null
    says "Hello one two three !\n" "hello with arguments, one of two words and an empty one"

    example 60 wc <"$work/text"
    same "$work/out" "$work/counts" "wc of a file"
    { head -c 1000 "$work/text"; sleep 0.2; tail -c +1001 "$work/text"; } | example 60 wc
    same "$work/out" "$work/counts" "of a pipe whose writer is late"
    example 20 wc </dev/null
    says "0 0 0\n" "of nothing"
    head -c 100000 /dev/urandom >"$work/binary"
    example 60 wc -- -c <"$work/binary"
    says "100000\n" "-c of all kinds of bytes"
    example 20 wc -- -lc <"$work/text"
    says "$(awk '{ print $1, $3 }' "$work/counts")\n" "-lc"
    example 20 wc -- -x </dev/null
    is_rc 2 "an option that is none: 2"

    # The number of primes below 10^n: OEIS A006880.
    for cpus in 1 2 8; do
        example 60 primes --cpus $cpus </dev/null
        says "78498\n" "primes below 1000000, $cpus CPU"
    done
    for pair in 2:0 3:1 32768:3512 32769:3512 32772:3513; do
        example 20 primes --cpus 2 -- "${pair%:*}" </dev/null
        says "${pair#*:}\n" "below ${pair%:*}"
    done
    example 20 primes -- 1 </dev/null
    is_rc 2 "below 1: 2"

    example 60 tick -- 2 </dev/null
    says "tick 1\ntick 2\n" "tick"
    is_rc 0 "no sleep was too short"
done

# hello does not read: a loop's input stays the loop's.
board=micro
printf 'a\nb\nc\n' | while read -r name; do
    limit 20 "$vmm" --engine "$engine" --board micro "$images/micro/examples/hello.elf" -- "$name"
done >"$work/out"
says "Hello a!\nHello b!\nHello c!\n" "in a loop over lines"
long=$(printf '%05000d' 0)
example 20 hello -- "$long" </dev/null
is_rc 97 "arguments of more than 4096 bytes"
example 20 hello --mem 3G </dev/null
is_rc 0 "more memory than the first page table entry has"

for name in wc httpd; do
    run_vmm 20 pack --board micro -o "$work/$name.itb" "$images/micro/examples/$name.elf"
    is_rc 0 "$name: an appliance"
done
run_vmm 60 run --engine "$engine" "$work/wc.itb" <"$work/text"
same "$work/out" "$work/counts" "it knows its board, and reads its input"
run_vmm 20 run --engine "$engine" "$work/httpd.itb" </dev/null
is_rc 1 "httpd without a network: 1"
run_vmm 20 pack --executable --board micro -o "$work/hello" "$images/micro/examples/hello.elf"
is_rc 0 "hello: a program"
rc=0
limit 20 "$work/hello" from 'one file' </dev/null >"$work/out" 2>"$work/err" || rc=$?
says "Hello from one file!\n" "which takes its arguments"
if [ -x "$top/build/release/vibevmm" ]; then
    make -s -C "$top" images/hello >"$work/log" 2>&1
    ok $? "make images/hello" || note "$work/log"
    run_vmm 20 run --engine "$engine" "$images/hello.itb" -- appliance </dev/null
    says "Hello appliance!\n" "an appliance"
else
    skip "no release build here" "make images/hello"
fi
done_testing
