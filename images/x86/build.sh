#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - compile the x86-64 guests into build/images/pc/: NAME.elf with a PVH note, hello-long.elf without one,
# bzimage and real.raw as flat binaries.
#
# Needs a compiler for x86-64: $GUEST_CC_X86, else gcc where it is one, else x86_64-linux-gnu-gcc. Exit status 77
# when there is none.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../../build/images/pc}
cc=${GUEST_CC_X86:-gcc}
case $($cc -dumpmachine 2>/dev/null) in
x86_64*) ;;
*) cc=x86_64-linux-gnu-gcc ;;
esac
if ! command -v "$cc" >/dev/null; then
    echo "images: no compiler for x86-64 here (Debian: gcc-x86-64-linux-gnu)" >&2
    exit 77
fi
flags="-std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fno-pie -no-pie -mno-red-zone
    -mgeneral-regs-only -mcmodel=small -fno-stack-protector -fcf-protection=none -fno-asynchronous-unwind-tables
    -fno-tree-loop-distribute-patterns"
objcopy=${cc%gcc}objcopy

stale() { # TARGET SOURCE
    [ ! -f "$1" ] || [ -n "$(find "$here/lib" "$2" "$0" -newer "$1" 2>/dev/null)" ]
}

elf() { # TARGET SOURCE FLAG...
    target=$out/$1 src=$2
    shift 2
    if stale "$target" "$src"; then
        # shellcheck disable=SC2086 # a list of options
        "$cc" $flags "$@" -I"$here/lib" "-Wl,-T,$here/lib/guest.ld,-z,max-page-size=4096,--build-id=none" \
            -Wl,--no-warn-rwx-segments -o "$target" "$here/lib/crt0.S" "$here/lib/guest.c" "$src"
    fi
}

flat() { # TARGET SOURCE
    if stale "$out/$1" "$2"; then
        "$cc" -nostdlib -static -no-pie -Wl,-Ttext=0,--build-id=none -o "$out/$1.o" "$2"
        "$objcopy" -O binary -j .text "$out/$1.o" "$out/$1"
        rm -f "$out/$1.o"
    fi
}

mkdir -p "$out"
for src in "$here"/*.c; do
    elf "$(basename "$src" .c).elf" "$src" -DPVH
done
elf hello-long.elf "$here/hello.c"
flat bzimage "$here/bzimage.S"
flat real.raw "$here/real.S"
