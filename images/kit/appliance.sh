#!/bin/sh
# SPDX-License-Identifier: MIT
#
# appliance.sh BOARD NAME.elf OUT.itb - a program of the kit as an appliance: one file that says on which board it runs.
#
# Needs mkimage and the dtc it calls (Debian: u-boot-tools, device-tree-compiler). Exit status 77 when one is not there.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: appliance.sh BOARD NAME.elf OUT.itb" >&2
    exit 125
fi
for tool in mkimage:u-boot-tools dtc:device-tree-compiler; do
    command -v ${tool%:*} >/dev/null && continue
    echo "images: no ${tool%:*} here (Debian: ${tool#*:}); without an appliance: vibevmm --board $1 $2" >&2
    exit 77
done
name=$(basename "$2" .elf)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cp "$2" "$tmp/program"
# load and entry: mkimage wants them, an ELF says its own.
cat >"$tmp/its" <<END
/dts-v1/;
/ {
    description = "$name";
    #address-cells = <1>;
    images {
        program {
            description = "$name";
            data = /incbin/("program");
            type = "kernel";
            arch = "arm64";
            os = "linux";
            compression = "none";
            load = <0>;
            entry = <0>;
            hash { algo = "sha256"; };
        };
    };
    configurations {
        default = "machine";
        machine { description = "board $1"; kernel = "program"; vibevmm,board = "$1"; };
    };
};
END
(cd "$tmp" && mkimage -f its itb >log 2>&1) || {
    cat "$tmp/log" >&2
    exit 125
}
mv "$tmp/itb" "$3"
