# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# packages.sh - install what is missing on a Debian machine. Sourced by run.sh and quicktest.sh.
#
#   need THING PACKAGE   note PACKAGE when THING (a command, or a file by its path) is not there
#   install_missing      install what was noted; false, and a line that says why, when that cannot be

packages=

need() {
    case $1 in
    /*)
        # A path may be a pattern: any match will do.
        for path in $1; do
            [ -e "$path" ] && return 0
        done
        packages="$packages $2"
        ;;
    *) command -v "$1" >/dev/null || packages="$packages $2" ;;
    esac
}

need_build() {
    need gcc gcc
    need make make
    need /usr/include/stdio.h libc6-dev
    need /usr/include/libfdt.h libfdt-dev
    need /usr/include/zlib.h zlib1g-dev
    need musl-gcc musl-tools
}

install_missing() {
    [ -n "$packages" ] || return 0
    if ! command -v apt-get >/dev/null; then
        echo "missing here:$packages (Debian's names); install them and run this again" >&2
        return 1
    fi
    sudo=
    if [ "$(id -u)" -ne 0 ]; then
        sudo=sudo
        if ! command -v sudo >/dev/null; then
            echo "missing here:$packages. As root: apt-get install$packages" >&2
            return 1
        fi
    fi
    echo "installing:$packages" >&2
    log=$(mktemp "${TMPDIR:-/tmp}/vibevmm-apt.XXXXXX")
    # The lists of a fresh machine are empty or old: ask for new ones when the first try fails.
    # shellcheck disable=SC2086 # lists of names
    if ! $sudo env DEBIAN_FRONTEND=noninteractive sh -c \
        'apt-get -qq -y install --no-install-recommends "$@" || {
            apt-get -qq update
            apt-get -qq -y install --no-install-recommends "$@"
        }' sh $packages </dev/null >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "could not install:$packages. As root: apt-get install$packages" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}
