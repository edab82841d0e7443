"""Every wrong thing that a logged-in initiator can do, as far as we could think of them: rows as in
wrong_logins.py, whose actions get a session. LUN 0 is theirs to write on."""

from raw_iscsi import *
from wrong import Row, check_condition, closed, ignored, obeyed, reject, responds, text_says

UNEXPECTED, WRONG_AMOUNT, CRC_ERROR = (0xB, 0x0C, 0x0C), (0xB, 0x0C, 0x0D), (0xB, 0x47, 0x05)
IMMEDIATE = {"ImmediateData": "Yes", "FirstBurstLength": "4096"}
UNSOLICITED = {"InitialR2T": "No", "FirstBurstLength": "4096"}
SMALL_BURSTS = {"MaxBurstLength": "4096", "FirstBurstLength": "4096", "MaxOutstandingR2T": "2"}
HEADER_DIGEST, DATA_DIGEST = {"HeaderDigest": "CRC32C"}, {"DataDigest": "CRC32C"}
BLOCKS = 16
# Of blocks 96 and 97: a CDB that goes on in an AHS.
WRITE_SAME_32 = struct.pack(">B6xBHBxQ8xI", 0x7F, 0x18, 0x0D, 0, 96, 2)


def sends(opcode, data=b"", **fields):
    return lambda peer: peer.send(opcode, data, **{"words": struct.pack(">I", NO_TAG) + peer.numbers(None, True), **fields})


def calls(name, *arguments, **fields):
    return lambda peer: getattr(peer, name)(*arguments, **fields)


def invited(**wrong):
    """A WRITE of 16 blocks, whose R2T is answered with these fields instead of the right ones."""
    def act(peer):
        peer.write_10(0, BLOCKS, tag=7)
        r2t = peer.receive_unless_ping()
        assert r2t.opcode == R2T, str(r2t)
        fields = {"data": b"d" * r2t.length, "transfer_tag": r2t.transfer_tag, "tag": 7, "offset": r2t.offset}
        peer.data_out(**{**fields, **wrong})
    return act


def invited_twice(offset=4096, sn=1, flags=0x80, first_flags=0, first=4096):
    """Two Data-Outs for one R2T of 8 KiB."""
    def act(peer):
        peer.write_10(0, BLOCKS, tag=7)
        r2t = peer.receive_unless_ping()
        peer.data_out(b"d" * first, transfer_tag=r2t.transfer_tag, tag=7, flags=first_flags)
        peer.data_out(b"d" * 4096, transfer_tag=r2t.transfer_tag, tag=7, offset=offset, sn=sn, flags=flags)
    return act


def second_r2t_first(peer):
    peer.write_10(0, BLOCKS, tag=7)
    first, second = peer.receive_unless_ping(), peer.receive_unless_ping()
    assert (first.opcode, second.opcode) == (R2T, R2T), f"{first}, {second}"
    peer.data_out(b"d" * second.length, transfer_tag=second.transfer_tag, tag=7, offset=second.offset)


def answered_again(peer):
    """The R2T of a WRITE is answered twice; the second time the command is over."""
    invited()(peer)
    assert (answer := peer.receive_unless_ping()).status == 0, str(answer)
    peer.data_out(b"d" * 8192, transfer_tag=0, tag=7)


def abort_elsewhere(peer):
    peer.write_10(0, BLOCKS, tag=7)
    assert peer.receive_unless_ping().opcode == R2T
    peer.manage_tasks(1, referenced=7, lun=1)


def same_of_32_bytes(peer):
    peer.command(WRITE_SAME_32[:16], ahs=b"\0\x11\1\0" + WRITE_SAME_32[16:], flags=0xA1, expected=512, tag=7)
    r2t = peer.receive_unless_ping()
    assert r2t.opcode == R2T, str(r2t)
    peer.data_out(b"s" * 512, transfer_tag=r2t.transfer_tag, tag=7)
    assert (answer := peer.receive_unless_ping()).status == 0, str(answer)
    peer.read_10(95, 4, tag=8)
    assert peer.receive_unless_ping().data[512:1536] == b"s" * 1024


def tag_in_use(peer):
    peer.write_10(0, BLOCKS, tag=7)
    assert peer.receive_unless_ping().opcode == R2T
    peer.test_unit_ready(tag=7)


def spoilt_data_out(peer):
    """One of two Data-Outs has a wrong digest. The command fails once the whole burst is here."""
    peer.write_10(0, BLOCKS, tag=7)
    r2t = peer.receive_unless_ping()
    peer.data_out(b"d" * 4096, transfer_tag=r2t.transfer_tag, tag=7, flags=0, spoil_data=True)
    refused = peer.last_header
    assert (answer := peer.receive_unless_ping()).opcode == REJECT and answer.response == 2, str(answer)
    assert answer.data == refused
    peer.data_out(b"d" * 4096, transfer_tag=r2t.transfer_tag, tag=7, offset=4096, sn=1)


