#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh [PART...] - the figures that vibevmm promises, as ratios measured in one run, rounds alternating.
#
#   start   exec to the first byte of a hello guest: vibevmm, QEMU, and the floor (a program that only maps memory)
#   size    size of the program; peak RSS beyond the pages of the guest
#   many    1000 machines one after the other, and the memory of 100 at once
#   boot    Debian's cloud kernel to the first line of user space: vibevmm and QEMU
#   idle    CPU use of a guest at its shell prompt, over 10 s
#   disk    a virtio disk in Linux, past the guest's cache: vibevmm and QEMU
#   stream  TCP through passt, and two ports of a virtio console: vibevmm and QEMU
#   exec    `vibevmm exec -- busybox true`, from start to end, with its phases: vibevmm, and QEMU on the same files
#   jit     programs in a Debian guest, by the JIT and in QEMU; the compiled ones natively, too
#   smp     four sha256sum at once in a Debian guest of 4 vCPUs, and one: vibevmm and QEMU
#   memory  of a Debian guest at its shell prompt, beyond its RAM: 1 and 4 vCPUs
#   l0      how often an access goes to the page of its base register's last one (make STATS=1)
#
# ROUNDS_START (100), ROUNDS_BOOT (5), ROUNDS_EXEC (10), ROUNDS_DISK (5), ROUNDS_STREAM (5), ROUNDS_JIT (7) and ROUNDS_SMP (7) set the number of
# rounds, MIB_STREAM (256) how much each stream carries. A part whose tool is missing says so.
set -u
cd "$(dirname "$0")/../.." || exit 1
vmm=$PWD/build/release/vibevmm
guests=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}
out=build/bench
mkdir -p $out
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
console=console=ttyAMA0,115200n8r
hello=build/images/virt/hello-once.elf

[ -x "$vmm" ] || { echo "bench: $vmm is not built" >&2; exit 125; }
strip -o $out/vibevmm "$vmm"
# Static, so that the timer itself is small: a child's peak RSS begins with that of its parent at vfork().
cc=gcc
! command -v musl-gcc >/dev/null || cc=musl-gcc
for program in firstbyte floor; do
    $cc -O2 -Wall -static -D_GNU_SOURCE -o $out/$program tests/bench/$program.c || exit 125
done
images/build.sh || exit 125
have_qemu() {
    command -v qemu-system-aarch64 >/dev/null || { echo "skipped QEMU: no qemu-system-aarch64 here"; return 1; }
}
have_cloud() {
    images/demo/build.sh cloud || { echo "skipped: Debian's cloud kernel cannot be fetched"; return 1; }
}

start() {
    echo "== exec to first guest byte (load $(cut -d' ' -f1 /proc/loadavg))"
    set -- "vibevmm hello" $out/vibevmm run --engine soft --mem 128M $hello -- "floor" $out/floor
    $out/firstbyte -n "${ROUNDS_START:-100}" "$@"
    have_qemu || return 0
    # Fewer rounds: one of QEMU's is as long as a hundred of ours.
    $out/firstbyte -n $((${ROUNDS_START:-100} / 4 + 1)) "$@" -- \
        "qemu hello" qemu-system-aarch64 -M virt -cpu cortex-a57 -m 128 -net none -nographic -kernel $hello
}

size() {
    echo "== size and memory"
    echo "stripped program: $(wc -c <$out/vibevmm) bytes"
    # A hello that goes on for ever, stopped by its full pipe: then the memory is looked at.
    mkfifo "$work/fifo"
    $out/vibevmm run --engine soft --mem 128M build/images/virt/hello.elf >"$work/fifo" 2>/dev/null </dev/null &
    pid=$!
    {
        sleep 1
        awk '
            /^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
            /^Size:/ { guest = $2 >= 131072 }
            /^Rss:/ { all += $2; if (guest) ram += $2 }
            END { printf "RSS of a hello guest that runs: %d KiB, of it guest pages: %d KiB, beyond them: %d KiB\n", all, ram, all - ram }
        ' /proc/$pid/smaps
        awk '/^VmHWM/ { printf "peak RSS: %d KiB\n", $2 }' /proc/$pid/status
        kill $pid
    } <"$work/fifo"
    wait "$pid" 2>/dev/null
}

