#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - compile the bare-metal guests into build/images/BOARD/: NAME.elf, and NAME.raw of the same bytes.
#
# Needs a compiler for ARM64 (gcc-aarch64-linux-gnu): $GUEST_CC, else aarch64-linux-gnu-gcc. Exit status 77 when
# there is none. A guest names its boards on a line "Boards: ..." of its head.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/images}
cc=${GUEST_CC:-aarch64-linux-gnu-gcc}
if ! command -v "$cc" >/dev/null; then
    echo "images: no $cc here (Debian: gcc-aarch64-linux-gnu)" >&2
    exit 77
fi

# Position-independent without relocations; no FP in compiled code, so that a guest's FP state is its own.
flags="-std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -nostdlib -static -fPIE -fvisibility=hidden
    -mgeneral-regs-only -mno-outline-atomics -mstrict-align -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns -ffunction-sections -fdata-sections"

build() { # SOURCE BOARD BASE
    name=$(basename "$1" .c)
    target=$out/$2/$name
    if [ -f "$target.raw" ] && [ -z "$(find "$here/lib" "$1" "$0" -newer "$target.raw" 2>/dev/null)" ]; then
        return
    fi
    # shellcheck disable=SC2086 # a list of options
    "$cc" $flags -DBOARD_"$2" -I"$here/lib" "-Wl,-T,$here/lib/guest.ld,--defsym,BASE=$3,-z,max-page-size=4096" \
        -Wl,--gc-sections,--build-id=none,--no-warn-rwx-segments,-u,guest_main -o "$target.elf" \
        "$here/lib/crt0.S" "$here/lib/guest.c" "$here/lib/mmu.c" "$1"
    "${cc%gcc}objcopy" -O binary "$target.elf" "$target.raw"
}

for board in virt micro vibe; do
    mkdir -p "$out/$board"
    base=0x40080000
    [ $board != vibe ] || base=0x10000
    for src in "$here"/*.c; do
        # shellcheck disable=SC2013 # words
        if grep -q "^ \* Boards:.*\<$board\>" "$src"; then
            build "$src" $board $base
        fi
    done
done
