#!/bin/bash
# SPDX-License-Identifier: MIT
#
# nested-kvm.sh - run a program on a machine that has /dev/kvm, on one that
# has not.
#
# Part of Vibe-VMM.  Boots a Debian kernel in QEMU's software emulation (TCG)
# of a CPU with virtualisation extensions - arm64 with EL2, or x86-64 with
# SVM - so that /dev/kvm works in there, runs PROGRAM, prints what it printed
# and exits with its exit status.  See README.md.

set -u
export LC_ALL=C

usage() {
	cat <<'USAGE'
usage: nested-kvm.sh [OPTION]... ARCH PROGRAM [FILE]... [-- ARG...]

  ARCH      arm64 or x86
  PROGRAM   a static ARCH executable, or a #!/bin/sh script (busybox)
  FILE      a file or directory to put beside PROGRAM, under its own name;
            PROGRAM runs in the directory that holds them
  ARG       an argument for PROGRAM

  -d        deterministic: one nanosecond passes in the machine for each
            instruction it executes, so that times in it count instructions
            and are the same from run to run
  -c CPU    QEMU CPU model (arm64: neoverse-n1; x86: max)
  -g N      version of an arm64 machine's interrupt controller: 2 or 3 (3)
  -m MIB    memory of the machine (2048)
  -s N      CPUs of the machine (1; x86 with -d: only 1)
  -t SECS   give up after this many seconds of real time (300)
  -M MODULE load this kernel module too (tun, vhost_net...); may be repeated
  -o DIR    bring back what PROGRAM leaves in /out to DIR
  -v        show the kernel's messages, and QEMU's command line
  -h        this text

exit status: PROGRAM's; 124 if the time ran out; 125 if the machine could not
be made, or stopped before PROGRAM ended.

environment: NESTED_KVM_CACHE holds the kernels, fetched by apt-get download
on first use (default: ${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm/nested-kvm).
USAGE
}

die() {
	echo "nested-kvm: $*" >&2
	exit 125
}

# need COMMAND PACKAGE
need() {
	command -v "$1" >/dev/null 2>&1 ||
		die "$1 is missing: install the Debian package $2"
}

# ---------------------------------------------------------------- arguments

deterministic='' cpu='' mem=2048 smp=1 limit=300 gic=3 modules='' outdir='' verbose=''
while getopts dc:g:m:s:t:M:o:vh opt; do
	case $opt in
	d) deterministic=1 ;;
	c) cpu=$OPTARG ;;
	g) gic=$OPTARG ;;
	m) mem=$OPTARG ;;
	s) smp=$OPTARG ;;
	t) limit=$OPTARG ;;
	M) modules="$modules $OPTARG" ;;
	o) outdir=$OPTARG ;;
	v) verbose=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -ge 2 ] || { usage >&2; exit 125; }

arch=$1
program=$2
shift 2
files=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
	files+=("$1")
	shift
done
[ $# -eq 0 ] || shift           # the --; what is left is for PROGRAM

case $arch in
arm64 | aarch64)
	debarch=arm64
	elf_machine=183
	qemu='qemu-system-aarch64'
	qemu_package='qemu-system-arm'
	machine=virt,virtualization=on,gic-version=$gic
	: "${cpu:=neoverse-n1}"
	console=ttyAMA0
	kvm_modules=            # KVM is built in
	;;
x86 | x86_64 | amd64)
	debarch=amd64
	elf_machine=62
	qemu='qemu-system-x86_64'
	qemu_package='qemu-system-x86'
	machine=q35
	: "${cpu:=max}"
	console=ttyS0
	kvm_modules=kvm-amd     # TCG emulates AMD's SVM, not Intel's VMX
	[ -z "$deterministic" ] || [ "$smp" = 1 ] ||
		die "x86 with -d takes one CPU: with two, the kernel never boots"
	;;
*)
	die "unknown ARCH '$arch': arm64 or x86"
	;;
esac

for f in "$program" ${files[@]+"${files[@]}"}; do
	[ -e "$f" ] || die "$f: no such file"
done
# Byte 18 of an ELF file names the architecture.
if [ "$(od -An -c -N4 -- "$program" | tr -d ' ')" = '177ELF' ]; then
	[ "$(od -An -tu1 -j18 -N1 -- "$program" | tr -d ' ')" = "$elf_machine" ] ||
		die "$program is not a $debarch executable"
fi

need "$qemu" "$qemu_package"
need cpio cpio
need timeout coreutils
need awk mawk

# ------------------------------------------------------- kernel and busybox

