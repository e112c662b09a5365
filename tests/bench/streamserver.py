# SPDX-License-Identifier: MIT
"""streamserver.py MIB FILE - the host's side of streamload.c's TCP connections; its port goes into FILE.

A connection begins with "g", and gets MIB of zeros; or with "p", sends that much, and gets a byte when all has come.
"""
import os
import socket
import sys
import threading

size = int(sys.argv[1]) << 20
step = bytes(1 << 18)


def serve(conn):
    with conn:
        way = conn.recv(1)
        left = size
        if way == b"g":
            while left:
                left -= conn.send(step[:left])
        elif way == b"p":
            while left:
                got = len(conn.recv(min(left, 1 << 18)))
                if not got:
                    return
                left -= got
            conn.send(b".")


server = socket.create_server(("127.0.0.1", 0))
with open(sys.argv[2] + ".new", "w") as f:
    f.write(str(server.getsockname()[1]))
os.rename(sys.argv[2] + ".new", sys.argv[2])
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
