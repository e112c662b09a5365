#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sanitizers.t - the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer.
cd "$(dirname "$0")/../.." || exit 1
units=$(make -s SAN=address,undefined print-tests)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of files
if ! make -j"$(nproc)" SAN=address,undefined $units >"$log" 2>&1; then
    tail -n 20 "$log" | sed 's/^/# /'
    echo "Bail out! the sanitizer build failed"
    exit 1
fi
n=0
bad=0
for u in $units; do
    n=$((n + 1))
    if timeout -s KILL 600 "$u" >"$log" 2>&1; then
        echo "ok $n - $(basename "$u") ($(grep -c '^ok' "$log") tests)"
    else
        bad=1
        echo "not ok $n - $(basename "$u")"
        grep -v '^ok' "$log" | head -n 40 | sed 's/^/# /'
    fi
done
echo "1..$n"
exit $bad
