#!/bin/sh
# SPDX-License-Identifier: MIT
# The proofs of tests/proof, by CBMC.
exec tests/proof/run.sh
