#!/bin/sh
# SPDX-License-Identifier: MIT
#
# launch_order.sh - write launcher/launch.ld: what a launch runs, for the linker to put together.
#
# A fault on a page of the file maps the 64 KiB around it, and costs more than the code there: a launch that is spread
# over the program pays for a dozen. Traced are hello on the soft engine, by an x86-64 (musl) launcher, as an appliance too, and an ARM64 (glibc) one,
# and a guest on KVM in the emulated x86-64 host (tests/hv/nested-kvm.sh). Run it when the launch path has
# changed much; names that are gone do no harm. Needs qemu-user-static and both compilers.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
out=build/bench/order
mkdir -p "$out"
link='-Wl,--gc-sections -pthread -static -Wl,-Map,'
x86=build/release/vibevmm arm64=build/release-aarch64-linux-gnu-gcc-glibc/vibevmm
hello='run --engine soft --board micro --binary build/images/micro/hello-once.raw'

# build PROGRAM MAP MAKE-ARGUMENT...: linked without the order, with a map of its sections
build() {
    program=$1 map=$2
    shift 2
    rm -f "$program"
    make -s "$@" launch_ld= LDFLAGS="$link$map" all
}
# sections MAP TRACE: "SECTION FILE" of each address in the trace
sections() {
    {
        awk '/^Linker script and memory map/ { go = 1 }
            !go { next }
            /^ \.text[^ ]*$/ { name = $1; next }
            { if ($1 ~ /^\.text/) { name = $1; $1 = ""; $0 = $0 } }
            name != "" && $1 ~ /^0x/ && $2 ~ /^0x/ && $2 != "0x0" { print substr("0000000000000000" substr($1, 3), length($1) - 1) " S " name " " $3 }
            { name = "" }' "$1"
        awk '/^0x[0-9a-f]+:/ { a = substr($1, 3, index($1, ":") - 3); print substr("0000000000000000" a, length(a) + 1) " T" }' "$2"
    } | LC_ALL=C sort | awk '$2 == "S" { at = $3 " " $4 } $2 == "T" && at != "" { print at }' | LC_ALL=C sort -u
}

build "$x86" "$out/x86.map"
build "$arm64" "$out/arm64.map" CROSS=aarch64-linux-gnu-
# shellcheck disable=SC2086 # words
timeout 60 qemu-x86_64-static -d in_asm -D "$out/x86.trace" "$x86" $hello >/dev/null
"$x86" pack --board micro --binary build/images/micro/hello-once.raw -o "$out/hello.itb"
timeout 60 qemu-x86_64-static -d in_asm -D "$out/fit.trace" "$x86" run --engine soft "$out/hello.itb" >/dev/null
# shellcheck disable=SC2086
timeout 60 qemu-aarch64-static -d in_asm -D "$out/arm64.trace" "$arm64" $hello >/dev/null
gcc -O2 -static -o "$out/stepper" tests/bench/stepper.c
gcc -O2 -static -D_GNU_SOURCE -o "$out/floor_x86" tests/bench/floor_x86.c
printf '%s\n' '#!/bin/sh' './floor_x86 -i 0 >guest' './stepper ./vibevmm run --engine kvm --board pc --mem 256M --entry 0x10000 --binary guest' \
    >"$out/kvm.sh"
chmod +x "$out/kvm.sh"
tests/hv/nested-kvm.sh -t 200 x86 "$out/kvm.sh" "$out/stepper" "$out/floor_x86" "$x86" >"$out/kvm.trace" 2>/dev/null
{
    sections "$out/x86.map" "$out/x86.trace"
    sections "$out/x86.map" "$out/fit.trace"
    sections "$out/arm64.map" "$out/arm64.trace"
    sections "$out/x86.map" "$out/kvm.trace"
} | LC_ALL=C sort -u >"$out/sections"
{
    echo '/* SPDX-License-Identifier: MIT */'
    echo '/* Written by tests/bench/launch_order.sh. The KVM engine is here whole: it is small, and ARM64 is not traced. */'
    echo 'SECTIONS'
    echo '{'
    echo '    .text.launch : {'
    echo '        *kvm*.o(.text .text.*)'
    # ours by function, the libraries by object file; the dynamic linker of a static program is large and hardly run
    awk '$2 !~ /\.a\(/ || $2 ~ /libvmm\.a/ { if ($1 != ".text") print "        *(" $1 ")"; next }
        { sub(/.*\//, "", $2); sub(/\(/, ":", $2); sub(/\)$/, "", $2) }
        $2 !~ /:(dl-load|dl-reloc|unwind-dw2-fde-dip|genops|strops)\.o/ { print "        *" $2 "(.text .text.*)" }' "$out/sections" | LC_ALL=C sort -u
    echo '    }'
    echo '}'
    echo 'INSERT BEFORE .text;'
    echo '/* Constants, by object file; and variables that only other commands have, out of the way. */'
    echo 'SECTIONS'
    echo '{'
    echo '    .rodata.launch : {'
    awk '{ sub(/.*\//, "", $2) } $2 ~ /^libvmm\.a/ { sub(/.*\(/, "", $2); sub(/\)/, "", $2); $2 = "libvmm.a:" $2 }
        $2 ~ /\(/ { sub(/\(/, ":", $2); sub(/\)$/, "", $2) }
        $2 !~ /:(sem_|decode|dl-|unwind|genops|strops|diag|crt)/ && $2 ~ /^(lib|[a-z])/ { print "        *" $2 "(.rodata .rodata.*)" }' "$out/sections" | LC_ALL=C sort -u
    echo '    }'
    echo '}'
    echo 'INSERT BEFORE .rodata;'
    echo 'SECTIONS'
    echo '{'
    echo '    .bss.cold (NOLOAD) : {'
    for file in app exec exec_cache exec_program inspect jit pack; do
        echo "        *$file.o(.bss .bss.*)"
    done
    echo '    }'
    echo '}'
    echo 'INSERT AFTER .bss;'
} >launcher/launch.ld
rm -f "$x86" "$arm64"
wc -l launcher/launch.ld
