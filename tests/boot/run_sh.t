#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_sh.t - run.sh: the demo with a pipe, its status, the historic line.
. "$(dirname "$0")/lib.sh"
"$top/run.sh" --binary "$top/tests/kernels/arm64_minimal.raw" --entry 0x10000 --mem 128M >"$work/out" 2>"$work/err" </dev/null
rc=$?
is_rc 0 "run.sh ARGUMENTS"
echo Hi >"$work/want"
same "$work/out" "$work/want" "passes them on and prints nothing else"
(cd "$top" && limit 60 ./run.sh --binary tests/kernels/arm64_hello.raw --entry 0x10000 --mem 128M 2>/dev/null | head -n 1) >"$work/out"
echo 'Hello World!' >"$work/want"
same "$work/out" "$work/want" "the historic line"
if "$top/images/demo/build.sh" cloud 2>"$work/err"; then
    rc=0
    echo 'uname -m; exit 3' | limit 180 "$top/run.sh" >"$work/out" 2>"$work/err" || rc=$?
    is_rc 3 "a piped script's status"
    echo aarch64 >"$work/want"
    same "$work/out" "$work/want" "and its output, nothing else"
    rc=0
    limit 180 "$top/run.sh" >"$work/out" 2>"$work/err" </dev/null || rc=$?
    is_rc 0 "no input: boots and powers off"
    [ ! -s "$work/out" ]
    ok $? "and says nothing" || note "$work/out"
else
    skip "Debian's packages cannot be fetched" "the demo with a pipe"
fi
done_testing
