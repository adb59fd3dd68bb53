"""The report of sales: kept as it was told last, and shown to managers alone."""

import copy
import json
from collections.abc import Callable
from itertools import permutations
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from public_api import inbox
from public_api.checkout import Shopper

Call = Callable[..., tuple[int, Any, dict[str, Any]]]
Sample = Callable[[str], dict[str, Any]]

MANAGER = {"sub": "manager", "email": "m@example.com", "cognito:groups": "managers"}
SALES = {
    "currency": "EUR",
    "orders": 2,
    "units": 5,
    "net": 8_600_000_000,
    "tax": 1_400_000_000,
    "gross": 10_000_000_000,
    "refunded": 0,
}
REPORT = {
    "reportedAt": "2026-11-21T02:00:00.000Z",
    "day": "2026-11-21",
    "timeZone": "UTC",
    "months": [{"month": f"2026-{month:02}", **SALES} for month in range(1, 13)],
    "today": SALES,
    "topToys": [{"toyId": "kite", "name": "Kite", "units": 5, "gross": 9995, "currency": "EUR"}],
    "failures": [{"orderId": "o-1", "reason": "NO_STOCK", "at": "2026-11-20T10:00:00.000Z"}],
}


@pytest.fixture
def tell(sample: Sample, context: Any) -> Callable[[int], dict[str, Any]]:
    """Has the inbox handle a report of some number; gives its data."""

    def deliver(version: int) -> dict[str, Any]:
        data = copy.deepcopy(REPORT) | {"today": SALES | {"orders": version}}
        metadata = {
            "id": f"sales:{version}:SalesReported",
            "correlationId": "sales",
            "causationId": None,
            "occurredAt": REPORT["reportedAt"],
            "version": version,
        }
        event = sample("inbox-ToyCreated")
        body = {
            "source": "tbs.reports",
            "detail-type": "SalesReported",
            "detail": {"metadata": metadata, "data": data},
        }
        event["Records"][0]["body"] = json.dumps(body)
        assert inbox.handler(event, context) == {"batchItemFailures": []}
        return data

    return deliver


def test_a_manager_sees_what_was_told_last(call: Call, tell: Callable[[int], Any]) -> None:
    tell(1)
    last = tell(2)
    status, seen, headers = call("GET", "/reports/sales", shopper=MANAGER)
    assert (status, seen) == (200, last)
    assert headers["Cache-Control"] == ["private, no-cache"]
    (tag,) = headers["ETag"]
    again = call("GET", "/reports/sales", shopper=MANAGER, headers={"If-None-Match": tag})
    assert again[:2] == (304, None)


@pytest.mark.parametrize("order", list(permutations((1, 2, 3))))
def test_the_newest_counts_in_whatever_order_they_come(
    call: Call, tell: Callable[[int], Any], order: tuple[int, ...]
) -> None:
    for version in (*order, *order):
        tell(version)
    seen = call("GET", "/reports/sales", shopper=MANAGER)[1]
    assert seen["today"]["orders"] == 3
    assert len(boto3.resource("dynamodb").Table("Table").scan()["Items"]) == 1


def test_before_the_first_one_there_is_none(call: Call) -> None:
    status, problem, _ = call("GET", "/reports/sales", shopper=MANAGER)
    assert (status, problem["error"]["code"]) == (404, "NOT_FOUND")
    assert problem["error"]["message"] == "No report was told yet"


@pytest.mark.parametrize(
    "groups", [None, "", "[]", [], "customers", ["customers"], "manager", "managers-to-be"]
)
def test_it_is_for_nobody_else(call: Call, tell: Callable[[int], Any], groups: Any) -> None:
    tell(1)
    claims = {name: value for name, value in MANAGER.items() if name != "cognito:groups"}
    claims |= {} if groups is None else {"cognito:groups": groups}
    status, problem, _ = call("GET", "/reports/sales", shopper=claims)
    assert (status, problem["error"]["code"]) == (403, "FORBIDDEN")
    assert call("GET", "/reports/sales", shopper=None)[0] == 401


@given(
    names=st.lists(
        st.text("abcdefghijklmnopqrstuvwxyz-_.:", min_size=1).filter(str.strip), unique=True
    ),
    form=st.sampled_from(
        [list, ",".join, ", ".join, lambda names: f"[{' '.join(names)}]", "\n".join]
    ),
)
def test_groups_are_read_in_every_form_that_a_gateway_gives(
    names: list[str], form: Callable[[list[str]], Any]
) -> None:
    claims = {"sub": "1", "email": "a@example.com", "cognito:groups": form(names)}
    assert Shopper.model_validate(claims).groups == set(names)
