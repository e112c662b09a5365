#!/bin/sh
# SPDX-License-Identifier: MIT
#
# conformance-inner.sh - what conformance.t runs inside the emulated host: each line of the file `traces` is a
# name and the arguments of one run. The traces go back as NAME.gz.
while read -r name args; do
    # shellcheck disable=SC2086 # arguments
    ./conformance $args >"/out/$name"
    echo "$name $?"
    gzip "/out/$name"
done <traces
