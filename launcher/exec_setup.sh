# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # $cache and $lists are debian.sh's
#
# exec_setup.sh CACHE VIBEVMM ARCH... - what `vibevmm exec --setup` does: a kernel with its drivers, and busybox, from
# Debian's archive. It is part of the launcher, behind images/demo/debian.sh, whose functions it uses; the folders it
# makes are described in exec_cache.c.
set -eu

exec_dir=$1
vibevmm=$2
shift 2

say() {
    echo "vibevmm: $*" >&2
}

# module_find TREE NAME: its file, below TREE. A file's name has - or _ where the module's has _.
module_find() {
    (cd "$1" && find lib/modules usr/lib/modules -name "$(echo "$2" | sed 's/[-_]/[-_]/g').ko*" 2>/dev/null | head -n 1)
}

module_builtin() { # TREE NAME
    find "$1/lib/modules" "$1/usr/lib/modules" -name modules.builtin -exec cat {} + 2>/dev/null |
        grep -q "/$(echo "$2" | sed 's/[-_]/[-_]/g')\.ko"
}

# module_copy FILE TO: unpacked
module_copy() {
    case $1 in
    *.ko) cp "$1" "$2" ;;
    *.ko.xz) xz -dc "$1" >"$2" ;;
    *.ko.zst) zstd -qdc "$1" >"$2" ;;
    *) return 1 ;;
    esac
}

# modules_of TREE OUT CLASS NAME...: these modules and what they depend on, with a line in OUT/order for each that is
# not there yet, in the order of loading. 1: the kernel has not all of them.
modules_of() {
    tree=$1 out=$2 class=$3
    shift 3
    : >pairs
    while [ $# -gt 0 ]; do
        module=$(echo "$1" | tr - _)
        shift
        if ! grep -q "^$module $module\$" pairs; then
            file=$(module_find "$tree" "$module")
            if [ -n "$file" ]; then
                module_copy "$tree/$file" "$out/$module.ko" || return 1
                echo "$module $module" >>pairs
                for needed in $(tr '\0' '\n' <"$out/$module.ko" | sed -n 's/^depends=//p' | tr ,- ' _'); do
                    echo "$needed $module" >>pairs
                    set -- "$@" "$needed"
                done
            elif ! module_builtin "$tree" "$module"; then
                echo "no module $module" >>"$log"
                return 1
            fi
        fi
    done
    tsort pairs | while read -r module; do
        [ ! -e "$out/$module.ko" ] || grep -q " $module.ko\$" "$out/order" || echo "$class $module.ko" >>"$out/order"
    done
}

# put NAME: the finished folder out is $exec_dir/$arch/NAME, at once.
put() {
    mkdir -p "$exec_dir/$arch"
    rm -rf old
    [ ! -e "$exec_dir/$arch/$1" ] || mv "$exec_dir/$arch/$1" old
    mv out "$exec_dir/$arch/$1"
}

# kernel NAME PACKAGE
kernel() {
    say "fetching $2 ($arch)"
    rm -rf x out
    unpack "$2" "$arch" x || return 1
    mkdir -p out/modules
    : >out/modules/order
    modules_of x out/modules base virtio_mmio virtio_console || return 1
    if modules_of x out/modules 9p 9p 9pnet_virtio; then
        grep -q '^9p ' out/modules/order || echo "9p -" >>out/modules/order
    else
        sed -i '/^9p /d' out/modules/order
    fi
    cp x/boot/vmlinuz-* out/vmlinuz || return 1
    put "$1"
}

busybox() {
    say "fetching busybox-static ($arch)"
    rm -rf x out
    unpack busybox-static "$arch" x || return 1
    mkdir out
    cp x/bin/busybox out/busybox 2>/dev/null || cp x/usr/bin/busybox out/busybox || return 1
    chmod 755 out/busybox
    case $arch-$(uname -m) in # its names, from itself; of another CPU's, see try_out()
    amd64-x86_64 | arm64-aarch64) out/busybox --list >out/applets || return 1 ;;
    esac
    put busybox
}

# The names of ARM64's busybox, from a machine: this is also the proof that one runs.
try_out() {
    "$vibevmm" exec --timeout 120s -- busybox --list </dev/null >applets || return 1
    grep -qx sh applets || return 1
    mv applets "$exec_dir/arm64/busybox/applets"
}

fail() {
    say "exec --setup: $* (details: $log)"
    exit 125
}

mkdir -p "$exec_dir"
cache=$(cd "$exec_dir/../.." && pwd)
log=$exec_dir/setup.log
: >"$log"
scratch=$(mktemp -d "$exec_dir/tmp.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
cd "$scratch"
for arch; do
    private=
    busybox || fail "busybox-static cannot be fetched"
    kernel cloud "linux-image-cloud-$arch" || fail "linux-image-cloud-$arch cannot be fetched"
    kernel standard "linux-image-$arch" ||
        say "linux-image-$arch cannot be fetched: no --share (details: $log)"
done
case " $* " in
*" arm64 "*) try_out || fail "a first program did not run" ;;
esac
say "ready: vibevmm exec -- busybox uname -a"
