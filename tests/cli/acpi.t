#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The ACPI tables of board pc, read by ACPICA's compiler: each decompiles without an error or a warning.
. tests/cli/lib.sh

if ! command -v iasl >/dev/null; then
    echo '1..0 # SKIP no iasl here (Debian: acpica-tools)'
    exit 0
fi
expect 'the tables' 0 '' boards pc --acpi "$T/tables"
# From the XSDT's address at 24 in the RSDP: the tables' addresses, and of the FADT the DSDT's at 140 (ACPI 6.4).
python3 - "$T/tables" "$T" <<'END'
import struct, sys
b = open(sys.argv[1], 'rb').read()
base = 0xe0000
def table(gpa):
    at = gpa - base
    return b[at:at + struct.unpack_from('<I', b, at + 4)[0]]
xsdt = table(struct.unpack_from('<Q', b, 24)[0])
found = [xsdt] + [table(struct.unpack_from('<Q', xsdt, i)[0]) for i in range(36, len(xsdt), 8)]
fadt = [t for t in found if t[:4] == b'FACP'][0]
found.append(table(struct.unpack_from('<Q', fadt, 140)[0]))
for t in found:
    open(f"{sys.argv[2]}/{t[:4].decode()}.aml", 'wb').write(t)
END
cd "$T" || exit 1
for t in XSDT FACP APIC DSDT; do
    check "$t: iasl takes it apart" sh -c "iasl -d $t.aml >$t.log 2>&1 && ! grep -iE '(error|warning|invalid|incorrect)' $t.log"
done
check 'DSDT: and puts it together again' sh -c 'iasl -tc DSDT.dsl >again.log 2>&1 && grep -q "0 Errors, 0 Warnings" again.log'
check 'DSDT: \_S5, COM1, a clock, eight virtio windows, sysctl' sh -c \
    'grep -q "Name (_S5," DSDT.dsl && grep -q PNP0501 DSDT.dsl && grep -q PNP0B00 DSDT.dsl &&
     [ "$(grep -c LNRO0005 DSDT.dsl)" = 8 ] && grep -q VIBE0001 DSDT.dsl'
finish
