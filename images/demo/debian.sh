# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2154 # what the caller sets
#
# debian.sh - packages of Debian's archive for another machine than this one. Sourced.
#
# The caller sets `arch` (of the packages), `cache` (a folder that stays) and `log` (a file), and has say(). The host's
# own apt is asked first; when it knows nothing of that architecture, a private set of package lists under $cache is made and
# used: neither root nor `dpkg --add-architecture` is needed, and the host's settings stay as they are. Call private_lists
# no more than unpack() does; set private='' when arch changes.
#
# VIBEVMM_DEBS=DIR takes packages from a folder instead.
private=

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
