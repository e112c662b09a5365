#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# pack, inspect and executables: what they write runs, mkimage's tools read it, bad input is named.
. tests/cli/lib.sh
cd "$T" || exit 1

# Board vibe: prints OK on its console, then SYSTEM_OFF (PSCI DEN 0022F §5.1.9).
words ok.raw d2b20001 528009e0 39000020 52800960 39000020 52800140 39000020 \
    52800100 72b08000 d4000002 14000000
# The same, as an ARM64 Image (booting.rst §4): a branch over the header, text_offset, image_size, flags 8, magic.
image() { # OUT
    words head.bin 14000010 00000000 00010000 00000000 00001000 00000000 00000008 00000000 \
        00000000 00000000 00000000 00000000 00000000 00000000 644d5241 00000000
    cat head.bin ok.raw >"$1"
    truncate -s 4096 "$1"
}
image ok.img
ok=$'OK\n'
is_ok() {
    printf %s "$ok" | cmp - out
}
runs() { # COMMAND...
    timeout 20 "$@" >out 2>err && is_ok
}

# ---- appliances ----

expect 'pack: raw code' 0 '' pack --binary ok.raw --entry 0x10000 --board vibe -o raw.itb
check 'it runs' runs "$VIBEVMM" run raw.itb
expect 'pack: a kernel' 0 '' pack --board vibe --mem 64M --description 'a thing' -o a.itb ok.img
check 'it runs' runs "$VIBEVMM" run a.itb
expect 'pack: compressed' 0 '' pack --gzip --hash crc32 --board vibe -o z.itb ok.img
check 'it runs' runs "$VIBEVMM" run z.itb
check 'the kernel is smaller than it was' test "$(stat -c %s z.itb)" -lt 8192
expect 'pack: no hash' 0 '' pack --hash none --board vibe --timeout 9s --rng --reboot -o n.itb ok.img
check 'it runs' runs "$VIBEVMM" run n.itb
SOURCE_DATE_EPOCH=1 "$VIBEVMM" pack --description x -o same1.itb ok.img
SOURCE_DATE_EPOCH=1 "$VIBEVMM" pack --description x -o same2.itb ok.img
check 'the same bytes of the same files at the same time' cmp same1.itb same2.itb
printf 'not a kernel' >initrd
expect 'pack: with an initramfs' 0 '' pack --board vibe --initrd initrd --disk d.img,ro --disk e.img --append 'a b' -o i.itb ok.img

if command -v dumpimage >/dev/null; then
    check 'dumpimage lists it' sh -c 'dumpimage -l i.itb >list && grep -q "a b" i.itb && grep -q sha256 list'
    check 'dumpimage takes the kernel out' sh -c 'dumpimage -T flat_dt -p 0 -o k i.itb && cmp k ok.img'
    check 'and the initramfs' sh -c 'dumpimage -T flat_dt -p 1 -o r i.itb && cmp r initrd'
    sum=$(sha256sum ok.img | cut -d ' ' -f 1)
    check 'its sum is the one that sha256sum finds' grep -q "$sum" list
else
    skip 'dumpimage lists it' 'no dumpimage (package u-boot-tools)'
fi

# ---- inspect ----

says() { # NAME JSON-TEST FILE...: of `inspect --json`
    local name=$1 test=$2
    shift 2
    "$VIBEVMM" inspect --json "$@" >json 2>err
    check "inspect: $name" python3 -c "import json; f = json.load(open('json')); assert $test, f"
}
if command -v python3 >/dev/null; then
    says 'an appliance' "f[0]['configurations'][0]['machine'] == {'board': 'vibe', 'mem': '64M'} and f[0]['description'] == 'a thing'" a.itb
    says 'its kernel' "f[0]['configurations'][0]['kernel']['kind'] == 'ARM64 Image' and f[0]['configurations'][0]['kernel']['hashes'][0]['verified']" a.itb
    says 'where it runs' "[b['name'] for b in f[0]['boards']] == ['vibe']" a.itb
    says 'strings of a property' "f[0]['configurations'][0]['machine']['disk'] == ['d.img,ro', 'e.img']" i.itb
    says 'what is compressed' "f[0]['configurations'][0]['kernel']['contains']['bytes'] == 4096" z.itb
    says 'an Image' "f[0]['pages'] == 'unspecified' and f[0]['memory'] == 4096 and f[0]['placed_anywhere']" ok.img
    says 'two files' "len(f) == 2 and f[1]['kind'] == 'text'" ok.img initrd
    says 'what boots nowhere' "not f[0]['boards'] and 'raw code' in f[0]['boots_not']" ok.raw
    says 'the launcher' "f[0]['architecture'] in ('x86_64', 'arm64') and f[0]['segments'][0]['rights'][0] == 'r'" "$VIBEVMM"
    printf '\377' | dd of=a.itb bs=1 seek=4200 conv=notrunc 2>/dev/null
    says 'a changed byte' "not f[0]['configurations'][0]['kernel']['hashes'][0]['verified'] and 'was changed' in f[0]['configurations'][0]['kernel']['damage']" a.itb
    head -c 5000 i.itb >cut.itb
    says 'a file that is cut short' "'past the end' in f[0]['configurations'][0]['damage']" cut.itb
    gzip -c ok.img | head -c 60 >cut.gz
    says 'gzip that is cut short' "'truncated' in f[0]['contains']['damage']" cut.gz
