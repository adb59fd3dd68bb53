from pathlib import Path
from typing import Any

import pytest

from local.flow.messages import hours, message, root
from local.flow.readers import Rule, readers, rules, takes
from local.services import Service, select

TEMPLATE = """
Resources:
  Queue: {Type: AWS::SQS::Queue}
  Events:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref EventBusName
      EventPattern:
        source: [tbs.toys]
        detail-type: [StockReserved, StockReleased]
      Targets: [{Id: inbox, Arn: !GetAtt Queue.Arn}]
  Clock:
    Type: AWS::Events::Rule
    Properties: {ScheduleExpression: rate(1 minute)}
"""


def test_the_rules_of_a_template(tmp_path: Path) -> None:
    folder = tmp_path / "orders-service"
    folder.mkdir()
    (folder / "template.yaml").write_text(TEMPLATE)
    (rule,) = rules([Service(folder)])
    assert rule.service == "orders"
    event = {"source": "tbs.toys", "detail-type": "StockReserved"}
    assert readers([rule, rule], event) == ["orders"]
    assert readers([rule], event | {"detail-type": "StockLost"}) == []
    assert readers([rule], event | {"source": "tbs.payments"}) == []


def test_the_shops_own_rules() -> None:
    known = rules(select())

    def read(source: str, name: str) -> set[str]:
        return set(readers(known, {"source": source, "detail-type": name}))

    assert read("tbs.orders", "OrderPlaced") == {"public-api", "reports"}
    assert read("tbs.orders", "ReserveStock") == {"toys"}
    assert read("tbs.payments", "SendEmail") == {"notification"}
    assert read("tbs.toys", "OrderPlaced") == set()


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({"source": [{"prefix": "tbs."}]}, True),
        ({"source": [{"prefix": "aws."}]}, False),
        ({"source": [{"suffix": "toys"}]}, True),
        ({"source": [{"anything-but": ["tbs.toys"]}]}, False),
        ({"source": [{"anything-but": "tbs.orders"}]}, True),
        ({"detail": {"data": {"kind": ["A", "B"]}}}, True),
        ({"detail": {"data": {"kind": ["C"]}}}, False),
        ({"detail": {"data": {"other": [{"exists": False}]}}}, True),
        ({"detail": {"data": {"kind": [{"exists": False}]}}}, False),
        ({"detail": {"data": {"kinds": ["y"]}}}, True),
        ({"source": [{"Ref": "Source"}]}, True),  # filled in at deployment
        ({}, True),
    ],
)
def test_patterns(pattern: dict[str, Any], fits: bool) -> None:
    event = {"source": "tbs.toys", "detail": {"data": {"kind": "A", "kinds": ["x", "y"]}}}
    assert takes(pattern, event) is fits


EVENT = (
    '{"id": "e1", "source": "tbs.orders", "detail-type": "ReserveStock", "detail": {'
    '"metadata": {"id": "o1:1:ReserveStock", "correlationId": "o1", "causationId": "c",'
    '"occurredAt": "2026-11-21T10:00:00.100Z", "version": 1,'
    '"trace": "Root=1-a-b;Parent=c;Sampled=1"}, "data": {"orderId": "o1"}}}'
)


def test_an_item_of_the_table() -> None:
    rule = Rule("toys", {"detail-type": ["ReserveStock"]})
    at = 1_795_255_200_500
    found = message({"sent": str(at), "event": EVENT}, [rule])
    assert found is not None
    assert (found.id, found.message_id, found.order) == ("e1", "o1:1:ReserveStock", "o1")
    assert (found.sender, found.readers, found.cause) == ("orders", ("toys",), "c")
    assert (found.at, found.changed, found.trace) == (at, at - 400, "1-a-b")
    assert found.record()["event"]["detail"]["data"] == {"orderId": "o1"}


@pytest.mark.parametrize("event", ["x", "[]", "{}", '{"id": 1, "detail": []}', '{"detail": "x"}'])
def test_what_is_no_message_of_the_shop_is_left_out(event: str) -> None:
    assert message({"sent": "1", "event": event}, []) is None


def test_the_trace_of_a_header() -> None:
    assert root("Sampled=0;Root=1-a-b") == "1-a-b"
    assert root("Root=") is None
    assert root(None) is None


def test_the_hours_between_two_times() -> None:
    day = 1_795_219_200_000  # 2026-11-21T00:00Z
    assert hours(day, day + 1) == ["2026-11-21T00"]
    assert hours(day - 1, day + 3_600_000) == ["2026-11-20T23", "2026-11-21T00", "2026-11-21T01"]
