"""The media types that openapi.json says of a body are all that the service takes."""

from typing import Any

import pytest

from tools.contracts import tell_media


@pytest.mark.parametrize(
    ("declared", "told"),
    [
        (["application/json"], ["application/json"]),
        (
            ["application/merge-patch+json"],
            ["application/merge-patch+json", "application/json"],
        ),
    ],
)
def test_what_is_json_by_another_name_may_be_called_json(
    declared: list[str], told: list[str]
) -> None:
    schema = {"schema": {"$ref": "#/components/schemas/Patch"}}
    operation: dict[str, Any] = {"requestBody": {"content": dict.fromkeys(declared, schema)}}
    tell_media(operation)
    assert operation["requestBody"]["content"] == dict.fromkeys(told, schema)


def test_an_operation_without_a_body_stays_as_it_is() -> None:
    operation: dict[str, Any] = {"responses": {}}
    tell_media(operation)
    assert operation == {"responses": {}}
