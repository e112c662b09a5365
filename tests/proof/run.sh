#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# run.sh [PROOF]... - the proofs of this folder, by CBMC; TAP. Without names: all of them.
#
# Debian 12 has no CBMC: unless one is in the path, Debian 11's package and the solver's library are fetched once and
# unpacked in the cache of guests, nothing is installed. Memory is limited, so that a proof that has grown too large
# fails and does nothing worse.
set -u
cd "$(dirname "$0")/../.." || exit 1
cache=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}/cbmc

fetch() {
    work=$(mktemp -d) && mkdir -p "$work/lists/partial" "$work/x" || return 1
    echo 'deb http://deb.debian.org/debian bullseye main' >"$work/sources"
    (
        cd "$work" || exit 1
        lists="-o Dir::Etc::sourcelist=$work/sources -o Dir::Etc::sourceparts=- -o Dir::State::lists=$work/lists"
        # shellcheck disable=SC2086 # words
        apt-get -qq $lists update && apt-get -qq $lists download cbmc minisat || exit 1
        for deb in ./*.deb; do
            dpkg-deb -x "$deb" x || exit 1
        done
    ) >"$work/log" 2>&1 && mkdir -p "$(dirname "$cache")" && rm -rf "$cache" && mv "$work/x" "$cache"
    rc=$?
    rm -rf "$work"
    return $rc
}

if command -v cbmc >/dev/null; then
    cbmc=cbmc
else
    [ -x "$cache/usr/bin/cbmc" ] || fetch || { echo '1..0 # SKIP no cbmc, and its package cannot be fetched'; exit 0; }
    cbmc=$cache/usr/bin/cbmc
    export LD_LIBRARY_PATH="$cache/usr/lib"
fi

# 4: as many rounds as a queue of 2 entries needs, and one to see that there is none.
flags='--bounds-check --pointer-check --pointer-overflow-check --div-by-zero-check --signed-overflow-check
    --undefined-shift-check --unwinding-assertions --unwind 4 --object-bits 12 --slice-formula --drop-unused-functions
    -I include -I . -D_GNU_SOURCE'
[ $# -gt 0 ] || set -- open pop used written
ulimit -v 6000000
n=0 failed=0 log=$(mktemp)
trap 'rm -f "$log"' EXIT
for proof; do
    n=$((n + 1))
    # shellcheck disable=SC2086 # words
    if timeout 900 "$cbmc" tests/proof/vq.c --function "prove_$proof" $flags >"$log" 2>&1; then
        echo "ok $n - $proof: $(sed -n 's/^\*\* \(0 of [0-9]* failed\).*/\1/p' "$log")"
    else
        echo "not ok $n - $proof"
        { grep ': FAILURE' "$log"; tail -n 3 "$log"; } | sed 's/^/# /'
        failed=1
    fi
done
echo "1..$n"
exit $failed
