#!/bin/sh
# SPDX-License-Identifier: MIT
#
# sources.sh - rules that a line of text shows: a licence line in each file, no file too long to read, nothing below
# launcher/ that ends the process or prints.
set -eu
cd "$(dirname "$0")/../.."
bad=0

complain() {
    echo "$*"
    bad=1
}

files=$(git ls-files -- '*.c' '*.h' '*.S' '*.s' '*.sh' '*.t' '*.ld' '*.def' '*.py' Makefile run.sh quicktest.sh .ci/run)
for f in $files; do
    [ -f "$f" ] || continue
    head -n 3 "$f" | grep -q 'SPDX-License-Identifier: MIT' || complain "$f: no SPDX line at its top"
    lines=$(wc -l <"$f")
    [ "$lines" -le 800 ] || complain "$f: $lines lines, at most 800"
done

# Host tools of the build are programs of their own: they may print and exit.
for f in $(git ls-files -- 'src/*.c' 'src/*.h' 'boards/*.c' | grep -v '_gen\.c$\|/gen\.c$'); do
    [ -f "$f" ] || continue
    # Code without comments and strings, roughly: a name followed by a parenthesis is a call.
    sed 's|//.*||; s|/\*.*\*/||; s|^ \*.*||; s|"[^"]*"||g' "$f" |
        grep -nE '(^|[^_[:alnum:]])(exit|_exit|_Exit|quick_exit|abort|printf|puts|putchar|perror|vprintf|err|errx|warn|warnx) ?\(|fprintf ?\((stdout|stderr)' |
        sed "s|^|$f:|" | grep . && complain "$f: only launcher/ prints and exits"
done

exit $bad
