#!/bin/sh
# SPDX-License-Identifier: MIT
#
# jit.t - translated code: guests that change tables and code under it, that race with each other; everything again by
# the interpreter, and with each piece of translated code checked against it (--soft shadow), Debian's kernel too.
. "$(dirname "$0")/lib.sh"
need_images
"$vmm" run --soft jit "$images/virt/hello-once.elf" >/dev/null 2>&1 || skip_all "this host has no JIT"

# case NAME CPUS OPTIONS...
guest_case() {
    name=$1 cpus=$2
    shift 2
    run_vmm 300 run --engine soft --cpus "$cpus" "$@" "$images/virt/$name.elf" </dev/null
    grep '^not ok\|^# got' "$work/out" | sed 's/^/# /'
    [ "$rc" -eq 0 ] && grep -q '^1\.\.[1-9]' "$work/out" && ! grep -q '^not ok' "$work/out"
    ok $? "$name, $cpus CPU, $* ($(grep -c '^ok' "$work/out") checks)" || note "$work/err"
}

for soft in jit interp; do
    guest_case torture 1 --soft $soft
    guest_case torture 4 --soft $soft
    guest_case litmus 2 --soft $soft
done
for name in exceptions strict mmu timer irq fp selfmod; do
    guest_case $name 1 --soft interp
done
guest_case smp 4 --soft interp
for name in exceptions strict mmu timer irq fp selfmod torture; do
    guest_case $name 1 --soft shadow
done

run_vmm 10 run --engine soft --soft shadow --cpus 2 "$images/virt/hello-once.elf"
is_rc 125 "shadow is for one CPU"
has "$work/err" "--soft shadow runs one CPU (2 asked for)" "and says so"

need_guest cloud
cat >"$work/script" <<'END'
head -c 100000 /dev/zero | sha256sum
awk 'BEGIN { printf "%.6f\n", 22 / 7 }'
exit 3
END
run_vmm 1500 run --engine soft --soft shadow --kernel "$guests/cloud/vmlinuz" --initrd "$guests/cloud/initrd.gz" \
    --mem 512M --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
is_rc 3 "Debian's kernel and programs, each piece of translated code checked"
has "$work/out" "3.142857" "and they say what they should"

# perf's map names what was translated.
"$vmm" run --engine soft --soft jit --perf-map "$images/virt/torture.elf" </dev/null >"$work/out" 2>&1 &
map=/tmp/perf-$!.map
wait
grep -q '^[0-9a-f]* [0-9a-f]* a64_40[0-9a-f]*_[0-9]*$' "$map"
ok $? "--perf-map: addresses, lengths, names"
rm -f "$map"
done_testing
