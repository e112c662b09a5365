#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What exec says before there is a machine: programs it does not take, a cache that is empty or wrong, options.
. tests/cli/lib.sh
cd "$T" || exit 1
export VIBEVMM_CACHE=$T/cache
mkdir cache dir

# elf FILE CLASS DATA TYPE MACHINE INTERP: an ELF header, and one program header of that type (System V gABI 4-3, 5-1)
elf() {
    {
        printf '\177ELF\'"$2"'\'"$3"'\1\0\0\0\0\0\0\0\0\0'
        printf '\'"$4"'\0\'"$5"'\0\1\0\0\0' # e_type, e_machine, e_version
        head -c 8 /dev/zero               # e_entry
        printf '\100\0\0\0\0\0\0\0'       # e_phoff: 64
        head -c 12 /dev/zero              # e_shoff, e_flags
        printf '\100\0\70\0\1\0'          # e_ehsize, e_phentsize: 56, e_phnum: 1
        head -c 6 /dev/zero
        printf '\'"$6"'\0\0\0'
        head -c 52 /dev/zero
    } >"$1"
    chmod 755 "$1"
}
# machines in octal: 183 is AArch64, 62 x86-64, 243 RISC-V
elf arm64 2 1 2 267 1
elf pie 2 1 3 267 1
elf dynamic 2 1 3 267 3
elf object 2 1 1 267 1
elf riscv 2 1 2 363 1
elf elf32 1 1 2 50 1
elf big 2 2 2 267 1
elf amd64 2 1 2 76 1

expect 'no program' 125 'no program: vibevmm exec' exec
expect 'no program behind --' 125 'no program: vibevmm exec' exec --
expect 'an empty name' 127 'the name of the program is empty' exec ''
expect 'an option that is not there, near one' 125 'did you mean --mem?' exec --memm 1G ./arm64
expect 'no such file' 127 './none: No such file' exec ./none
expect 'a folder' 126 './dir: is a folder' exec ./dir
expect 'a device' 126 'is no regular file' exec /dev/null
echo text >text
expect 'a file without the right to execute it' 126 './text: may not be executed' exec ./text
chmod 755 text
expect 'neither a program nor a script' 126 './text: is neither an ELF program nor a script' exec ./text
: >empty
chmod 755 empty
expect 'an empty file' 126 './empty: is neither' exec ./empty
expect 'a dynamically linked program' 126 './dynamic: is dynamically linked' exec ./dynamic
expect 'an object file' 126 'but no program (type 1' exec ./object
expect 'a program for another CPU' 126 './riscv: is an ELF file for another CPU (64 bits, machine 243)' exec ./riscv
expect 'a 32-bit program' 126 'not 64-bit little-endian' exec ./elf32
expect 'a big-endian program' 126 'not 64-bit little-endian' exec ./big
expect 'an x86-64 program on soft' 125 './amd64: is an x86-64 program: ' exec --engine soft ./amd64
expect 'no such engine' 125 'zzz' exec --engine zzz ./arm64

expect 'nothing was set up' 127 'there is no kernel for ARM64 programs in' exec ./arm64
check 'and how that is done' grep -q 'fetch it once: vibevmm exec --setup' err
expect 'nor for a name of the machine' 127 'vibevmm exec --setup' exec true
expect 'a static-pie program is one' 127 'there is no kernel for ARM64 programs in' exec ./pie
expect 'options end at the program' 127 'there is no kernel' exec ./arm64 --engine zzz --setup
mkdir packages
VIBEVMM_DEBS=$T/packages expect '--setup without packages' 125 'exec --setup: busybox-static cannot be fetched' exec --setup
check 'which leaves nothing but its log' test "$(find cache -type f)" = cache/exec/1/setup.log
expect '--setup of another architecture' 125 'there are arm64 and amd64' exec --setup mips
(
    unset VIBEVMM_CACHE XDG_CACHE_HOME HOME
    expect 'no place for a cache' 125 'neither HOME, XDG_CACHE_HOME nor VIBEVMM_CACHE' exec ./arm64
) | sed "s/^\(.*ok\) [0-9]*/\1 $((tests + 1))/"
tests=$((tests + 1))

