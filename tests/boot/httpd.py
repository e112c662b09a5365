# SPDX-License-Identifier: MIT
#
# httpd.py VIBEVMM BOARD HTTPD.elf - the network that the example httpd is on, frame by frame, for httpd.t: it listens where
# the launcher expects a passt, and is every other station. Prints TAP.
#
# RFC 826 and 5227 ARP, 791 IPv4, 792 ICMP, 9293 TCP. Frames on the socket are as passt(1) has them: a length of 4 bytes, then the frame.
import os
import random
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

vibevmm, board, program = sys.argv[1:]
OURS, THEIRS = bytes.fromhex("525400000001"), bytes.fromhex("525400000002")
IP, PEER = bytes([10, 0, 2, 15]), bytes([10, 0, 2, 2])
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
LIMIT = 20  # seconds that only a hang meets
tests = failed = 0


def ok(good, name, note=""):
    global tests, failed
    tests += 1
    failed += not good
    print("ok" if good else "not ok", tests, "-", name)
    if not good and note:
        print("#", note)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    s = sum(struct.unpack(">%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xFFFF) + (s >> 16)
    return ~s & 0xFFFF


def ethernet(kind, data, to=THEIRS):
    return to + OURS + struct.pack(">H", kind) + data


def ipv4(protocol, data, to=IP, fragment=0x4000, options=b"", **change):
    head = 5 + len(options) // 4
    h = struct.pack(">BBHHHBBH", 0x40 | head, 0, change.get("total", head * 4 + len(data)), 7, fragment, 64, protocol, 0) + PEER + to + options
    h = h[:10] + struct.pack(">H", checksum(h) ^ change.get("spoil", 0)) + h[12:]
    return ethernet(0x0800, h + data)


def tcp(port, seq, ack, flags, data=b"", to=IP, spoil=0, options=b"", dport=80):
    h = struct.pack(">HHIIBBHHH", port, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (5 + len(options) // 4) << 4, flags, 65535, 0, 0) + options
    pseudo = PEER + to + struct.pack(">BBH", 0, 6, len(h + data))
    return ipv4(6, h[:16] + struct.pack(">H", checksum(pseudo + h + data) ^ spoil) + h[18:] + data, to)


class Segment:
    def __init__(self, frame):
        ip = frame[14:]
        total = struct.unpack(">H", ip[2:4])[0]
        t = ip[20:total]
        self.ip = ip[12:16]
        _, self.port, self.seq, self.ack, off, self.flags = struct.unpack(">HHIIBB", t[:14])
        self.options = t[20 : (off >> 4) * 4]
        self.data = t[(off >> 4) * 4 :]
        self.good = checksum(ip[:20]) == 0 and checksum(ip[12:20] + struct.pack(">BBH", 0, 6, len(t)) + t) == 0


class Network:
    def __init__(self, *arguments):
        self.folder = tempfile.TemporaryDirectory()
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.folder.name + "/net")
        listener.listen()
        net = "passt=%s/net,mac=%s" % (self.folder.name, THEIRS.hex(":"))
        self.vmm = subprocess.Popen([vibevmm, "run", "--board", board, "--net", net, program, "--", *arguments],
                                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        listener.settimeout(LIMIT)
        self.socket = listener.accept()[0]
        self.buffer = b""
        self.line = self.vmm.stdout.readline()  # it has a driver from here on

    def send(self, *frames):
        self.socket.sendall(b"".join(struct.pack(">I", len(f)) + f for f in frames))

    def frame(self, limit=LIMIT):
        """The next frame, or None."""
        end = time.monotonic() + limit
        while True:
            if len(self.buffer) >= 4:
                n = struct.unpack(">I", self.buffer[:4])[0]
                if len(self.buffer) >= 4 + n:
                    frame, self.buffer = self.buffer[4 : 4 + n], self.buffer[4 + n :]
                    return frame
            if not select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
                return None
            more = self.socket.recv(65536)
            if not more:
                return None
            self.buffer += more

    def segment(self, port, limit=LIMIT):
        """The next segment to that port, or None."""
        while True:
            frame = self.frame(limit)
            if frame is None:
                return None
            if frame[12:14] == b"\x08\0" and frame[23] == 6:
                s = Segment(frame)
                if s.port == port:
                    return s

    def until(self, port, wanted):
        """The first one of those that is wanted: a slow host sees others repeated before it. Or None."""
        while True:
            s = self.segment(port)
            if s is None or wanted(s):
                return s

    def ping(self, data):
        """An echo comes after all that was answered before."""
        p = struct.pack(">BBHHH", 8, 0, 0, 1, 1) + data
        self.send(ipv4(1, p[:2] + struct.pack(">H", checksum(p)) + p[4:]))
        before = []
        while True:
            frame = self.frame()
            if frame is None:
                return None, before
            if frame[23] == 1 and frame[12:14] == b"\x08\0":
                return frame, before
            before.append(frame)


def connect(net, port, seq=1000, to=IP):
    net.send(tcp(port, seq, 0, SYN, to=to, options=b"\2\4\5\xb4"))
    s = net.until(port, lambda s: s.flags & SYN)
    net.send(tcp(port, seq + 1, s.seq + 1, ACK, to=to))
    return s


def get(net, port, parts=(b"GET / HTTP/1.0\r\n\r\n",), to=IP):
    """A whole conversation by the book; the reply."""
    seq, ack = 1001, connect(net, port, to=to).seq + 1
    for part in parts:
        net.send(tcp(port, seq, ack, PSH | ACK, part, to=to))
        seq += len(part)
    reply = b""
    while True:
        s = net.segment(port)
        if s is None or not s.good:
            return None
        if s.seq == ack:
            reply += s.data
            ack += len(s.data)
        if s.flags & FIN and s.seq + len(s.data) == ack:
            break
    net.send(tcp(port, seq, ack + 1, FIN | ACK, to=to))
    return reply if net.until(port, lambda s: s.flags == ACK and s.ack == seq + 1) else None


def page(n):
    body = b"Hello from a machine of one C file\nrequest %d\n" % n
    return b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body)


net = Network()
ok(net.line == b"httpd: port 80\n", "it says its port", net.line)

# ---- ARP, IPv4, ICMP ----
f = net.frame()
want = b"\xff" * 6 + THEIRS + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + THEIRS + IP + bytes(6) + IP
ok(f[:42] == want, "RFC 5227 2.3: it announces its address", f)
ask = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + OURS + PEER + bytes(6)
net.send(ethernet(0x0806, ask + bytes([10, 0, 2, 99]), b"\xff" * 6), ethernet(0x0806, ask + IP, b"\xff" * 6))
f = net.frame()
want = OURS + THEIRS + b"\x08\x06" + struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + THEIRS + IP + OURS + PEER
ok(f[:42] == want, "RFC 826: who has its address is told, who has another is not", f)
f, _ = net.ping(b"abcde")
ok(f[34:36] == b"\0\0" and f[42:47] == b"abcde" and checksum(f[34:47]) == 0 and checksum(f[14:34]) == 0 and f[26:30] == IP,
   "RFC 792: an echo, checksums and all", f)
f, _ = net.ping(b"x" * 1472)
ok(f is not None and f[42:] == b"x" * 1472, "as long as the network allows")

# ---- TCP ----
s = connect(net, 2000)
ok(s.flags == SYN | ACK and s.ack == 1001 and s.good and s.options == b"\2\4\5\xb4", "RFC 9293 3.5: SYN, and ACK of it, segment size 1460")
net.send(tcp(2000, 1001, s.seq + 1, RST))
ok(get(net, 2001) == page(1), "a page, and a connection that ends")
ok(get(net, 2002, [bytes([b]) for b in b"GET / HTTP/1.0\r\nHost: x\r\n\r\n"]) == page(2), "a request in segments of one byte")
ok(get(net, 2003, [b"GET / HTTP/1.1\nHost: x\n\n"], to=bytes([192, 168, 7, 7])) == page(3), "at whatever address it is called")
ok(b" 404 " in get(net, 2004, [b"GET /other HTTP/1.0\r\n\r\n"]), "404 for another page")
ok(b" 501 " in get(net, 2005, [b"POST / HTTP/1.0\r\n\r\n"]), "501 for another method")
r = get(net, 2006, [b"HEAD / HTTP/1.0\r\n\r\n"])
ok(r.endswith(b"\r\n\r\n") and b" 200 " in r, "HEAD has no body")
ok(b" 501 " in get(net, 2007, [b"x" * 1400] * 12), "a request without an end has one at 16 KiB")

# Segments lost, twice, out of turn.
net.send(tcp(2010, 1000, 0, SYN))
s = net.segment(2010)
again = net.segment(2010)
ok(again.flags == SYN | ACK and again.seq == s.seq, "3.8.1: SYN again, when nobody acknowledges it")
ack = s.seq + 1
net.send(tcp(2010, 1001, ack, ACK))
request = b"GET / HTTP/1.0\r\n\r\n"
net.send(tcp(2010, 1006, ack, PSH | ACK, request[5:]))
s = net.until(2010, lambda s: not s.flags & SYN)
ok(s.flags == ACK and s.ack == 1001, "3.10.7.4: what comes before its turn: an ACK of what is missing")
net.send(tcp(2010, 1001, ack, PSH | ACK, request[:8]), tcp(2010, 1001, ack, PSH | ACK, request[:8]),
         tcp(2010, 1004, ack, PSH | ACK, request[3:]))
reply = net.until(2010, lambda s: s.data)
ok(reply.data == page(8) and reply.flags & FIN and reply.ack == 1001 + len(request), "what comes twice or overlaps counts once")
again = net.segment(2010)
ok(again.data == reply.data and again.seq == reply.seq and again.flags & FIN, "the reply again, when nobody acknowledges it")
net.send(tcp(2010, 1001 + len(request), ack + 10, ACK))
rest = net.until(2010, lambda s: s.seq == ack + 10)
ok(rest.data == reply.data[10:] and rest.flags & FIN, "and of one that is acknowledged in part the rest")
net.send(tcp(2010, 1001 + len(request), ack + len(reply.data) + 1, FIN | ACK))
ok(net.until(2010, lambda s: s.ack == 1002 + len(request)), "the end")
net.send(tcp(2010, 1002 + len(request), ack, ACK))
s = net.until(2010, lambda s: s.flags & RST)
ok(s.flags == RST and s.seq == ack, "3.10.7.1: after it, RST")
net.send(tcp(2011, 5, 0, FIN, b"abc"))
s = net.segment(2011)
ok(s.flags == RST | ACK and s.ack == 9, "RST for what belongs to nothing")
s = connect(net, 2012)
net.send(tcp(2012, 1001, s.seq + 1, FIN | ACK))
s = net.until(2012, lambda s: s.flags & FIN)
ok(s.ack == 1002 and not s.data, "who leaves without a request is let go")
net.send(tcp(2012, 1002, s.seq + 1, ACK))
seqs = connect(net, 2013).seq
net.send(tcp(2013, 1001, seqs + 1, PSH | FIN | ACK, request))
ok(net.until(2013, lambda s: s.data).data == page(9), "a request and FIN in one segment")
net.send(tcp(2013, 1002 + len(request), seqs + 2 + len(page(9)), ACK))

# ---- what is wrong, is not answered ----
silent = [
    tcp(2020, 1, 0, SYN, spoil=1),
    tcp(2020, 1, 0, SYN, dport=81),
    ipv4(6, b"\0" * 20, spoil=1),
    ipv4(6, b"\0" * 19),
    ipv4(6, b"\0" * 20, fragment=0x2000),
    ipv4(6, b"\0" * 20, fragment=1),
    ipv4(6, b"\0" * 20, total=1000),
    ipv4(6, b"\0" * 20, total=8),
    ipv4(17, b"\0" * 20),
    ipv4(1, b"\x08\0\0\0"),
    ethernet(0x0800, b"\x45"),
    ethernet(0x86DD, b"\x60" + bytes(39)),
    ethernet(0x0806, ask),
    ethernet(0x0806, ask + IP, bytes.fromhex("525400000009")),
    tcp(2020, 1, 0, SYN)[:20],
]
net.send(*silent)
f, before = net.ping(b"still here")
before = [b for b in before if b[12:14] != b"\x08\0" or b[23] != 6 or Segment(b).port != 2013]  # repeated by a slow host
ok(f is not None and not before, "bad checksums, lengths, fragments, stations: silence", before)

# ---- many ----
for port in range(3000, 3200):
    net.send(tcp(port, 1, 0, SYN))
ok(get(net, 4000) == page(10), "more half-open connections than it keeps: who speaks is served")
shuffled = random.Random(7)
for i in range(3000):
    f = bytearray(shuffled.choice([tcp(shuffled.randrange(5000, 5020), shuffled.randrange(3), shuffled.randrange(3), shuffled.randrange(64),
                                       shuffled.choice([b"", request, b"x" * 1400])), shuffled.choice(silent)]))
    for _ in range(shuffled.randrange(3)):
        f[shuffled.randrange(12, len(f))] = shuffled.randrange(256)
    net.send(bytes(f[: shuffled.randrange(14, len(f) + 1)]) if i % 3 == 0 else bytes(f))
    while select.select([net.socket], [], [], 0)[0] and net.frame(0) is not None:
        pass
r = get(net, 4001)
ok(r is not None and r.startswith(b"HTTP/1.0 200 OK"), "3,000 frames with random faults later: a page", r)
net.vmm.terminate()
ok(net.vmm.wait(LIMIT) == 143, "SIGTERM: 143")

net = Network("2", "8080", "10.0.0.9")
ok(net.line == b"httpd: port 8080\n", "another port")
net.frame()  # the announcement
net.send(ethernet(0x0806, ask + bytes([10, 0, 0, 9]), b"\xff" * 6))
ok(net.frame()[28:32] == bytes([10, 0, 0, 9]), "another address")
plain = tcp


def tcp(*arguments, **named):
    return plain(*arguments, dport=8080, **named)


ok(get(net, 2000) == page(1) and get(net, 2001) == page(2), "two requests")
ok(net.vmm.wait(LIMIT) == 0, "and it ends with 0")
print("1..%d" % tests)
sys.exit(failed > 0)
