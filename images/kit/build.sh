#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - one C file, one bare-metal program (docs/kit.md).
#
#   images/kit/build.sh [-b BOARD] [-o FOLDER] [-t] FILE.c...
#
# makes FOLDER/NAME.elf of each file, and NAME.raw of the same bytes. BOARD is micro (unless given), virt or vibe; FOLDER
# is build/images/BOARD. -t: a guest that tests its machine, with checks and a printed status (check.c).
#
# Needs a compiler for ARM64 (gcc-aarch64-linux-gnu): $GUEST_CC, else aarch64-linux-gnu-gcc. Exit status 77 when
# there is none.
set -eu
kit=$(cd "$(dirname "$0")" && pwd)
cc=${GUEST_CC:-aarch64-linux-gnu-gcc}
board=micro
out=
check=

usage() {
    echo "usage: build.sh [-b micro|virt|vibe] [-o FOLDER] [-t] FILE.c..." >&2
    exit 125
}

while getopts b:o:t opt; do
    case $opt in
    b) board=$OPTARG ;;
    o) out=$OPTARG ;;
    t) check=1 ;;
    *) usage ;;
    esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || usage
case $board in
micro | virt) base=0x40080000 ;;
vibe) base=0x10000 ;;
*) usage ;;
esac
out=${out:-$kit/../../build/images/$board}
if ! command -v "$cc" >/dev/null; then
    echo "images: no $cc here (Debian: gcc-aarch64-linux-gnu)" >&2
    exit 77
fi

# Position-independent without relocations. General registers only: a handler saves no others, and a guest's FP state
# is its own.
flags="-std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fPIE -fvisibility=hidden
    -mgeneral-regs-only -mno-outline-atomics -mstrict-align -fno-stack-protector -fno-delete-null-pointer-checks
    -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections
    -DBOARD_$board -I$kit"

stale() { # TARGET SOURCE...: is any of them newer?
    [ ! -f "$1" ] || [ -n "$(find "$@" "$kit" -newer "$1" 2>/dev/null)" ]
}

# The library: an archive, of which a program gets what it uses. Members are in the order of their names, and check.o
# comes before end.o: where both could define guest_end(), check.o does.
lib=$kit/../../build/images/kit
if stale "$lib/$board.a"; then
    mkdir -p "$lib"
    tmp=$(mktemp -d "$lib/$board.XXXXXX")
    trap 'rm -rf "$tmp"' EXIT
    for src in "$kit"/*.c "$kit"/*.S; do
        object=$(basename "$src")
        # shellcheck disable=SC2086 # a list of options
        "$cc" $flags -c -o "$tmp/${object%.*}.o" "$src"
    done
    "${cc%gcc}ar" rcs "$tmp/kit.a" "$tmp"/*.o
    mv "$tmp/kit.a" "$lib/$board.a"
fi

mkdir -p "$out"
for src; do
    target=$out/$(basename "$src" .c)
    stale "$target.raw" "$src" || continue
    # shellcheck disable=SC2086 # a list of options
    "$cc" $flags "-Wl,-T,$kit/guest.ld,--defsym,BASE=$base,-z,max-page-size=4096" -Wl,-u,_start \
        ${check:+-Wl,-u,guest_done} -Wl,--gc-sections,--build-id=none,--no-warn-rwx-segments -o "$target.elf" "$src" "$lib/$board.a"
    "${cc%gcc}objcopy" -O binary "$target.elf" "$target.raw"
done
