#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - make arm64_hello.raw and arm64_minimal.raw beside their sources.
#
# With an assembler for ARM64 (binutils-aarch64-linux-gnu, or clang with llvm-objcopy) from NAME.s; without one
# from NAME.hex, the same words as text, so that a host needs nothing but a shell.
#   build.sh             build them
#   build.sh --listing   renew the .hex files from the sources (needs an assembler)
#   build.sh --check     assemble, and compare with the .hex files
set -eu
cd "$(dirname "$0")"

# assemble SOURCE OUT; false when this host has no assembler for ARM64.
assemble() {
    obj=$2.o
    if command -v aarch64-linux-gnu-as >/dev/null && command -v aarch64-linux-gnu-objcopy >/dev/null; then
        aarch64-linux-gnu-as -o "$obj" "$1" && aarch64-linux-gnu-objcopy -O binary -j .text "$obj" "$2"
    elif [ "$(uname -m)" = aarch64 ] && command -v as >/dev/null && command -v objcopy >/dev/null; then
        as -o "$obj" "$1" && objcopy -O binary -j .text "$obj" "$2"
    elif command -v clang >/dev/null && command -v llvm-objcopy >/dev/null; then
        clang --target=aarch64-none-elf -c -o "$obj" "$1" && llvm-objcopy -O binary -j .text "$obj" "$2"
    else
        return 1
    fi
    rm -f "$obj"
}

# One 32-bit word a line, as the manual writes instructions.
words() {
    od -An -v -tx4 -w4 --endian=little "$1" | tr -d ' '
}

# The other way: words from stdin, bytes to stdout.
bytes() {
    while read -r w; do
        case $w in '' | '#'*) continue ;; esac
        rest=${w#??}
        b3=${w%"$rest"}
        w=$rest rest=${w#??}
        b2=${w%"$rest"}
        w=$rest rest=${w#??}
        b1=${w%"$rest"}
        b0=$rest
        for b in "$b0" "$b1" "$b2" "$b3"; do
            # shellcheck disable=SC2059 # the format is the octal escape of one byte
            printf "\\$(printf %03o "0x$b")"
        done
    done
}

status=0
for src in *.s; do
    name=${src%.s}
    raw=$name.raw
    tmp=$raw.tmp.$$
    case ${1:-} in
    --listing)
        assemble "$src" "$tmp"
        { echo "# SPDX-License-Identifier: MIT"; echo "# $src, assembled: build.sh --listing"; words "$tmp"; } >"$name.hex"
        mv "$tmp" "$raw"
        ;;
    --check)
        if ! assemble "$src" "$tmp"; then
            echo "build.sh: no assembler for ARM64 here (binutils-aarch64-linux-gnu)" >&2
            exit 77
        fi
        bytes <"$name.hex" | cmp -s - "$tmp" || { echo "$name.hex is not what $src assembles to" >&2; status=1; }
        rm -f "$tmp"
        ;;
    '')
        assemble "$src" "$tmp" || bytes <"$name.hex" >"$tmp"
        mv "$tmp" "$raw"
        ;;
    *)
        echo "usage: build.sh [--listing | --check]" >&2
        exit 125
        ;;
    esac
done
exit $status
