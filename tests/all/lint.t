#!/bin/sh
# SPDX-License-Identifier: MIT
#
# lint.t - make lint.
cd "$(dirname "$0")/../.." || exit 1
exec make -s lint