# A thousand machines, one after the other; a hundred at once, each stopped by a full pipe: PSS, guest pages apart.
many() {
    echo "== many machines (load $(cut -d' ' -f1 /proc/loadavg))"
    n=0 t0=$(date +%s%N)
    while [ $n -lt 1000 ]; do
        $out/vibevmm run --engine soft --mem 128M $hello >/dev/null </dev/null || return 1
        n=$((n + 1))
    done
    echo "1000 times hello, start to end: $((($(date +%s%N) - t0) / 1000000)) us each, the shell's fork included"
    mkfifo "$work/many"
    exec 9<>"$work/many"
    pids=
    while [ $n -gt 900 ]; do
        n=$((n - 1))
        $out/vibevmm run --engine soft --mem 128M build/images/virt/hello.elf >&9 2>/dev/null </dev/null &
        pids="$pids $!"
    done
    sleep 3
    for pid in $pids; do
        cat "/proc/$pid/smaps"
    done | awk '
        /^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
        /^Size:/ { guest = $2 >= 131072 }
        /^Pss:/ { all += $2; if (guest) ram += $2 }
        END { printf "100 at once: PSS %d KiB each, of it guest pages: %d KiB, beyond them: %d KiB\n", all / 100, ram / 100, (all - ram) / 100 }'
    # shellcheck disable=SC2086 # words
    kill $pids
    # shellcheck disable=SC2086
    wait $pids 2>/dev/null
    exec 9>&-
}

boot() {
    echo "== Debian's cloud kernel to the first line of user space (load $(cut -d' ' -f1 /proc/loadavg))"
    have_cloud || return 0
    k=$guests/cloud/vmlinuz
    i=$guests/cloud/initrd.gz
    set -- vibevmm $out/vibevmm run --engine soft --mem 512M --kernel "$k" --initrd "$i" --append "$console quiet"
    if have_qemu; then
        set -- qemu qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -m 512 -net none -nographic -kernel "$k" \
            -initrd "$i" -append "$console quiet" -- "$@"
    fi
    $out/firstbyte -n "${ROUNDS_BOOT:-5}" -t "Debian's busybox" "$@"
}

# at_prompt OPTIONS...: a guest that waits at its shell prompt, $pid, until at_prompt_end.
at_prompt() {
    mkfifo "$work/in"
    $out/vibevmm run --engine soft --mem 512M --kernel "$guests/cloud/vmlinuz" --initrd "$guests/cloud/initrd.gz" \
        --append "$console quiet" "$@" <"$work/in" >"$work/out" 2>/dev/null &
    pid=$!
    exec 9>"$work/in"
    n=0
    until grep -q 'vibe:' "$work/out" || [ $n -gt 600 ]; do
        sleep 0.1
        n=$((n + 1))
    done
    sleep 2
}

at_prompt_end() {
    kill "$pid"
    wait "$pid" 2>/dev/null
    exec 9>&-
    rm "$work/in"
}

memory() {
    echo "== memory of a Debian guest at its shell prompt, beyond its RAM"
    have_cloud || return 0
    for cpus in 1 4; do
        at_prompt --cpus $cpus
        awk -v cpus=$cpus '
            /^[0-9a-f]+-[0-9a-f]+ / { guest = 0 }
            /^Size:/ { guest = $2 >= 524288 }
            /^Pss:/ && !guest { beyond += $2 }
            END { printf "%d vCPU: PSS %d KiB\n", cpus, beyond }
        ' /proc/$pid/smaps
        at_prompt_end
    done
}

idle() {
    echo "== CPU use at the shell prompt, 10 s"
    have_cloud || return 0
    at_prompt
    ticks() { awk '{ sub(/.*\) /, ""); print $12 + $13 }' /proc/$pid/stat; }
    before=$(ticks)
    sleep 10
    after=$(ticks)
    awk -v t=$((after - before)) -v hz="$(getconf CLK_TCK)" 'BEGIN { printf "%.2f %% of a core\n", 100 * t / hz / 10 }'
    at_prompt_end
}

# "WHO NAME MIB-PER-SECOND" lines of $work/figures as a table.
rates() {
    sort -k1,2 -k3n "$work/figures" | awk '
        { k = $2; v[$1, k, ++n[$1, k]] = $3; seen[k] = 1 }
        function med(who, k) { return n[who, k] ? v[who, k, int((n[who, k] + 1) / 2)] : 0 }
        END {
            printf "%-12s %3s %10s %10s %10s %10s %7s\n", "", "n", "ours max", "median", "qemu max", "median", "ratio"
            for (k in seen)
                printf "%-12s %3d %10.1f %10.1f %10.1f %10.1f %7.2f\n", k, n["vibevmm", k], v["vibevmm", k, n["vibevmm", k]],
                    med("vibevmm", k), v["qemu", k, n["qemu", k]], med("qemu", k),
                    med("qemu", k) ? med("vibevmm", k) / med("qemu", k) : 0
        }'
}

