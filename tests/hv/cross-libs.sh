#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cross-libs.sh - libfdt and zlib for ARM64, for `make CROSS=aarch64-linux-gnu-` on another host.
#
# Nothing to do where Debian's multiarch packages are installed (libfdt-dev:arm64, zlib1g-dev:arm64). Else they
# are fetched through apt, which needs to know the architecture (dpkg --add-architecture arm64 && apt-get update)
# but no root, and unpacked under build/cross. Exit status 77 when they cannot be had.
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
if ! apt-get -q -o APT::Sandbox::User=root download libfdt-dev:arm64 zlib1g-dev:arm64 >log 2>&1; then
    echo "cross-libs: no libfdt-dev:arm64 and zlib1g-dev:arm64 from apt: $(tail -n 1 log)" >&2
    exit 77
fi
for deb in ./*.deb; do
    dpkg-deb -x "$deb" "$out"
done
