"""The headers of public-api's template, for any parameters."""

from typing import Any

import pytest

from local.security_headers import Intrinsics, security_headers
from local.services import select
from local.settings import Settings

NOTHING = {"Ref": "AWS::NoValue"}
CONDITIONS = {
    "HasKey": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Key"}, ""]}]},
    "HasBoth": {"Fn::And": [{"Condition": "HasKey"}, {"Fn::Equals": [{"Ref": "Name"}, "b"]}]},
    "HasOne": {"Fn::Or": [{"Condition": "HasKey"}, {"Fn::Equals": [{"Ref": "Name"}, "b"]}]},
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Name"}, "b"),
        ({"Fn::Sub": "a ${Name} ${AWS::Region}"}, "a b eu-west-1"),
        ({"Fn::Sub": ["${X}${Name}", {"X": {"Fn::If": ["HasKey", "k", "none "]}}]}, "none b"),
        ({"Fn::If": ["HasBoth", "yes", "no"]}, "no"),
        ({"Fn::If": ["HasOne", "yes", "no"]}, "yes"),
        ([{"Fn::If": ["HasKey", 1, NOTHING]}, 2], [2]),
        ({"a": {"Fn::If": ["HasOne", NOTHING, 1]}, "b": True}, {"b": True}),
    ],
)
def test_what_a_value_comes_to(value: Any, expected: object) -> None:
    known = {"Name": "b", "Key": "", "AWS::Region": "eu-west-1"}
    assert Intrinsics(known, CONDITIONS).resolved(value) == expected


@pytest.mark.parametrize(
    "value",
    [{"Fn::GetAtt": ["A", "B"]}, {"Ref": "Unknown"}, {"Fn::Sub": "${Unknown}"}],
)
def test_what_it_does_not_know_is_said(value: Any) -> None:
    with pytest.raises(LookupError):
        Intrinsics({}, {}).resolved(value)


def test_with_a_key_of_stripes_its_script_may_run(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (service,) = select(["public-api"])
    given = {"StripePublishableKey": "pk_live_1"}
    monkeypatch.setattr("local.security_headers.local_parameters", lambda *_: given)
    policy = security_headers(settings, service)["Content-Security-Policy"]
    assert "script-src 'self' https://js.stripe.com;" in policy
    assert "frame-src https://js.stripe.com https://hooks.stripe.com;" in policy
    cognito = "https://cognito-idp.eu-west-1.amazonaws.com/"
    assert f"connect-src 'self' {cognito} https://api.stripe.com;" in policy
