"""Every wrong login that we could think of, one row each: what is said, and what RFC 7143 has for it.

A row's second column gets a fresh connection and says something; the third judges what comes back;
the fourth is what one line of the log must have in it, beside the peer's address."""

import os
import random

from raw_iscsi import *
from wrong import Row, closed, goes_on, status

HELLO = {"InitiatorName": INITIATOR, "SessionType": "Normal", "TargetName": os.environ["IQN"]}
FULL = {**HELLO, **KEYS}
DISCOVERY = {"InitiatorName": INITIATOR, "SessionType": "Discovery"}


def says(keys, **fields):
    """A row's action: one Login Request with these keys."""
    return lambda peer: peer.login(keys if isinstance(keys, bytes) else text(keys), **fields)


def pairs(keys):
    return [f"{key}={value}" for key, value in keys.items()]


def without(key):
    return {name: value for name, value in FULL.items() if name != key}


def then(first, **second):
    """Two requests: the first one is answered with success."""
    def act(peer):
        peer.login(**first)
        answer = peer.receive()
        assert answer.opcode == LOGIN_RESPONSE and answer.login_status == 0, str(answer)
        peer.login(**second)
    return act


SECURITY = {"data": text(HELLO), "csg": 0, "transit": False}


def join(keys=FULL, **fields):
    """A second connection says the TSIH of a session that lives."""
    def act(peer):
        peer.other = Connection(peer.portal).log_in(os.environ["IQN"], isid_tail=77)
        peer.login(text(keys), tsih=peer.other.tsih, **fields)
    return act


def never_ends(peer):
    for _ in range(64):
        peer.login(transit=False, more=True, data=b"" if peer.cmd_sn == 0 else b"X-a=")
        if (answer := peer.receive()).login_status:
            peer.seen = answer
            return
    peer.login(transit=False, more=True)


def long_key_in_pieces(peer):
    """16 MiB of one key, 8 KiB at a time, until the target has had enough."""
    peer.login(text(HELLO) + b"X-endless=", transit=False, more=True)
    for _ in range(2048):
        if (answer := peer.receive()).login_status:
            peer.seen = answer
            return
        peer.login(b"v" * 8192, transit=False, more=True)


def another_pdu(opcode):
    def act(peer):
        peer.login(**SECURITY)
        peer.receive()
        peer.send(opcode, b"x" * 512 if opcode == DATA_OUT else b"")
    return act