def mended(peer):
    """What failed for its digest is sent again, rightly, and is there."""
    peer.write_10(64, 1, tag=8, data=b"m" * 512)
    assert (answer := peer.receive_unless_ping()).status == 0, str(answer)
    peer.read_10(64, 1, tag=9)
    assert peer.receive_unless_ping().data == b"m" * 512


def crc_error_then_mended(peer):
    check_condition(*CRC_ERROR)(peer)
    mended(peer)


crc_error_then_mended.words = "CHECK CONDITION b/47/05, and right when sent again"
OPCODES_OF_TARGETS = (NOP_IN, RESPONSE, TASK_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE, DATA_IN, LOGOUT_RESPONSE, R2T, ASYNC, REJECT)
UNKNOWN_OPCODES = (0x07, 0x0F, 0x11, 0x1C, 0x1E, 0x2A, 0x3C)

ROWS = [
    # What kind of PDU.
    *[Row(f"unknown opcode {opcode:#04x}", sends(opcode), reject(0x05, closes=True), "unknown opcode") for opcode in UNKNOWN_OPCODES],
    *[Row(f"opcode {opcode:#04x}, which only targets send", sends(opcode), reject(0x04, closes=True), "only the other side sends")
      for opcode in OPCODES_OF_TARGETS],
    Row("a Login Request", calls("login", b"", csg=1, nsg=3), reject(0x04), "Login Request refused"),
    Row("a SNACK", sends(SNACK), reject(0x03), "SNACK at ErrorRecoveryLevel 0"),
    # Lengths.
    Row("a data segment of 16 MiB", sends(NOP_OUT, data_bytes=0xFFFFFF), reject(0x04, closes=True), "longer than MaxRecvDataSegmentLength"),
    Row("data in a Logout Request", sends(LOGOUT, b"data", data_bytes=4), reject(0x09, closes=True), "data segment where none may be"),
    Row("data in a Task Management request", sends(TASK_MANAGEMENT, b"data"), reject(0x09, closes=True), "data segment where none may be"),
    Row("an AHS on a NOP-Out", sends(NOP_OUT, ahs=bytes(8)), reject(0x09, closes=True), "AHS where none may be"),
    Row("an extended CDB where there is nothing to extend", calls("test_unit_ready", ahs=b"\0\5\1\0XXXX"), reject(0x04), "extended CDB"),
    Row("an extended CDB that is not there", calls("command", WRITE_SAME_32[:16]), check_condition(5, 0x24, 0), None),
    Row("an extended CDB that ends early", calls("command", WRITE_SAME_32[:16], ahs=b"\0\x0d\1\0" + bytes(12)), check_condition(5, 0x24, 0), None),
    Row("an extended CDB of 1032 bytes", calls("command", WRITE_SAME_32[:16], ahs=b"\3\xf9\1" + bytes(1017)), check_condition(5, 0x24, 0), None),
    Row("two extended CDBs", calls("command", WRITE_SAME_32[:16], ahs=(b"\0\x11\1\0" + bytes(16)) * 2), reject(0x04), "two extended CDBs"),
    Row("an AHS longer than all of them", calls("command", WRITE_SAME_32[:16], ahs=b"\0\x15\1\0" + bytes(16)), reject(0x09), "AHS of a wrong length"),
    Row("an extended CDB and digests", same_of_32_bytes, obeyed(), None, {"HeaderDigest": "CRC32C", "DataDigest": "CRC32C"}),
    Row("a bidirectional read length", calls("test_unit_ready", ahs=b"\0\5\2\0\0\0\2\0"), reject(0x05), "bidirectional"),
    Row("an AHS of no known type", calls("test_unit_ready", ahs=b"\0\5\x3f\0XXXX"), reject(0x09), "SCSI Command refused"),
    Row("an AHS of 1020 bytes of ones", calls("test_unit_ready", ahs=b"\xff" * 1020), reject(0x09), "SCSI Command refused"),
    # CmdSN, ExpStatSN.
    Row("a CmdSN that was used", calls("test_unit_ready", cmd_sn=1), ignored(), "outside the window"),
    Row("a CmdSN beyond MaxCmdSN", calls("test_unit_ready", cmd_sn=1000), ignored(), "outside the window"),
    Row("a CmdSN half the numbers away", calls("test_unit_ready", cmd_sn=0x80000002), ignored(), "outside the window"),
    Row("a ping whose CmdSN is beyond MaxCmdSN", calls("nop_out", immediate=False, cmd_sn=5000), ignored(), "outside the window"),
    Row("a CmdSN that skips one", calls("test_unit_ready", cmd_sn=3), closed(), "CmdSN skips a command"),
    Row("a StatSN from the future", calls("nop_out", tag=NO_TAG, stat_sn=0x10000000), ignored(), None),
    # Commands.
    Row("F is 0 without W", calls("read_10", 0, 1, flags=0x41), reject(0x04), "F is 0 without W"),
    Row("R and W", calls("read_10", 0, 1, flags=0xE1), reject(0x05), "bidirectional"),
    Row("the reserved Initiator Task Tag", calls("test_unit_ready", tag=NO_TAG), reject(0x04), "reserved Initiator Task Tag"),
    Row("an Initiator Task Tag in use", tag_in_use, reject(0x04), "Initiator Task Tag in use"),
    Row("a unit that is not there", calls("test_unit_ready", lun=99), check_condition(5, 0x25, 0), None),
    Row("a LUN of no known form", calls("test_unit_ready", lun=0xC0FF), check_condition(5, 0x25, 0), None),
    Row("an operation code of nobody", calls("command", b"\xff"), check_condition(5, 0x20, 0), None),
    # Data that nobody asked for.
    Row("Data-Out for nobody", calls("data_out", b"d" * 512, tag=4711, transfer_tag=5), ignored(), "no command has its Initiator Task Tag"),
    Row("unsolicited Data-Out for nobody", calls("data_out", b"d" * 512, tag=4711), ignored(), "no command has its Initiator Task Tag"),
    Row("an R2T answered twice", answered_again, ignored(), "no command has its Initiator Task Tag"),
    Row("immediate data where there is none", calls("write_10", 0, 1, data=b"d" * 512), check_condition(*UNEXPECTED), "unsolicited data"),
    Row("unsolicited data where there is none", lambda peer: (peer.write_10(0, 1, flags=0x21, tag=7), peer.data_out(b"d" * 512, tag=7)),
        check_condition(*UNEXPECTED), "unsolicited data"),
    Row("immediate data beyond FirstBurstLength", calls("write_10", 0, BLOCKS, data=b"d" * 8192), check_condition(*UNEXPECTED), "unsolicited data", IMMEDIATE),
    Row("more immediate data than is expected", calls("write_10", 0, 1, data=b"d" * 1024), check_condition(*UNEXPECTED), "unsolicited data", IMMEDIATE),
    Row("a first burst that is too long", lambda peer: (peer.write_10(0, BLOCKS, flags=0x21, tag=7), peer.data_out(b"d" * 8192, tag=7)),
        check_condition(*WRONG_AMOUNT), "more bytes than the burst", UNSOLICITED),
    Row("a first burst that begins later", lambda peer: (peer.write_10(0, BLOCKS, flags=0x21, tag=7), peer.data_out(b"d" * 512, tag=7, offset=512)),
        check_condition(*CRC_ERROR), "Buffer Offset out of order", UNSOLICITED),
    # Answers to R2Ts.
    Row("an R2T answered with another tag", invited(transfer_tag=0x7EEEEEEE), check_condition(*UNEXPECTED), "not the Target Transfer Tag"),
    Row("an R2T answered with the reserved tag", invited(transfer_tag=NO_TAG), check_condition(*UNEXPECTED), "nothing asked for it"),
    Row("an R2T answered at another offset", invited(offset=512, data=b"d" * 4096, flags=0), check_condition(*CRC_ERROR), "Buffer Offset out of order"),
    Row("an R2T answered with a wrong DataSN", invited(sn=1), check_condition(*CRC_ERROR), "DataSN out of order"),
    Row("an R2T answered with too much", invited(data=b"d" * 16384), check_condition(*WRONG_AMOUNT), "more bytes than the burst"),
    Row("an R2T answered with too little", invited(data=b"d" * 512), check_condition(*WRONG_AMOUNT), "F at the wrong place"),
    Row("an R2T answered without an end", invited(flags=0), check_condition(*WRONG_AMOUNT), "F at the wrong place"),
    Row("an answer that overlaps itself", invited_twice(offset=2048), check_condition(*CRC_ERROR), "Buffer Offset out of order"),
    Row("an answer with a hole", invited_twice(first=2048), check_condition(*CRC_ERROR), "Buffer Offset out of order"),
    Row("an answer whose DataSN stands still", invited_twice(sn=0), check_condition(*CRC_ERROR), "DataSN out of order"),
    Row("the second R2T answered first", second_r2t_first, check_condition(*UNEXPECTED), "not the Target Transfer Tag", SMALL_BURSTS),
    # Digests.
    Row("a wrong header digest", calls("test_unit_ready", spoil_header=True), closed(), "header digest is wrong", HEADER_DIGEST),
    Row("a wrong data digest in immediate data", calls("write_10", 64, 1, data=b"d" * 512, spoil_data=True),
        reject(0x02, then=crc_error_then_mended), "data digest is wrong", {**DATA_DIGEST, **IMMEDIATE}),
    Row("a wrong data digest in a Data-Out", spoilt_data_out, crc_error_then_mended, "data digest is wrong",
        {**DATA_DIGEST, "ImmediateData": "Yes"}),
    Row("a wrong data digest in a ping", calls("nop_out", b"ping", spoil_data=True), reject(0x02), "data digest is wrong", DATA_DIGEST),
    Row("a wrong data digest in a text", calls("text_request", text({"SendTargets": ""}), spoil_data=True), reject(0x02), "data digest is wrong", DATA_DIGEST),
    # Task management.
    Row("ABORT TASK of a tag of nobody", calls("manage_tasks", 1, referenced=4711), responds(TASK_RESPONSE, 1), None),
    Row("ABORT TASK of a command on another unit", abort_elsewhere, responds(TASK_RESPONSE, 1), None),
    Row("LOGICAL UNIT RESET of a unit that is not there", calls("manage_tasks", 5, lun=99), responds(TASK_RESPONSE, 2), None),
    Row("ABORT TASK SET of a unit that is not there", calls("manage_tasks", 2, lun=99), responds(TASK_RESPONSE, 2), None),
    Row("CLEAR ACA", calls("manage_tasks", 3), responds(TASK_RESPONSE, 5), None),
    Row("TASK REASSIGN", calls("manage_tasks", 8, referenced=7), responds(TASK_RESPONSE, 4), None),
    Row("a task management function of nobody", calls("manage_tasks", 0x55), responds(TASK_RESPONSE, 5), None),
    # Text and ping.
    Row("a text with a Target Transfer Tag of nobody", calls("text_request", b"", transfer_tag=0x4711), reject(0x09), "Text Request refused"),
    Row("C and F together", calls("text_request", b"a=", flags=0xC0), reject(0x04), "Text Request refused"),
    Row("a text of nothing but =", calls("text_request", b"====\0"), reject(0x04), "Text Request refused"),
    Row("a text longer than 16 KiB", calls("text_request", b"X-a=" + b"v" * 20000 + b"\0"), reject(0x04), "Text Request refused"),
    Row("a login's key in a text", calls("text_request", text({"InitialR2T": "No"})), text_says(InitialR2T="Reject"), None),
    Row("a ping's answer with a tag of nobody", calls("nop_out", tag=NO_TAG, transfer_tag=0x4711), ignored(), None),
    # Logout.
    Row("Logout of a connection that is not there", calls("logout", 1, cid=99), responds(LOGOUT_RESPONSE, 1), None),
    Row("Logout for recovery", calls("logout", 2), responds(LOGOUT_RESPONSE, 2), None),
    Row("Logout for a reason of its own", calls("logout", 9), reject(0x09), "Logout Request refused"),
]


