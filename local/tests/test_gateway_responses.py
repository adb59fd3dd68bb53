"""API Gateway's own errors take the form of public-api's template; a function's are left alone."""

import json

import pytest

from local.gateway_responses import GatewayResponses
from local.settings import ROOT


@pytest.fixture(scope="module")
def responses() -> GatewayResponses:
    return GatewayResponses.of(ROOT / "public-api" / "template.yaml")


@pytest.mark.parametrize(
    ("status", "message", "answered", "code"),
    [
        (401, "Unauthorized", 401, "UNAUTHORIZED"),
        (403, "Missing Authentication Token", 404, "NOT_FOUND"),
        (429, "Too Many Requests", 429, "THROTTLED"),
        (400, 'a "quoted" word', 400, "DEFAULT_4XX"),
        (502, "Internal server error", 502, "DEFAULT_5XX"),
    ],
)
def test_its_own_errors_have_the_form_of_the_template(
    responses: GatewayResponses, status: int, message: str, answered: int, code: str
) -> None:
    answer = responses.answer(status, json.dumps({"message": message}).encode())
    assert answer
    assert answer[0] == answered
    error = json.loads(answer[1])["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["details"] == []


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"message": "fine"}'),
        (404, b'{"error": {"code": "NOT_FOUND", "message": "no", "details": []}}'),
        (500, b"<html>"),
        (400, b"[]"),
        (400, b""),
    ],
)
def test_all_else_is_left_alone(responses: GatewayResponses, status: int, body: bytes) -> None:
    assert responses.answer(status, body) is None


def test_without_a_word_in_the_template_aws_s_form_stands() -> None:
    assert GatewayResponses({}).answer(401, b'{"message": "Unauthorized"}') is None