cache=${NESTED_KVM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/vibevmm/nested-kvm}
mkdir -p "$cache" || die "cannot make $cache"
cache=$(cd "$cache" && pwd) || die "cannot enter $cache"
tmp=$(mktemp -d) || die "mktemp failed"
qemu_pid=''
trap '[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
	echo "nested-kvm: $*" >&2
}

# Fetches and unpacks what the machine needs into $cache/$debarch.
fill_cache() {
	need apt-get apt
	arch=$debarch log=$tmp/apt.log
	# shellcheck source=../../images/demo/debian.sh
	. "$(dirname "$0")/../../images/demo/debian.sh"
	say "fetching linux-image-cloud-$arch and busybox-static"
	mkdir "$tmp/fetch" "$tmp/new" || exit 125
	(cd "$tmp/fetch" && unpack "linux-image-cloud-$arch" "$arch" x &&
		unpack busybox-static "$arch" x) || {
		tail -n 5 "$log" >&2
		die "cannot fetch linux-image-cloud-$arch and busybox-static"
	}
	{
		mv "$tmp"/fetch/x/boot/vmlinuz-* "$tmp/new/vmlinuz" &&
			mv "$tmp/fetch/x/bin/busybox" "$tmp/new/busybox" &&
			mv "$tmp"/fetch/x/lib/modules/*/kernel "$tmp/new/modules"
	} || die "the packages do not hold what was expected"
	(cd "$tmp/fetch/x/boot" && echo vmlinuz-*) >"$tmp/new/version"
	# Another run may have been quicker; either copy will do.
	cp -R "$tmp/new" "$cache/.$debarch.$$" &&
		{ mv -T "$cache/.$debarch.$$" "$cache/$debarch" 2>/dev/null ||
			rm -rf "$cache/.$debarch.$$"; }
	[ -e "$cache/$debarch/version" ] || die "cannot fill $cache"
}

[ -e "$cache/$debarch/version" ] || fill_cache
kit=$cache/$debarch

# ---------------------------------------------------------------- initramfs

root=$tmp/root
mkdir -p "$root"/{bin,dev,proc,sys,tmp,out,modules,job} || exit 125
cp "$kit/busybox" "$root/bin/busybox" || exit 125
ln -s busybox "$root/bin/sh"

# add_module NAME: copies it, and before it what it needs, in loading order.
add_module() {
	local ko name dep

	ko=$(find "$kit/modules" -name "${1//[-_]/[-_]}.ko")
	[ -n "$ko" ] || die "the kernel has no module $1"
	name=${ko##*/}
	[ ! -e "$root/modules/$name" ] || return 0
	for dep in $(tr '\0' '\n' <"$ko" | sed -n 's/^depends=//p' |
		tr ',' ' '); do
		add_module "$dep"
	done
	cp "$ko" "$root/modules/" || exit 125
	echo "$name" >>"$root/modules/order"
}

: >"$root/modules/order"
for m in $kvm_modules $modules; do
	add_module "$m"
done

# add_file FILE: into the directory PROGRAM runs in.
add_file() {
	local name

	name=$(basename -- "$1")
	[ ! -e "$root/job/$name" ] || die "two files are called $name"
	cp -RL -- "$1" "$root/job/$name" || die "cannot copy $1"
}

for f in "$program" ${files[@]+"${files[@]}"}; do
	add_file "$f"
done
name=$(basename -- "$program")
chmod +x "$root/job/$name"

# PROGRAM and its arguments, each quoted for the shell.
quote() {
	local q="'\\''"

	printf "'%s' " "${1//\'/$q}"
}
{
	quote "./$name"
	for a in "$@"; do quote "$a"; done
} >"$root/command"

# Where /out goes: a second serial port, as both kernels have its driver.
out_port=
if [ -n "$outdir" ]; then
	need tar tar
	mkdir -p "$outdir" || die "cannot make $outdir"
	case $debarch in
	arm64) out_port=ttyS0 ;;
	amd64) out_port=ttyS1 ;;
	esac
fi
echo "$out_port" >"$root/out_port"

begin='@@nested-kvm-begin@@'
end='@@nested-kvm-end@@'

cat >"$root/init" <<INIT
#!/bin/sh
begin=$begin end=$end
INIT
cat >>"$root/init" <<'INIT'
export PATH=/bin HOME=/ TERM=dumb
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
stty -opost -echo
for m in $(cat /modules/order); do
	insmod "/modules/$m" || echo "$m: cannot load it"
done
[ -e /dev/kvm ] || { echo 'no /dev/kvm: this CPU model does not give one'
	dmesg | grep -i -e kvm -e svm -e el2; }

