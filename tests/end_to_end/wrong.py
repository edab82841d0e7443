"""What the catalogues of wrong things are written in: rows, and what can come back."""

from typing import Callable, NamedTuple, Optional

from raw_iscsi import *


class Row(NamedTuple):
    what: str
    act: Callable
    judge: Callable
    log: Optional[str]  # in one line of the log, with the peer's address; None: nothing is wrong enough
    keys: dict = {}     # of the login, for rows that are logged in


def _next(peer):
    seen = getattr(peer, "seen", None)  # The action may have met the answer on its way.
    peer.seen = None
    return seen or peer.receive_unless_ping()


def _must(condition, words):
    if not condition:
        raise AssertionError(words)


def _closes(peer):
    _must(peer.is_closed(), "the connection stays open")


def still_serves(peer):
    """The session goes on: the very next answer is that to a ping."""
    peer.nop_out(b"still there?", tag=0x51)
    answer = peer.receive_unless_ping()
    _must(answer.opcode == NOP_IN and answer.tag == 0x51 and answer.data == b"still there?", f"got {answer}")


def status(code):
    """A Login Response with that status, and then the end."""
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == LOGIN_RESPONSE and answer.login_status == code, f"got {answer}")
        _closes(peer)
    judge.words = f"login status {code:#06x}"
    return judge


def goes_on(**answers):
    """The login succeeds, with these answers among its keys."""
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == LOGIN_RESPONSE and answer.login_status == 0 and answer.flags & 0x80, f"got {answer}")
        for key, value in answers.items():
            _must(answer.keys().get(key) == value, f"{key}={answer.keys().get(key)}")
        still_serves(peer)
    judge.words = "success" + "".join(f", {key}={value}" for key, value in answers.items())
    return judge


def closed():
    """The end, without a word."""
    def judge(peer):
        try:
            answer = peer.receive_unless_ping()
        except Closed:
            return
        raise AssertionError(f"got {answer}")
    judge.words = "the connection closes"
    return judge


def reject(reason, closes=False, then=None):
    """A Reject with the refused header in it. The session goes on, or is over."""
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == REJECT and answer.response == reason, f"got {answer}")
        _must(answer.data == peer.last_header, "the header in the Reject is not the refused one")
        if then:
            then(peer)
        (_closes if closes else still_serves)(peer)
    judge.words = f"Reject {reason:#04x}" + (", and the connection closes" if closes else "") + (f", {then.words}" if then else "")
    return judge


def check_condition(key, asc, ascq):
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == RESPONSE and answer.status == 2, f"got {answer}")
        _must(answer.sense() == (key, asc, ascq), f"got {answer}")
        still_serves(peer)
    judge.words = f"CHECK CONDITION {key:x}/{asc:02x}/{ascq:02x}"
    return judge


def text_says(**answers):
    """A Text Response with these keys."""
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == TEXT_RESPONSE, f"got {answer}")
        for key, value in answers.items():
            _must(answer.keys().get(key) == value, f"{key}={answer.keys().get(key)}")
        still_serves(peer)
    judge.words = ", ".join(f"{key}={value}" for key, value in answers.items())
    return judge


def ignored():
    judge = lambda peer: still_serves(peer)
    judge.words = "nothing; the session goes on"
    return judge


def obeyed():
    """It was right, and the action has looked at what came of it."""
    judge = lambda peer: still_serves(peer)
    judge.words = "what it asks for"
    return judge


def responds(opcode, response):
    """A Task Management or Logout Response."""
    def judge(peer):
        answer = _next(peer)
        _must(answer.opcode == opcode and answer.response == response, f"got {answer}")
        still_serves(peer)
    judge.words = f"response {response}"
    return judge
