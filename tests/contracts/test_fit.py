"""The comparison of schemas finds what does not fit."""

from typing import Any

import pytest

from tests.contracts.fit import gaps

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
MAYBE = {"anyOf": [TEXT, {"type": "null"}]}
HERE = {"components": {"schemas": {"Text": TEXT}}}


def record(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields)}


@pytest.mark.parametrize(
    ("wanted", "promised"),
    [
        (record(), record(a=TEXT)),
        (record(a=TEXT), record(a=TEXT, b=WHOLE)),
        (record(a=TEXT), record(a={"$ref": "#/components/schemas/Text"})),
        (record(a=MAYBE), record(a=TEXT)),
        (record(a=MAYBE), record(a=MAYBE)),
        (record(a={"type": "number"}), record(a=WHOLE)),
        (record(a={"enum": ["x", "y"], **TEXT}), record(a={"const": "x", **TEXT})),
        ({"type": "object", "properties": {"a": TEXT}}, record()),
    ],
)
def test_what_fits(wanted: Any, promised: Any) -> None:
    assert gaps(wanted, HERE, promised, HERE, "m") == []


@pytest.mark.parametrize(
    ("wanted", "promised", "told"),
    [
        (record(a=TEXT), record(), "m.a is not promised"),
        (record(a=TEXT), {**record(a=TEXT), "required": []}, "m.a is not promised"),
        (record(a=TEXT), record(a=WHOLE), "m.a is integer, not string"),
        (record(a=TEXT), record(a=MAYBE), "m.a is null, not string"),
        (record(a=record(b=TEXT)), record(a=record(b=WHOLE)), "m.a.b is integer, not string"),
        (
            record(a={"type": "array", "items": record(b=TEXT)}),
            record(a={"type": "array", "items": record()}),
            "m.a[].b is not promised",
        ),
        (record(a={"enum": ["x"], **TEXT}), record(a={"enum": ["x", "z"], **TEXT}), "['z']"),
        (record(a={"const": "x", **TEXT}), record(a=TEXT), "m.a may be anything"),
    ],
)
def test_what_does_not_fit(wanted: Any, promised: Any, told: str) -> None:
    assert any(told in gap for gap in gaps(wanted, HERE, promised, HERE, "m"))
