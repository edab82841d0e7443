#!/usr/bin/env python3
"""syn_storm.py PORT SECONDS: SYNs to 127.0.0.1:PORT from ever new addresses of 127/8 and ports, which are
never followed by anything. Needs root. Says how many."""

import random
import socket
import struct
import sys
import time


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def syn(source, source_port, port, number):
    addresses = socket.inet_aton(source) + socket.inet_aton("127.0.0.1")
    tcp = struct.pack(">HHIIBBHHH", source_port, port, number, 0, 5 << 4, 0x02, 64240, 0, 0)
    check = checksum(addresses + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(tcp)) + tcp)
    tcp = tcp[:16] + struct.pack(">H", check) + tcp[18:]
    # The kernel fills in the length, the identification and the checksum of the IP header.
    return struct.pack(">BBHHHBBH", 0x45, 0, 40, 0, 0, 64, socket.IPPROTO_TCP, 0) + addresses + tcp


def main():
    port, until = int(sys.argv[1]), time.monotonic() + float(sys.argv[2])
    rng, sent = random.Random(20261122), 0
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    while time.monotonic() < until:
        source = f"127.{rng.randrange(1, 255)}.{rng.randrange(256)}.{rng.randrange(1, 255)}"
        try:
            raw.sendto(syn(source, rng.randrange(1024, 65535), port, rng.getrandbits(32)), ("127.0.0.1", 0))
            sent += 1
        except OSError:
            time.sleep(0.01)
    print(f"{sent} SYNs")


main()
