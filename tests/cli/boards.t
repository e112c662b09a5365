#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `vibevmm boards` and `vibevmm doctor`.
. tests/cli/lib.sh

expect 'list' 0 '' boards
check 'virt is there' grep -q '^virt .*default' "$T/out"
boards=$(awk '{print $1}' "$T/out")
expect 'unknown board' 125 'zzz: no such board' boards zzz
expect 'two names' 125 'takes one name' boards virt vibe
expect '--map without a name' 125 "the board's name is missing" boards --map
expect '--dtb without a name' 125 "the board's name is missing" boards --dtb x
expect 'unknown option' 125 '--mapp: no such option; did you mean --map?' boards virt --mapp

for b in $boards; do
    expect "$b: facts" 0 '' boards "$b"
    expect "$b: map" 0 '' boards "$b" --map
    check "$b: map ascends and does not overlap" awk '
        $1 == "first" { last = ""; next }
        NF > 1 { if ($1 "" <= last) exit 1; last = $2 ""; n++ }
        END { exit n < 3 }' "$T/out"
    if [ "$b" = pc ]; then
        expect "$b: ACPI tables to a file" 0 '' boards "$b" --acpi "$T/$b.acpi"
        expect "$b: ACPI tables to standard output" 0 '' boards "$b" --acpi -
        check "$b: the same" out_is "$T/$b.acpi"
        expect "$b: no device tree" 125 'board pc has ACPI tables: --acpi' boards "$b" --dtb -
        continue
    fi
    expect "$b: no ACPI tables" 125 'has a device tree: --dtb' boards "$b" --acpi -
    expect "$b: device tree to a file" 0 '' boards "$b" --dtb "$T/$b.dtb"
    expect "$b: device tree to standard output" 0 '' boards "$b" --dtb -
    check "$b: the same" out_is "$T/$b.dtb"
    if command -v dtc >/dev/null; then
        check "$b: dtc reads it" dtc -q -I dtb -O dts -o "$T/$b.dts" "$T/$b.dtb"
    fi
done
check 'virt: the addresses of its contract' sh -c \
    '"$0" boards virt --map | awk "\$1 == \"0x0009000000\" && /uart0/ && /SPI 1 / {n++} \
     \$1 == \"0x0040000000\" && /RAM/ {n++} \$1 == \"0x0008000000\" {n++} END {exit n != 3}"' "$VIBEVMM"
expect 'device tree where none can be written' 125 '--dtb /no/such/folder:' boards virt --dtb /no/such/folder
expect 'device tree into a full disk' 125 'No space left' boards virt --dtb /dev/full

expect 'doctor' 0 '' doctor
check 'it says which engine auto takes' grep -q '^auto .*takes' "$T/out"
check 'and about /dev/kvm' grep -q '^/dev/kvm' "$T/out"
expect 'doctor --json' 0 '' doctor --json
if command -v python3 >/dev/null; then
    check 'says by member what the text says' python3 - "$T/out" <<'END'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["host"]["cpus"] >= 1 and d["host"]["page_size"] >= 4096
assert d["kvm"]["opens"] == (d["kvm"]["state"] == "opens")
for arch, engines in d["engines"].items():
    assert set(engines) - {"auto"} == {"kvm", "hvf", "soft"}, engines
    assert engines.get("auto") in (None, *[e for e in engines if e != "auto" and engines[e]["runs"]])
assert d["engines"]["arm64"]["soft"]["runs"]
END
    expect 'boards --json' 0 '' boards --json
    check 'has each board with what --map shows' python3 - "$T/out" "$VIBEVMM" <<'END'
import json, subprocess, sys
boards = json.load(open(sys.argv[1]))
listed = subprocess.run([sys.argv[2], "boards"], capture_output=True, text=True, check=True).stdout.splitlines()
assert [b["name"] for b in boards] == [line.split()[0] for line in listed]
assert [b["name"] for b in boards if b["default"]] == [line.split()[0] for line in listed if "(default)" in line]
for b in boards:
    text = subprocess.run([sys.argv[2], "boards", b["name"], "--map"], capture_output=True, text=True, check=True).stdout
    rows = {int(line.split()[0], 16): line for line in text.splitlines() if line.startswith("0x")}
    assert len(rows) == len(b["ram"]) + len(b["devices"]), b["name"]
    for d in b["devices"]:
        row = rows[int(d.get("base", d.get("port")), 16)]
        assert d["name"] in row.split() and d["kind"] in row.split(), row
        assert ("spi" not in d or "SPI %d " % d["spi"] in row) and ("gsi" not in d or "GSI %d" % d["gsi"] in row), row
    for r in b["ram"]:
        assert "RAM" in rows[int(r["base"], 16)]
    one = subprocess.run([sys.argv[2], "boards", b["name"], "--json"], capture_output=True, text=True, check=True).stdout
    assert json.loads(one) == b
END
fi
expect '--json and --map' 125 'boards --json and --map: give one of them' boards virt --json --map
expect 'doctor takes nothing' 125 'takes no arguments' doctor img
finish