# Nanoseconds since boot, and how many of them the CPUs idled.
clocks() {
	awk '/^now at/ { now = $3 }
	     /idle_sleeptime/ { idle += $3 }
	     END { printf "%.0f %.0f", now, idle }' /proc/timer_list
}

cd /job
echo "$begin"
before=$(clocks)
eval "$(cat /command)" </dev/null 2>&1
status=$?
after=$(clocks)
echo
echo "$end $status $before $after"
port=$(cat /out_port)
if [ -n "$port" ]; then
	stty -F "/dev/$port" raw -echo
	tar -C /out -cf - . >"/dev/$port"
fi
sync
poweroff -f
INIT
chmod +x "$root/init"

# The same bytes each time, whatever the files' dates and places on disk.
find "$root" -exec touch -h -d @0 {} +
(cd "$root" && find . | sort | cpio -o -H newc -R 0:0 --reproducible --quiet) \
	>"$tmp/initramfs" || die "cpio failed"

# --------------------------------------------------------------------- run

append="console=$console panic=-1"
[ -n "$verbose" ] || append="$append loglevel=1"
set -- -M "$machine" -cpu "$cpu" -m "$mem" -smp "$smp" \
	-nodefaults -display none -no-reboot -kernel "$kit/vmlinuz" \
	-initrd "$tmp/initramfs" -serial stdio
if [ -n "$deterministic" ]; then
	# Virtual time follows the instruction count, idle time passes at
	# once, and neither the date nor any random number comes from the
	# host.  Fixed addresses keep layout from differing between programs.
	set -- "$@" -accel tcg,thread=single -icount shift=0,sleep=off \
		-rtc base=2024-01-01,clock=vm -seed 1
	append="$append nokaslr norandmaps"
else
	set -- "$@" -accel tcg,thread=multi
fi
if [ -n "$out_port" ]; then
	set -- "$@" -chardev "file,id=out,path=$tmp/out.tar"
	case $debarch in
	arm64) set -- "$@" -device pci-serial,chardev=out ;;
	amd64) set -- "$@" -serial chardev:out ;;
	esac
fi
[ -z "$verbose" ] || echo "nested-kvm: $qemu $* -append '$append'" >&2

# Passes on what is between the marks, without the newline added before the
# last one, as it comes; keeps everything in $tmp/console.
show() {
	local flags=''

	# mawk waits for whole blocks of input unless told otherwise.
	awk -W version 2>&1 </dev/null | grep -q mawk && flags='-W interactive'
	# shellcheck disable=SC2086
	tee "$tmp/console" | awk $flags -v begin="$begin" -v end="$end" \
		-v verbose="$verbose" -v result="$tmp/result" '
		index($0, end) == 1 { print >result; close(result); on = 0; next }
		on { printf "%s%s", nl, $0; nl = "\n"; fflush(); next }
		{ sub(/\r$/, "") }
		$0 == begin { on = 1; next }
		verbose { print >"/dev/stderr" }
		END { if (on) print "" }'
}

# In the background, so that a signal can stop it at once.
mkfifo "$tmp/serial" || exit 125
timeout -k 5 "$limit" "$qemu" "$@" -append "$append" </dev/null \
	>"$tmp/serial" 2>"$tmp/qemu.err" &
qemu_pid=$!
show <"$tmp/serial" &
show_pid=$!
wait "$qemu_pid"
qemu_status=$?
qemu_pid=''
wait "$show_pid"

if [ ! -s "$tmp/result" ]; then
	cat "$tmp/qemu.err" >&2
	if [ "$qemu_status" = 124 ] || [ "$qemu_status" = 137 ]; then
		echo "nested-kvm: no end after $limit seconds" >&2
		exit 124
	fi
	[ -n "$verbose" ] || tail -n 20 "$tmp/console" >&2
	die "the machine stopped before $name ended (QEMU's exit status:" \
		"$qemu_status)"
fi
read -r _ status now0 idle0 now1 idle1 <"$tmp/result"
[ -e "$tmp/out.tar" ] && { tar -C "$outdir" -xf "$tmp/out.tar" ||
	die "what came back from /out is not whole"; }
case $status in
126 | 127) echo "nested-kvm: status $status: is $name a static $debarch" \
	"executable, or a #!/bin/sh script?" >&2 ;;
esac
[ -z "$deterministic" ] || echo "nested-kvm: $name took $((now1 - now0)) ns" \
	"of machine time, $((idle1 - idle0)) of it idle" >&2
exit "$status"
