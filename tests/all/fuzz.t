#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fuzz.t - each fuzz target for FUZZ_SECONDS (10): no crash, no leak, no sanitizer's complaint.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v clang >/dev/null; then
    echo "1..0 # SKIP no clang here"
    exit 0
fi
echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }' |
    clang -w -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null || {
    echo "1..0 # SKIP this clang has no libFuzzer (libclang-rt-14-dev)"
    exit 0
}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
n=0
bad=0
for source in tests/fuzz/fuzz_*.c; do
    target=${source##*/fuzz_}
    target=${target%.c}
    n=$((n + 1))
    if make FUZZ="$target" FUZZ_SECONDS="${FUZZ_SECONDS:-10}" fuzz >"$log" 2>&1; then
        echo "ok $n - $(grep 'no find' "$log" | tail -n 1 || echo "fuzz $target")"
    else
        bad=1
        echo "not ok $n - fuzz $target"
        tail -n 40 "$log" | sed 's/^/# /'
    fi
done
echo "1..$n"
exit $bad
