"""An initiator whose every PDU is written by hand, field by field, for tests that need a peer which
does what no initiator would. It shares no code with the target, so that a field which both ends of
ours have in the wrong place is seen here."""

import hashlib
import os
import re
import socket
import struct
import time

NOP_OUT, COMMAND, TASK_MANAGEMENT, LOGIN, TEXT, DATA_OUT, LOGOUT, SNACK = 0, 1, 2, 3, 4, 5, 6, 0x10
NOP_IN, RESPONSE, TASK_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE = 0x20, 0x21, 0x22, 0x23, 0x24
DATA_IN, LOGOUT_RESPONSE, R2T, ASYNC, REJECT = 0x25, 0x26, 0x31, 0x32, 0x3F
NO_TAG = 0xFFFFFFFF
INITIATOR = "iqn.2026-11.example.raw:initiator"
# Every key is said, so that the target has nothing to ask and the login is over in one round.
KEYS = {
    "InitialR2T": "Yes", "ImmediateData": "No", "MaxRecvDataSegmentLength": "262144",
    "MaxBurstLength": "262144", "FirstBurstLength": "65536", "MaxOutstandingR2T": "1",
    "MaxConnections": "1", "DefaultTime2Wait": "2", "DefaultTime2Retain": "0",
    "DataPDUInOrder": "Yes", "DataSequenceInOrder": "Yes", "ErrorRecoveryLevel": "0",
}


def _crc_table():
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_TABLE = _crc_table()


def crc32c(data):
    """As it goes on the wire (RFC 7143 section 13.1)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ _TABLE[(crc ^ byte) & 0xFF]
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def text(keys):
    """A text of keys: a dict, or a list of whole pairs."""
    pairs = [f"{key}={value}" for key, value in keys.items()] if isinstance(keys, dict) else keys
    return "".join(pair + "\0" for pair in pairs).encode("latin-1")


def bhs(opcode, flags=0x80, *, immediate=False, specific=b"\0\0", ahs_words=0, data_bytes=0, lun=0, tag=1, words=b""):
    """A header of 48 bytes. `words` are those from byte 20 on."""
    return (bytes([opcode | (0x40 if immediate else 0), flags]) + specific + bytes([ahs_words]) +
            data_bytes.to_bytes(3, "big") + struct.pack(">HHII", lun, 0, 0, tag) + words.ljust(28, b"\0"))


class Pdu:
    """One PDU of the target's, its fields by the names of RFC 7143."""

    def __init__(self, header, data):
        self.header, self.data = header, data
        self.opcode, self.flags = header[0] & 0x3F, header[1]
        self.response = header[2]
        self.status = header[3]
        self.tag, self.transfer_tag = struct.unpack_from(">II", header, 16)
        self.stat_sn, self.exp_cmd_sn, self.max_cmd_sn = struct.unpack_from(">III", header, 24)
        self.sn, self.offset, self.length = struct.unpack_from(">III", header, 36)
        self.login_status = struct.unpack_from(">H", header, 36)[0]
        self.tsih = struct.unpack_from(">H", header, 14)[0]

    def keys(self):
        return dict(pair.split("=", 1) for pair in self.data.decode("latin-1").split("\0") if pair)

    def sense(self):
        """(key, ASC, ASCQ) of a SCSI Response, or nothing."""
        if len(self.data) < 16:
            return None
        return self.data[2 + 2] & 0xF, self.data[2 + 12], self.data[2 + 13]

    def __str__(self):
        words = {LOGIN_RESPONSE: f"Login Response, status {self.login_status:#06x}",
                 REJECT: f"Reject, reason {self.response:#04x}",
                 RESPONSE: f"SCSI Response, status {self.status:#04x}, sense {self.sense()}",
                 TASK_RESPONSE: f"Task Management Function Response {self.response}",
                 LOGOUT_RESPONSE: f"Logout Response {self.response}"}
        return words.get(self.opcode, f"a PDU of opcode {self.opcode:#04x}")


class Closed(Exception):
    """The target closed the connection."""


class Refused(Exception):
    """A login was answered with something else than success."""

    def __init__(self, answer):
        super().__init__(str(answer))
        self.status = answer.login_status


