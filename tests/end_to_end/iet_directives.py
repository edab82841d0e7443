#!/usr/bin/env python3
"""iet_directives.py PORTAL STORE LOG: what each directive of etc_iet/ietd.conf does on the wire. Exit code 1
names those that do something else, and directives of the file that nothing here is about."""

import pathlib
import sys
import time

from raw_iscsi import *

PORTAL, STORE, LOG = sys.argv[1:4] if len(sys.argv) > 3 else ("", "", "")
OPEN, SAFE, ALLOWED, DENIED, ELSEWHERE = (f"iqn.2001-04.com.example:storage.{name}" for name in
                                          ("open", "safe", "allowed", "denied", "elsewhere"))
ALICE = {"chap": ("alice", "alices-own-secret")}
SCOUT = {"chap": ("scout", "the-scouts-secret")}
DIGESTS = {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}
DISCOVERY = {"SessionType": "Discovery"}


def open_session(keys=None, target=OPEN, **fields):
    peer = Connection(PORTAL).log_in(target, keys, **fields)
    peer.clear_unit_attention(range(5) if target == OPEN else [0])
    return peer


def refusal(target, keys=None, **fields):
    """The status that a login is refused with; 0 if it is not."""
    with Connection(PORTAL) as peer:
        try:
            peer.log_in(target, keys, **fields)
        except Refused as refused:
            return refused.status
        return 0


def agreed(key, offer, target=OPEN, **fields):
    """What is agreed on when we offer `offer`."""
    with Connection(PORTAL) as peer:
        return peer.log_in(target, {key: offer}, **fields).agreed.get(key)


def same(got, expected):
    assert got == expected, f"{got!r}, not {expected!r}"


def discovered(initiator=INITIATOR):
    with Connection(PORTAL) as peer:
        peer.log_in("", DISCOVERY, initiator=initiator, **SCOUT)
        peer.text_request(text({"SendTargets": "All"}))
        return [pair[11:] for pair in peer.receive().data.decode().split("\0") if pair.startswith("TargetName=")]


def inquiry(peer, page=None, lun=0):
    cdb = struct.pack(">BBBHB", 0x12, page is not None, page or 0, 255, 0)
    return peer.run(cdb, read=255, lun=lun)[1]


def mode_sense(peer, lun):
    """MODE SENSE(6) of the caching page."""
    return peer.run(bytes([0x1A, 8, 0x08, 0, 255, 0]), read=255, lun=lun)[1]


def capacity(peer, lun):
    """READ CAPACITY(10): blocks, and bytes of a block."""
    last, block = struct.unpack(">II", peer.run(b"\x25".ljust(10, b"\0"), read=8, lun=lun)[1])
    return last + 1, block


