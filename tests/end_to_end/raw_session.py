"""A session of iSCSI by hand, for tests that need a peer which does what no initiator would."""

import socket
import struct

KEYS = ("InitialR2T=Yes ImmediateData=No MaxRecvDataSegmentLength=262144 MaxBurstLength=262144 "
        "FirstBurstLength=65536 MaxOutstandingR2T=1 MaxConnections=1 DefaultTime2Wait=2 "
        "DefaultTime2Retain=0 DataPDUInOrder=Yes DataSequenceInOrder=Yes ErrorRecoveryLevel=0")


def receive(peer):
    """One PDU: its header and its data segment."""
    def exactly(count):
        data = b""
        while len(data) < count:
            part = peer.recv(count - len(data))
            if not part:
                raise EOFError("the target closed the connection")
            data += part
        return data

    header = exactly(48)
    length = int.from_bytes(header[5:8], "big")
    return header, exactly(header[4] * 4 + length + -length % 4)[:header[4] * 4 + length]


def log_in(portal, iqn, isid_tail=1):
    """Connects and logs in. The next CmdSN is 1."""
    host, port = portal.rsplit(":", 1)
    peer = socket.create_connection((host, int(port)), timeout=30)
    text = "\0".join(["InitiatorName=iqn.2026-11.example.raw:session", f"TargetName={iqn}",
                      "SessionType=Normal", *KEYS.split(" "), ""]).encode()
    isid = bytes([0x80, 0, 0, 0, 0, isid_tail])
    header = struct.pack(">BBHI6sHIHHII16x", 0x43, 0x87, 0, len(text), isid, 0, 1, 0, 0, 1, 0)
    peer.sendall(header + text + bytes(-len(text) % 4))
    header, _ = receive(peer)
    if header[0] != 0x23 or header[36] != 0 or not header[1] & 0x80:
        raise RuntimeError(f"login refused: {header.hex()}")
    return peer


def command(peer, cmd_sn, tag, cdb, flags, expected):
    peer.sendall(struct.pack(">BBHI8xIIII16s", 0x01, 0x81 | flags, 0, 0, tag, expected, cmd_sn, 0,
                             cdb.ljust(16, b"\0")))


def write_10(peer, cmd_sn, tag, lba, blocks):
    command(peer, cmd_sn, tag, struct.pack(">BBIBH", 0x2A, 0, lba, 0, blocks), 0x20, 512 * blocks)


def test_unit_ready(peer, cmd_sn, tag):
    command(peer, cmd_sn, tag, b"\0" * 6, 0, 0)
