#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Images and files that are not what they should be: a message, the documented status, and quickly.
. tests/cli/lib.sh
cd "$T" || exit 1

: >empty
mkdir folder
head -c 100000 /dev/zero >zeros
head -c 100000 /dev/urandom >random
printf '\037\213\010' >cut.gz
head -c 5000 /dev/urandom | gzip >bad.gz
printf 'XXXX' | dd of=bad.gz bs=1 seek=2000 conv=notrunc 2>/dev/null
head -c 300000000 /dev/zero | gzip -1 >bomb.gz
printf '\177ELF' >cut.elf
cp /bin/true host.elf
echo x >unreadable
chmod 000 unreadable

expect 'missing' 127 'nofile: No such file' run nofile
expect 'missing --initrd' 127 'nofile' run --initrd nofile --binary zeros
expect 'missing --dtb' 127 'nofile' run --dtb nofile --binary zeros
expect 'below a file' 127 'empty/x' run empty/x
expect 'empty' 126 'empty' run empty
for f in zeros random; do
    expect "$f: not recognised" 126 "$f" run $f
done
expect 'a folder' 126 'folder' run folder
expect 'gzip that is cut short' 126 'cut.gz' run cut.gz
expect 'gzip that is damaged' 126 'bad.gz' run bad.gz
expect 'gzip bomb' 126 'bomb.gz' run --mem 64M bomb.gz
expect 'ELF that is cut short' 126 'cut.elf' run cut.elf
expect "a program of this host" 126 'host.elf' run --board virt --engine soft host.elf
head -c 2000000 /dev/zero >big
expect 'image larger than RAM' 126 '--mem' run --mem 1M --binary big
expect 'binary outside RAM' 126 '--entry 0x1' run --board virt --binary zeros --entry 0x100000000000
expect '--dtb that is none' 126 '--dtb' run --dtb random --binary zeros
if [ "$(id -u)" != 0 ]; then
    expect 'unreadable' 125 'unreadable: Permission denied' run unreadable
else
    skip 'unreadable' 'root reads everything'
fi
start=$(date +%s%N)
"$VIBEVMM" run random 2>/dev/null
check 'in milliseconds' test $(($(date +%s%N) - start)) -lt 500000000
finish
