#!/bin/sh
# SPDX-License-Identifier: MIT
#
# soak.t - SOAK_MINUTES (1) of tests/boot/soak.sh.
exec "$(dirname "$0")/../boot/soak.sh" "${SOAK_MINUTES:-1}"
