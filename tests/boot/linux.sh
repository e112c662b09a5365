# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154,SC2034 # lib.sh's
#
# linux.sh - one test for both of Debian's kernels: FLAVOUR is cloud or standard. Sourced after lib.sh.

console=console=ttyAMA0,115200n8r
kernel=$guests/$FLAVOUR/vmlinuz
initrd=$guests/$FLAVOUR/initrd.gz

# script CPUS SECONDS: run stdin as a script in the guest; what it printed after the mark is in $work/out
script() {
    cat >"$work/script"
    echo exit >>"$work/script"
    run_vmm "$2" run --kernel "$kernel" --initrd "$initrd" --mem 512M --cpus "$1" \
        --append "$console quiet loglevel=0 vibevmm.pipe=1" <"$work/script"
    sed -i '1,/vibevmm: ready/d' "$work/out"
}

for cpus in 1 4; do
    script $cpus 180 <<'END'
uname -m
grep -c ^processor /proc/cpuinfo
grep -m1 'CPU implementer' /proc/cpuinfo | wc -l
head -c 1000000 /dev/zero | sha256sum
i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done > /tmp/text
gzip -9 -c /tmp/text | gunzip -c | cmp - /tmp/text && echo gzip round trip
awk 'BEGIN { printf "%.6f %.6f %d\n", 22 / 7, 1 / 3, 1e9 }'
date +%s
echo "a b c" | tr ' ' '\n' | sort -r | tr '\n' ' '; echo
false || echo end
END
    now=$(date +%s)
    is_rc 0 "$FLAVOUR, $cpus CPU: a piped script runs and the machine powers off"
    sed -i 's/\r$//' "$work/out"
    then=$(grep '^1[0-9]\{9\}$' "$work/out")
    [ -n "$then" ] && [ $((now - then)) -ge -2 ] && [ $((now - then)) -le 180 ]
    ok $? "$FLAVOUR, $cpus CPU: date is the host's (RTC)"
    grep -v '^1[0-9]\{9\}$' "$work/out" >"$work/got"
    cat >"$work/want" <<END
aarch64
$cpus
1
d29751f2649b32ff572b5e0a9f541ea660a50f94ff0beedfb0b692b924cc8025  -
gzip round trip
3.142857 0.333333 1000000000
c b a 
end
END
    same "$work/got" "$work/want" "$FLAVOUR, $cpus CPU: cpuinfo, sha256sum, gzip, awk, pipes"
done

script 1 180 <<'END'
exit 42
END
is_rc 42 "$FLAVOUR: the script's status is the machine's"
script 1 180 <<'END'
poweroff; sleep 30
END
is_rc 0 "$FLAVOUR: poweroff"
script 4 180 <<'END'
reboot; sleep 30
END
is_rc 121 "$FLAVOUR: reboot, 4 CPUs: 121"

# 100 kB of script given at launch, before the guest has a driver: every line arrives.
i=0
while [ $i -lt 2600 ]; do
    i=$((i + 1))
    echo "n=\$((n + 1)); : padding of a line $i"
done >"$work/long"
echo 'echo counted $n' >>"$work/long"
script 1 300 <"$work/long"
is_rc 0 "$FLAVOUR: a script of $(wc -c <"$work/long") bytes at launch"
has "$work/out" "counted 2600" "$FLAVOUR: and each of its lines ran"

# Ordinary boot messages, and what the kernel thinks of the machine.
echo exit | (cat; sleep 0) >"$work/in"
run_vmm 180 run --kernel "$kernel" --initrd "$initrd" --mem 512M --cpus 2 --append "$console" <"$work/in"
is_rc 0 "$FLAVOUR: a boot with messages"
has "$work/out" "Machine model" "$FLAVOUR: it read the device tree"
has "$work/out" "SMP: Total of 2 processors activated" "$FLAVOUR: and started both CPUs"
if grep -n 'WARNING:\|BUG:\|Oops\|Unable to handle\|rcu.*stall\|Call trace' "$work/out" >"$work/bad"; then
    ok 1 "$FLAVOUR: no complaint in the kernel's log"
    note "$work/bad"
else
    ok 0 "$FLAVOUR: no complaint in the kernel's log"
fi
done_testing
