#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh ARCH OUT - process 1 of `vibevmm exec` for arm64 or x86_64, a static program without a C library.
#
# The compiler is $INIT_CC, else the first of: gcc for that architecture (on Debian gcc-aarch64-linux-gnu or
# gcc-x86-64-linux-gnu), gcc when the host has it, clang with ld.lld. Where there is none, OUT is made empty and one line says so: the
# launcher then knows that it has no such init.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=$2
case $1 in
arm64) triple=aarch64-linux-gnu ;;
x86_64) triple=x86_64-linux-gnu ;;
*)
    echo "init: \"$1\" is no architecture: arm64 or x86_64" >&2
    exit 125
    ;;
esac
has() {
    command -v "$1" >/dev/null
}
if [ -n "${INIT_CC:-}" ]; then
    cc=$INIT_CC
elif has $triple-gcc; then
    cc=$triple-gcc
elif has gcc && [ "$(gcc -dumpmachine)" = $triple ]; then
    cc=gcc
elif has clang && has ld.lld; then
    cc="clang --target=$triple -fuse-ld=lld"
else
    echo "init: no compiler for $1 (Debian: gcc-$(echo $triple | tr _ -)): this vibevmm cannot \`exec' there" >&2
    : >"$out"
    exit 0
fi
# Small, and without anything that a C library would have to set up.
flags="-std=gnu17 -Os -Wall -Wextra -Werror -ffreestanding -nostdlib -nostdinc -static -fno-pie
    -fno-stack-protector -fno-asynchronous-unwind-tables
    -ffunction-sections -fdata-sections -Wl,--gc-sections,--build-id=none,-z,noseparate-code,-z,norelro,-s"
# The compiler's own headers (stdint.h), which -nostdinc takes away with the host's.
own=$($cc -print-file-name=include)
# Else gcc makes a call of memcpy() of the loop in memcpy().
case $cc in *clang*) ;; *) flags="$flags -fno-tree-loop-distribute-patterns" ;; esac
[ "$1" != arm64 ] || flags="$flags -mgeneral-regs-only -mno-outline-atomics"
# shellcheck disable=SC2086 # lists of options
$cc $flags -isystem "$own" -I"$here" -I"$here/../../include" -o "$out" "$here/init.c" "$here/relay.c" "$here/text.c"
