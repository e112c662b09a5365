#!/bin/sh
# SPDX-License-Identifier: MIT
#
# kvm-arm64.t - the KVM engine on an ARM64 host that QEMU emulates (nested-kvm.sh): bare-metal guests print and
# end as they do on the soft engine here, Debian's kernel runs a script, and what a host can lack is said.
#
# VIBEVMM_KVM names the ARM64 build under test. Not among the guests: `strict`, because the emulated CPU is
# lenient where that one is not.
. "$(dirname "$0")/lib.sh"
nested_arch=arm64
kvm_vmm=${VIBEVMM_KVM:-$top/build/release-aarch64-linux-gnu-gcc-glibc/vibevmm}

for tool in qemu-system-aarch64:qemu-system-arm cpio:cpio aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu; do
    command -v "${tool%:*}" >/dev/null || skip_all "no ${tool%:*} here (Debian: ${tool#*:})"
done
[ -x "$kvm_vmm" ] || skip_all "no ARM64 build (make CROSS=aarch64-linux-gnu-)"
need_images
machine='-s 2'

# The list is kept for the comparison with soft: name, input, arguments without the engine.
list() {
    printf '%s\n' "$*" >>"$work/list"
}
args() { # BOARD GUEST: of `run`, in the folder of the images
    guest "$@" | cut -d ' ' -f 2- | sed "s,$images/,./,"
}
for board in virt micro vibe; do
    for name in hello-once exceptions mmu timer irq fp selfmod; do
        list $board/$name - "$(args $board $name)"
    done
    list $board/smp.2 - "$(args $board smp) --cpus 2"
    list $board/library.2 - "$(args $board library) --cpus 2"
    list $board/primes.2 - "$(args $board examples/primes) --cpus 2 -- 100000"
    list $board/wc 'one\ttwo\nthree' "$(args $board examples/wc)"
    list $board/httpd - "$(args $board examples/httpd)" # no network: it says so
    list $board/example-hello - "$(args $board examples/hello) -- a b"
done
list virt/smp.8 - "$(args virt smp) --cpus 8"
list virt/echo 'ab\ncd\nq' "$(args virt echo)"
list virt/echo-irq 'one\ntwo\nq' "$(args virt echo-irq)"
for word in 7 off reset restart; do
    list virt/exit-$word "$word"'\n' "$(args virt exit-status)"
done
sed 's/^\([^ ]* [^ ]*\)/\1 --engine kvm --timeout 120s/' "$work/list" >"$work/cases"
cat >>"$work/cases" <<'END'
jump-nowhere - --engine kvm --timeout 2s --board virt ./virt/jump-nowhere.elf
timeout-smp - --engine kvm --timeout 2s --cpus 4 --board virt ./virt/jump-nowhere.elf
mmio-hammer - --engine kvm --timeout 120s --board virt ./virt/mmio-hammer.elf
too-many - --engine kvm --cpus 9 ./virt/hello-once.elf
END

nested 900 "$images/virt" "$images/micro" "$images/vibe" -- errors
ok "$nested_rc" "the emulated host ran to its end" || note "$work/nested.err"

while read -r name input args <&3; do
    case_of "$name"
    # shellcheck disable=SC2086 # arguments
    (cd "$images" && printf '%b' "${input#-}" |
        limit 60 "$vmm" run --engine soft $args >"$work/soft" 2>"$work/soft.err")
    is_status $? "$name: ends as on soft"
    same "$work/out" "$work/soft" "$name: prints what it prints on soft"
done 3<"$work/list"

case_of jump-nowhere
is_status 124 "--timeout ends a guest that spins in exceptions"
case_of timeout-smp
is_status 124 "--timeout, 4 vCPUs of which three were never turned on"
case_of sigterm
is_status 143 "SIGTERM ends a guest that spins"
case_of mmio-hammer
is_status 123 "a pair stored to nowhere: hardware cannot pass it on"
has "$work/err" "--engine soft can" "and the message says what can"
has "$work/err" "guest_main" "with the PC's symbol"
case_of too-many
is_status 125 "--cpus 9 is refused"
case_of no-permission
is_status 125 "/dev/kvm without permission"
has "$work/err" "usermod -aG kvm" "says which group"
case_of no-device
is_status 125 "no /dev/kvm"
has "$work/err" "/dev/kvm is missing" "says so"
case_of not-kvm
is_status 125 "/dev/kvm is another device"
has "$work/err" "is not KVM" "says so"
case_of auto-without
is_status 0 "--engine auto without /dev/kvm"
has "$work/err" "engine soft: engine kvm: /dev/kvm is missing" "takes soft, -v says why"
case_of auto-with
is_status 0 "--engine auto"
has "$work/err" "engine kvm" "takes kvm"

# linux_case CPUS: a line of $work/cases
linux_case() {
    cat >>"$work/cases" <<END
linux.$1 uname\040-m\ngrep\040-c\040^processor\040/proc/cpuinfo\necho\040a\040|\040tr\040a\040c\nexit\n \
--engine kvm --timeout 500s --kernel vmlinuz --initrd initrd.gz --mem 512M --cpus $1 \
--append 'console=ttyAMA0,115200n8r quiet loglevel=0 vibevmm.pipe=1'
END
}
linux_ran() { # CPUS NAME
    case_of "linux.$1"
    is_status 0 "$2: a script runs, power-off"
    tr -d '\r' <"$work/out" | sed '1,/vibevmm: ready/d' >"$work/got"
    printf 'aarch64\n%s\nc\n' "$1" >"$work/want"
    same "$work/got" "$work/want" "and prints what it should"
}
have_linux=1
"$top/images/demo/build.sh" cloud >"$work/build.log" 2>&1 || have_linux=
if [ $have_linux ]; then
    : >"$work/cases"
    linux_case 1
    linux_case 2
    nested 1200 "$guests/cloud/vmlinuz" "$guests/cloud/initrd.gz"
    linux_ran 1 "Debian's kernel, 1 vCPU"
    linux_ran 2 "Debian's kernel, 2 vCPUs"
else
    skip "Debian's kernel cannot be fetched: $(tail -n 1 "$work/build.log")" "Debian's kernel as the guest"
fi

# A host with a GICv2 only: guests have one too, and the device tree says so to Linux.
machine='-s 2 -g 2'
: >"$work/cases"
for board in virt micro vibe; do
    echo "v2.$board - --engine kvm --timeout 120s $(args $board hello-once)" >>"$work/cases"
done
echo "v2.irq - --engine kvm --timeout 120s $(args virt irq-v2)" >>"$work/cases"
set -- "$images/virt" "$images/micro" "$images/vibe"
if [ $have_linux ]; then
    linux_case 2
    set -- "$@" "$guests/cloud/vmlinuz" "$guests/cloud/initrd.gz"
fi
nested 1200 "$@"
echo 'Hello World!' >"$work/want"
for board in virt micro vibe; do
    case_of v2.$board
    is_status 0 "a host with a GICv2 runs board $board"
    same "$work/out" "$work/want" "and its guest prints"
done
case_of v2.irq
is_status 0 "the guest's GICv2: private and shared interrupts, priorities, both steps of the end"
has "$work/out" "ok 22 - DIR ends it" "all of them"
[ ! $have_linux ] || linux_ran 2 "Debian's kernel on a GICv2, 2 vCPUs"
done_testing
