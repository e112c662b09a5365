# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034 # what the tests read
#
# lib.sh - what the tests in this folder share: TAP, the program under test, time limits, guests.
#
# A test is a shell script that prints TAP (prove runs them). It begins with
#   . "$(dirname "$0")/lib.sh"
# and ends with `done_testing`. VIBEVMM names another program under test than the release build.
set -u

top=$(cd "$(dirname "$0")/../.." && pwd)
vmm=${VIBEVMM:-$top/build/release/vibevmm}
images=$top/build/images
guests=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}
work=$(mktemp -d "${TMPDIR:-/tmp}/vibevmm-test.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
tests=0
failed=0

[ -x "$vmm" ] || {
    echo "Bail out! $vmm is not built"
    exit 1
}

ok() { # CONDITION'S STATUS, NAME
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests - $2"
    else
        failed=$((failed + 1))
        echo "not ok $tests - $2"
    fi
    return "$1"
}

skip() { # REASON, NAME
    tests=$((tests + 1))
    echo "ok $tests - $2 # SKIP $1"
}

skip_all() { # REASON
    echo "1..0 # SKIP $1"
    exit 0
}

done_testing() {
    echo "1..$tests"
    [ "$failed" -eq 0 ]
    exit
}

note() { # FILE: the first lines, as TAP comments
    head -n 20 "$1" | sed 's/^/# /'
}

# limit SECONDS COMMAND...: 137 when the time is over; the limit is generous, a hang is what it catches.
limit() {
    seconds=$1
    shift
    timeout -s KILL "$seconds" "$@"
}

# run_vmm SECONDS ARGS...: stdin as given; $work/out, $work/err and $rc afterwards.
run_vmm() {
    seconds=$1
    shift
    rc=0
    limit "$seconds" "$vmm" "$@" >"$work/out" 2>"$work/err" || rc=$?
}

# is_rc WANT NAME
is_rc() {
    [ "$rc" -eq "$1" ]
    ok $? "$2" || {
        echo "# status $rc, want $1"
        note "$work/err"
        note "$work/out"
    }
}

# has FILE TEXT NAME: a fixed string in it
has() {
    grep -qF -- "$2" "$1"
    ok $? "$3" || {
        echo "# no \"$2\" in:"
        note "$1"
    }
}

# same FILE FILE NAME
same() {
    cmp -s "$1" "$2"
    ok $? "$3" || diff "$1" "$2" | head -n 20 | sed 's/^/# /'
}

need_images() {
    "$top/images/build.sh" >"$work/build.log" 2>&1 || {
        [ $? -eq 77 ] && skip_all "no compiler for ARM64 (gcc-aarch64-linux-gnu)"
        note "$work/build.log"
        echo "Bail out! images/build.sh failed"
        exit 1
    }
}

# need_guest NAME: a guest of images/demo/build.sh
need_guest() {
    "$top/images/demo/build.sh" "$1" >"$work/build.log" 2>&1 ||
        skip_all "\"$1\" cannot be fetched from Debian's archive: $(tail -n 1 "$work/build.log")"
}

# initrd_with_modules NAME: $work/initrd.gz is that guest's initramfs with the drivers of virtio devices: a script in it
# begins with `depmod; modprobe virtio_mmio virtio_blk` or the like.
initrd_with_modules() {
    cat "$guests/$1/initrd.gz" "$guests/$1/modules.gz" >"$work/initrd.gz"
}

# guest BOARD NAME: the arguments that boot a bare-metal guest
guest() {
    if [ "$1" = vibe ]; then
        echo "run --board vibe --binary $images/vibe/$2.raw --entry 0x10000"
    else
        echo "run --board $1 $images/$1/$2.elf"
    fi
}
