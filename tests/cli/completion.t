#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Shell completion: it knows every command, option and board, and works in the shells themselves.
. tests/cli/lib.sh
python=$(realpath tests/cli/completion.py)
cd "$T" || exit 1
mkdir kernels
: >kernel-6.1
: >'kernels/a file'

expect 'without a shell' 125 'bash or zsh' completion
expect 'of a shell there is none for' 125 'bash or zsh' completion tcsh
expect 'of two' 125 'bash or zsh' completion bash zsh
for shell in bash zsh; do
    expect "for $shell" 0 '' completion $shell
    cp out $shell.completion
done

# completes NAME WORD... --- WANT...: after the words, of which the last one is unfinished
completes() {
    local name=$1 words=(vibevmm)
    shift
    while [ "$1" != --- ]; do
        words+=("$1")
        shift
    done
    shift
    COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
    _vibevmm
    [ "$(printf '%s\n' "${COMPREPLY[@]}" | sort)" = "$(printf '%s\n' "$@" | sort)" ] # the shell sorts when it shows them
    local bad=$?
    result $bad "$name"
    [ $bad = 0 ] || echo "# \"${words[*]}\": ${COMPREPLY[*]}; want: $*"
}

. ./bash.completion
boards=$("$VIBEVMM" boards | awk '{ print $1 }')
commands=$("$VIBEVMM" --help | awk '/^  vibevmm / { print $2 }')
# shellcheck disable=SC2086 # lists of words
{
    completes 'every command' '' --- $commands
    completes 'a command by its first letters' bo --- boards
    completes 'every board' run --board '' --- $boards
    completes 'after an equals sign, as bash takes it apart' run --board = --- $boards
    completes 'and the beginning of one' run --board = mic --- micro
    completes 'the name after boards' boards '' --- $boards
}
completes 'options first mean run' --ker --- --kernel
completes 'an option of another command' boards --js --- --json
completes 'files' run kern --- kernel-6.1 kernels
completes "an option's file" run --initrd kernel- --- kernel-6.1
completes "a file whose name has a space" run kernels/ --- 'kernels/a file'
completes "an option's folder" run --share kern --- kernels
completes 'a number has no words' run --mem '' ---
completes "the value of an option's letter" pack -o kern --- kernel-6.1 kernels
completes 'shells' completion '' --- bash zsh
completes 'arguments of the guest are files' run x -- --k ---
completes 'nothing after version' version '' ---

# Every option that the manual page has of a command is in both scripts.
"$VIBEVMM" help --man >man
for command in $(awk '$1 == ".SS" { print $2 }' man); do
    missing=
    for option in $(awk -v command="$command" '$1 == ".SS" { on = $2 == command } on' man |
        sed -n 's/.*\\fB\(\\-\\-[a-z\\-]*\)\\fR.*/\1/p' | tr -d '\\'); do
        COMP_WORDS=(vibevmm $command "$option") COMP_CWORD=2
        _vibevmm
        case " ${COMPREPLY[*]} " in *" $option "*) ;; *) missing="$missing bash:$option" ;; esac
        grep -q -- "$option[]=[}]" zsh.completion || missing="$missing zsh:$option"
    done
    check "every option of $command" test -z "$missing"
    [ -z "$missing" ] || echo "#$missing"
done
# The words that an option is said to take are those it takes.
for word in $(sed -n "s/.*run,--console) words='\(.*\)' ;;/\1/p" bash.completion); do
    expect "--console $word is one" 127 'no/such/file' run --console "$word" no/such/file
done
for word in $(sed -n "s/.*pack,--hash) words='\(.*\)' ;;/\1/p" bash.completion); do
    expect "--hash $word is one" 127 'no/such/file' pack --hash "$word" -o packed no/such/file
done
for word in $(sed -n "s/.*run,--engine) words='\(.*\)' ;;/\1/p" bash.completion); do
    "$VIBEVMM" run --engine "$word" no/such/file >out 2>err
    check "--engine $word is one" sh -c '! grep -q "engines are" err'
done

if ! command -v python3 >/dev/null || ! python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
    skip 'at a prompt' 'no python3, or no terminals'
    finish
    exit 0
fi
typed() { # SHELL LINE WANT
    local got
    got=$(python3 "$python" "$1" "$T/$1.completion" "$2" 2>&1)
    [ "$got" = "$3" ]
    local bad=$?
    result $bad "$1: $2[TAB]"
    [ $bad = 0 ] || echo "# $got, want $3"
}
for shell in bash zsh; do
    if ! command -v $shell >/dev/null; then
        skip "$shell: at a prompt" "no $shell here"
        continue
    fi
    typed $shell 'vibevmm bo' '<boards>'
    typed $shell 'vibevmm run --engi' '<run><--engine>'
    typed $shell 'vibevmm --board mic' '<--board><micro>'
    typed $shell 'vibevmm run --board=mic' '<run><--board=micro>'
    typed $shell 'vibevmm boards mic' '<boards><micro>'
    typed $shell 'vibevmm boards micro --js' '<boards><micro><--json>'
    typed $shell 'vibevmm run --kernel kernel-' '<run><--kernel><kernel-6.1>'
    typed $shell 'vibevmm pack -o kernel-' '<pack><-o><kernel-6.1>'
    typed $shell 'vibevmm completion z' '<completion><zsh>'
done
! command -v bash >/dev/null || typed bash 'vibevmm run --share ker' '<run><--share><kernels/>'
! command -v zsh >/dev/null || typed zsh 'vibevmm run --share ker' '<run><--share><kernels>' # Return takes the slash off
finish
