#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - the kernel of `vibevmm exec` that has nothing else: Debian's linux-source for ARM64, by the options in `config`.
#
# Takes some 140 MB from Debian's archive, 2 GB of disk and some ten minutes of a core or two; needs flex, bison, bc, make and
# gcc-aarch64-linux-gnu. The result goes where exec finds it and takes it first: exec/1/arm64/own/ in the cache (docs/exec.md).
# LINUX_TREE=DIR builds in an unpacked source instead, and leaves it there. JOBS=N: how many compilers at once (2).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}
log=$cache/linux.log
arch=arm64

say() {
    echo "linux: $*" >&2
}
fail() {
    say "$* (details: $log)"
    exit 1
}
# shellcheck source=../demo/debian.sh
. "$here/../demo/debian.sh"

for tool in flex bison bc make xz; do
    command -v $tool >/dev/null || { say "$tool is missing (Debian: apt-get install flex bison bc make xz-utils)"; exit 1; }
done
cross=
if [ "$(uname -m)" != aarch64 ]; then
    cross=aarch64-linux-gnu-
    command -v ${cross}gcc >/dev/null || { say "${cross}gcc is missing (Debian: gcc-aarch64-linux-gnu)"; exit 1; }
fi

# The source package that linux-source depends on, unpacked.
source_of() {
    name=linux-source
    [ -n "${VIBEVMM_DEBS:-}" ] ||
        name=$(apt apt-cache depends linux-source 2>>"$log" | sed -n 's/^ *Depends: \(linux-source-[0-9.]*\).*/\1/p' | head -n 1)
    [ -n "$name" ] || name=linux-source
    unpack "$name" all x || return 1
    mkdir tree
    tar -xf x/usr/src/linux-source-*.tar.xz -C tree --strip-components=1 || return 1
    rm -rf x ./*.deb
}

linux() {
    nice make -C "$tree" ARCH=arm64 CROSS_COMPILE=$cross "$@" >>"$log" 2>&1
}

mkdir -p "$cache/exec/1/arm64"
: >"$log"
scratch=$(mktemp -d "$cache/tmp.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM
cd "$scratch"
tree=${LINUX_TREE:-$scratch/tree}
[ -n "${LINUX_TREE:-}" ] || {
    say "fetching Debian's linux-source"
    source_of || fail "linux-source cannot be fetched"
}
say "building it (some minutes)"
linux KCONFIG_ALLCONFIG="$here/config" allnoconfig || fail "the configuration fails"
# An option that has another name now, or lacks what it depends on, is dropped without a word.
grep '^CONFIG' "$here/config" | while read -r option; do
    grep -qxF "$option" "$tree/.config" || echo "$option"
done >dropped
[ ! -s dropped ] || fail "this kernel does not take: $(tr '\n' ' ' <dropped)"
linux -j"${JOBS:-2}" Image || fail "the kernel does not build: $(grep -m 1 'error' "$log" || tail -n 1 "$log")"

mkdir -p out/modules
cp "$tree/arch/arm64/boot/Image" out/vmlinuz
cp "$tree/.config" out/config
echo "9p -" >out/modules/order
own=$cache/exec/1/arm64/own
[ ! -e "$own" ] || mv "$own" old
mv out "$own"
say "$own/vmlinuz: $(($(wc -c <"$own/vmlinuz") / 1024)) KiB"
