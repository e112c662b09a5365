#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kvm-x86.t - the KVM engine, in an x86-64 host that QEMU emulates.
cd "$(dirname "$0")/../.." || exit 1
exec tests/hv/kvm-x86.t
