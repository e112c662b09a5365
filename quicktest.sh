#!/bin/sh
# SPDX-License-Identifier: MIT
#
# quicktest.sh - install what is missing, build, test.
#
#   ./quicktest.sh          unit and device tests, the command line, tiny guests: some minutes
#   ./quicktest.sh --all    also real guests (Debian's kernels, installer, U-Boot), the second opinion (QEMU), both
#                           compilers without a warning, sanitizers, fuzzing for some seconds, lint
#
# Everything is TAP under one `prove`; its summary is the last thing printed. What cannot be tested here (no tool,
# no network) is a SKIP with its reason.
set -eu
cd "$(dirname "$0")"
. ./.ci/packages.sh

all=
case ${1:-} in
--all) all=1 ;;
'') ;;
*)
    echo "usage: quicktest.sh [--all]" >&2
    exit 125
    ;;
esac

need_build
need prove perl
need bash bash
need python3 python3
need git git
need pkill procps
need script bsdutils
need aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
need aarch64-linux-gnu-objcopy binutils-aarch64-linux-gnu
need /usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross
if [ -n "$all" ]; then
    need cpio cpio
    need xz xz-utils
    need /usr/sbin/mkfs.ext4 e2fsprogs
    need qemu-system-aarch64 qemu-system-arm
    need qemu-system-x86_64 qemu-system-x86
    need lz4 lz4
    need passt passt
    need ip iproute2
    need mkimage u-boot-tools
    need dtc device-tree-compiler # which mkimage calls

    need iasl acpica-tools
    need zsh zsh
    need lintian lintian
    command -v qemu-aarch64 >/dev/null || need qemu-aarch64-static qemu-user-static
    need clang clang
    need '/usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a' libclang-rt-14-dev
    need clang-tidy clang-tidy
    need clang-format clang-format
    need cppcheck cppcheck
    need shellcheck shellcheck
fi
# A tool that cannot be had shows as a skip or a failure of the test that wants it, and not here.
install_missing || :

echo "building" >&2
make -j"$(nproc)" all
tests/kernels/build.sh
images/build.sh || :
# The list of unit tests is the Makefile's.
units=$(make -s print-tests)
# shellcheck disable=SC2086 # a list of files
make -s -j"$(nproc)" $units

boot="tests/boot/kernels.t tests/boot/guests.t tests/boot/examples.t tests/boot/httpd.t tests/boot/scripting.t tests/boot/hostile.t tests/boot/io.t"
more=
if [ -n "$all" ]; then
    boot=$(ls tests/boot/*.t)
    more=$(ls tests/all/*.t)
fi
VIBEVMM=$PWD/build/release/vibevmm
export VIBEVMM
# shellcheck disable=SC2086 # lists of files
exec prove --timer --exec '' $units tests/cli/*.t $boot $more
