#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The terminal: raw while the guest has it, as it was after every way to end.
. tests/cli/lib.sh
if ! command -v python3 >/dev/null; then
    echo '1..0 # SKIP no python3 to make a terminal with'
    exit 0
fi
if ! python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
    echo '1..0 # SKIP this host gives no terminals (is /dev/pts mounted?)'
    exit 0
fi
export VIBEVMM
terminal=$(realpath tests/cli/terminal.py)
words "$T/sleep.raw" d503207f 17ffffff
words "$T/nowhere.raw" d2a00021 d518c001 d5033fdf d2800000 d61f0000
sleeper="--board vibe --entry 0x10000 --timeout 10s --binary $T/sleep.raw"

on_terminal() { # NAME WANTED KEYS SIGNAL ARGUMENT...
    local name=$1 want=$2 got
    shift 2
    got=$(python3 "$terminal" "$@")
    # shellcheck disable=SC2053
    [[ $got == $want ]]
    result $? "$name"
    [[ $got == $want ]] || echo "# got $got"
}

# shellcheck disable=SC2086
{
    on_terminal '^A x ends the run' '0 raw restored b*' '\x01x' '' $sleeper
    on_terminal '^A h lists the keys' '0 raw restored *press the power key*' '\x01h\x01x' '' $sleeper
    on_terminal '^A s stops it, and lets it go on' '0 raw restored *paused; ^A s goes on*goes on*' '\x01s\x01s\x01x' '' $sleeper
    on_terminal 'a stopped machine ends' '0 raw restored *paused*' '\x01s\x01x' '' $sleeper
    on_terminal '^A p without a power key' '0 raw restored *no power key*' '\x01p\x01x' '' $sleeper
    on_terminal 'other keys end nothing' '124 raw restored *' 'x\x03\x1c\x1a\x01\x01x' '' \
        --board vibe --entry 0x10000 --timeout 500ms --binary "$T/sleep.raw"
    on_terminal 'SIGTERM' '143 raw restored *' '' TERM $sleeper
    on_terminal 'SIGHUP' '129 raw restored *' '' HUP $sleeper
    on_terminal 'SIGINT' '130 raw restored *' '' INT $sleeper
    on_terminal 'a crash of ours' '-11 raw restored *' '' SEGV $sleeper
    on_terminal 'an abort of ours' '-6 raw restored *' '' ABRT $sleeper
    on_terminal '--timeout' '124 raw restored *' '' '' --board vibe --entry 0x10000 --timeout 300ms --binary "$T/sleep.raw"
}
on_terminal 'a guest that ends at once' '0 * restored *Hi*' '' '' \
    --board vibe --entry 0x10000 --binary "$KERNELS/arm64_minimal.raw"
on_terminal 'a guest that cannot go on' '123 * restored *vibevmm:   next *' '' '' \
    --board vibe --entry 0x10000 --binary "$T/nowhere.raw"
on_terminal 'a launch that fails' '127 cooked restored *No such file*' '' '' run /no/such/file
finish
