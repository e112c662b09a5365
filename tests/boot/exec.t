#!/bin/sh
# SPDX-License-Identifier: MIT
#
# exec.t - `vibevmm exec` as the Unix command it wants to be: streams, statuses, signals, folders; busybox from Debian in
# the kernel that --setup fetches.
. "$(dirname "$0")/lib.sh"
export VIBEVMM_CACHE="$guests"
[ -s "$top/build/gen/exec_init_arm64" ] || skip_all "no compiler for ARM64 when vibevmm was built"
[ -s "$guests/exec/1/arm64/busybox/applets" ] || "$vmm" exec --setup >"$work/setup" 2>&1 ||
    skip_all "exec --setup: $(tail -n 1 "$work/setup")"
cd "$work" || exit 1

# run_exec ARGS...: as run_vmm
run_exec() {
    run_vmm 240 exec "$@"
}
text_is() { # FILE TEXT NAME
    printf '%b' "$2" >want
    same "$1" want "$3"
}

printf 'b\na\n' >in
run_exec -- busybox sort <in
is_rc 0 "busybox sort: status"
text_is out 'a\nb\n' "sorted output, and nothing else"
text_is err '' "nothing on standard error"
run_exec -- busybox false </dev/null
is_rc 1 "busybox false"
# shellcheck disable=SC2016 # the guest's shell expands it
run_exec -- sh -c 'kill -9 $$' </dev/null
is_rc 137 "a program killed by a signal: 128 and its number"
run_exec sh -c 'echo out; echo err >&2; exit 42' </dev/null
is_rc 42 "its own status, without --"
text_is out 'out\n' "standard output"
text_is err 'err\n' "and standard error are apart"
limit 240 "$vmm" exec -- sh -c 'for i in 1 2 3 4 5; do echo $i; echo $i >&2; done' </dev/null >both 2>&1
text_is both '1\n1\n2\n2\n3\n3\n4\n4\n5\n5\n' "of one file, in their order"

rm -f rc
(
    limit 240 "$vmm" exec -- busybox yes 2>err
    echo $? >rc
) | head -n 1 >out
text_is out 'y\n' "yes | head -n 1 ends"
text_is rc '141\n' "by SIGPIPE"

head -c 64000000 /dev/urandom >big
run_exec -- cat <big
is_rc 0 "64 MB through cat"
same out big "byte for byte, from a file"
# shellcheck disable=SC2002 # a pipe is meant
cat big | limit 240 "$vmm" exec -- cat 2>err | cmp - big
ok $? "and from a pipe to a pipe" || note err
run_exec -- wc -c <big
text_is out '64000000\n' "wc counts them"
(sleep 1; printf late) | limit 240 "$vmm" exec -- cat >out
text_is out late "a writer that comes late"
run_exec -- cat </dev/null
is_rc 0 "/dev/null ends at once"
run_exec -- sh -c 'cat; echo end' <&-
text_is out 'end\n' "so does a closed standard input"
run_exec -- sh -c 'exec <&-; echo goes on' <big
text_is out 'goes on\n' "a program that closes its input"
run_exec -- head -c 3 <big
[ "$(wc -c <out)" -eq 3 ] && [ "$rc" -eq 0 ]
ok $? "one that takes a little of it"
run_exec -- sh -c 'head -c 3000000 /dev/zero; sleep 1000 & exit 5' </dev/null
is_rc 5 "the program's end is the machine's, whatever it leaves running"
[ "$(wc -c <out)" -eq 3000000 ]
ok $? "and all it wrote has come"
rc=0
limit 240 "$vmm" exec -- echo lost >/dev/full 2>err </dev/null || rc=$?
is_rc 125 "a full disk is no success"
has err "standard output: No space left on device" "and is told"

run_exec -- nosuch </dev/null
is_rc 127 "a program that is not there"
has err "nosuch: no such program in the machine" "is named"
printf '#!/bin/sh\necho "$# $1 $2"; exit 9\n' >script
chmod 755 script
run_exec ./script 'a  b' '' </dev/null
is_rc 9 "a script"
text_is out '2 a  b \n' "and its arguments, as they are"
printf '#!/no/such\n' >script
run_exec ./script </dev/null
is_rc 127 "a script without its interpreter"
cp "$guests/exec/1/arm64/busybox/busybox" busybox.arm64
run_exec ./busybox.arm64 echo "a
b" </dev/null
text_is out 'a\nb\n' "a program of the host's"
printf '\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\2\0\267\0' >bad # an ELF header and nothing behind it
head -c 4000 /dev/zero >>bad
chmod 755 bad
run_exec ./bad </dev/null
is_rc 126 "what the kernel does not execute"
has err "cannot execute" "says so"
HERE=inherited run_exec --env A=1 --env HERE --env 'PATH=/bin' --env GONE sh -c 'echo $A $HERE $PATH ${GONE-unset} $HOME; pwd' </dev/null
text_is out '1 inherited /bin unset /root\n/\n' "the environment, and the working folder"

