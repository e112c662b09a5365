#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.t - make install, uninstall and deb: what is where, that it runs from there, that nothing stays.
cd "$(dirname "$0")/../.." || exit 1
unset MAKEFLAGS MAKELEVEL
T=$(mktemp -d)
trap 'rm -rf "$T"' EXIT
n=0
bad=0

ok() { # CONDITION'S STATUS, NAME
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $n - $2"
    else
        bad=1
        echo "not ok $n - $2"
        head -n 20 "$T/log" | sed 's/^/# /'
    fi
}

skip() { # REASON, NAME
    n=$((n + 1))
    echo "ok $n - $2 # SKIP $1"
}

quietly() {
    "$@" >"$T/log" 2>&1
}

# what_is DIR: the files in it, by name
what_is() {
    (cd "$1" && find . -type f | LC_ALL=C sort)
}

# is_whole DIR: is everything in the folders of DIR, a prefix?
is_whole() {
    for file in bin/vibevmm share/bash-completion/completions/vibevmm share/doc/vibevmm/README.md \
        share/doc/vibevmm/docs/command.md share/man/man1/vibevmm.1; do
        [ -s "$1/$file" ] || [ -s "$1/$file.gz" ] || {
            echo "no $file" >"$T/log"
            return 1
        }
    done
}

tests/kernels/build.sh
runs() { # PROGRAM
    timeout 20 "$1" --binary tests/kernels/arm64_minimal.raw --entry 0x10000 --mem 128M </dev/null >"$T/out" 2>"$T/log" &&
        [ "$(cat "$T/out")" = Hi ]
}

quietly make install DESTDIR="$T/root" prefix=/opt/vmm
ok $? "make install DESTDIR= prefix="
is_whole "$T/root/opt/vmm"
ok $? "everything is there"
[ "$(what_is "$T/root" | grep -cv '^\./opt/vmm/')" -eq 0 ]
ok $? "and nothing beside the prefix"
[ -s "$T/root/opt/vmm/share/zsh/site-functions/_vibevmm" ]
ok $? "zsh's completion too"
[ -z "$(find "$T/root" -type f ! -name vibevmm ! -perm 644)$(find "$T/root/opt/vmm/bin" -type f ! -perm 755)" ]
ok $? "with the usual rights"
runs "$T/root/opt/vmm/bin/vibevmm"
ok $? "it runs from there"
quietly nm "$T/root/opt/vmm/bin/vibevmm"
grep -q "no symbols" "$T/log"
ok $? "and is stripped"
"$T/root/opt/vmm/bin/vibevmm" help --man | quietly cmp - "$T/root/opt/vmm/share/man/man1/vibevmm.1"
ok $? "the manual page is the launcher's own word"
# shellcheck disable=SC2013 # words
for link in $(sed -n 's/.*](\(docs\/[a-z-]*\.md\)).*/\1/p' README.md); do
    [ -s "$T/root/opt/vmm/share/doc/vibevmm/$link" ] || echo "$link" >>"$T/broken"
done
[ ! -s "$T/broken" ]
ok $? "what README.md refers to is beside it"
# Where a shell looks: bash-completion finds the file by the name of the command.
quietly bash -c '. "$0" && complete -p vibevmm' "$T/root/opt/vmm/share/bash-completion/completions/vibevmm"
ok $? "bash reads its completion"

quietly make install DESTDIR="$T/root" prefix=/opt/vmm
ok $? "once more over itself"
echo mine >"$T/root/opt/vmm/share/doc/vibevmm/mine"
quietly make uninstall DESTDIR="$T/root" prefix=/opt/vmm
ok $? "make uninstall"
[ "$(what_is "$T/root")" = ./opt/vmm/share/doc/vibevmm/mine ]
ok $? "takes away all that was installed, and nothing else"
quietly make uninstall DESTDIR="$T/root" prefix=/opt/vmm
ok $? "of nothing is no error"

quietly make install DESTDIR="$T/other" prefix=/usr bindir=/usr/games mandir=/man
ok $? "make install bindir= mandir="
[ -x "$T/other/usr/games/vibevmm" ] && [ -s "$T/other/man/man1/vibevmm.1" ] && [ ! -e "$T/other/usr/bin" ]
ok $? "are where they say"

if ! command -v dpkg-deb >/dev/null; then
    skip "no dpkg-deb here" "make deb"
    echo "1..$n"
    exit $bad
fi
rm -f build/vibevmm_*.deb
quietly make deb
ok $? "make deb"
deb=$(echo build/vibevmm_*.deb)
quietly dpkg-deb -x "$deb" "$T/deb"
ok $? "dpkg unpacks it"
[ "$(dpkg-deb -f "$deb" Version)" = "$(build/release/vibevmm version | sed 's/^vibevmm \([^,]*\),.*/\1/')-1" ]
ok $? "its version is the launcher's"
is_whole "$T/deb/usr"
ok $? "everything is in it"
runs "$T/deb/usr/bin/vibevmm"
ok $? "it runs"
gzip -dc "$T/deb/usr/share/man/man1/vibevmm.1.gz" | quietly cmp - build/release/share/vibevmm.1
ok $? "with its manual page"
(dpkg-deb -e "$deb" "$T/control" && cd "$T/deb" && quietly md5sum -c "$T/control/md5sums")
ok $? "its checksums hold"
cp "$deb" "$T/first.deb"
quietly make deb
cmp "$deb" "$T/first.deb" >"$T/log" 2>&1
ok $? "made again it has the same bytes"
DEBFULLNAME='A. U. Thor' DEBEMAIL=author@example.com quietly make deb
[ "$(dpkg-deb -f "$deb" Maintainer)" = 'A. U. Thor <author@example.com>' ]
ok $? "the maintainer is who the environment says"
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error "$T/first.deb" >"$T/log" 2>&1
    ok $? "lintian has no error"
    grep -q '^W:' "$T/log"
    [ $? -eq 1 ]
    ok $? "and no warning"
else
    skip "no lintian here" "lintian has no error"
fi
if command -v aarch64-linux-gnu-gcc >/dev/null && [ -x build/release-aarch64-linux-gnu-gcc-glibc/vibevmm ]; then
    quietly make CROSS=aarch64-linux-gnu- deb
    ok $? "make CROSS=aarch64-linux-gnu- deb"
    quietly dpkg-deb -f build/vibevmm_*_arm64.deb Architecture
    [ "$(cat "$T/log")" = arm64 ]
    ok $? "is for arm64"
else
    skip "no ARM64 build (make CROSS=aarch64-linux-gnu-)" "a package for arm64"
fi
echo "1..$n"
exit $bad
