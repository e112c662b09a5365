#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - fetch real guests from Debian's archive and make them ready to boot.
#
#   build.sh [cloud | standard | installer | u-boot | cloud-amd64]...      (nothing said: cloud)
#
# Packages come through apt (debian.sh), so what is fetched is signed. Everything is kept under
# ${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-~/.cache}/vibevmm}:
#
#   cloud/vmlinuz cloud/initrd.gz cloud/modules.gz    linux-image-cloud-arm64, busybox-static
#   standard/vmlinuz standard/initrd.gz      linux-image-arm64, busybox-static
#   installer/vmlinuz installer/initrd.gz    debian-installer-12-netboot-arm64
#   u-boot/u-boot.bin                        u-boot-qemu
#   cloud-amd64/vmlinuz cloud-amd64/initrd.gz  linux-image-cloud-amd64, busybox-static
#
# modules.gz holds the drivers of virtio devices and the file systems on them, for `modprobe` after `depmod`; behind
# initrd.gz in one file it is part of the same initramfs. standard and cloud-amd64 have one too.
#
# VIBEVMM_DEBS=DIR takes packages from a folder instead, for hosts without a network.
# Exit status: 0 all there, 1 something could not be fetched (one line on stderr says what).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${VIBEVMM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vibevmm}
log=$cache/fetch.log
arch=arm64 # of the guest being made

say() {
    echo "demo: $*" >&2
}
# shellcheck source=debian.sh
. "$here/debian.sh"

# cpio_of TREE: the cpio "newc" archive the kernel unpacks (initramfs buffer format), packed. One order, one
# owner, one date: the same input gives the same file.
cpio_of() {
    (cd "$1" && find . -exec touch -h -d @0 {} + && find . | LC_ALL=C sort |
        cpio -o -H newc -R 0:0 --reproducible --quiet) | gzip -n
}

# initramfs BUSYBOX OUT
initramfs() {
    rm -rf tree
    mkdir -p tree/bin
    cp "$1" tree/bin/busybox
    cp "$here/init" tree/init
    chmod 755 tree/init tree/bin/busybox
    cpio_of tree >"$2"
}

# What modules.gz holds, beside what these depend on.
modules="virtio_mmio virtio_blk virtio_net virtio_console virtio_balloon virtio-rng vmw_vsock_virtio_transport
    9p 9pnet_virtio ext4 vfat nls_ascii"

# modules_of TREE OUT: those modules of the kernel package in TREE, under their own paths.
modules_of() {
    rm -rf mods
    mkdir mods
    todo=$modules
    while [ -n "${todo# }" ]; do
        more=
        for m in $todo; do
            # A file's name has - or _ where the module's has _; one that is not there is built in.
            file=$(cd "$1" && find lib/modules -name "$(echo "$m" | sed 's/[-_]/[-_]/g').ko" | head -n 1)
            if [ -z "$file" ] || [ -e "mods/$file" ]; then continue; fi
            mkdir -p "mods/${file%/*}"
            cp "$1/$file" "mods/$file"
            more="$more$(tr '\0' '\n' <"$1/$file" | sed -n 's/^depends=\(..*\)/ \1/p' | tr , ' ')"
        done
        todo=$more
    done
    for file in modules.order modules.builtin; do
        (cd "$1" && find lib/modules -name $file) | while read -r f; do cp "$1/$f" "mods/$f"; done
    done
    cpio_of mods >"$2"
}

# recipe NAME OUT: fill the folder OUT. Runs in a scratch folder.
recipe() {
    case $1 in
    cloud | standard | cloud-amd64)
        package=linux-image-cloud-$arch
        [ "$1" != standard ] || package=linux-image-arm64
        unpack $package $arch x || return 1
        unpack busybox-static $arch x || return 1
        for bb in x/bin/busybox x/usr/bin/busybox; do
            [ -f $bb ] && busybox=$bb
        done
        modules_of x "$2/modules.gz"
        initramfs "$busybox" "$2/initrd.gz" && cp x/boot/vmlinuz-* "$2/vmlinuz"
        ;;
    installer)
        unpack debian-installer-12-netboot-arm64 all x || return 1
        d=x/usr/lib/debian-installer/images/12/arm64/text/debian-installer/arm64
        cp $d/initrd.gz "$2/initrd.gz" && cp $d/linux "$2/vmlinuz"
        ;;
    u-boot)
        unpack u-boot-qemu all x || return 1
        cp x/usr/lib/u-boot/qemu_arm64/u-boot.bin "$2/u-boot.bin"
        ;;
    *)
        say "unknown guest \"$1\": cloud, standard, installer, u-boot or cloud-amd64"
        exit 125
        ;;
    esac
}

# The initramfs is ours: made again when init or this recipe changes. A guest is there when its stamp says so.
stamp() {
    cat "$here/init" "$here/build.sh" "$here/debian.sh" | cksum
}

mkdir -p "$cache"
: >"$log"
missing=0
for guest in "${@:-cloud}"; do
    private='' arch=arm64
    [ "$guest" != cloud-amd64 ] || arch=amd64
    [ "$(cat "$cache/$guest/stamp" 2>/dev/null)" != "$(stamp)" ] || continue
    scratch=$(mktemp -d "$cache/tmp.XXXXXX")
    trap 'rm -rf "$scratch"' EXIT INT TERM
    mkdir "$scratch/out"
    [ -n "${VIBEVMM_DEBS:-}" ] || say "fetching \"$guest\" from Debian's archive into $cache (once)"
    if (cd "$scratch" && recipe "$guest" "$scratch/out"); then
        stamp >"$scratch/out/stamp"
        rm -rf "${cache:?}/$guest"
        mv "$scratch/out" "$cache/$guest"
    else
        say "could not get \"$guest\" (details: $log)"
        missing=1
    fi
    rm -rf "$scratch"
done
exit $missing
