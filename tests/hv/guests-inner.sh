#!/bin/sh
# SPDX-License-Identifier: MIT
#
# guests-inner.sh - what kvm-arm64.t runs inside the emulated host. Each line of the file `cases` is a name, the
# input (as printf %b takes it; - for none) and the arguments of one run, quoted as the shell wants them. What the guests print goes to stdout,
# between marks; then, with the argument `errors`, come the ways in which a host can lack KVM.
run() { # NAME INPUT COMMAND...
    echo "@@case $1"
    input=${2#-}
    shift 2
    printf '%b' "$input" | "$@" 2>err
    echo "@@status $?"
    sed 's/^/@@err /' err
}

while read -r name input args <&3; do
    eval "run $name '$input' ./vibevmm run $args"
done 3<cases

if [ "${1:-}" = errors ]; then
    run sigterm - timeout 3 ./vibevmm run --engine kvm virt/jump-nowhere.elf
    mkdir -p /etc
    echo 'nobody:x:1000:1000::/:/bin/sh' >/etc/passwd
    chmod 600 /dev/kvm
    run no-permission - su nobody -s /bin/sh -c './vibevmm run --engine kvm virt/hello-once.elf'
    mv /dev/kvm /dev/kvm.away
    run no-device - ./vibevmm run --engine kvm virt/hello-once.elf
    run auto-without - ./vibevmm run -v virt/hello-once.elf
    mknod /dev/kvm c 1 3 # the null device
    run not-kvm - ./vibevmm run --engine kvm virt/hello-once.elf
    rm /dev/kvm
    mv /dev/kvm.away /dev/kvm
    run auto-with - ./vibevmm run -v virt/hello-once.elf
fi
