#!/bin/sh
# SPDX-License-Identifier: MIT
#
# bad_input.t - command lines and files that cannot be: a message that names the thing, the documented status,
# at once.
. "$(dirname "$0")/lib.sh"
"$top/tests/kernels/build.sh"
hello=$top/tests/kernels/arm64_hello.raw

# refuse STATUS TEXT ARGS...: ends within 5 s with that status, TEXT in the message, nothing on stdout
refuse() {
    want=$1
    text=$2
    shift 2
    run_vmm 5 "$@" </dev/null
    is_rc "$want" "status $want: $*"
    has "$work/err" "$text" "names \"$text\""
    [ ! -s "$work/out" ]
    ok $? "and prints nothing on stdout"
}

: >"$work/empty"
head -c 40 "$hello" >"$work/short"
echo "just a text, not an image, but long enough to be looked at by every loader there is" >"$work/text"
printf '\037\213\010\000\000\000\000\000\000\003garbage that is no deflate stream' >"$work/bad.gz"
head -c 300000 /dev/zero | gzip -n | head -c 150 >"$work/cut.gz"
printf '\177ELF\002\001\001\000\000\000\000\000\000\000\000\000\002\000\076\000\001\000\000\000' >"$work/x86.elf"
head -c 4072 /dev/zero >>"$work/x86.elf"
printf '\177ELF\001\001\001\000\000\000\000\000\000\000\000\000\002\000\050\000\001\000\000\000' >"$work/arm32.elf"
head -c 4072 /dev/zero >>"$work/arm32.elf"

refuse 127 "$work/nowhere" run "$work/nowhere"
refuse 126 "$work/empty" run "$work/empty"
refuse 126 "$work/text" run "$work/text"
refuse 126 "$work/bad.gz" run "$work/bad.gz"
refuse 126 "$work/cut.gz" run "$work/cut.gz"
refuse 126 "x86" run "$work/x86.elf"
refuse 126 "$work/arm32.elf" run "$work/arm32.elf"
refuse 126 "$work" run "$work"
refuse 125 "nosuch" run --board nosuch "$hello"
refuse 125 "--nosuch" run --nosuch
refuse 125 "lots" run --mem lots "$hello"
refuse 125 "--mem" run --mem 1K --binary "$hello" --entry 0x10000
refuse 125 "--mem" run --mem 999999T --binary "$hello" --entry 0x10000
refuse 125 "--cpus" run --cpus 99 --binary "$hello" --entry 0x10000
refuse 126 "0x5000000000" run --board vibe --mem 128M --binary "$hello" --entry 0x5000000000
refuse 127 "$work/noinitrd" run --board vibe --binary "$hello" --entry 0x10000 --initrd "$work/noinitrd"
if [ -c /dev/full ]; then
    run_vmm 5 --timeout 100ms --report /dev/full --binary "$hello" --entry 0x10000 </dev/null
    [ "$rc" -ne 137 ] && grep -q /dev/full "$work/err"
    ok $? "--report to a full disk is told"
fi
# A gzip bomb: far more zeros than the machine has memory.
head -c 1073741824 /dev/zero | gzip -1 -n >"$work/bomb.gz"
run_vmm 20 run --mem 64M "$work/bomb.gz" </dev/null
is_rc 126 "a gzip bomb is refused"
done_testing