# signals
started() {
    until grep -q ready out; do
        kill -0 $pid 2>/dev/null || return 1
        sleep 0.1
    done
}
# A job in the background ignores SIGINT, and what was ignored stays so.
signalled() { # SCRIPT: in the background, until it has printed "ready"
    : >out
    env --default-signal "$vmm" exec --timeout 200s -- sh -c "$1" </dev/null >out 2>err &
    pid=$!
    started
}
ended() {
    rc=0
    wait $pid || rc=$?
}
signalled 'echo ready; exec sleep 1000'
kill -TERM $pid
ended
is_rc 143 "SIGTERM reaches the program"
signalled 'trap "echo caught; exit 7" INT; echo ready; while :; do sleep 1; done'
kill -INT $pid
ended
is_rc 7 "SIGINT can be caught"
text_is out 'ready\ncaught\n' "and was"
signalled 'trap "" TERM; echo ready; while :; do sleep 1; done'
kill -TERM $pid
sleep 1
kill -0 $pid
ok $? "a program may ignore one"
kill -TERM $pid
ended
is_rc 143 "a second one ends the machine"
run_exec --timeout 5s -- sleep 1000 </dev/null
is_rc 124 "--timeout"

# a terminal: as it was, ^D is the end of input, ^C a signal to all that runs
if command -v python3 >/dev/null && python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
    cat >on_pty.py <<'END'
import os, pty, sys, termios, time
keys = sys.argv[1].encode().decode("unicode_escape").encode()
pid, fd = pty.fork()
if not pid:
    os.execv(sys.argv[2], sys.argv[2:])
out, sent = b"", False
while True:
    try:
        got = os.read(fd, 4096)
    except OSError:
        break
    if not got:
        break
    out += got
    if b"ready" in out and not sent:
        sent = True
        print("cooked" if termios.tcgetattr(fd)[3] & termios.ICANON else "raw")
        os.write(fd, keys)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), repr(out))
END
    limit 240 python3 on_pty.py 'line\n\x04' "$vmm" exec -- sh -c 'echo ready; cat; echo end' >out 2>&1
    has out cooked "a terminal stays as it is"
    has out "ready\\r\\nline\\r\\nline\\r\\nend\\r\\n" "and ^D ends the input"
    has out "0 b" "with status 0"
    limit 240 python3 on_pty.py '\x03' "$vmm" exec -- sh -c 'echo ready; sleep 1000; echo not reached' >out 2>&1
    has out "130 b" "^C ends a shell and what it runs"
else
    skip "no python3, or no terminals" "a terminal"
fi

# folders
if [ -e "$guests/exec/1/arm64/own" ] || [ -e "$guests/exec/1/arm64/standard" ]; then
    mkdir dir two
    echo content >dir/file
    echo other >two/file
    run_exec --share dir --share two:other,rw -- sh -c 'pwd; cat file; (echo x >new) 2>/dev/null || echo read-only
        cat /mnt/other/file; head -c 1000000 /dev/zero >/mnt/other/new' </dev/null
    is_rc 0 "shared folders"
    text_is out '/mnt/share\ncontent\nread-only\nother\n' "the first is the working folder, and read-only"
    [ "$(wc -c <two/new)" -eq 1000000 ] && [ ! -e dir/new ]
    ok $? "what was written is there"
else
    skip "no kernel with 9P was set up" "shared folders"
fi

# a kernel of one's own, with modules beside it; a kernel that panics
cp -r "$guests/exec/1/arm64/cloud" kernel
run_exec --kernel kernel/vmlinuz --cpus 2 --mem 300M --report report -- nproc </dev/null
is_rc 0 "--kernel, with modules beside it"
text_is out '2\n' "--cpus"
has report '"program_end":' "the report has the phases"
rm kernel/modules/order
run_exec --kernel kernel/vmlinuz -- true </dev/null
is_rc 125 "a kernel without its drivers"
has err "this kernel has no driver" "says which"
run_exec -- poweroff -f </dev/null
is_rc 0 "a program that powers off"
run_exec -- reboot -f </dev/null
is_rc 121 "one that resets the machine"
run_exec -- sh -c 'kill -9 1; yes >/dev/ttyAMA0 & sleep 1; exit 3' </dev/null
is_rc 3 "one that is hostile to process 1, and fills the console"
text_is err '' "of which nothing is seen"
"$vmm" exec -- sleep 1000 </dev/null >out 2>err &
pid=$!
sleep 0.3
kill -TERM $pid
ended
is_rc 143 "SIGTERM before the program has begun"
run_exec --append rdinit=/none -- true </dev/null
is_rc 122 "a kernel that panics"
has err "Kernel panic" "shows its last words"
done_testing