# guest_initrd PROGRAM DRIVER... <SCRIPT: $work/initrd.gz for the cloud kernel, with tests/bench/PROGRAM.c in it. Its init loads the
# drivers, runs the script and powers off. An init of its own: QEMU's serial port drops what comes in before the driver is there.
guest_initrd() {
    command -v aarch64-linux-gnu-gcc >/dev/null || { echo "skipped: no aarch64-linux-gnu-gcc here"; return 1; }
    rm -rf "$work/tree"
    mkdir -p "$work/tree/bin"
    aarch64-linux-gnu-gcc -O2 -Wall -static -D_GNU_SOURCE -o "$work/tree/bin/$1" "tests/bench/$1.c" -lm || exit 1
    shift
    {
        cat <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir -p /proc /sys /dev /sbin /tmp
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
END
        [ $# -eq 0 ] || echo depmod
        for driver; do
            echo "modprobe $driver"
        done
        echo 'exec </dev/console >/dev/console 2>&1'
        cat
        printf 'sleep 1\npoweroff -f\n'
    } >"$work/tree/load"
    chmod +x "$work/tree/load"
    (cd "$work/tree" && find . | cpio -o -H newc --quiet | gzip) >"$work/more.gz"
    cat "$guests/cloud/initrd.gz" "$guests/cloud/modules.gz" "$work/more.gz" >"$work/initrd.gz"
}

disk() {
    echo "== a virtio disk in Linux, MiB/s (load $(cut -d' ' -f1 /proc/loadavg))"
    have_cloud || return 0
    echo "diskload /dev/vda" | guest_initrd diskload virtio_mmio virtio_blk || return 0
    truncate -s 64M "$work/disk"
    k=$guests/cloud/vmlinuz
    append="$console quiet loglevel=0 rdinit=/load"
    n=0
    while [ $n -lt "${ROUNDS_DISK:-5}" ]; do
        n=$((n + 1))
        $out/vibevmm run --engine soft --mem 512M --kernel "$k" --initrd "$work/initrd.gz" --append "$append" \
            --disk "$work/disk" </dev/null | tr -d '\r' | sed -n 's/^\([sr][a-z]*-[a-z]* [0-9.]*\)$/vibevmm \1/p'
        ! have_qemu >/dev/null || qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -m 512 -net none -nographic \
            -kernel "$k" -initrd "$work/initrd.gz" -append "$append" -global virtio-mmio.force-legacy=false \
            -drive "file=$work/disk,format=raw,if=none,id=d" -device virtio-blk-device,drive=d </dev/null |
            tr -d '\r' | sed -n 's/^\([sr][a-z]*-[a-z]* [0-9.]*\)$/qemu \1/p'
    done >"$work/figures"
    rates
}

# One guest on each, alternating: TCP by a passt of its own, 127.0.0.1 of the host behind the guest's gateway; and two
# ports of a virtio console.
stream() {
    echo "== streams in Linux, MiB/s (load $(cut -d' ' -f1 /proc/loadavg))"
    have_cloud || return 0
    for tool in passt python3; do
        command -v $tool >/dev/null || { echo "skipped: no $tool here"; return 0; }
    done
    python3 tests/bench/streamserver.py "${MIB_STREAM:-256}" "$work/server" &
    server=$!
    until [ -e "$work/server" ]; do sleep 0.1; done
    guest_initrd streamload virtio_mmio virtio_console virtio_net <<END || { kill $server; return 0; }
ip link set eth0 up
cat >/tmp/dhcp <<'EOF'
#!/bin/sh
[ "\$1" = bound ] || exit 0
ip addr add "\$ip/\$mask" dev eth0; ip route add default via "\$router" dev eth0
EOF
chmod +x /tmp/dhcp
udhcpc -i eth0 -n -q -f -s /tmp/dhcp >/dev/null 2>&1
streamload net \$(ip route | sed -n 's/^default via \([^ ]*\).*/\1/p') $(cat "$work/server") ${MIB_STREAM:-256}
streamload port ${MIB_STREAM:-256}
END
    truncate -s "${MIB_STREAM:-256}M" "$work/zeros"
    k=$guests/cloud/vmlinuz
    append="$console quiet loglevel=0 rdinit=/load"
    n=0
    while [ $n -lt "${ROUNDS_STREAM:-5}" ]; do
        n=$((n + 1))
        $out/vibevmm run --engine soft --mem 512M --kernel "$k" --initrd "$work/initrd.gz" --append "$append" --net user \
            --port "down,in=$work/zeros" --port up,out=/dev/null </dev/null | tr -d '\r' | sed -n 's/^\([np][a-z-]* [0-9.]*\)$/vibevmm \1/p'
        have_qemu >/dev/null || continue
        # As root, passt becomes nobody before it makes its socket.
        mkdir -p "$work/passt" && chmod 711 "$work" && chmod 777 "$work/passt"
        passt -q -f -1 -s "$work/passt/sock" >/dev/null 2>&1 &
        until [ -S "$work/passt/sock" ]; do sleep 0.1; done
        [ -p "$work/down.in" ] || mkfifo "$work/down.in" "$work/down.out"
        cat "$work/zeros" >"$work/down.in" &
        qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -m 512 -nographic \
            -kernel "$k" -initrd "$work/initrd.gz" -append "$append" -global virtio-mmio.force-legacy=false \
            -netdev "stream,id=n,server=off,addr.type=unix,addr.path=$work/passt/sock" -device virtio-net-device,netdev=n \
            -device virtio-serial-device -chardev "pipe,id=down,path=$work/down" \
            -device virtserialport,chardev=down,name=down -chardev file,id=up,path=/dev/null \
            -device virtserialport,chardev=up,name=up </dev/null | tr -d '\r' | sed -n 's/^\([np][a-z-]* [0-9.]*\)$/qemu \1/p'
        rm -f "$work/passt/sock"
    done >"$work/figures"
    kill $server; wait $server 2>/dev/null
    rates
}

# The files that exec puts together, as an initramfs that QEMU can take.
exec_initramfs() { # CACHE OUT
    for d in bin dev etc mnt proc root sys tmp usr/bin var vibevmm/bin vibevmm/modules; do
        mkdir -p "$work/x/$d"
    done
    cp build/gen/exec_init_arm64 "$work/x/init"
    cp "$1/busybox/busybox" "$work/x/bin/"
    while read -r applet; do
        [ "$applet" = busybox ] || ln -s busybox "$work/x/bin/$applet"
    done <"$1/busybox/applets"
    {
        printf 'vibevmm exec 1\0'
        n=0
        while read -r class file; do
            [ "$class" = base ] || continue
            cp "$1/$exec_kernel/modules/$file" "$work/x/vibevmm/modules/$n"
            printf 'm/vibevmm/modules/%s\0' $n
            n=$((n + 1))
        done <"$1/$exec_kernel/modules/order"
        printf 'd/\0vPATH=/usr/bin:/bin\0abusybox\0atrue\0'
    } >"$work/x/vibevmm/run"
    (cd "$work/x" && find . | cpio -o -H newc -R 0:0 --quiet) >"$2"
}

exec_ours() {
    "$vmm" exec --engine soft --kernel "$cache/$exec_kernel/vmlinuz" --report "$work/report" -- busybox true </dev/null
}

exec_qemu() {
    qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -m 256 -net none -display none -serial null -monitor none \
        -no-reboot -kernel "$1/$exec_kernel/vmlinuz" -initrd "$work/initramfs" -append "$exec_append" \
        -global virtio-mmio.force-legacy=false -device virtio-serial-device \
        -chardev null,id=in -device virtserialport,nr=1,chardev=in \
        -chardev "file,id=out,path=$work/qemu.out" -device virtserialport,nr=2,chardev=out \
        -chardev "file,id=err,path=$work/qemu.err" -device virtserialport,nr=3,chardev=err \
        -chardev "file,id=control,path=$work/qemu.control" -device virtserialport,nr=4,chardev=control </dev/null
}

timed() { # NAME COMMAND...: its wall time in ms, as a line of $work/figures
    name=$1
    shift
    t0=$(date +%s%N)
    "$@" || { echo "bench: $name failed" >&2; return 1; }
    t1=$(date +%s%N)
    echo "$name $(((t1 - t0) / 1000)) us" >>"$work/figures"
}

exec_() {
    cache=$guests/exec/1/arm64
    [ -e "$cache/busybox/applets" ] || VIBEVMM_CACHE=$guests "$vmm" exec --setup ||
        { echo "skipped: exec --setup failed"; return 0; }
    export VIBEVMM_CACHE="$guests"
    for exec_kernel in cloud own; do
        [ ! -e "$cache/$exec_kernel" ] || exec_one || return 1
    done
}

exec_one() {
    echo "== exec -- busybox true, start to end (load $(cut -d' ' -f1 /proc/loadavg))"
    rm -rf "$work/x"
    exec_initramfs "$cache" "$work/initramfs"
    : >"$work/figures"
    : >"$work/phases"
    exec_ours || return 1
    exec_append=$(sed -n 's/.*"command_line":"\([^"]*\)".*/\1/p' "$work/report")
    n=0
    while [ $n -lt "${ROUNDS_EXEC:-10}" ]; do
        n=$((n + 1))
        timed vibevmm exec_ours || return 1
        tr -d '\n ' <"$work/report" | sed 's/.*"phases_ns":{\([^}]*\)}.*/\1\n/' | tr , '\n' |
            sed -n 's/"\(.*\)":\([0-9]*\)...$/\1 \2/p' >>"$work/phases"
        ! have_qemu >/dev/null || timed qemu exec_qemu "$cache" || return 1
    done
    [ "$(tr -d '\0' <"$work/qemu.control")" = ipe ] 2>/dev/null || ! have_qemu || { echo "bench: QEMU's program did not run" >&2; return 1; }
    echo "kernel: $exec_kernel, command line: $exec_append"
    sort -k1,1 -k2n "$work/figures" | awk '
        { v[$1, ++n[$1]] = $2 }
        function med(who) { return v[who, int((n[who] + 1) / 2)] / 1000 }
        END {
            for (who in n)
                printf "%-8s n %d, min %.0f ms, median %.0f ms\n", who, n[who], v[who, 1] / 1000, med(who)
            if (n["qemu"])
                printf "ratio of medians %.2f\n", med("vibevmm") / med("qemu")
        }'
    sort -k1,1 -k2n "$work/phases" | awk '
        { v[$1, ++n[$1]] = $2 }
        function med(who) { return v[who, int((n[who] + 1) / 2)] / 1000 }
        END {
            printf "launcher %.1f ms, kernel %.1f ms, init %.1f ms, program %.1f ms, end %.1f ms\n", med("first_instruction"),
                med("init") - med("first_instruction"), med("program") - med("init"),
                med("program_end") - med("program"), med("end") - med("program_end")
        }'
}

# What a guest runs: "= NAME SECONDS" for each program.
jit_script() {
    cat <<'END'
cat >/tmp/mktext <<'EOF'
BEGIN { x = 1; for (i = 0; i < 30000; i++) { x = (x * 16807) % 2147483647; print "line", x % 9973, "of a text", x % 101, i } }
EOF
awk -f /tmp/mktext >/tmp/text
cat /tmp/text /tmp/text /tmp/text /tmp/text /tmp/text >/tmp/text5
cpuload -x sha256sum sha256sum /tmp/text5 /tmp/text5 /tmp/text5 /tmp/text5 >/tmp/o
cpuload -x gzip sh -c 'gzip -9 -c /tmp/text5 | gunzip | cmp - /tmp/text5' >>/tmp/o
cpuload -x bzip2 sh -c 'bzip2 -c /tmp/text | bunzip2 | cmp - /tmp/text' >>/tmp/o
cpuload -x awk awk 'BEGIN { for (i = 1; i < 200000; i++) s += i * 1.5 / (i + 2); print s }' >>/tmp/o
cpuload -x sort sh -c 'sort -k2n /tmp/text5 | tail -n 1' >>/tmp/o
cpuload >>/tmp/o
sed -n 's/^\([a-z0-9]* [0-9.]*\)$/= \1/p' /tmp/o
END
}

jit() {
    echo "== programs in Debian's cloud kernel, seconds (load $(cut -d' ' -f1 /proc/loadavg))"
    have_cloud || return 0
    jit_script | guest_initrd cpuload || return 0
    native=
    ! gcc -O2 -Wall -static -D_GNU_SOURCE -o "$work/native" tests/bench/cpuload.c -lm || native=$work/native
    append="$console quiet loglevel=0 rdinit=/load"
    n=0
    while [ $n -lt "${ROUNDS_JIT:-7}" ]; do
        n=$((n + 1))
        $out/vibevmm run --engine soft --mem 512M --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" --append "$append" \
            </dev/null | tr -d '\r' | sed -n 's/^= \(.*\)/vibevmm \1/p'
        ! have_qemu >/dev/null || qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -accel tcg,thread=multi -m 512 \
            -net none -nographic -kernel "$guests/cloud/vmlinuz" -initrd "$work/initrd.gz" -append "$append" </dev/null |
            tr -d '\r' | sed -n 's/^= \(.*\)/qemu \1/p'
        [ -z "$native" ] || "$native" | sed 's/^/native /'
    done >"$work/figures"
    sort -k1,2 -k3n "$work/figures" | awk '
        { k = $2; v[$1, k, ++n[$1, k]] = $3; if ($1 == "vibevmm") seen[k] = 1 }
        function min(who, k) { return n[who, k] ? v[who, k, 1] : 0 }
        function med(who, k) { return n[who, k] ? v[who, k, int((n[who, k] + 1) / 2)] : 0 }
        END {
            printf "%-10s %3s %9s %9s %9s %9s %9s %9s %9s\n", "", "n", "ours min", "median", "qemu min", "median", "min ratio", "median r.", "to native"
            for (k in seen) {
                printf "%-10s %3d %9.3f %9.3f %9.3f %9.3f", k, n["vibevmm", k], min("vibevmm", k), med("vibevmm", k), min("qemu", k), med("qemu", k)
                printf " %9.2f %9.2f", min("qemu", k) / min("vibevmm", k), med("qemu", k) / med("vibevmm", k)
                printf n["native", k] ? " %9.2f\n" : "\n", min("native", k) ? min("vibevmm", k) / min("native", k) : 0
            }
        }'
}

# Each process has the same work; the throughput of four is 4 x the time of one / the time of four. It takes seconds: each
# vCPU translates for itself first, which with a tenth of the data made 1.9 times 1.5.
smp() {
    echo "== four sha256sum at once and one, 4 vCPUs, $(nproc) host CPUs (load $(cut -d' ' -f1 /proc/loadavg))"
    have_cloud || return 0
    guest_initrd cpuload <<'END' || return 0
head -c 240000000 /dev/zero >/tmp/data
cat >/tmp/four <<'EOF'
for i in 1 2 3 4; do sha256sum /tmp/data & done
wait
EOF
sha256sum /tmp/data >/dev/null
cpuload -x one sha256sum /tmp/data >/tmp/o
cpuload -x four sh /tmp/four >>/tmp/o
sed -n 's/^\([a-z]* [0-9.]*\)$/= \1/p' /tmp/o
END
    append="$console quiet loglevel=0 rdinit=/load"
    n=0
    while [ $n -lt "${ROUNDS_SMP:-7}" ]; do
        n=$((n + 1))
        $out/vibevmm run --engine soft --cpus 4 --mem 512M --kernel "$guests/cloud/vmlinuz" --initrd "$work/initrd.gz" \
            --append "$append" </dev/null | tr -d '\r' | sed -n "s/^= \(.*\)/vibevmm $n \1/p"
        ! have_qemu >/dev/null || qemu-system-aarch64 -M virt,gic-version=3 -cpu cortex-a57 -accel tcg,thread=multi -smp 4 -m 512 \
            -net none -nographic -kernel "$guests/cloud/vmlinuz" -initrd "$work/initrd.gz" -append "$append" </dev/null |
            tr -d '\r' | sed -n "s/^= \(.*\)/qemu $n \1/p"
    done >"$work/figures"
    awk '{ t[$1, $2, $3] = $4; who[$1] = 1 } END {
        for (w in who) for (i = 1; (w, i, "four") in t; i++) print w, 4 * t[w, i, "one"] / t[w, i, "four"] }' "$work/figures" |
        sort -k1,1 -k2n | awk '
        { v[$1, ++n[$1]] = $2 }
        END { for (w in n) printf "%-8s n %d, min %.2f, median %.2f times the throughput of one\n", w, n[w], v[w, 1], v[w, int((n[w] + 1) / 2)] }'
}

l0() {
    echo "== L0 and TLB on the boot"
    have_cloud || return 0
    make -s STATS=1 bench-l0 >/dev/null || return 1
    printf 'exit\n' | build/release-stats/vibevmm-l0 run --engine soft --soft interp --mem 512M --kernel "$guests/cloud/vmlinuz" \
        --initrd "$guests/cloud/initrd.gz" --append "$console quiet loglevel=0 vibevmm.pipe=1" 2>&1 >/dev/null | grep '^l0:'
}

[ $# -gt 0 ] || set -- start size many boot idle disk stream exec jit smp memory l0
for part; do
    case $part in
    start | size | many | boot | idle | disk | stream | jit | smp | memory | l0) $part ;;
    exec) exec_ ;;
    *) echo "bench: no part \"$part\"" >&2; exit 125 ;;
    esac
done
