#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cross-libs.sh - libfdt and zlib for ARM64, for `make CROSS=aarch64-linux-gnu-` on another host.
#
# Nothing to do where Debian's multiarch packages are installed (libfdt-dev:arm64, zlib1g-dev:arm64). Else they
# are fetched as guests are (images/demo/debian.sh) and unpacked under build/cross. Exit status 77 when they cannot
# be had.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$top/build/cross
libs=lib/aarch64-linux-gnu
for usr in /usr "$out/usr"; do
    if [ -f "$usr/$libs/libfdt.a" ] && [ -f "$usr/$libs/libz.a" ]; then
        exit 0
    fi
done
mkdir -p "$out"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
say() {
    echo "cross-libs: $*" >&2
}
arch=arm64
cache=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}
log=$work/log
# shellcheck source=../../images/demo/debian.sh
. "$top/images/demo/debian.sh"
for package in libfdt-dev zlib1g-dev; do
    unpack $package $arch "$out" || {
        say "no $package for ARM64: $(tail -n 1 "$log")"
        exit 77
    }
done