else
    skip 'inspect --json' 'no python3'
fi
expect 'inspect: lines' 0 '' inspect i.itb
check 'have the kernel under its configuration' grep -q '^    kernel:$' out
printf '\033[31mred' >red
printf '#!/bin/sh\n' >script
expect 'inspect: no control characters' 0 '' inspect red script
check 'none' sh -c '! grep -q "$(printf "\\033")" out'
expect 'inspect: nothing' 125 'inspect takes files' inspect
expect 'inspect: no such file' 127 'nowhere: No such file' inspect nowhere ok.img
check 'the others all the same' grep -q 'ARM64 Image' out

# ---- executables ----

expect 'pack --executable' 0 '' pack --executable --binary ok.raw --entry 0x10000 --board vibe -o app
check 'it runs' runs ./app
check 'with arguments that look like options' runs ./app --help -v x
expect 'run takes it' 0 '' run app
expect 'pack --executable of an appliance' 0 '' pack --executable -o app2 z.itb
check 'it runs' runs ./app2
check 'through the path' env PATH="$T:$PATH" timeout 20 app2
mkdir -p ro/deep
cp app2 ro/deep/copy
if command -v strip >/dev/null; then
    strip -o ro/deep/stripped app2
    check 'a stripped one runs' runs ro/deep/stripped
    check 'and is smaller' test "$(stat -c %s ro/deep/stripped)" -lt "$(stat -c %s app2)"
fi
chmod -R a-w ro
check 'from a folder that cannot be written' runs ro/deep/copy
chmod -R u+w ro
./app2 --vibevmm-inspect >out 2>err
check '--vibevmm-inspect' grep -q 'a vibevmm program with an appliance inside' out
check '--vibevmm-inspect --json' sh -c './app2 --vibevmm-inspect --json | grep -q "^\[{\"file\""'
VIBEVMM_OPTS='--engine soft --mem 32M --report r.json' ./app2 >out
check 'VIBEVMM_OPTS' grep -q '"mem": *33554432\|"mem_bytes": *33554432\|33554432' r.json
app_says() { # NAME OPTS TEXT
    VIBEVMM_OPTS=$2 ./app2 >out 2>err
    local rc=$?
    check "$1" sh -c "[ $rc = 125 ] && grep -qF -- '$3' err"
}
app_says 'VIBEVMM_OPTS: an unknown option' '--bogus' 'VIBEVMM_OPTS: --bogus: no such option'
app_says 'VIBEVMM_OPTS: another image' '--kernel ok.img' 'VIBEVMM_OPTS: --kernel: it takes options'
app_says 'VIBEVMM_OPTS: a word' 'ok.img' 'VIBEVMM_OPTS: ok.img: it takes options'
size=$(stat -c %s app2)
head -c $((size - 100)) app2 >short
chmod +x short
./short >out 2>err
rc=$?
check 'one that is cut short does not boot' test $rc = 126
check 'and says why' grep -q 'cut short' err

# ---- bad input ----

expect 'no output' 125 '--output FILE is missing' pack ok.img
expect 'no image' 125 'no image' pack -o x
expect 'two images' 125 'one image' pack -o x ok.img ok.img
expect 'a missing kernel' 127 'nowhere: No such file' pack -o x nowhere
expect 'a missing initramfs' 127 'nowhere: No such file' pack --initrd nowhere -o x ok.img
expect 'text as a kernel' 126 'is text; a kernel is' pack -o x initrd
expect 'an empty kernel' 126 'is empty' pack --binary /dev/null -o x
expect 'a board that is none' 125 'no such board' pack --board nope -o x ok.img
expect 'memory that is no size' 126 'vibevmm,mem: --mem "lots"' pack --mem lots -o x ok.img
expect 'memory the board does not have' 126 'board micro takes' pack --board micro --mem 500G -o x ok.img
expect 'a hash that is none' 125 '--hash md5: is sha256, crc32 or none' pack --hash md5 -o x ok.img
expect 'a disk above' 126 'no ".."' pack --disk ../d.img -o x ok.img
expect '--entry without --binary' 125 'only raw code' pack --entry 1 -o x ok.img
expect '--launcher without --executable' 125 '--launcher goes with --executable' pack --launcher x -o x ok.img
expect 'an appliance once more' 125 'is an appliance already' pack -o x z.itb
expect 'an appliance, changed' 125 'is an appliance already' pack --executable --mem 1G -o x z.itb
expect 'a launcher that is none' 125 'no ELF file' pack --executable --launcher ok.img -o x z.itb
expect 'a launcher with an appliance' 125 'has an appliance inside already' pack --executable --launcher app -o x z.itb
expect 'another program as the launcher' 125 'is no vibevmm' pack --executable --launcher /bin/sh -o x z.itb
expect 'a folder that is not there' 127 'No such file' pack -o nowhere/x ok.img
expect 'a damaged appliance' 126 'past the end' pack --executable -o x cut.itb
SOURCE_DATE_EPOCH=soon expect 'a time that is none' 125 'SOURCE_DATE_EPOCH "soon"' pack -o x ok.img
check 'nothing is left of what failed' sh -c 'test ! -e x && ! ls | grep -q "^x\."'
finish
