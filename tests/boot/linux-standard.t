#!/bin/sh
# SPDX-License-Identifier: MIT
#
# linux-standard.t - Debian's standard kernel with a busybox initramfs: 1 and 4 CPUs, a shell, programs, power.
. "$(dirname "$0")/lib.sh"
FLAVOUR=standard
need_guest $FLAVOUR
. "$(dirname "$0")/linux.sh"
