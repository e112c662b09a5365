#!/bin/sh
# SPDX-License-Identifier: MIT
#
# headers.sh [CC] - each header compiles when it is included alone, without a warning.
set -eu
cd "$(dirname "$0")/../.."
cc=${1:-gcc}
bad=0
for h in $(git ls-files -- 'include/*.h' 'src/*.h' 'launcher/*.h' 'tests/*.h'); do
    [ -f "$h" ] || continue
    # What says nothing outside its own CPU is compiled for it, where that compiler is.
    use=$cc
    case $h in
    *kvm_rig_arm64.h)
        use=aarch64-linux-gnu-gcc
        command -v $use >/dev/null || continue
        ;;
    esac
    printf '#include "%s"\n' "$h" | $use -std=c17 -Wall -Wextra -Werror -Wno-unused-function -Wno-unused-variable \
        -Wno-unused-const-variable -D_GNU_SOURCE -Iinclude -I. -Ibuild/gen -fsyntax-only -x c - || {
        echo "$h: does not compile alone"
        bad=1
    }
done
exit $bad
