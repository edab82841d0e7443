#!/usr/bin/env python3
"""wrong_things.py PORTAL LOG: does everything in wrong_logins.py and wrong_requests.py to the
target IQN (from the environment), each on a connection of its own, and prints a table of what came of
it. What takes its time runs beside it, as threads. Exit code 1 names the rows that went wrong.

For each row the answer must be the RFC's, and one line of the log must name the peer and what was
wrong. Nothing that is wrong may keep the target from serving the next one."""

import os
import sys
import threading
import time
import traceback

import wrong
import wrong_logins
import wrong_requests
from raw_iscsi import *

PORTAL, LOG = sys.argv[1:3]
IQN = os.environ["IQN"]
LOGIN_DEADLINE = 15  # of the target's, in seconds
failures = []
rows_done = 0


def fail(what, why):
    failures.append(f"{what}: {why}")


def wait_for_line(what, *words):
    """The log is written when the target gets to it, which may be just after its answer."""
    end = time.monotonic() + 5
    while not has_line(LOG, *words):
        if time.monotonic() > end:
            fail(what, f"no line of the log has {words}")
            return
        time.sleep(0.02)


def do(row, prepare):
    global rows_done
    try:
        with Connection(PORTAL) as peer:
            prepare(peer, row)
            row.act(peer)
            row.judge(peer)
            if getattr(peer, "other", None):
                peer.other.nop_out(tag=3)
                assert peer.other.receive().tag == 3, "the session that was to be joined is harmed"
                peer.other.socket.close()
        if row.log:
            wait_for_line(row.what, re.escape(peer.name) + r"\b", row.log)
    except Closed:
        fail(row.what, "the connection closed")
    except AssertionError as error:
        fail(row.what, str(error) or traceback.format_exc())
    except Exception:
        fail(row.what, traceback.format_exc())
    rows_done += 1
    print(f"| {row.what} | {row.judge.words} |")


def log_in(peer, row):
    peer.log_in(IQN, {key: value for key, value in row.keys.items()})
    peer.clear_unit_attention()


# What takes its time.

def must_close(what, peer, within, log):
    began = time.monotonic()
    if not peer.is_closed(within):
        fail(what, f"still open after {within} s")
    wait_for_line(what, re.escape(peer.name) + r"\b", log)
    print(f"| {what} | closed after {time.monotonic() - began:.1f} s |")


def half_a_login_and_silence():
    with Connection(PORTAL) as peer:
        peer.send_bytes(peer.pdu(LOGIN, text(wrong_logins.FULL), flags=0x87, immediate=True)[:100])
        must_close("half a Login Request and silence", peer, LOGIN_DEADLINE + 15, "deadline")


def a_login_byte_by_byte():
    """A byte at a time, never silent for long: the deadline is for the whole login."""
    with Connection(PORTAL) as peer:
        whole = peer.pdu(LOGIN, text(wrong_logins.FULL), flags=0x87, immediate=True)
        began = time.monotonic()
        try:
            for byte in whole:
                peer.send_bytes(bytes([byte]))
                time.sleep(0.2)
                if time.monotonic() - began > LOGIN_DEADLINE + 15:
                    break
        except Closed:
            pass
        must_close("a login of one byte each 0.2 s", peer, 5, "deadline")


def a_login_that_is_never_answered_to():
    """It has a reply to answer, and does not."""
    with Connection(PORTAL) as peer:
        peer.login(**wrong_logins.SECURITY)
        peer.receive()
        must_close("a login that stops halfway", peer, LOGIN_DEADLINE + 15, "deadline")


def half_a_pdu_and_silence():
    """The target pings after NOPInterval, and gives up after NOPTimeout."""
    with Connection(PORTAL) as peer:
        peer.log_in(os.environ["PINGED"], initiator=INITIATOR + ".half")
        peer.send_bytes(peer.pdu(NOP_OUT, b"x" * 4096, tag=1)[:1000])
        must_close("half a NOP-Out and silence", peer, 30, "no answer to a ping")


SLOW = [half_a_login_and_silence, a_login_byte_by_byte, a_login_that_is_never_answered_to, half_a_pdu_and_silence]


def must_notice():
    """The canary: nothing is wrong with a ping, and a row that says so must fail, as must a log that is silent."""
    before = len(failures)
    do(wrong.Row("nothing", lambda peer: peer.nop_out(tag=1), wrong.reject(0x04), None), log_in)
    do(wrong.Row("nothing", lambda peer: None, wrong.ignored(), "a line of nobody"), log_in)
    if len(failures) != before + 2:
        fail("the canary", "this test cannot fail")
    else:
        del failures[before:]


def guarded(work):
    try:
        work()
    except Exception:
        fail(work.__name__, traceback.format_exc())


def main():
    threads = [threading.Thread(target=guarded, args=(work,)) for work in SLOW]
    for thread in threads:
        thread.start()
    print("| a login with | gets |\n| --- | --- |")
    for row in wrong_logins.ROWS:
        do(row, lambda peer, row: None)
    print("| a session with | gets |\n| --- | --- |")
    for row in wrong_requests.ROWS:
        do(row, log_in)
    print("| a discovery session with | gets |\n| --- | --- |")
    for row in wrong_requests.DISCOVERY_ROWS:
        do(row, lambda peer, row: peer.log_in("", {"SessionType": "Discovery"}))
    for thread in threads:
        thread.join()
    must_notice()
    print(f"{rows_done + len(SLOW)} wrong things, {len(failures)} went wrong")
    for failure in failures:
        print("FAILED", failure)
    return 1 if failures or rows_done < 100 else 0


sys.exit(main())
