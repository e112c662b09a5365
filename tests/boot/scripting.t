#!/bin/sh
# SPDX-License-Identifier: MIT
#
# scripting.t - the examples of docs/scripting.md, as they stand there, and 200 machines of which nothing is left.
#
# A block of the page that follows `<!-- runs: NAME -->` is run by what its name says, and prints what follows
# `<!-- prints: NAME -->`, if that is there.
. "$(dirname "$0")/lib.sh"
need_images

mkdir "$work/bin" "$work/page" "$work/at"
ln -s "$vmm" "$work/bin/vibevmm"
PATH=$work/bin:$PATH
for name in hello wc primes tick; do
    "$vmm" pack --board micro -o "$work/at/$name.itb" "$images/micro/examples/$name.elf" >"$work/log" 2>&1 || note "$work/log"
done
awk -v dir="$work/page/" '
    /^<!-- (runs|prints): / { file = dir $3 ($2 == "prints:" ? ".prints" : ""); next }
    /^```/ && file != "" { if (open) { close(file); file = "" } else printf "" >file; open = !open; next }
    open && file != "" { print >file }' "$top/docs/scripting.md"
cd "$work/at" || exit 1

run() { # SECONDS COMMAND...
    seconds=$1
    shift
    rc=0
    limit "$seconds" "$@" </dev/null >"$work/out" 2>"$work/err" || rc=$?
}

as_printed() { # NAME
    same "$work/out" "$work/page/$1.prints" "$1: prints what the page says"
}

printf 'a b\nc\n' >one.txt
: >two.txt
for n in 1 2 3; do
    seq $n >input.$n
done
# What stands in for Slurm: options away, then the command.
cat >"$work/bin/srun" <<'END'
#!/bin/sh
while :; do
    case $1 in --*) shift ;; *) exec "$@" ;; esac
done
END
chmod +x "$work/bin/srun"

run_block() { # NAME
    case $1 in
    array.sh)
        for n in 1 2 3; do
            SLURM_ARRAY_TASK_ID=$n run 60 sh "$work/page/$1"
            is_rc 0 "$1: task $n"
            echo "$n $n $((2 * n))" >"$work/want"
            same "output.$n" "$work/want" "and its output"
            has "report.$n.json" '"end":"off"' "and its report"
        done
        ;;
    *.sh)
        run 120 sh "$work/page/$1"
        is_rc 0 "$1: runs"
        as_printed "$1"
        ;;
    *.py)
        if command -v python3 >/dev/null; then
            run 60 python3 "$work/page/$1"
            is_rc 0 "$1: runs"
            as_printed "$1"
        else
            skip "no python3 here" "$1"
        fi
        ;;
    *.mk)
        run 60 make -s -f "$work/page/$1"
        is_rc 0 "$1: makes"
        printf '2 3 6\n0 0 0\n' >"$work/want"
        same "$work/out" "$work/want" "$1: what it should"
        mv wc.itb wc.away
        echo no image >wc.itb
        run 60 make -s -f "$work/page/$1"
        is_rc 2 "$1: fails as the machine does"
        [ ! -e one.counts ]
        ok $? "and leaves no half of a file"
        mv wc.away wc.itb
        ;;
    *.service) unit "$1" ;;
    Dockerfile) container ;;
    *) ok 1 "$1: the test knows how to run it" ;;
    esac
}

unit() { # NAME: systemd reads it; the launcher is where the tests have it
    if ! command -v systemd-analyze >/dev/null; then
        skip "no systemd here" "$1"
        return
    fi
    mkdir -p "$work/unit"
    sed "s,/usr/bin/vibevmm,$vmm," "$work/page/$1" >"$work/unit/machine@hello.service"
    run 60 systemd-analyze verify --man=no "$work/unit/machine@hello.service"
    # Where systemd does not run it complains about what else it reads; this unit's lines have its name.
    grep 'machine@' "$work/err" >"$work/complaints"
    [ ! -s "$work/complaints" ]
    ok $? "$1: systemd has no complaint" || note "$work/complaints"
}

# FROM scratch: an empty folder is the root, and what is in ENTRYPOINT is process 1.
container() {
    if ! unshare -r -p -f true 2>/dev/null; then
        skip "this host does not let one make namespaces" "Dockerfile"
        return
    fi
    if readelf -lW "$vmm" | grep -q INTERP; then
        skip "the program under test is not static" "Dockerfile"
        return
    fi
    mkdir "$work/root"
    # shellcheck disable=SC2013 # words
    for file in $(sed -n 's,^COPY \(.*\) /$,\1,p' "$work/page/Dockerfile"); do
        case $file in
        vibevmm) cp "$vmm" "$work/root/" ;;
        *) cp "$file" "$work/root/" ;;
        esac
    done
    entry=$(sed -n 's/^ENTRYPOINT \[\(.*\)\]$/\1/p' "$work/page/Dockerfile" | tr -d '",')
    # shellcheck disable=SC2086 # words
    run 60 unshare -r -p -f chroot "$work/root" $entry from 'a container'
    echo "Hello from a container!" >"$work/want"
    same "$work/out" "$work/want" "Dockerfile: runs with no other file in the root"
    is_rc 0 "and as process 1"
    cp tick.itb "$work/root/"
    unshare -r -p -f chroot "$work/root" /vibevmm run /tick.itb -- 600 </dev/null >"$work/out" 2>"$work/err" &
    pid=$!
    until grep -q tick "$work/out" || ! kill -0 $pid 2>/dev/null; do
        sleep 0.05
    done
    kill -TERM "$(pgrep -P $pid)"
    rc=0
    wait $pid || rc=$?
    is_rc 143 "which a signal ends"
}

for block in "$work/page"/*; do
    case $block in *.prints) ;; *) run_block "$(basename "$block")" ;; esac
done
set -- "$work/page"/*
[ $# -ge 12 ]
ok $? "the page has its examples"

# 200 machines, every other one with a disk whose changes go to a temporary file. The program has a name of its own, so
# that those that are left can be told from others'.
cp "$vmm" "$work/bin/one-of-200"
mkdir "$work/tmp"
head -c 65536 /dev/zero >base.img
cat >machine.sh <<'END'
disk=
[ $(($1 % 2)) = 0 ] || disk="--disk base.img,cow"
exec one-of-200 run $disk hello.itb -- machine "$1" >"out.$1" 2>"err.$1"
END
rm -f out.*
cat >many.sh <<'END'
stty -g >before
seq 200 | xargs -P 8 -I{} sh machine.sh {}
echo $? >rc
stty -g >after
END
TMPDIR=$work/tmp limit 300 script -qec "sh many.sh" /dev/null </dev/null >"$work/log" 2>&1
rc=$(cat rc)
is_rc 0 "200 machines by xargs -P 8: none fails"
for n in $(seq 200); do
    echo "Hello machine $n!"
done >"$work/want"
for n in $(seq 200); do
    cat "out.$n"
done >"$work/out"
same "$work/out" "$work/want" "each printed its own line"
cat err.* >"$work/err"
[ ! -s "$work/err" ]
ok $? "and no message" || note "$work/err"
left=$(for exe in /proc/[0-9]*/exe; do readlink "$exe" 2>/dev/null; done | grep -c one-of-200)
[ "$left" -eq 0 ]
ok $? "no process is left" || echo "# $left"
[ -z "$(ls -A "$work/tmp")" ]
ok $? "no temporary file is left"
[ -s before ] && cmp -s before after
ok $? "the terminal is as it was"
done_testing
