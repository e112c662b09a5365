#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kernels.t - the listings in tests/kernels are what the sources assemble to.
. "$(dirname "$0")/lib.sh"
rc=0
"$top/tests/kernels/build.sh" --check >"$work/out" 2>&1 || rc=$?
[ $rc -ne 77 ] || skip_all "no assembler for ARM64 (binutils-aarch64-linux-gnu)"
ok $rc "arm64_hello.hex and arm64_minimal.hex are up to date" || note "$work/out"
done_testing
