#!/bin/sh
# SPDX-License-Identifier: MIT
#
# builds.t - every way to build it, without a warning.
cd "$(dirname "$0")/../.." || exit 1
n=0
bad=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

build() { # TOOL OPTIONS...
    n=$((n + 1))
    tool=$1
    shift
    if ! command -v "$tool" >/dev/null; then
        echo "ok $n - make $* # SKIP no $tool here"
    elif make -j"$(nproc)" WERROR=1 "$@" all >"$log" 2>&1; then
        echo "ok $n - make $*"
    else
        bad=1
        echo "not ok $n - make $*"
        tail -n 20 "$log" | sed 's/^/# /'
    fi
}

# CONFIG gives each its own folder, so that objects of a build without WERROR do not stand in for it.
build musl-gcc CONFIG=werror CC=gcc LIBC=musl
build gcc CONFIG=werror CC=gcc LIBC=glibc
build clang CONFIG=werror CC=clang
build gcc CONFIG=debug CC=gcc LIBC=glibc
build gcc CONFIG=werror BOARD=virt
build gcc CONFIG=werror STATS=1
n=$((n + 1))
strip -o "$log" build/werror/vibevmm 2>/dev/null || : >"$log"
size=$(wc -c <"$log")
if [ "$size" -eq 0 ]; then
    echo "ok $n - size of the stripped program # SKIP no musl build here"
elif [ "$size" -le 1572864 ]; then
    echo "ok $n - the stripped program has $size bytes, at most 1.5 MiB"
else
    bad=1
    echo "not ok $n - the stripped program has $size bytes, more than 1.5 MiB"
fi
echo "1..$n"
exit $bad