class Connection:
    """A TCP connection to a target, and the numbers of the session on it."""

    def __init__(self, portal, timeout=30):
        host, port = portal.rsplit(":", 1)
        self.portal = portal
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.name = "%s:%d" % self.socket.getsockname()[:2]  # as the target's log names us
        self.cmd_sn, self.stat_sn, self.tsih = 1, 0, 0
        self.header_digest = self.data_digest = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # Bytes.

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            try:
                part = self.socket.recv(count - len(data))
            except ConnectionResetError:
                part = b""
            if not part:
                raise Closed
            data += part
        return data

    def receive(self):
        """The next PDU."""
        header = self._exactly(48)
        additional = self._exactly(4 * header[4])
        if self.header_digest and self._exactly(4) != crc32c(header + additional):
            raise ValueError("a header digest of the target's is wrong")
        length = int.from_bytes(header[5:8], "big")
        segment = self._exactly(length + -length % 4)
        if self.data_digest and length and self._exactly(4) != crc32c(segment):
            raise ValueError("a data digest of the target's is wrong")
        pdu = Pdu(header, segment[:length])
        if pdu.opcode not in (R2T, DATA_IN) or pdu.opcode == DATA_IN and pdu.flags & 1:
            self.stat_sn = pdu.stat_sn
        return pdu

    def receive_unless_ping(self):
        while True:
            pdu = self.receive()
            if not (pdu.opcode == NOP_IN and pdu.tag == NO_TAG):
                return pdu

    def is_closed(self, within=20):
        """Whether the target closes in that time. What it says first is swallowed."""
        end = time.monotonic() + within
        while time.monotonic() < end:
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                if not self.socket.recv(65536):
                    return True
            except socket.timeout:
                return False
            except ConnectionError:
                return True
        return False

    # PDUs. Each field may be said; what is not said is as it should be.

    def pdu(self, opcode, data=b"", *, flags=0x80, immediate=False, specific=b"\0\0", ahs=b"", lun=0,
            tag=1, words=b"", data_bytes=None, spoil_header=False, spoil_data=False):
        """The bytes of a PDU, with its digests."""
        header = bhs(opcode, flags, immediate=immediate, specific=specific, ahs_words=len(ahs) // 4, lun=lun, tag=tag,
                     words=words, data_bytes=len(data) if data_bytes is None else data_bytes) + ahs
        self.last_header = header[:48]
        whole = header
        if self.header_digest:
            digest = bytearray(crc32c(header))
            digest[1] ^= 0x10 * spoil_header
            whole += digest
        segment = data + bytes(-len(data) % 4)
        whole += segment
        if self.data_digest and data:
            digest = bytearray(crc32c(segment))
            digest[2] ^= 0x04 * spoil_data
            whole += digest
        return whole

    def send(self, opcode, data=b"", **fields):
        self.send_bytes(self.pdu(opcode, data, **fields))

    def numbers(self, cmd_sn=None, immediate=False, stat_sn=None):
        """CmdSN and ExpStatSN of the next request."""
        if cmd_sn is None:
            cmd_sn = self.cmd_sn
            self.cmd_sn += not immediate
        return struct.pack(">II", cmd_sn & NO_TAG, (self.stat_sn + 1 if stat_sn is None else stat_sn) & NO_TAG)

    def login(self, data=b"", *, csg=1, nsg=3, transit=True, more=False, version_min=0, version_max=0,
              isid_tail=1, tsih=0, cid=0, immediate=True, **fields):
        flags = transit << 7 | more << 6 | csg << 2 | (nsg if transit else 0)
        whole = bytearray(self.pdu(LOGIN, data, flags=flags, immediate=immediate,
                                   specific=bytes([version_max, version_min]),
                                   words=struct.pack(">HHII", cid, 0, self.cmd_sn, 0), **fields))
        whole[8:16] = bytes([0x80, 0, 0, 0, 0, isid_tail]) + struct.pack(">H", tsih)
        self.last_header = bytes(whole[:48])
        self.send_bytes(bytes(whole))

    def login_step(self, said, **fields):
        """One request of a login and its answer, which must not be a refusal."""
        self.login(text({key: value for key, value in said.items() if value is not None}), **fields)
        answer = self.receive()
        if answer.opcode != LOGIN_RESPONSE or answer.login_status != 0:
            raise Refused(answer)
        return answer

    def log_in(self, iqn, keys=None, initiator=INITIATOR, isid_tail=1, chap=None, other_secret=None, tsih=0, cid=0):
        """Straight to the operational stage, and in. A value of None takes a key away. `chap`: who we are, and
        our secret; then `other_secret` is what the target must prove to know."""
        names = {"InitiatorName": initiator, "SessionType": "Normal", "TargetName": iqn}
        said = {**names, **KEYS, **(keys or {})}
        if said["SessionType"] == "Discovery":
            said = names = {"InitiatorName": initiator, "SessionType": "Discovery"}
        place = {"isid_tail": isid_tail, "tsih": tsih, "cid": cid}
        if chap:
            self.prove(names, *chap, other_secret, place)
            said = {key: value for key, value in said.items() if key not in names}
        answer = self.login_step(said, **place)
        if not answer.flags & 0x80:
            raise Refused(answer)
        self.tsih = answer.tsih
        self.agreed = answer.keys()
        self.header_digest = self.agreed.get("HeaderDigest") == "CRC32C"
        self.data_digest = self.agreed.get("DataDigest") == "CRC32C"
        return self

    def prove(self, names, user, secret, other_secret, place):
        """The security stage: CHAP with MD5, RFC 1994 and RFC 7143 section 12.1.3."""
        def response(number, secret, challenge):
            return "0x" + hashlib.md5(bytes([number]) + secret.encode() + challenge).hexdigest()

        self.login_step({**names, "AuthMethod": "CHAP"}, csg=0, transit=False, **place)
        asked = self.login_step({"CHAP_A": "5"}, csg=0, transit=False, **place).keys()
        said = {"CHAP_N": user, "CHAP_R": response(int(asked["CHAP_I"]), secret, bytes.fromhex(asked["CHAP_C"][2:]))}
        number, challenge = 99, os.urandom(16)
        if other_secret:
            said.update(CHAP_I=str(number), CHAP_C="0x" + challenge.hex())
        answer = self.login_step(said, csg=0, nsg=1, **place)
        if other_secret:
            self.other_name = answer.keys().get("CHAP_N")
            if answer.keys().get("CHAP_R", "").lower() != response(number, other_secret, challenge):
                raise Refused(answer)

    def command(self, cdb, *, tag=1, flags=0x81, expected=0, data=b"", cmd_sn=None, immediate=False, **fields):
        words = struct.pack(">I", expected) + self.numbers(cmd_sn, immediate) + cdb.ljust(16, b"\0")
        self.send(COMMAND, data, flags=flags, tag=tag, words=words, immediate=immediate, **fields)

    def read_10(self, lba, blocks, **fields):
        self.command(struct.pack(">BBIBH", 0x28, 0, lba, 0, blocks), **{"flags": 0xC1, "expected": 512 * blocks, **fields})

    def write_10(self, lba, blocks, **fields):
        self.command(struct.pack(">BBIBH", 0x2A, 0, lba, 0, blocks), **{"flags": 0xA1, "expected": 512 * blocks, **fields})

    def test_unit_ready(self, **fields):
        self.command(bytes(6), **fields)

    def data_out(self, data, *, transfer_tag=NO_TAG, sn=0, offset=0, flags=0x80, **fields):
        words = struct.pack(">IIIIII", transfer_tag, 0, self.stat_sn + 1, 0, sn, offset)
        self.send(DATA_OUT, data, flags=flags, words=words, **fields)

    def nop_out(self, data=b"", *, transfer_tag=NO_TAG, immediate=True, cmd_sn=None, stat_sn=None, **fields):
        words = struct.pack(">I", transfer_tag) + self.numbers(cmd_sn, immediate, stat_sn)
        self.send(NOP_OUT, data, immediate=immediate, words=words, **fields)

    def text_request(self, data, *, transfer_tag=NO_TAG, immediate=True, **fields):
        self.send(TEXT, data, immediate=immediate, words=struct.pack(">I", transfer_tag) + self.numbers(None, immediate),
                  **fields)

    def manage_tasks(self, function, *, referenced=NO_TAG, ref_cmd_sn=0, **fields):
        words = struct.pack(">I", referenced) + self.numbers(None, True) + struct.pack(">I", ref_cmd_sn)
        self.send(TASK_MANAGEMENT, flags=0x80 | function, immediate=True, words=words, **fields)

    def logout(self, reason=0, *, cid=0, **fields):
        words = struct.pack(">HH", cid, 0) + self.numbers(None, True)
        self.send(LOGOUT, flags=0x80 | reason, immediate=True, words=words, **fields)

    def run(self, cdb, *, read=0, write=b"", tag=0x99, **fields):
        """A whole command: (status, what was read or the sense data, the PDUs that came for it). Data goes out
        as R2Ts ask for it."""
        came, data_in = [], b""
        flags = 0xC1 if read else 0xA1 if write else 0x81
        self.command(cdb, flags=flags, expected=read or len(write), tag=tag, **fields)
        while True:
            came.append(self.receive_unless_ping())
            if came[-1].opcode == R2T:
                r2t = came[-1]
                self.data_out(write[r2t.offset:r2t.offset + r2t.length], transfer_tag=r2t.transfer_tag,
                              tag=tag, offset=r2t.offset)
            elif came[-1].opcode == DATA_IN:
                data_in += came[-1].data
                if came[-1].flags & 1:
                    return came[-1].status, data_in, came
            else:
                return came[-1].status, came[-1].sense() if came[-1].status else data_in, came

    def clear_unit_attention(self, luns=(0,)):
        """The one that every new nexus gets, of each unit."""
        for lun in luns:
            self.test_unit_ready(tag=0xA77E, lun=lun)
            self.receive_unless_ping()


def has_line(log, *words):
    """Whether one line of that file has all of these regular expressions in it."""
    with open(log, errors="replace") as lines:
        return any(all(re.search(word, line) for word in words) for line in lines)
