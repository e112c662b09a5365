#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh DIFF RUNNER COUNT SEED [ONLY] - builds the ARM64 side of the differential tester where it is missing or
# old, and runs the test. Exit status 77, after a TAP line that says why, when this host cannot.
set -eu
diff=$1 runner=$2 count=$3 seed=$4 only=${5:-}
here=$(dirname "$0")
cc=${CROSS:-aarch64-linux-gnu-}gcc

skip() {
    echo "1..0 # SKIP the software CPU is not compared with another: $1"
    exit 77
}

# On ARM64 hosts blocks run on the processor itself.
case $(uname -m) in
aarch64) emulator='' cc=${CC:-cc} ;;
*)
    emulator=$(command -v qemu-aarch64-static || command -v qemu-aarch64) ||
        skip "no qemu-aarch64 (Debian: qemu-user-static)"
    # ARMv8.2 with LSE, RDM, CRC32, AES, SHA: all that we have, and little that we have not.
    emulator="$emulator -cpu cortex-a76"
    ;;
esac
command -v "$cc" >/dev/null || skip "no $cc (Debian: gcc-aarch64-linux-gnu)"

mkdir -p "$(dirname "$runner")"
if [ ! -x "$runner" ] || [ -n "$(find "$here/runner.c" "$here/proto.h" -newer "$runner")" ]; then
    "$cc" -std=c17 -O2 -static -Wall -Wextra -o "$runner.new" "$here/runner.c" || skip "$cc does not make static programs"
    mv "$runner.new" "$runner"
fi
# shellcheck disable=SC2086 # the emulator is a command line
exec "$diff" ${SOFT:+--soft "$SOFT"} --seed "$seed" --count "$count" --only "$only" -- $emulator "$runner"