def write(peer, lba, data, lun=0, **fields):
    return peer.run(struct.pack(">BBIBH", 0x2A, 0, lba, 0, len(data) // 512), write=data, lun=lun, **fields)


# Global.

def discovery_incoming_user():
    same(refusal("", DISCOVERY), 0x0201)
    same(refusal("", DISCOVERY, chap=("scout", "another-scouts-secret")), 0x0201)
    same(refusal("", DISCOVERY, **ALICE), 0x0201)
    same(refusal("", DISCOVERY, **SCOUT), 0)


def discovery_outgoing_user():
    with Connection(PORTAL) as peer:
        peer.log_in("", DISCOVERY, **SCOUT, other_secret="the-portals-secret")
        same(peer.other_name, "portal")
    try:
        Connection(PORTAL).log_in("", DISCOVERY, **SCOUT, other_secret="not-the-portals-secret")
        raise AssertionError("it proved to know what it does not")
    except Refused:
        pass


def target():
    same(discovered(), [OPEN, SAFE])
    same(refusal(OPEN.upper().replace("IQN", "iqn")), 0)
    same(refusal(OPEN + "x"), 0x0203)


# Users.

def incoming_user():
    same(refusal(SAFE, DIGESTS), 0x0201)
    same(refusal(SAFE, DIGESTS, **ALICE), 0)
    same(refusal(SAFE, DIGESTS, chap=("bob", "bobs-secret-as-well")), 0)
    same(refusal(SAFE, DIGESTS, chap=("bob", "alices-own-secret")), 0x0201)
    same(refusal(SAFE, DIGESTS, **SCOUT), 0x0201)


def outgoing_user():
    with Connection(PORTAL) as peer:
        peer.log_in(SAFE, DIGESTS, **ALICE, other_secret="the-disks-own-secret")
        same(peer.other_name, "disk")


# Units.

def alias():
    with Connection(PORTAL) as peer:
        same(peer.log_in(OPEN).agreed["TargetAlias"], "Storage")


def lun():
    with open_session() as peer:
        listed = peer.run(struct.pack(">B5xIxx", 0xA0, 256), read=256)[1]
        same([listed[i + 1] for i in range(8, 8 + int.from_bytes(listed[:4], "big"), 8)], [0, 1, 2, 3, 4])


def lun_path():
    with open_session() as peer:
        same(write(peer, 8, b"path" * 128)[0], 0)
    same(pathlib.Path(STORE, "wt.img").read_bytes()[4096:4608], b"path" * 128)


def lun_type():
    with open_session() as peer:
        same(write(peer, 8, b"null" * 128, lun=3)[0], 0)
        same(peer.run(struct.pack(">BBIBH", 0x28, 0, 8, 0, 1), read=512, lun=3)[1], bytes(512))
        same(write(peer, 8, b"file" * 128, lun=1)[0], 0)
        same(peer.run(struct.pack(">BBIBH", 0x28, 0, 8, 0, 1), read=512, lun=1)[1], b"file" * 128)


def lun_io_mode():
    with open_session() as peer:
        write_cache = {unit: mode_sense(peer, unit)[4 + 2] & 4 for unit in (0, 1)}
        same(write_cache, {0: 0, 1: 4})  # WCE: wt, wb
        same(mode_sense(peer, 2)[2] & 0x80, 0x80)  # WP: ro
        same(mode_sense(peer, 0)[2] & 0x80, 0)
        same(write(peer, 0, bytes(512), lun=2)[:2], (2, (7, 0x27, 0)))


def lun_scsi_id():
    with open_session() as peer:
        assert b"old-disk-0" in inquiry(peer, 0x83), "not in page 0x83"
        assert b"old-disk-0" not in inquiry(peer, 0x83, lun=1), "in another unit's page 0x83"


def lun_scsi_sn():
    with open_session() as peer:
        same(inquiry(peer, 0x80)[4:].strip(), b"OLD-0000")


def lun_block_size():
    with open_session() as peer:
        same(capacity(peer, 4)[1], 4096)
        same(capacity(peer, 0)[1], 512)


def lun_blocks():
    with open_session() as peer:
        same(capacity(peer, 3), (2097152, 512))
        same(capacity(peer, 4), (4096, 4096))  # Sectors


def device_type():
    with open_session() as peer:
        same(inquiry(peer)[0], 0)


# Sessions.

def max_sessions():
    peers = []
    for i in range(3):
        peers.append(Connection(PORTAL).log_in(OPEN, initiator=INITIATOR + f".{i}"))
    same(refusal(OPEN, initiator=INITIATOR + ".one-too-many"), 0x0206)
    peers.pop().socket.close()
    end = time.monotonic() + 10
    while refusal(OPEN, initiator=INITIATOR + ".one-too-many") and time.monotonic() < end:
        time.sleep(0.05)
    same(refusal(OPEN, initiator=INITIATOR + ".one-too-many"), 0)
    for peer in peers:
        peer.socket.close()


def max_connections():
    same(agreed("MaxConnections", "8"), "2")
    two = {"MaxConnections": "8"}
    with Connection(PORTAL).log_in(OPEN, two) as first, Connection(PORTAL) as second:
        said = {"InitiatorName": INITIATOR, "SessionType": "Normal", "TargetName": OPEN}
        second.login(text(said), tsih=first.tsih, cid=1)
        same((answer := second.receive()).login_status, 0)
        same(answer.tsih, first.tsih)
        with Connection(PORTAL) as third:
            third.login(text(said), tsih=first.tsih, cid=2)
            same(third.receive().login_status, 0x0206)


def header_digest():
    same(agreed("HeaderDigest", "CRC32C,None"), "None")
    same(agreed("HeaderDigest", "CRC32C"), "Reject")
    with open_session(DIGESTS, SAFE, **ALICE) as peer:
        same((peer.agreed["HeaderDigest"], peer.header_digest), ("CRC32C", True))
        peer.test_unit_ready(spoil_header=True)
        assert peer.is_closed(), "a wrong header digest was taken"
    assert refusal(SAFE, {"HeaderDigest": "None", "DataDigest": "CRC32C"}, **ALICE), "in without a digest"


def data_digest():
    same(agreed("DataDigest", "CRC32C,None"), "None")
    with open_session(DIGESTS, SAFE, **ALICE) as peer:
        same((peer.agreed["DataDigest"], peer.data_digest), ("CRC32C", True))
        same(write(peer, 0, b"w" * 512)[0], 0)
        same(peer.run(struct.pack(">BBIBH", 0x28, 0, 0, 0, 1), read=512)[1], b"w" * 512)
    assert refusal(SAFE, {"HeaderDigest": "CRC32C", "DataDigest": "None"}, **ALICE), "in without a digest"


def initial_r2t():
    same(agreed("InitialR2T", "No"), "No")
    safe_insists("InitialR2T", "No", "Yes")


def safe_insists(key, offer, answer):
    with Connection(PORTAL) as peer:
        same(peer.log_in(SAFE, {**DIGESTS, key: offer}, **ALICE).agreed[key], answer)


def immediate_data():
    same(agreed("ImmediateData", "Yes"), "Yes")
    safe_insists("ImmediateData", "Yes", "No")


def max_recv_data_segment_length():
    with Connection(PORTAL) as peer:
        same(peer.log_in(OPEN).agreed["MaxRecvDataSegmentLength"], "65536")
        peer.nop_out(b"x" * 65536)
        same(peer.receive().opcode, NOP_IN)
        peer.nop_out(b"x" * 65540)
        same(peer.receive().opcode, REJECT)


def max_xmit_data_segment_length():
    with open_session({"MaxRecvDataSegmentLength": "262144"}) as peer:
        came = peer.run(struct.pack(">BBIBH", 0x28, 0, 0, 0, 256), read=131072)[2]
        same([len(pdu.data) for pdu in came], [32768] * 4)


def max_burst_length():
    same(agreed("MaxBurstLength", "16776192"), "131072")
    with open_session({"ImmediateData": "No", "InitialR2T": "Yes", "MaxBurstLength": "262144"}) as peer:
        same(write_in_pieces(peer, 262144), [131072, 131072])


def write_in_pieces(peer, length):
    """A WRITE whose R2Ts are answered in Data-Outs of 64 KiB, the most that the target takes."""
    peer.write_10(0, length // 512, tag=5)
    lengths = []
    while (pdu := peer.receive_unless_ping()).opcode == R2T:
        lengths.append(pdu.length)
        for sn, offset in enumerate(range(0, pdu.length, 65536)):
            last = offset + 65536 >= pdu.length
            peer.data_out(bytes(min(65536, pdu.length - offset)), transfer_tag=pdu.transfer_tag, tag=5, sn=sn,
                          offset=pdu.offset + offset, flags=0x80 * last)
    same(pdu.status, 0)
    return lengths


def first_burst_length():
    same(agreed("FirstBurstLength", "262144"), "16384")
    with open_session({"ImmediateData": "Yes", "InitialR2T": "No", "FirstBurstLength": "65536"}) as peer:
        peer.write_10(0, 64, data=bytes(16384))  # Allowed, and R2Ts ask for the rest.
        same((answer := peer.receive_unless_ping()).opcode, R2T)
        same((answer.offset, answer.length), (16384, 16384))
        peer.write_10(0, 64, data=bytes(32768), tag=9)
        same(peer.receive_unless_ping().sense(), (0xB, 0x0C, 0x0C))


def default_time2wait():
    same(agreed("DefaultTime2Wait", "2"), "7")
    with open_session() as peer:
        peer.logout()
        answer = peer.receive_unless_ping()
        same(struct.unpack_from(">H", answer.header, 40)[0], 7)


def default_time2retain():
    same(agreed("DefaultTime2Retain", "20"), "0")


def max_outstanding_r2t():
    same(agreed("MaxOutstandingR2T", "8"), "3")
    with open_session({"MaxBurstLength": "4096", "FirstBurstLength": "4096", "MaxOutstandingR2T": "8"}) as peer:
        peer.write_10(0, 64)
        same([peer.receive_unless_ping().opcode for _ in range(3)], [R2T] * 3)
        peer.nop_out(tag=0x77)
        same(peer.receive_unless_ping().opcode, NOP_IN)  # No fourth R2T before it.


def data_pdu_in_order():
    same(agreed("DataPDUInOrder", "No"), "Yes")


def data_sequence_in_order():
    same(agreed("DataSequenceInOrder", "No"), "Yes")


def error_recovery_level():
    same(agreed("ErrorRecoveryLevel", "2"), "0")


def of_marker():
    same(agreed("OFMarker", "Yes"), "Reject")
    same(agreed("OFMarkInt", "2048~8192"), "Reject")


def if_marker():
    same(agreed("IFMarker", "Yes"), "Reject")
    same(agreed("IFMarkInt", "2048~8192"), "Reject")


def nop_interval():
    with open_session() as peer:
        began = time.monotonic()
        ping = peer.receive()
        assert 1.5 < time.monotonic() - began < 15, "a ping out of time"
        same((ping.opcode, ping.tag, ping.transfer_tag != NO_TAG), (NOP_IN, NO_TAG, True))
        peer.nop_out(tag=NO_TAG, transfer_tag=ping.transfer_tag)
        same(peer.receive().opcode, NOP_IN)  # The answer keeps the session: it is pinged again.


def nop_timeout():
    with open_session() as peer:
        peer.receive()
        began = time.monotonic()
        assert peer.is_closed(15), "nobody missed the answer"
        assert time.monotonic() - began > 0.5, "dropped at once"
    assert has_line(LOG, re.escape(peer.name), "NOPTimeout"), "the log has no word of it"


def wthreads():
    """It has no effect, and the log says so."""
    assert has_line(LOG, "Wthreads"), "the log has no word of it"


def queued_commands():
    with open_session() as peer:
        for _ in range(30):
            answer = peer.run(bytes(6))[2][-1]
        same(answer.max_cmd_sn - answer.exp_cmd_sn + 1, 20)


# Files beside it.

def initiators_allow():
    same(refusal(ALLOWED, initiator="iqn.2001-04.com.example:host7"), 0)
    same(refusal(ALLOWED, initiator="iqn.2001-04.com.example:guest"), 0x0203)
    same(ALLOWED in discovered("iqn.2001-04.com.example:host7"), True)
    same(ALLOWED in discovered("iqn.2001-04.com.example:guest"), False)


def initiators_deny():
    same(refusal(DENIED), 0x0203)
    same(refusal(DENIED, initiator="iqn.2001-04.com.example:friend"), 0)  # Allowed after all.
    same(refusal(OPEN), 0)  # Neither denied nor named.


def targets_allow():
    same(refusal(ELSEWHERE), 0x0203)
    same(ELSEWHERE in discovered(), False)


# Which directive, or Lun option, each of these is about.
ABOUT = {
    "IncomingUser": [discovery_incoming_user, incoming_user], "OutgoingUser": [discovery_outgoing_user, outgoing_user],
    "Target": [target], "Alias": [alias], "Lun": [lun], "Path": [lun_path], "Type": [lun_type, device_type], "IOMode": [lun_io_mode],
    "ScsiId": [lun_scsi_id], "ScsiSN": [lun_scsi_sn], "BlockSize": [lun_block_size], "Blocks": [lun_blocks], "Sectors": [lun_blocks],
    "MaxSessions": [max_sessions], "MaxConnections": [max_connections], "HeaderDigest": [header_digest], "DataDigest": [data_digest],
    "InitialR2T": [initial_r2t], "ImmediateData": [immediate_data], "MaxRecvDataSegmentLength": [max_recv_data_segment_length],
    "MaxXmitDataSegmentLength": [max_xmit_data_segment_length], "MaxBurstLength": [max_burst_length],
    "FirstBurstLength": [first_burst_length], "DefaultTime2Wait": [default_time2wait], "DefaultTime2Retain": [default_time2retain],
    "MaxOutstandingR2T": [max_outstanding_r2t], "DataPDUInOrder": [data_pdu_in_order], "DataSequenceInOrder": [data_sequence_in_order],
    "ErrorRecoveryLevel": [error_recovery_level], "OFMarker": [of_marker], "OFMarkInt": [of_marker], "IFMarker": [if_marker],
    "IFMarkInt": [if_marker], "NOPInterval": [nop_interval], "NOPTimeout": [nop_timeout], "Wthreads": [wthreads],
    "QueuedCommands": [queued_commands],
    "initiators.allow": [initiators_allow], "initiators.deny": [initiators_deny], "targets.allow": [targets_allow],
}


def main():
    failures = []
    said = set()
    for line in pathlib.Path(__file__).with_name("etc_iet").joinpath("ietd.conf").read_text().splitlines():
        words = line.split()
        if words and not words[0].startswith("#"):
            said.add(words[0])
            said |= {option.split("=")[0] for option in " ".join(words[2:]).split(",") if words[0] == "Lun"}
    failures += [f"nothing is about {directive}" for directive in sorted(said - set(ABOUT))]
    for directive, tests in ABOUT.items():
        for test in tests:
            try:
                test()
                print(f"| {directive} | {test.__name__} |")
            except Exception as error:
                failures.append(f"{directive}, {test.__name__}: {type(error).__name__}: {error}")
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
