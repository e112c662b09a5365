#!/bin/sh
# SPDX-License-Identifier: MIT
#
# hostile.t - guests that go wrong on purpose: the machine ends with the documented status, or runs on.
. "$(dirname "$0")/lib.sh"
need_images

for board in virt micro vibe; do
    for name in jump-nowhere vector-loop; do
        # shellcheck disable=SC2046 # arguments
        run_vmm 20 $(guest $board $name) --engine soft </dev/null
        is_rc 123 "$name on $board: cannot go on"
        has "$work/err" "the guest cannot go on" "and says so"
        has "$work/err" "likely" "with a likely cause"
    done
    # shellcheck disable=SC2046 # arguments
    run_vmm 60 $(guest $board mmio-hammer) --engine soft </dev/null
    is_rc 0 "mmio-hammer on $board: goes on"
    has "$work/out" "still here" "and reaches its end"
    # What it destroys decides how it ends; it must end by a status of the list, never by a signal of ours.
    # shellcheck disable=SC2046 # arguments
    run_vmm 60 $(guest $board write-all) --engine soft --timeout 30s </dev/null
    case $rc in 0 | 121 | 123 | 124) ok 0 "write-all on $board: status $rc" ;; *) is_rc 0 "write-all on $board" ;; esac
done
done_testing
