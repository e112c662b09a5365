#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tailcalls.sh OBJECT... - finds instruction handlers that reach the next one by a call instead of a jump.
#
# Threaded code (src/a64/cpu.h) needs tail calls, or the stack grows with each instruction. A handler is at
# fault when it calls through a pointer and never jumps through one. Only for optimised gcc builds.
set -eu

bad=$(for object in "$@"; do
    objdump -d --no-show-raw-insn "$object" | awk -v object="$object" '
        function flush() { if (calls && !jumps && fn ~ /^<a64_op_/) print object ": " fn }
        /^[0-9a-f]+ <.*>:$/ { flush(); fn = $2; calls = jumps = 0 }
        /call +\*/ { calls = 1 }
        /jmp +\*/ { jumps = 1 }
        END { flush() }'
done)
[ -z "$bad" ] || { echo "$bad" >&2; echo "these handlers need A64_NEXT_LOOP" >&2; exit 1; }
