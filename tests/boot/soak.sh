#!/bin/sh
# SPDX-License-Identifier: MIT
#
# soak.sh [MINUTES] - a Debian guest of 4 vCPUs that computes, forks, signals and writes files for so long (1), all at once and
# all checked: sums against those that this host makes of the same data, files and streams against themselves, what was
# counted against what was asked for. TAP. SOAK_OPTIONS are more options for vibevmm, `--soft interp` for one.
. "$(dirname "$0")/lib.sh"
minutes=${1:-1}
case $minutes in
'' | *[!0-9]*)
    echo "usage: soak.sh [MINUTES]" >&2
    exit 125
    ;;
esac
need_guest cloud

cat >"$work/text.awk" <<'END'
BEGIN { for (i = 0; i < 6000; i++) { x = (x * 16807) % 2147483647; print "line", x % 9973, "of", x % 101, i } }
END
text_sum() { awk -v x="$1" -f "$work/text.awk" | sha256sum | cut -d' ' -f1; }
zeros_sum() { head -c 3000000 /dev/zero | sha256sum | cut -d' ' -f1; }

# Each worker goes round until the time is over, and says how often. A line "BAD ..." is a failure.
{
    echo "cat >/tmp/text.awk <<'EOF'"
    cat "$work/text.awk"
    echo EOF
    echo "end=\$((\$(date +%s) + $minutes * 60)) zeros=$(zeros_sum)"
    cat <<'END'
cd /tmp
on() { [ "$(date +%s)" -lt $end ]; }
is() { [ "$2" = "$3" ] || echo "BAD $1: $2, not $3"; }
sum() { sha256sum | cut -d' ' -f1; }
text() { # SEED SUM
    n=0
    while on; do
        n=$((n + 1))
        awk -v x=$1 -f text.awk >t$1
        is "text $1" "$(sum <t$1)" $2
        is "gzip $1" "$(gzip -9 -c t$1 | gunzip | sum)" $2
        is "bzip2 $1" "$(bzip2 -c t$1 | bunzip2 | sum)" $2
        is "sort $1" "$(sort t$1 | sort -k5n | sum)" $2
    done
    echo "DONE text$1 $n"
}
forks() {
    n=0
    while on; do
        for i in 1 2 3 4 5 6 7 8; do
            n=$((n + 1))
            is fork "$(busybox echo $n | busybox cat)" $n
            (exit $((n % 200)))
            is status $? $((n % 200))
        done
        rm -f f.*
        for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
            busybox sh -c "echo $i >f.$i" &
        done
        wait
        is storm "$(cat f.* | sort -n | tr '\n' ' ')" "1 2 3 4 5 6 7 8 9 10 11 12 "
    done
    echo "DONE forks $n"
}
signals() {
    n=0
    cat >catch <<'EOF'
c=0
trap 'c=$((c + 1)); echo $c >caught' USR1
trap 'exit 7' TERM
echo 0 >caught
while :; do :; done
EOF
    while on; do
        rm -f caught
        sh catch &
        pid=$!
        until [ -s caught ]; do busybox true; done
        for i in 1 2 3 4 5; do
            kill -USR1 $pid
            n=$((n + 1))
            until [ "$(cat caught)" = $i ]; do busybox true; done
        done
        kill -TERM $pid
        wait $pid
        is "trap's status" $? 7
        sleep 1000 &
        kill -KILL $!
        wait $!
        is "status of what was killed" $? 137
    done
    echo "DONE signals $n"
}
pipes() {
    n=0
    while on; do
        n=$((n + 1))
        is pipe "$(head -c 3000000 /dev/zero | cat | dd bs=777 2>/dev/null | tee /dev/null | sum)" $zeros
    done
    echo "DONE pipes $n"
}
files() {
    n=0
    while on; do
        n=$((n + 1))
        rm -rf d e
        mkdir d e
        for i in 1 2 3 4 5 6 7 8; do
            head -c ${i}0000 /dev/urandom >d/$i
            cp d/$i d/copy.$i
            cat d/$i >>d/all
            mv d/copy.$i d/moved.$i
            cmp d/$i d/moved.$i || echo "BAD files: $i"
        done
        is "all files" "$(wc -c <d/all)" 360000
        tar -cf - d | tar -xf - -C e
        is tar "$(cd e && find d -type f | sort | xargs sha256sum | sum)" "$(find d -type f | sort | xargs sha256sum | sum)"
    done
    echo "DONE files $n"
}
END
    for seed in 1 2 3; do
        echo "text $seed $(text_sum $seed) &"
    done
    cat <<'END'
forks & signals & pipes & files &
wait
dmesg | grep -E 'BUG|Oops|WARNING|stall|lockup|segfault' | sed 's/^/BAD /'
echo SOAK END
exit 0
END
} >"$work/script"

# shellcheck disable=SC2086 # options
run_vmm $((minutes * 60 + 300)) run --engine soft --cpus 4 --mem 512M --kernel "$guests/cloud/vmlinuz" \
    --initrd "$guests/cloud/initrd.gz" --append "console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1" \
    ${SOAK_OPTIONS-} <"$work/script"
is_rc 0 "$minutes minutes, 4 vCPUs"
has "$work/out" "SOAK END" "the guest came to its end"
! grep '^BAD' "$work/out" >"$work/bad"
ok $? "nothing was wrong" || note "$work/bad"
for worker in text1 text2 text3 forks signals pipes files; do
    count=$(tr -d '\r' <"$work/out" | sed -n "s/^DONE $worker //p")
    [ "${count:-0}" -gt 0 ]
    ok $? "$worker, ${count:-0} times"
done
done_testing
