#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exec-inner.sh - what exec.t runs inside the emulated host, between the marks that case_of() of lib.sh knows. The
# folder `kernel` and the file `busybox` come from `vibevmm exec --setup`.
run() { # NAME COMMAND...
    echo "@@case $1"
    shift
    "$@" 2>err
    echo "@@status $?"
    sed 's/^/@@err /' err
}
vm() {
    ./vibevmm exec --engine kvm --timeout 200s --kernel kernel/vmlinuz "$@"
}

printf 'b\na\n' | run sort vm ./busybox sort
run status vm --cpus 2 ./busybox sh -c 'nproc; exit 42' </dev/null
head -c 3000000 /dev/urandom >big
sha256sum <big >want
run cat sh -c './vibevmm exec --engine kvm --timeout 200s --kernel kernel/vmlinuz ./busybox cat <big | sha256sum | cmp - want'
