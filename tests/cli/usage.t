#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What the command line says to a command line that is wrong: thing, value found, value accepted, status 125.
. tests/cli/lib.sh
cd "$T" || exit 1
echo x >img

expect 'no arguments' 125 'no image and no command'
expect 'unknown command, near one' 125 'did you mean boards?' bords
expect 'unknown command' 125 'see vibevmm --help' frobnicate
expect 'a file as a command' 125 'vibevmm run img' img
expect 'unknown option, near one' 125 'did you mean --mem?' --memm 1G img
expect 'unknown option' 125 '--frobnicate: no such option' run --frobnicate img
expect 'unknown letter' 125 '-x: no such option' -x img
expect 'option without its value' 125 '--mem: its SIZE is missing' run img --mem
expect 'value for a flag' 125 '--reboot takes no value' run --reboot=yes img
expect 'no image' 125 'no image' run
expect 'empty name' 125 'the name is empty' run ''
expect 'two images' 125 'img and img2: one image at a time' run img img2
expect 'IMAGE and --kernel' 125 'IMAGE and --kernel: give one' run img --kernel img
expect 'binary and firmware' 125 '--binary and --firmware' run --binary img --firmware img
expect 'entry without binary' 125 'use --binary img' run --entry 0x1000 img
expect 'entry is no address' 125 '--entry "0xg": needs an address' run --binary img --entry 0xg
expect 'entry is too large' 125 'needs an address' run --binary img --entry 0x10000000000000000

for bad in 12Q 1.5G -5 '' K 99999999999999999999 1Gi; do
    expect "--mem '$bad' is no size" 125 'needs a number of bytes' run --mem "$bad" img
done
expect '--mem too small, with the range' 125 'board virt takes ' run --mem 4096 img
expect '--mem that lacks its unit' 125 'did you mean --mem 512M?' run --mem 512 img
expect '--mem too big' 125 'too big; board virt takes' run --mem 9999T img
expect '--mem not of pages' 125 'not a multiple of 4 KiB' run --mem 64000001 img
expect '--cpus 0' 125 '--cpus 0: board virt' run --cpus 0 img
expect '--cpus 99' 125 'takes 1 to' run --cpus 99 img
expect '--cpus x' 125 '--cpus "x": needs a number' run --cpus x img
expect '--timeout without a known unit' 125 '--timeout "5x": needs a time' run --timeout 5x img
expect '--log 5' 125 '--log 5: levels are 0 to 4' run --log 5 img
expect 'unknown board, near one' 125 'did you mean virt?' run --board vrit img
expect 'unknown board' 125 'there are virt' run --board zzz img
expect 'unknown engine' 125 'engines are auto' run --engine zzz img
expect 'unknown way of the software CPU' 125 'jit, interp and shadow are possible' run --engine soft --soft zzz img
expect 'guest argument with a double quote' 125 'cannot carry a double quote' run img -- 'a"b'
expect '--report into no folder' 125 '--report no/such/folder:' run --report no/such/folder img
expect '--report -' 125 'standard output is the guest' run --report - img

expect 'help' 0 '' --help
check 'help names every option of run' grep -q -- '--timeout TIME' "$T/out"
expect 'help of run' 0 '' run --help
expect 'the manual page' 0 '' help --man
check 'it has the sections of one' grep -q '^.SH EXIT STATUS' "$T/out"
if command -v man >/dev/null && command -v groff >/dev/null; then
    check 'and formats without a complaint' sh -c \
        'test -z "$(man --warnings -l -E UTF-8 -Tutf8 "$0" 2>&1 >/dev/null)"' "$T/out"
else
    skip 'and formats without a complaint' 'no man'
fi
expect 'version' 0 '' version
expect 'version takes nothing' 125 'takes no arguments' version now
"$VIBEVMM" --help >/dev/full 2>err
check 'help into a full disk: 125' test $? = 125
finish
