#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh - build vibevmm and run it.
#
#   ./run.sh              the demo: Debian's kernel to a shell; when stdin is not a terminal, what is piped in is
#                         run in the guest, and the guest's exit status is the script's
#   ./run.sh ARGUMENTS    vibevmm ARGUMENTS, for instance
#                         ./run.sh --binary tests/kernels/arm64_hello.raw --entry 0x10000 --mem 128M
#
# On a Debian machine what the build needs is installed first, when it is missing. stdout carries the guest's
# bytes only.
set -eu

root=$(cd "$(dirname "$0")" && pwd)
bin=$root/build/release/vibevmm

say() {
    echo "run.sh: $*" >&2
}

fail() {
    say "$@"
    exit 125
}

. "$root/.ci/packages.sh"

log=$(mktemp "${TMPDIR:-/tmp}/vibevmm-run.XXXXXX")
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

need_build
if [ $# -eq 0 ]; then
    need cpio cpio
    need xz xz-utils
fi
install_missing || exit 125

# Said only when there is something to do, which takes a minute the first time.
make -C "$root" -q all >/dev/null 2>&1 || say "building"
make -C "$root" all >"$log" 2>&1 || {
    cat "$log" >&2
    fail "the build failed"
}
"$root/tests/kernels/build.sh" || fail "tests/kernels/build.sh failed"
rm -f "$log"
trap - EXIT

if [ $# -gt 0 ]; then
    exec "$bin" "$@"
fi

# ---- the demo --------------------------------------------------------------------------------------------
guest=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}/cloud
if ! "$root/images/demo/build.sh" cloud; then
    say "Debian's packages cannot be fetched: running the bundled bare-metal guest instead of Linux"
    exec "$bin" run --board vibe --binary "$root/tests/kernels/arm64_minimal.raw" --entry 0x10000 --mem 128M
fi
# r: the driver holds the sender back (RTS/CTS) instead of dropping what its buffer has no room for.
console=console=ttyAMA0,115200n8r
if [ -t 0 ]; then
    exec "$bin" run --board virt --kernel "$guest/vmlinuz" --initrd "$guest/initrd.gz" --mem 512M \
        --append "$console quiet"
fi
# What is piped in, and then the end of the shell. The guest may be off before the pipe ends, so the feeder is
# a process of its own that is ended with the machine.
fifo=$(mktemp -u "${TMPDIR:-/tmp}/vibevmm-in.XXXXXX")
mkfifo -m 600 "$fifo"
exec 3<&0
(
    cat <&3 &
    trap 'kill $! 2>/dev/null' TERM
    wait $!
    printf '\nexit\n'
) >"$fifo" 2>/dev/null &
feeder=$!

# Drop the output up to the guest's mark: the terminal of a booting Linux echoes what comes in early.
after_mark() {
    early=
    while IFS= read -r line; do
        [ "$line" != "vibevmm: ready" ] || exec cat
        early="$early$line
"
    done
    printf '%s' "$early" >&2 # it never came: show what did
}

exec 4>&1
status=$({
    {
        rc=0
        "$bin" run --board virt --kernel "$guest/vmlinuz" --initrd "$guest/initrd.gz" --mem 512M \
            --append "$console quiet loglevel=0 vibevmm.pipe=1" <"$fifo" 3<&- 4>&- 5>&- || rc=$?
        echo "$rc" >&5
    } | after_mark >&4 3<&- 5>&-
} 5>&1)
kill "$feeder" 2>/dev/null || :
rm -f "$fifo"
exit "$status"
