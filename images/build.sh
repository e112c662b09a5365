#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - compile the guests that tests run into build/images/BOARD/, and the examples into build/images/BOARD/examples/
# (kit/build.sh).
#
# Exit status 77 when there is no compiler for ARM64. A guest names its boards on a line "Boards: ..." of its head.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
out=${1:-$here/../build/images}
for board in virt micro vibe; do
    # shellcheck disable=SC2046 # our own file names hold no spaces
    "$here/kit/build.sh" -b $board -o "$out/$board" -t $(grep -l "^ \* Boards:.*\<$board\>" "$here"/*.c)
    "$here/kit/build.sh" -b $board -o "$out/$board/examples" "$here"/examples/*.c
done
