#!/bin/sh
# SPDX-License-Identifier: MIT
#
# deb.sh TARGET INSTALL... - build/vibevmm_VERSION_ARCH.deb of what INSTALL (a make command) puts under DESTDIR.
#
# TARGET is what the compiler says it makes code for (gcc -dumpmachine). $DEBFULLNAME and $DEBEMAIL name the maintainer, as for
# Debian's own tools. The same sources and compiler give the same bytes: dates are $SOURCE_DATE_EPOCH, else the last commit's.
set -eu
cd "$(dirname "$0")/.."
target=$1
shift
case $target in
x86_64-*) arch=amd64 ;;
aarch64-*) arch=arm64 ;;
*)
    echo "deb: no Debian architecture for $target: x86_64 and aarch64" >&2
    exit 125
    ;;
esac
if ! command -v dpkg-deb >/dev/null; then
    echo "deb: no dpkg-deb here" >&2
    exit 125
fi
version=$(sed -n 's/^#define VIBEVMM_VERSION "\(.*\)"$/\1/p' launcher/launcher.h)-1
maintainer="${DEBFULLNAME:-The Vibe-VMM authors} <${DEBEMAIL:-maintainers@vibe-vmm.invalid}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y launcher/launcher.h)}
export SOURCE_DATE_EPOCH

mkdir -p build
tree=$(mktemp -d build/deb.XXXXXX)
trap 'rm -rf "$tree"' EXIT
chmod 755 "$tree"
umask 022
doc=$tree/usr/share/doc/vibevmm
"$@" DESTDIR="$tree" prefix=/usr zshcompdir=/usr/share/zsh/vendor-completions
rm "$doc/LICENSE" # it is in the copyright file
gzip -9n "$tree/usr/share/man/man1/vibevmm.1"

# Machine-readable (Debian's copyright-format 1.0), with what is linked in.
{
    cat <<'END'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Vibe-VMM

Files: *
END
    sed -n 's/^Copyright (c)/Copyright:/p' LICENSE
    cat <<'END'
License: Expat
Comment:
 The program is linked statically with libfdt (Copyright David Gibson, IBM Corporation; BSD-2-Clause), zlib (Copyright
 Jean-loup Gailly and Mark Adler; Zlib) and, where it was built with it, musl (Copyright Rich Felker, et al.; Expat).

License: Expat
END
    sed -n '/^Permission/,$p' LICENSE | sed 's/^$/./; s/^/ /'
} >"$doc/copyright"

{
    echo "vibevmm ($version) unstable; urgency=medium"
    echo
    echo "  * Packaged from the project's own sources by make deb."
    echo
    echo " -- $maintainer  $(LC_ALL=C date -u -R -d "@$SOURCE_DATE_EPOCH")"
} | gzip -9n >"$doc/changelog.Debian.gz"

mkdir -p "$tree/usr/share/lintian/overrides" "$tree/DEBIAN"
cat >"$tree/usr/share/lintian/overrides/vibevmm" <<'END'
# One file that runs in an empty root directory, and starts without a dynamic linker: that is its purpose.
vibevmm: statically-linked-binary [usr/bin/vibevmm]
vibevmm: embedded-library *
# This package is not Debian's.
vibevmm: initial-upload-closes-no-bugs *
END

cat >"$tree/DEBIAN/control" <<END
Package: vibevmm
Version: $version
Architecture: $arch
Maintainer: $maintainer
Installed-Size: $(find "$tree/usr" -type f -printf '%k\n' | awk '{ n += $1 } END { print n }')
Suggests: passt
Section: otherosfs
Priority: optional
Description: boots a packaged machine image with one command
 A small virtual machine launcher: one static binary boots a kernel, a firmware
 or an appliance on a fixed machine, and behaves like a Unix command: bytes in,
 bytes out, an exit status.
 .
 Guests run on KVM, or on an ARM64 CPU in software where there is none.
END
(cd "$tree" && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum) >"$tree/DEBIAN/md5sums"
find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group -Zxz --build "$tree" "build/vibevmm_${version}_$arch.deb" >/dev/null
echo "  DEB     build/vibevmm_${version}_$arch.deb"