ROWS = [
    # The header.
    Row("a version that does not exist", says(FULL, version_min=1, version_max=1), status(0x0205), "versions 1 to 1"),
    Row("a Login Request that is not immediate", says(FULL, immediate=False), status(0x0200), "not immediate"),
    Row("CSG 2", says(FULL, csg=2), status(0x0200), "CSG names no stage"),
    Row("CSG 3", says(FULL, csg=3), status(0x0200), "CSG names no stage"),
    Row("NSG 2", says(FULL, nsg=2), status(0x0200), "NSG is not a later stage"),
    Row("NSG the same as CSG", says(FULL, nsg=1), status(0x0200), "NSG is not a later stage"),
    Row("NSG before CSG", says(FULL, nsg=0), status(0x0200), "NSG is not a later stage"),
    Row("T and C together", says(FULL, more=True), status(0x0200), "T and C"),
    Row("an AHS in a login", says(b"", ahs=bytes(8)), status(0x0200), "AHS"),
    Row("a data segment of 16 MiB", says(b"x" * 8192, data_bytes=0xFFFFFF), status(0x0200), "longer than"),
    Row("a TSIH of nobody", says(FULL, tsih=0x7777), status(0x020A), "no session 0x7777"),
    Row("a TSIH of another ISID's session", join(), status(0x020A), "no session"),
    Row("a TSIH of another initiator's session", join({**FULL, "InitiatorName": INITIATOR + "2"}, isid_tail=77),
        status(0x020A), "no session"),
    Row("a TSIH of a session with another target", join({**FULL, "TargetName": os.environ["PINGED"]}, isid_tail=77), status(0x020A),
        "no session"),
    Row("a second connection where one was agreed on", join(isid_tail=77, cid=5), status(0x0206), "all the connections"),
    Row("a TSIH in a discovery", says(DISCOVERY, tsih=5), status(0x020A), "discovery"),
    Row("the stage changes by itself", then(SECURITY, data=b"", csg=1), status(0x0200), "not the stage we are in"),
    Row("the ISID changes", then(SECURITY, data=b"", csg=0, isid_tail=9), status(0x0200), "ISID, TSIH or CID changed"),
    Row("the TSIH changes", then(SECURITY, data=b"", csg=0, tsih=9), status(0x0200), "ISID, TSIH or CID changed"),
    Row("the CID changes", then(SECURITY, data=b"", csg=0, cid=9), status(0x0200), "ISID, TSIH or CID changed"),
    Row("a login that comes to no end", never_ends, status(0x0200), "comes to no end"),
    # Other PDUs.
    *[Row(f"it begins with opcode {opcode:#04x}", lambda peer, opcode=opcode: peer.send(opcode), closed(), "does not begin with a Login")
      for opcode in (NOP_OUT, COMMAND, TASK_MANAGEMENT, TEXT, DATA_OUT, LOGOUT, SNACK, NOP_IN, LOGIN_RESPONSE, 0x1E, REJECT)],
    *[Row(f"opcode {opcode:#04x} in the middle", another_pdu(opcode), status(0x020B), "PDU of another kind")
      for opcode in (NOP_OUT, COMMAND, TASK_MANAGEMENT, TEXT, DATA_OUT, LOGOUT, LOGIN_RESPONSE)],
    # Keys: how they are written.
    Row("a key without =", says(pairs(FULL) + ["Lonely"]), status(0x0200), "'Lonely' has no '='"),
    Row("a value without a key", says(pairs(FULL) + ["=5"]), status(0x0200), "no key before"),
    Row("a text that does not end in a zero", says(text(FULL) + b"X-a=b"), status(0x0200), "does not end in a zero"),
    Row("a thousand keys", says(text(HELLO) + b"".join(b"%x=1\0" % i for i in range(1000))), status(0x0200), "more than 256 pairs"),
    Row("a key name of 64 bytes", says(pairs(FULL) + ["k" * 64 + "=1"]), status(0x0200), "64 bytes, more than 63"),
    Row("a key name with a blank", says(pairs(FULL) + ["a b=1"]), status(0x0200), "character that no key has"),
    Row("a list item of 256 bytes", says(pairs(FULL) + ["X-a=" + "v" * 256]), status(0x0200), "256 bytes, more than 255"),
    Row("a key of 16 MiB, in pieces", long_key_in_pieces, status(0x0200), "longer than 16384"),
    Row("bytes for text", says(random.Random(4).randbytes(4000)), status(0x0200), "malformed text"),
    Row("ones for text", says(b"\xff" * 4000), status(0x0200), "malformed text"),
    # Keys: what they say.
    Row("no InitiatorName", says(without("InitiatorName")), status(0x0207), "no InitiatorName"),
    Row("an InitiatorName without a value", says({**FULL, "InitiatorName": ""}), status(0x0207), "no InitiatorName"),
    Row("an InitiatorName of 224 bytes", says({**FULL, "InitiatorName": "iqn." + "n" * 220}), status(0x0200), "223 bytes"),
    Row("an InitiatorName with a blank", says({**FULL, "InitiatorName": "iqn.a b"}), status(0x0200), "blanks"),
    Row("an InitiatorName with a line feed", says({**FULL, "InitiatorName": "iqn.a\nb"}), status(0x0200), "blanks"),
    Row("no TargetName", says(without("TargetName")), status(0x0207), "without a TargetName"),
    Row("a target that is not there", says({**FULL, "TargetName": "iqn.nobody"}), status(0x0203), "no target iqn.nobody"),
    Row("a SessionType of its own", says({**FULL, "SessionType": "Boot"}), status(0x0209), "SessionType=Boot"),
    Row("a key said twice", says(pairs(FULL) + ["MaxBurstLength=512"]), status(0x0200), "MaxBurstLength is named a second time"),
    Row("InitiatorName twice, and different", says(pairs(FULL) + ["InitiatorName=iqn.other"]), status(0x0200), "a second time"),
    *[Row(f"MaxRecvDataSegmentLength={value}", says({**FULL, "MaxRecvDataSegmentLength": value}), status(0x0200), "is not a number from")
      for value in ("511", "16777216", "", "-1", "many", "99999999999999999999", "0x", "08192")],
    Row("FirstBurstLength beyond MaxBurstLength", says({**FULL, "MaxBurstLength": "4096", "InitialR2T": "No"}),
        goes_on(FirstBurstLength="4096"), None),
    *[Row(f"{key}={value}", says({**FULL, key: value}), goes_on(**{key: "Reject"}), None)
      for key, value in (("MaxBurstLength", "511"), ("FirstBurstLength", ""), ("MaxOutstandingR2T", "0"), ("MaxConnections", "65536"),
                         ("DefaultTime2Wait", "3601"), ("ErrorRecoveryLevel", "3"), ("InitialR2T", "yes"), ("ImmediateData", ""),
                         ("HeaderDigest", ""), ("DataDigest", "CRC64"), ("IFMarker", "Yes"), ("TargetAlias", "mine"),
                         ("SendTargets", "All"), ("TaskReporting", "Never"))],
    Row("a key that nobody knows", says({**FULL, "X-org.example.colour": "blue"}), goes_on(**{"X-org.example.colour": "NotUnderstood"}), None),
    Row("a login in two pieces, cut within a key", lambda peer: cut(peer, 20), goes_on(), None),
    # Security.
    Row("AuthMethod in the operational stage", says({**FULL, "AuthMethod": "None"}), status(0x0200), "outside the security stage"),
    Row("CHAP keys out of the blue", says({**HELLO, "CHAP_N": "me"}, csg=0, nsg=1), status(0x0200), "CHAP keys before"),
    Row("Kerberos or nothing", says({**HELLO, "AuthMethod": "KRB5"}, csg=0, nsg=1), status(0x0201), "does not offer"),
]


def cut(peer, at):
    whole = text(FULL)
    peer.login(whole[:at], transit=False, more=True)
    answer = peer.receive()
    assert answer.login_status == 0 and not answer.flags & 0x80, str(answer)
    peer.login(whole[at:])
