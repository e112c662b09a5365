# SPDX-License-Identifier: MIT
#
# lib.sh - TAP for tests of the command line. Sourced by tests/cli/*.t, run by prove from the top of the tree.
#
#   expect NAME STATUS TEXT ARGUMENT...   one case: vibevmm's exit status, and TEXT somewhere in its messages ("" for
#                                         no message at all); $T/out and $T/err keep what it wrote
#   check NAME COMMAND...                 one case: the command succeeds
#   words FILE WORD...                    a raw guest from A64 words in hex
#   finish                                the plan; last line of a test

VIBEVMM=${VIBEVMM:-build/release/vibevmm}
VIBEVMM=$(realpath "$VIBEVMM")
KERNELS=$(realpath tests/kernels)
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
tests=0

result() { # STATUS NAME
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $2"
    else
        echo "not ok $tests - $2"
    fi
}

check() {
    local name=$1
    shift
    "$@" >"$T/check" 2>&1
    local rc=$?
    result $rc "$name"
    [ $rc = 0 ] || sed 's/^/# /' "$T/check"
}

skip() { # NAME REASON
    tests=$((tests + 1))
    echo "ok $tests - $1 # SKIP $2"
}

expect() {
    local name=$1 want=$2 text=$3
    shift 3
    timeout 20 "$VIBEVMM" "$@" </dev/null >"$T/out" 2>"$T/err"
    local got=$? bad=0
    [ $got = "$want" ] || bad=1
    if [ -n "$text" ]; then
        grep -qF -- "$text" "$T/err" || bad=1
    else
        [ ! -s "$T/err" ] || bad=1
    fi
    result $bad "$name"
    if [ $bad = 1 ]; then
        echo "# status $got, want $want; messages, which should have \"$text\":"
        head -c 4000 "$T/err" | sed 's/^/#   /'
    fi
}

words() {
    local file=$1 w
    shift
    : >"$file"
    for w in "$@"; do
        printf "\\x${w:6:2}\\x${w:4:2}\\x${w:2:2}\\x${w:0:2}" >>"$file"
    done
}

out_is() { # FILE: byte for byte what the last run printed
    cmp "$1" "$T/out"
}

finish() {
    echo "1..$tests"
}
