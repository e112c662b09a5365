# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # what the tests set
#
# lib.sh - what the tests of engines share, on top of those of tests/boot: cases that run in an emulated host.
. "$(dirname "$0")/../boot/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)

# nested SECONDS FILE... [-- ARG...]: runs $work/cases with $kvm_vmm in an emulated host of $nested_arch, made
# with the options $machine
nested() {
    seconds=$1
    shift
    # An emulated host of two CPUs hangs now and then, between guests: then once more, and it is said.
    # shellcheck disable=SC2086 # options
    for try in 1 2; do
        "$here/nested-kvm.sh" $machine -t "$seconds" $nested_arch "$here/guests-inner.sh" "$kvm_vmm" "$work/cases" "$@" \
            >"$work/nested" 2>"$work/nested.err"
        nested_rc=$?
        [ "$nested_rc/$try" = 124/1 ] || break
        echo "# no end after $seconds seconds, after $(grep -c '@@case' "$work/nested") cases; once more"
    done
    if [ "$nested_rc" -eq 125 ] && ! grep -q '@@case' "$work/nested"; then
        skip_all "no emulated host: $(tail -n 1 "$work/nested.err")"
    fi
}

# case_of NAME: its $work/out, $work/err and $rc
case_of() {
    awk -v name="$1" -v out="$work/out" -v err="$work/err" -v st="$work/status" '
        BEGIN { printf "" >out; printf "" >err; printf "none\n" >st; close(st) }
        /^@@case / { on = $2 == name; next }
        !on { next }
        # A guest may not end its last line; the mark then follows on it.
        match($0, /@@status [0-9]+$/) {
            printf "%s", substr($0, 1, RSTART - 1) >out
            print substr($0, RSTART + 9) >st; close(st); next
        }
        /^@@err / { print substr($0, 7) >err; next }
        { print >out }' "$work/nested"
    rc=$(cat "$work/status")
}

is_status() { # WANT NAME
    [ "$rc" = "$1" ]
    ok $? "$2" || {
        echo "# status $rc, want $1"
        note "$work/err"
    }
}
