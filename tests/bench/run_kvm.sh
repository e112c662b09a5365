#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run_kvm.sh [arm64|x86]... - what vibevmm costs beyond the least that KVM asks for, in the emulated host of
# tests/hv/nested-kvm.sh whose clock counts instructions (-d): the same figures on every run and every machine.
#
#   launch   exec to the guest's first byte, its first store to a device: bar 1.3 times the floor's
#            (what the kernel sleeps meanwhile does not count)
#   exit     a store to a device and back, the mean of 10000: bar 1.15 times the floor's
#
# The floor is floor_arm64.c or floor_x86.c beside this. Exit status 1 when a bar is missed, 77 when nothing can be
# measured here. The builds: make, and make CROSS=aarch64-linux-gnu-.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
out=$top/build/bench
mkdir -p "$out"
few=2000
many=12000

# In the emulated host: one line per command, label and median ms.
cat >"$out/kvm-inner.sh" <<'END'
#!/bin/sh
floor=$1 few=$2 many=$3
shift 3
# This machine has one CPU: what the kernel's thread for huge pages does in the background would count as ours.
echo 0 >/sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none
for n in 0 $few $many; do
    ./$floor -i $n >guest$n
    ./firstbyte -b -n 3 floor$n ./$floor $n -- vibevmm$n ./vibevmm run --engine kvm "$@" guest$n || exit 1
done
END
chmod +x "$out/kvm-inner.sh"

# measure ARCH CC LAUNCHER RUN-OPTIONS...
measure() {
    arch=$1 cc=$2 vmm=$3
    shift 3
    if ! command -v "$cc" >/dev/null || [ ! -x "$vmm" ]; then
        echo "$arch: skipped: no $cc, or $vmm is not built"
        return 77
    fi
    dir=$out/kvm-$arch
    mkdir -p "$dir"
    for program in firstbyte floor_$arch; do
        "$cc" -O2 -Wall -static -D_GNU_SOURCE -idirafter /usr/include -idirafter "/usr/include/$(gcc -print-multiarch)" \
            -o "$dir/$program" "$top/tests/bench/$program.c" || return 1
    done
    cp "$vmm" "$dir/vibevmm"
    "$top/tests/hv/nested-kvm.sh" -d -t 120 "$arch" "$out/kvm-inner.sh" "$dir/floor_$arch" "$dir/firstbyte" "$dir/vibevmm" \
        -- "floor_$arch" $few $many "$@" >"$dir/figures" 2>"$dir/messages"
    rc=$?
    if [ $rc -ne 0 ]; then
        cat "$dir/figures" "$dir/messages"
        [ $rc -ne 125 ] || return 77
        return 1
    fi
    awk -v arch="$arch" -v few=$few -v many=$many '
        $1 ~ /^(floor|vibevmm)[0-9]+$/ { ms[$1] = $4 }
        function line(what, unit, ours, floor, bar) {
            printf "%-6s %-7s %12.0f %12.0f %8.3f %8.2f  %s\n", arch, what, ours, floor, ours / floor, bar,
                (ours / floor <= bar ? "ok" : "MISSED")
            if (ours / floor > bar) missed = 1
        }
        function each(who) { return (ms[who many] - ms[who few]) * 1e6 / (many - few) }
        END {
            if (!ms["floor0"] || !ms["vibevmm0"] || each("floor") <= 0) exit 1
            line("launch", "", ms["vibevmm0"] * 1e6, ms["floor0"] * 1e6, 1.3)
            line("exit", "", each("vibevmm"), each("floor"), 1.15)
            exit missed
        }' "$dir/figures"
}

printf '%-6s %-7s %12s %12s %8s %8s\n' '' instr. vibevmm floor ratio bar
status=0
[ $# -gt 0 ] || set -- arm64 x86
for arch; do
    case $arch in
    arm64) measure arm64 aarch64-linux-gnu-gcc "$top/build/release-aarch64-linux-gnu-gcc-glibc/vibevmm" \
        --board micro --entry 0x40080000 --binary ;;
    x86) measure x86 "$(command -v musl-gcc || echo gcc)" "$top/build/release/vibevmm" \
        --board pc --mem 256M --entry 0x10000 --binary ;;
    *) echo "run_kvm.sh: $arch: arm64 or x86" >&2; false ;;
    esac
    rc=$?
    [ $rc -eq 0 ] || [ $status -eq 1 ] || status=$rc
done
exit $status
