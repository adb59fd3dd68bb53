"""Stripe's request encoding: `application/x-www-form-urlencoded` with nested brackets."""

import hashlib
import json
import re
from urllib.parse import parse_qsl

from local.stripe.errors import invalid_request

type Form = dict[str, str | Form]
"""Parameters by name. Lists are forms too, named `0`, `1`, … in their order."""

_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_PART = re.compile(r"\[([^\[\]]*)\]")


def parse(encoded: str) -> Form:
    """Read `a=1&b[c]=2&d[]=3` as `{"a": "1", "b": {"c": "2"}, "d": {"0": "3"}}`.

    Raises:
        StripeError: 400 if the brackets do not pair, or a name is both a value and an object.
    """
    form: Form = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        match = _NAME.fullmatch(name)
        if match is None:
            raise invalid_request(f"Received unknown parameter: {name}", code="parameter_unknown")
        _put(form, name, [match[1], *_PART.findall(match[2])], value)
    return form


def _put(form: Form, name: str, path: list[str], value: str) -> None:
    *parents, last = path
    for part in parents:
        inner = form.setdefault(part or str(len(form)), {})
        if isinstance(inner, str):
            raise invalid_request("Invalid object", param=name)
        form = inner
    last = last or str(len(form))
    if isinstance(form.get(last), dict):
        raise invalid_request("Invalid string: an object was given too", param=name)
    form[last] = value


def fingerprint(form: Form) -> str:
    """Digest of the parameters, the same however they are ordered and escaped."""
    return hashlib.sha256(json.dumps(form, sort_keys=True).encode()).hexdigest()
