# SPDX-License-Identifier: MIT
#
# terminal.py - vibevmm on a terminal of its own, for terminal.t.
#
#   terminal.py KEYS SIGNAL ARGUMENT...
#
# Starts vibevmm as the leader of a session on a new pseudo-terminal, waits until the terminal is raw, types KEYS (with
# Python's escapes; "" for none), sends SIGNAL ("" for none), and prints one line: its exit status (-n: killed by signal
# n), "raw" or "cooked" for what the terminal was meanwhile, "restored" or "changed" for what it is after, then the output.
import os
import pty
import select
import signal
import sys
import termios
import time

keys = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
sig = sys.argv[2]
master, slave = pty.openpty()
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid()
    import fcntl

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in range(3):
        os.dup2(slave, fd)
    os.close(master)
    for ignored in signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:  # by nohup, or a job in the background
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(os.environ["VIBEVMM"], ["vibevmm"] + sys.argv[3:])

out = b""
status = None
mode = "cooked"
sent = False
end = time.monotonic() + 15
while status is None and time.monotonic() < end:
    if not sent and termios.tcgetattr(slave) != before:
        mode = "raw"
        sent = True
        os.write(master, keys)
        if sig:
            os.kill(pid, getattr(signal, "SIG" + sig))
    if select.select([master], [], [], 0.01)[0]:
        out += os.read(master, 65536)
    done, code = os.waitpid(pid, os.WNOHANG)
    if done:
        status = os.waitstatus_to_exitcode(code)
if status is None:
    os.kill(pid, signal.SIGKILL)
    status = "hangs"
while select.select([master], [], [], 0)[0]:
    out += os.read(master, 65536)
after = "restored" if termios.tcgetattr(slave) == before else "changed"
print(status, mode, after, repr(out[-400:]))