def begins_a_text(peer):
    """C, then a second request that says another tag than the first one's answer."""
    peer.text_request(b"SendT", flags=0x40)
    answer = peer.receive()
    assert answer.opcode == TEXT_RESPONSE and answer.transfer_tag != NO_TAG, str(answer)
    peer.text_request(b"argets=All\0", transfer_tag=answer.transfer_tag + 1)


# In a discovery session, which has no units and no commands.
DISCOVERY_ROWS = [
    Row("a SCSI command", calls("test_unit_ready"), reject(0x05), "SCSI Command refused"),
    Row("task management", calls("manage_tasks", 5), reject(0x05), "Task Management Function Request refused"),
    Row("a Data-Out", calls("data_out", b"d" * 512), reject(0x05), "SCSI Data-Out refused"),
    Row("a Login Request", calls("login", b""), reject(0x05), "Login Request refused"),
    Row("a SNACK", sends(SNACK), reject(0x05), "SNACK Request refused"),
    Row("opcode 0x1e", sends(0x1E), reject(0x05, closes=True), "unknown opcode"),
    Row("opcode 0x3f", sends(REJECT), reject(0x04, closes=True), "only the other side sends"),
    Row("a data segment of 16 MiB", sends(NOP_OUT, data_bytes=0xFFFFFF), reject(0x04, closes=True), "longer than"),
    Row("a text in pieces with another tag", begins_a_text, reject(0x09), "Text Request refused"),
    Row("SendTargets without a name", calls("text_request", text({"SendTargets": ""})), text_says(SendTargets="Reject"), None),
    Row("SendTargets of nobody", calls("text_request", text({"SendTargets": "iqn.nobody"})), text_says(TargetName=None), None),
    Row("a CmdSN outside the window", calls("nop_out", immediate=False, cmd_sn=77), ignored(), None),
    Row("Logout for recovery", calls("logout", 2), responds(LOGOUT_RESPONSE, 2), None),
    Row("Logout for a reason of its own", calls("logout", 9), reject(0x09), "Logout Request refused"),
]
