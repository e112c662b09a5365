#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh - fetch real guests from Debian's archive and make them ready to boot.
#
#   build.sh [cloud | standard | installer | u-boot | cloud-amd64]...      (nothing said: cloud)
#
# Packages come through apt, so what is fetched is signed. The host's own apt is asked first; when it knows
# nothing of the guest's architecture, a private set of package lists under the cache is made and used: neither root nor
# `dpkg --add-architecture` is needed, and the host's settings stay as they are. Everything is kept under
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
private=
arch=arm64 # of the guest being made

say() {
    echo "demo: $*" >&2
}

# apt on the host's lists, or on the private ones.
apt() {
    tool=$1
    shift
    if [ -n "$private" ]; then
        # shellcheck disable=SC2086 # options, split on purpose
        "$tool" -q -o APT::Architecture=$arch -o APT::Architectures::=$arch -o APT::Sandbox::User=root \
            -o Dir::State="$lists" -o Dir::State::status=/dev/null -o Dir::State::Lists="$lists/lists" \
            -o Dir::Cache="$lists" -o Acquire::Languages=none -o Acquire::Retries=1 $private "$@"
    else
        "$tool" -q -o APT::Sandbox::User=root -o Acquire::Retries=1 "$@"
    fi
}

private_lists() {
    [ -z "$private" ] || return 0
    lists=$cache/apt-$arch
    mkdir -p "$lists/lists/partial" "$lists/archives/partial"
    private="-o Debug::NoLocking=true"
    if ! grep -qx 'ID=debian' /etc/os-release 2>/dev/null; then
        # Not Debian: its archive by name. The keyring is in debian-archive-keyring.
        echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main" \
            >"$lists/sources.list"
        private="$private -o Dir::Etc::SourceList=$lists/sources.list -o Dir::Etc::SourceParts=/dev/null"
    fi
    say "fetching Debian's $arch package lists (once)"
    # A source without that makes it fail, and what we need may be there all the same: the download tells.
    apt apt-get update >>"$log" 2>&1 || :
}

# The concrete kernel package of a metapackage: the one it depends on.
depends_of() {
    apt apt-cache depends "$1" 2>>"$log" | sed -n 's/^ *Depends: \(linux-image-[^ :]*\).*/\1/p' | head -n 1
}

# fetch NAME ARCH: into the current folder. Prints the file's name.
fetch() {
    if [ -n "${VIBEVMM_DEBS:-}" ]; then
        # A metapackage's dependency: the newest of its kind.
        case $1 in
        linux-image-cloud-arm64) set -- 'linux-image-[0-9]*-cloud-arm64' "$2" ;;
        linux-image-cloud-amd64) set -- 'linux-image-[0-9]*-cloud-amd64' "$2" ;;
        linux-image-arm64) set -- 'linux-image-[0-9]*[0-9]-arm64' "$2" ;;
        esac
        # shellcheck disable=SC2012,SC2086 # a pattern on purpose; package names hold no odd characters
        file=$(ls -1v "$VIBEVMM_DEBS"/$1_*_"$2".deb 2>/dev/null | tail -n 1)
        [ -n "$file" ] || return 1
        echo "$file"
        return
    fi
    name=$1
    [ "$2" = all ] || name=$1:$2
    case $1 in
    linux-image-*)
        real=$(depends_of "$name")
        [ -n "$real" ] || return 1
        name=$real:$2
        ;;
    esac
    apt apt-get download "$name" >>"$log" 2>&1 || return 1
    # shellcheck disable=SC2012 # names of packages hold no odd characters
    file=$(ls -1 "${name%%:*}"_*.deb 2>/dev/null | head -n 1)
    [ -n "$file" ] && echo "$PWD/$file"
}

# unpack NAME ARCH DIR: the package's files under DIR.
unpack() {
    deb=$(fetch "$1" "$2") || {
        [ -z "${VIBEVMM_DEBS:-}" ] && command -v apt-get >/dev/null || return 1
        private_lists
        deb=$(fetch "$1" "$2") || return 1
    }
    mkdir -p "$3"
    if command -v dpkg-deb >/dev/null; then
        dpkg-deb --fsys-tarfile "$deb"
    else
        # An ar archive: the member holds a tar packed by xz (deb(5)).
        ar p "$deb" data.tar.xz | xz -dc
    fi | tar -x -C "$3"
}

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
    cat "$here/init" "$here/build.sh" | cksum
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
