"""What the API's contract tells of its answers."""

import json
from typing import Any

import pytest
from public_api import api

CONDITIONAL = {
    "/toys",
    "/toys/{toy_id}",
    "/categories",
    "/shop",
    "/orders/{order_id}",
    "/profile",
    "/reports/sales",
}
"""What is read with If-None-Match."""


@pytest.fixture(scope="module")
def paths() -> dict[str, Any]:
    written = api.app.get_openapi_json_schema(title="x", version="1")
    found: dict[str, Any] = json.loads(written)["paths"]
    return {path.replace("<", "{").replace(">", "}"): told for path, told in found.items()}


def test_what_may_be_as_it_was_says_so(paths: dict[str, Any]) -> None:
    reads = {path: told["get"]["responses"] for path, told in paths.items() if "get" in told}
    assert {path for path, answers in reads.items() if "304" in answers} == CONDITIONAL
    assert reads.keys() - CONDITIONAL == {"/orders", "/errors"}
    assert all(answers["200"]["content"] for answers in reads.values())
    assert not any(reads[path]["304"].get("content") for path in CONDITIONAL)
