"""thin_lun.py PORTAL IQN: writes to LUN 0, by two initiators, until its file system is full, and checks
what they are told on the way."""

import struct
import sys
import time

from raw_iscsi import Connection

MIB = 1 << 20
CHUNK = MIB // 4
BLOCKS = 256 * MIB // 512
CHECK_CONDITION = 2
SOFT_THRESHOLD = (6, 0x38, 0x07)
NO_SPACE = (7, 0x27, 0x07)


def need(true, what):
    if not true:
        sys.exit(f"FAILED: {what}")


def write(host, at):
    """One write of CHUNK bytes: (status, sense)."""
    cdb = struct.pack(">BBIBH", 0x2A, 0, at // 512, 0, CHUNK // 512)
    status, sense, _ = host.run(cdb, write=b"\xa5" * CHUNK)
    return status, sense


def await_attention(host):
    end = time.monotonic() + 30
    while host.run(bytes(6))[1] != SOFT_THRESHOLD:
        need(time.monotonic() < end, "the attention never came")
        time.sleep(0.01)


def available(host):
    """AVAILABLE LBA MAPPING RESOURCE COUNT of log page 0Ch, in MiB."""
    status, page, _ = host.run(bytes([0x4D, 0, 0x4C, 0, 0, 0, 0, 0, 255, 0]), read=255)
    need(status == 0 and page[0] == 0x0C, f"log page 0Ch: status {status}, {page!r}")
    need(page[4:6] == b"\0\x01" and page[16:18] == b"\0\x02", f"the parameters of log page 0Ch: {page!r}")
    return struct.unpack_from(">I", page, 8)[0]


def fill(host, at, until):
    """Writes on from `at` until `until` is told; returns where, and how often the attention came."""
    attentions = 0
    while at < 256 * MIB:
        status, sense = write(host, at)
        if sense == NO_SPACE and until == SOFT_THRESHOLD:
            # Room is looked at beside the writes, on a busy machine later than they fill it.
            await_attention(host)
            return at, 1
        if status == CHECK_CONDITION and sense == SOFT_THRESHOLD:
            attentions += 1
            if until == SOFT_THRESHOLD:
                return at, attentions
        elif status == CHECK_CONDITION and sense == until:
            return at, attentions
        else:
            need(status == 0, f"a write at {at} got status {status}, {sense}")
            at += CHUNK
    sys.exit(f"FAILED: {until} was never told")


def main():
    portal, iqn = sys.argv[1:]
    with Connection(portal) as first, Connection(portal) as second:
        first.log_in(iqn, initiator="iqn.2026-11.example.raw:first")
        second.log_in(iqn, initiator="iqn.2026-11.example.raw:second")
        for host in (first, second):
            host.clear_unit_attention()
        need(available(first) == 64, f"{available(first)} MiB are left at first")
        at, _ = fill(first, 0, SOFT_THRESHOLD)
        need(at >= 37 * MIB, f"the attention came after {at} bytes")
        need(available(first) <= 25, f"{available(first)} MiB are left")
        await_attention(second)
        need(second.run(bytes(6))[0] == 0, "the other host was told twice")
        at, attentions = fill(first, at, NO_SPACE)
        need(attentions == 0, "the attention came twice")
        need(at <= 64 * MIB, f"{at} bytes went into 64 MiB")
        need(available(first) == 0, f"{available(first)} MiB are left at the end")
        need(write(first, 0)[0] == 0, "what has its room already cannot be written")

        unmap = struct.pack(">HHIQII", 22, 16, 0, 0, BLOCKS, 0)
        status, sense, _ = first.run(struct.pack(">BBIBH", 0x42, 0, 0, 0, len(unmap)), write=unmap)
        need(status == 0, f"UNMAP got {status}, {sense}")
        need(available(first) >= 63, f"{available(first)} MiB are left after UNMAP")
        fill(first, 0, SOFT_THRESHOLD)
        await_attention(second)


if __name__ == "__main__":
    main()
