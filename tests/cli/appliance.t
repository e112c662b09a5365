#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Appliances that mkimage makes: they run, their properties count, and the command line overrides.
. tests/cli/lib.sh
cd "$T" || exit 1

if ! command -v mkimage >/dev/null || ! command -v dtc >/dev/null; then
    skip "appliances made by mkimage" "mkimage or dtc is not here (packages u-boot-tools, device-tree-compiler)"
    finish
    exit 0
fi

# Board vibe: prints OK on its console, then SYSTEM_OFF (PSCI DEN 0022F §5.1.9).
words ok.raw d2b20001 528009e0 39000020 52800960 39000020 52800140 39000020 \
    52800100 72b08000 d4000002 14000000

its() { # PROPERTIES: of conf-1
    cat <<END
/dts-v1/;
/ {
    description = "one that prints OK";
    #address-cells = <1>;
    images {
        code {
            description = "raw code";
            data = /incbin/("ok.raw");
            type = "standalone";
            arch = "arm64";
            os = "u-boot";
            compression = "none";
            load = <0x10000>;
            entry = <0x10000>;
            hash-1 { algo = "crc32"; };
            hash-2 { algo = "sha256"; };
        };
    };
    configurations {
        default = "conf-1";
        conf-1 { description = "d"; kernel = "code"; $1 };
        conf-2 { description = "d"; kernel = "code"; vibevmm,board = "micro"; };
    };
};
END
}

make_itb() { # OUT PROPERTIES [mkimage option...]
    local out=$1
    its "$2" >x.its
    shift 2
    mkimage "$@" -f x.its "$out" >mkimage.log 2>&1
}

ok=$'OK\n'
is_ok() {
    printf %s "$ok" | cmp - out
}

check "mkimage makes one" make_itb in.itb 'vibevmm,board = "vibe"; vibevmm,timeout = "5s";'
check "mkimage makes one with data outside of the tree" \
    make_itb out.itb 'vibevmm,board = "vibe"; vibevmm,mem = "64M";' -E -B 0x1000
for f in in.itb out.itb; do
    expect "$f runs" 0 "" run $f
    check "$f prints" is_ok
done
expect "options first mean run" 0 "" --mem 64M in.itb
expect "--report has its memory" 0 "" run --report r.json out.itb
check "--report: 64 MiB" grep -q '"mem":67108864' r.json
expect "the command line overrides" 0 "" run --mem 32M --report r.json out.itb
check "--report: 32 MiB" grep -q '"mem":33554432' r.json
expect "another board does not have that memory" 126 "(code): load address 0x10000 is outside RAM" run --board virt in.itb
expect "--config" 126 "(code): load address 0x10000 is outside RAM" run --config conf-2 in.itb
expect "--config that is not there" 125 'no such configuration; there are conf-1, conf-2' run --config x in.itb
expect "--config of no appliance" 125 "is no appliance" run --config x ok.raw
expect "through a pipe" 126 "boots from a file of its own" run <(cat in.itb)

cp out.itb bad.itb
printf '\377' | dd of=bad.itb bs=1 seek=4096 conv=notrunc 2>/dev/null
expect "a changed byte" 126 "is damaged or was changed: its crc32 is" run bad.itb
head -c 300 in.itb >cut.itb
expect "a file that is cut short" 126 "is truncated: its tree has" run cut.itb
"$VIBEVMM" boards virt --dtb tree.dtb
expect "a device tree" 126 "is a device tree, not an appliance" run tree.dtb

bad() { # NAME PROPERTIES MESSAGE
    make_itb p.itb "$2"
    expect "$1" 126 "$3" run p.itb
}
bad "a property that nobody knows" 'vibevmm,memory = "1M";' "vibevmm,memory: an appliance cannot say that; it can say append,"
bad "a property that would write a file" 'vibevmm,report = "x";' "vibevmm,report: an appliance cannot say that"
bad "a property that would share a folder" 'vibevmm,share = "/";' "vibevmm,share: an appliance cannot say that"
bad "a value of the wrong kind" 'vibevmm,cpus = <2>;' "is not text"
bad "a value that is no size" 'vibevmm,mem = "much";' 'vibevmm,mem: --mem "much": needs'
bad "a value where none is taken" 'vibevmm,rng = "x";' "vibevmm,rng: --rng takes no value"
bad "no value where one is taken" 'vibevmm,mem;' "vibevmm,mem: --mem: its SIZE is missing"
bad "a disk by its absolute path" 'vibevmm,disk = "/etc/passwd";' "names files beside itself"
bad "a disk above its folder" 'vibevmm,disk = "a/../../b";' "names files beside itself"
bad "a disk that writes elsewhere" 'vibevmm,disk = "a,cow=b";' "names files beside itself"

# A disk is looked for beside the appliance, wherever that is.
mkdir -p sub
truncate -s 1M sub/disk.img
check "an appliance with a disk" make_itb sub/d.itb 'vibevmm,board = "vibe"; vibevmm,disk = "disk.img,ro";'
expect "a disk beside it" 0 "" run --report r.json sub/d.itb
check "--report has the disk" grep -q '"value":"sub/disk.img,ro"' r.json
rm sub/disk.img
expect "a disk that is not there" 127 "sub/disk.img" run sub/d.itb

# Signatures are named and not verified.
its 'vibevmm,board = "vibe"; signature-1 { algo = "sha256,rsa2048"; key-name-hint = "dev"; sign-images = "kernel"; };' >s.its
mkimage -f s.its s.itb >mkimage.log 2>&1
expect "a signature" 126 "conf-1 has a signature (sha256,rsa2048), and this program verifies none" run s.itb
expect "a signature, passed over" 0 "the signature of conf-1 (sha256,rsa2048) was not verified" run --ignore-signature s.itb

finish
