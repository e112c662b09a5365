#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# vsock_host.py PATH - the host's side of vsock.t: programs on the sockets of --vsock PATH. Prints a line for
# each thing that is right, and ends the guest by the end of port 6002.
import hashlib
import os
import socket
import sys
import threading
import time

PATH = sys.argv[1]
BIG = 40_000_000


def listener(port):
    s = socket.socket(socket.AF_UNIX)
    s.bind(f"{PATH}_{port}")
    s.listen(8)
    return s


def ask(line, data=b""):
    """Connect to the guest's device with this first line; and the answer's line."""
    s = socket.socket(socket.AF_UNIX)
    while True:
        try:
            s.connect(PATH)
            break
        except OSError:
            time.sleep(0.05)
    try:
        s.sendall(line + data)
    except OSError:  # it hung up on a line that is none
        return s, b""
    answer = b""
    while not answer.endswith(b"\n"):
        try:
            byte = s.recv(1)
        except OSError:
            byte = b""
        if not byte:
            break
        answer += byte
    return s, answer


def feed(s, data):
    s.sendall(data)
    s.shutdown(socket.SHUT_WR)


def everything(s, pause=0.0):
    got = hashlib.sha256()
    n = 0
    while True:
        piece = s.recv(1 << 16)
        if not piece:
            return got.digest(), n
        if pause and n < 4_000_000:
            time.sleep(pause)
        got.update(piece)
        n += len(piece)


def echo(server):
    """What comes from the guest goes back; slowly at first."""
    s, _ = server.accept()
    n = 0
    while True:
        piece = s.recv(1 << 16)
        if not piece:
            break
        if n < 2_000_000:
            time.sleep(0.01)
        s.sendall(piece)
        n += len(piece)
    s.close()
    print("echo", n, flush=True)


def late(server):
    """Sees what the guest sent only when the guest has long closed its end."""
    s, _ = server.accept()
    time.sleep(2)
    print("late", everything(s)[1], flush=True)


def there_and_back(port, pause, results, i):
    data = os.urandom(BIG)
    s, answer = ask(b"CONNECT %d\n" % port)
    writer = threading.Thread(target=feed, args=(s, data))
    writer.start()
    digest, n = everything(s, pause)
    writer.join()
    results[i] = answer.startswith(b"OK ") and n == BIG and digest == hashlib.sha256(data).digest()


def main():
    servers = {port: listener(port) for port in (6000, 6002, 6003)}
    open(PATH + ".ready", "w").close()
    threads = [threading.Thread(target=f, args=(servers[p],)) for f, p in ((echo, 6000), (late, 6003))]
    for t in threads:
        t.start()
    control, _ = servers[6002].accept()  # the guest's own server is there
    results = [False, False]
    both = [threading.Thread(target=there_and_back, args=(5000, p, results, i)) for i, p in enumerate((0, 0.005))]
    for t in both:
        t.start()
    for t in both:
        t.join()
    print("two streams there and back", results, flush=True)
    print("nobody", ask(b"CONNECT 5001\n")[1], flush=True)
    for line in (b"CONNECT 99999999999\n", b"CONNECT -1\n", b"HELLO 5000\n", b"CONNECT " + b"0" * 500 + b"\n"):
        print("refused", ask(line)[1], flush=True)
    s, answer = ask(b"CONNECT 5000\n", b"with the request")  # what follows the line at once is the stream's
    s.shutdown(socket.SHUT_WR)
    print("early", s.recv(100), flush=True)
    idle = socket.socket(socket.AF_UNIX)  # says nothing, and holds nobody up
    idle.connect(PATH)
    for _ in range(300):  # more in a row than there are at once
        s, answer = ask(b"CONNECT 5000\n", b"x")
        if s.recv(1) != b"x":
            print("lost", flush=True)
        s.close()
    print("in a row", flush=True)
    for t in threads[:1]:
        t.join()
    control.close()
    for t in threads:
        t.join()


main()
