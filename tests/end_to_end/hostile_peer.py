#!/usr/bin/env python3
"""hostile_peer.py PORT SECONDS: speaks rubbish to a target in every way below, each on connections
of its own. Every such connection must be answered or closed within SECONDS. Exit code 1 names the
ways that were not."""

import random
import selectors
import socket
import struct
import sys
import time

from raw_iscsi import COMMAND, DATA_OUT, LOGIN, bhs

PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
rng = random.Random(20261122)


def login(data, data_bytes=None, flags=0x87):
    length = len(data) if data_bytes is None else data_bytes
    words = struct.pack(">HHII", 0, 0, 1, 0)
    return bhs(LOGIN, flags, immediate=True, words=words, data_bytes=length) + data + bytes(-len(data) % 4)


NAME = b"InitiatorName=iqn.2026-11.example.hostile:peer\0"
# What is sent; silence follows.
WAYS = {
    "nothing at all": b"",
    "one byte": b"\x43",
    "half a header": login(NAME)[:24],
    "a header and half of its data": login(NAME)[:60],
    "zeros": bytes(4096),
    "ones": b"\xff" * 4096,
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(48),
    "a command before login": bhs(COMMAND, 0xC0),
    "a Data-Out before login": bhs(DATA_OUT, data_bytes=8192) + bytes(8192),
    "a segment of 16 MiB in login": login(NAME, data_bytes=0xFFFFFF),
    "an AHS of 1020 bytes": bhs(LOGIN, 0x87, immediate=True, ahs_words=255) + bytes(1020),
    "keys without a value": login(b"InitiatorName\0\0\0====\0"),
    "a key of 8 KiB": login(b"k" * 8000 + b"=v\0"),
    "bytes for text": login(rng.randbytes(2000)),
    "login stages backwards": login(NAME, flags=0x8C),
    "login to nowhere": login(NAME + b"SessionType=Normal\0TargetName=iqn.nobody\0"),
    "an endless login": login(NAME, flags=0x40) * 200,
}
for i in range(200):
    WAYS[f"random bytes, seed {i}"] = random.Random(i).randbytes(rng.randrange(1, 5000))
whole = login(NAME + b"SessionType=Discovery\0")
for i in range(200):
    bent = bytearray(whole)
    for _ in range(rng.randrange(1, 4)):
        bent[rng.randrange(len(bent))] ^= 1 << rng.randrange(8)
    WAYS[f"a good login with bent bits, variant {i}"] = bytes(bent)


def main():
    waiting = selectors.DefaultSelector()
    for way, data in WAYS.items():
        peer = socket.create_connection(("127.0.0.1", PORT), timeout=10)
        peer.setblocking(False)
        try:
            peer.send(data)
        except OSError:
            pass  # closed already: as good an answer as any
        waiting.register(peer, selectors.EVENT_READ, [way, False])
    end = time.monotonic() + SECONDS
    while not all(key.data[1] for key in waiting.get_map().values()) and time.monotonic() < end:
        for key, _ in waiting.select(timeout=1):
            try:
                open_still = key.fileobj.recv(65536)
            except OSError:
                open_still = False
            key.data[1] = True
            if not open_still:
                waiting.unregister(key.fileobj)
                key.fileobj.close()
    # One that was answered may stay: a bent bit can still be a login that a target may accept.
    left = [key.data for key in waiting.get_map().values()]
    ignored = [way for way, answered in left if not answered]
    print(f"{len(WAYS)} ways: {len(WAYS) - len(left)} closed, {len(left) - len(ignored)} answered")
    for way in ignored:
        print(f"neither answered nor closed within {SECONDS} s: {way}")
    return 1 if ignored else 0


sys.exit(main())
