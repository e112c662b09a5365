# SPDX-License-Identifier: MIT
#
# completion.py - a line typed at a shell's prompt, with a TAB at its end, for completion.t.
#
#   completion.py bash|zsh SCRIPT LINE
#
# Starts the interactive shell on a pseudo-terminal, reads the completion SCRIPT into it, types LINE, TAB and Return, and prints
# the words that the shell then gave to `vibevmm`, which is a function there, each in angle brackets.
import os
import pty
import re
import select
import signal
import sys
import time

shell, script, line = sys.argv[1:]
# columns: how it starts, what it is told first
shells = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set bell-style none'"),
    "zsh": (["zsh", "-f", "-i"], "autoload -Uz compinit; compinit -u -D"),
}
argv, first = shells[shell]
pid, fd = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp(argv[0], argv)


def wait_for(pattern):
    """What the shell printed up to a match, within a limit that only a hang meets."""
    out = b""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                out += os.read(fd, 65536)
            except OSError:
                break
        found = re.search(pattern, out)
        if found:
            return found
    sys.exit("no %r in %r" % (pattern, out))


# The marks are taken apart, so that the echo of what is typed does not match.
os.write(fd, b"%s; source %s; vibevmm() { printf '<%%s>' \"$@\"; echo '=''=end'; }; echo 're''ady=='\n"
         % (first.encode(), script.encode()))
wait_for(rb"ready==")
os.write(fd, line.encode() + b"\t\n")
print(wait_for(rb"((?:<[^>]*>)*)==end").group(1).decode())
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