expect '--env without a name' 125 '--env "=x": needs NAME=VALUE' exec --kernel arm64 --env =x ./arm64
expect '--kernel that is not there' 127 'none: No such file' exec --kernel none ./arm64
expect '--kernel that is no kernel' 126 'text' exec --kernel text ./arm64
expect 'a name of the machine, and --kernel, without busybox' 127 'true: without a slash' exec --kernel arm64 true
expect '--share of what is not there' 127 'nowhere' exec --kernel arm64 --share nowhere ./arm64
expect '--share with a bad tag' 125 'is no tag' exec --kernel arm64 --share 'dir:a b' ./arm64
expect '--share ro and rw' 125 'give one of them' exec --kernel arm64 --share dir,ro,rw ./arm64
expect '--timeout' 125 'needs a time' exec --timeout x ./arm64
expect '--report into no folder' 125 '--report no/such/folder:' exec --report no/such/folder ./arm64
cat_args() {
    head -c 2200000 /dev/zero | tr '\0' x | fold -w 100000
}
# shellcheck disable=SC2046 # words of x
if ulimit -s 65536 2>/dev/null; then # this system would not take so many either, else
    expect 'too many arguments' 125 'a program takes at most 2097152' exec --kernel arm64 ./arm64 $(cat_args)
else
    skip 'too many arguments' 'ulimit -s'
fi

# A cache that somebody has been at.
k=cache/exec/1/arm64/cloud
mkdir -p $k/modules
cp arm64 $k/vmlinuz
bad_order() { # NAME TEXT-OF-FILE MESSAGE
    printf '%s' "$2" >$k/modules/order
    expect "order: $1" "${4:-125}" "$3" exec ./arm64
}
bad_order 'another word' 'more x.ko' '"more x.ko": a line is'
bad_order 'no file' 'base ' '"base ": a line is'
bad_order 'a way out of the folder' 'base ../x.ko' '"base ../x.ko": a line is'
bad_order 'a file that is not there' 'base x.ko' 'x.ko: No such file' 127
bad_order 'too many' "$(yes 'base x.ko' | head -n 49)" 'has more than 48 modules'
head -c 300000 /dev/zero >$k/modules/order
expect 'order: too long' 125 'bytes or more' exec ./arm64
echo 'base x.ko' >$k/modules/order
expect 'a kernel without 9P, and --share' 127 'that has 9P, which --share needs' exec --share dir ./arm64

# A kernel that ends without a word: not a status of the program's. Its code is PSCI SYSTEM_OFF (DEN 0022F §5.1.9).
{
    printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0\1\0\0\0'
    printf '\170\0\10\100\0\0\0\0'             # e_entry: 0x40080078
    printf '\100\0\0\0\0\0\0\0'
    head -c 12 /dev/zero
    printf '\100\0\70\0\1\0\0\0\0\0\0\0'
    printf '\1\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0' # PT_LOAD, R and X, offset 0
    printf '\0\0\10\100\0\0\0\0\0\0\10\100\0\0\0\0'
    printf '\204\0\0\0\0\0\0\0\204\0\0\0\0\0\0\0\0\20\0\0\0\0\0\0'
    printf '\0\1\200\122\0\200\260\162\2\0\0\324' # mov w0, #0x84000008; hvc #0
} >off
if [ -s "$OLDPWD/build/gen/exec_init_arm64" ]; then
    expect 'a machine that powers off first' 125 'powered off before the program was started' \
        exec --engine soft --kernel off ./arm64
else
    skip 'a machine that powers off first' 'no init for ARM64 in this build'
fi
expect 'help' 0 '' exec --help
check 'it has the options of exec' grep -q -- '--env NAME' out
finish
