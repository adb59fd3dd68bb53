from typing import Any

import pytest

from local.flow.lines import Line
from local.flow.matching import Handling, Matcher
from local.flow.messages import Message
from local.flow.segments import Receipt, Run


def message(key: str, at: float, mid: str = "", *readers: str, order: str = "o1") -> Message:
    readers = readers or ("toys",)
    return Message(key, mid or key, "M", "orders", at, at, order, None, None, readers, {})


def receipt(key: str, begun: float, mid: str | None = None, **more: Any) -> Receipt:
    given: dict[str, Any] = {"failed": None, "name": None} | more
    return Receipt(id=key, message_id=mid, begun=begun, ended=begun + 5, **given)


def run(key: str, *receipts: Receipt, service: str = "toys", begun: float = 0) -> Run:
    begun = min((one.begun for one in receipts), default=begun)
    ended = max((one.ended for one in receipts), default=begun + 10)
    return Run(key, key, service, "inbox", None, begun, ended, False, None, (), receipts)


def pairs(found: list[Handling]) -> list[tuple[str, str, str]]:
    return [(one.message, one.id, one.state) for one in found]


def test_a_receipt_that_names_its_message_whichever_comes_first() -> None:
    for first in (True, False):
        matcher = Matcher()
        handled = receipt("r1", 110, "m1")
        found = matcher.message(message("m1", 100)) if first else matcher.run(run("a", handled))
        assert found == []
        found = matcher.run(run("a", handled)) if first else matcher.message(message("m1", 100))
        assert pairs(found) == [("m1", "r1", "handled")]
        assert found[0].reader == "toys"


def test_each_reader_has_its_own() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100, "", "toys", "reports"))
    assert pairs(matcher.run(run("a", receipt("r1", 110, "m1")))) == [("m1", "r1", "handled")]
    found = matcher.run(run("b", receipt("r2", 120, "m1"), service="reports"))
    assert [(one.reader, one.id) for one in found] == [("reports", "r2")]
    assert matcher.run(run("c", receipt("r3", 120, "m1"), service="payments")) == []


def test_a_message_that_was_sent_twice() -> None:
    matcher = Matcher()
    matcher.message(message("copy1", 100, "m1"))
    matcher.message(message("copy2", 200, "m1"))
    first = matcher.run(run("a", receipt("r1", 110, "m1")))
    second = matcher.run(run("b", receipt("r2", 210, "m1")))
    again = matcher.run(run("c", receipt("r3", 310, "m1")))
    assert [one.message for one in (*first, *second, *again)] == ["copy1", "copy2", "copy2"]


def test_one_that_failed_comes_again() -> None:
    matcher = Matcher()
    matcher.message(message("copy1", 100, "m1"))
    matcher.message(message("copy2", 101, "m1"))
    failed = matcher.run(run("a", receipt("r1", 110, "m1", failed="ClientError")))
    again = matcher.run(run("b", receipt("r2", 2110, "m1")))
    assert pairs([*failed, *again]) == [("copy1", "r1", "failed"), ("copy1", "r2", "handled")]
    assert failed[0].reason == "ClientError"


def test_poison_is_dead_at_once() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    found = matcher.run(run("a", receipt("r1", 110, "m1", failed="Poison")))
    assert pairs(found) == [("m1", "r1", "dead")]


def test_nothing_is_guessed_of_what_names_no_message() -> None:
    """Every message of a batch was refused, or its receipts were lost: what waits still waits."""
    matcher = Matcher()
    matcher.message(message("m1", 100))
    matcher.message(message("m2", 110, order="o2"))
    assert matcher.run(run("a", begun=200)) == []
    assert matcher.run(run("b", receipt("r1", 210))) == []
    assert pairs(matcher.run(run("c", receipt("r2", 300, "m1")))) == [("m1", "r2", "handled")]


def line(at: float, text: str = "order saved", level: str = "INFO", **more: Any) -> Line:
    given: dict[str, Any] = {"message_id": "m1", "service": "toys", "door": "inbox"} | more
    return Line(at=at, level=level, text=text, about="o1", trace=None, **given)


def test_where_no_segment_tells_of_it_the_log_does() -> None:
    for first in (True, False):
        matcher = Matcher()
        found = matcher.message(message("m1", 100)) if first else matcher.line(line(110))
        assert found == []
        found = matcher.line(line(110)) if first else matcher.message(message("m1", 100))
        assert [(one.message, one.state, one.run) for one in found] == [("m1", "handled", None)]
    assert matcher.line(line(111)) == []
    assert matcher.line(line(112, door="outbox")) == []
    assert matcher.line(line(112, service="orders")) == []


def test_a_segment_takes_the_place_of_what_the_log_told() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    (told,) = matcher.line(line(112))
    (known,) = matcher.run(run("a", receipt("r1", 110, "m1")))
    assert known.id == told.id
    assert known.run == "a"
    assert matcher.line(line(113)) == []


@pytest.mark.parametrize(
    ("text", "fields", "state", "reason"),
    [
        ("refused", {"reason": "no such order"}, "dead", "no such order"),
        ("it broke", {}, "failed", "it broke"),
    ],
)
def test_an_error_in_the_log(text: str, fields: dict[str, str], state: str, reason: str) -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    (found,) = matcher.line(line(110, text, "ERROR", fields=fields))
    assert (found.state, found.reason) == (state, reason)


BROKE = {"exception": "Traceback: ...", "exception_name": "ClientError"}


def test_a_failure_is_a_warning_with_an_exception() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    (found,) = matcher.line(line(110, "failure", "WARNING", fields=BROKE))
    assert (found.state, found.reason) == ("failed", "ClientError")
    assert matcher.line(line(120, "failure", "WARNING", fields=BROKE)) == []
    (again,) = matcher.line(line(2110))
    assert (again.state, again.id != found.id) == ("handled", True)


@pytest.mark.parametrize(
    ("last", "state"),
    [
        (line(900, "failure", "WARNING", fields=BROKE), "failed"),
        (line(900, "refused", "ERROR", fields={"reason": "no"}), "dead"),
    ],
)
def test_how_a_try_ends_takes_the_place_of_how_it_began(last: Line, state: str) -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    (begun,) = matcher.line(line(110))
    (ended,) = matcher.line(last)
    assert (ended.id, ended.begun, ended.ended, ended.state) == (begun.id, 110, 900, state)
    assert matcher.line(last) == []


def test_a_failure_that_is_a_dead_letter_in_the_end() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    (failed,) = matcher.line(line(110, "failure", "WARNING", fields=BROKE))
    (dead,) = matcher.line(line(300, "refused", "ERROR", fields={"reason": "no"}))
    assert (dead.id, dead.state, dead.reason) == (failed.id, "dead", "no")
    assert matcher.line(line(301, "failure", "WARNING", fields=BROKE)) == []


def test_a_log_does_not_change_what_a_segment_told() -> None:
    matcher = Matcher()
    matcher.message(message("m1", 100))
    matcher.line(line(111))
    (known,) = matcher.run(run("a", receipt("r1", 110, "m1")))
    assert known.run == "a"
    assert matcher.line(line(112, "failure", "WARNING", fields=BROKE)) == []
