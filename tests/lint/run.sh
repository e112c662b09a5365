#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [RULE...] - every rule that a program can check, as TAP. A rule whose tool is missing is skipped, and said so.
#
# Rules: layers sources headers tailcalls shell format tidy cppcheck
set -u
cd "$(dirname "$0")/../.." || exit 1
rules=${*:-layers sources headers tailcalls shell format tidy cppcheck}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0
bad=0

rule() { # NAME TOOL COMMAND...
    n=$((n + 1))
    name=$1
    tool=$2
    shift 2
    if ! command -v "$tool" >/dev/null; then
        echo "ok $n - $name # SKIP no $tool here"
    elif "$@" >"$log" 2>&1; then
        echo "ok $n - $name"
    else
        bad=1
        echo "not ok $n - $name"
        head -n 60 "$log" | sed 's/^/# /'
    fi
}

# Our own C: what is compiled into vibevmm. Tests and guests are held to the format alone.
program_c() {
    git ls-files -- 'src/*.c' 'launcher/*.c' 'boards/*.c'
}

format() {
    ugly=$(git ls-files -- '*.c' '*.h' | xargs clang-format --dry-run -Werror 2>&1 | sed -n 's/^\([^ :]*\):[0-9]*:[0-9]*: error.*/\1/p' | uniq -c)
    [ -z "$ugly" ] || { echo "$ugly"; return 1; }
}

# tidy_files COMPILER-OPTION...: the files on stdin. One process for each: clang-tidy 14 reports va_list errors that are
# none when it is given several. Of a find its line alone is shown.
tidy_files() {
    xargs -P 2 -I{} sh -c \
        'f=$1; shift; out=$(clang-tidy --quiet "$f" -- -std=c17 -Iinclude -I. -Ibuild/gen -Ibuild/release/gen -D_GNU_SOURCE "$@" 2>/dev/null) ||
            { echo "$out" | grep error:; exit 1; }' tidy {} "$@"
}

# The KVM engine has a half for each CPU: what is not x86's is checked as ARM64 code, with the cross compiler's headers.
tidy() {
    others='^src/hv/kvm(_arm64.*)?\.c'
    [ "$(uname -m)" = x86_64 ] || others='^src/hv/kvm'
    program_c | grep -vE "$others" | tidy_files -DHV_HAVE_KVM || return 1
    if [ -f /usr/aarch64-linux-gnu/include/asm/kvm.h ]; then
        program_c | grep -E '^src/hv/kvm(_arm64.*)?\.c' |
            tidy_files --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include -DHV_HAVE_KVM
    fi
}

# Right shifts of negative numbers are arithmetic in every compiler that builds this, and the A64 semantics use it.
check_cpp() {
    # shellcheck disable=SC2046 # our own file names hold no spaces
    cppcheck --std=c11 --enable=warning,portability --inline-suppr --quiet --error-exitcode=1 \
        --suppress=shiftTooManyBitsSigned -j 2 \
        -Iinclude -I. -Ibuild/gen -D_GNU_SOURCE $(program_c)
}

shell() {
    # shellcheck disable=SC2046 # our own file names hold no spaces
    shellcheck -x -e SC1091,SC2154,SC2034,SC2016,SC2317 $(git ls-files -- '*.sh' '*.t' .ci/run images/demo/init | xargs grep -lE '^#!/bin/sh|^# SPDX' | grep -v '^tests/cli/')
}

tail_calls() {
    ls build/release/src/a64/sem_*.o >/dev/null 2>&1 || { echo "build first"; return 1; }
    tests/lint/tailcalls.sh build/release/src/a64/sem_*.o
}

for r in $rules; do
    case $r in
    layers) rule "layers: who includes whom" awk tests/lint/layers.sh ;;
    sources) rule "sources: licence line, length, no exit or print below launcher/" git tests/lint/sources.sh ;;
    headers) rule "headers compile alone (gcc)" gcc tests/lint/headers.sh gcc ;;
    tailcalls) rule "instruction handlers tail-call" objdump tail_calls ;;
    shell) rule "shellcheck" shellcheck shell ;;
    format) rule "clang-format" clang-format format ;;
    tidy) rule "clang-tidy" clang-tidy tidy ;;
    cppcheck) rule "cppcheck" cppcheck check_cpp ;;
    *) echo "lint: no rule \"$r\"" >&2; exit 125 ;;
    esac
done
echo "1..$n"
exit $bad
