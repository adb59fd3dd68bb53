"""S3 as who uploads sees it: whether it takes a form, and what it tells of an object that came."""

import hashlib
import hmac
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

SOURCE, CREATED = "aws.s3", "Object Created"
"""Where the event comes from, and what it is called."""

PUT, POSTED, COPIED = "PutObject", "POST Object", "CopyObject"
"""How an object came: `reason` of the event."""

_NOT_CHECKED = {"policy", "x-amz-signature", "file"}
"""Fields that a policy says nothing of."""


class FormRefused(Exception):
    """S3 does not take a form.

    Args:
        status: that it answers.
        code: of its error.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code


def judge(bucket: str, fields: Mapping[str, str], size: int, at: float, secret: str) -> None:
    """Whether S3 would take a form: its signature, its policy's time and every condition.

    Args:
        bucket: that it is posted to.
        fields: all but the file.
        size: of the file, in bytes.
        at: the time, in epoch seconds.
        secret: of the key that the form has to be signed with.

    Raises FormRefused as S3 refuses it; NotImplementedError for a condition that is not known here.
    """
    given = {name.lower(): value for name, value in fields.items()}
    policy = given.get("policy")
    if policy is None:
        raise FormRefused(403, "AccessDenied", "Access Denied")
    if given.get("x-amz-algorithm") != "AWS4-HMAC-SHA256":
        told = "The authorization mechanism you have provided is not supported"
        raise FormRefused(400, "InvalidRequest", told)
    signature = _signed(policy, given["x-amz-credential"], secret)
    if not hmac.compare_digest(signature, given["x-amz-signature"]):
        raise FormRefused(403, "SignatureDoesNotMatch", "The signature is not the policy's")
    said = json.loads(b64decode(policy))
    if at >= datetime.fromisoformat(said["expiration"]).timestamp():
        raise FormRefused(403, "AccessDenied", "Invalid according to Policy: Policy expired.")
    named = set()
    for condition in said["conditions"]:
        for operator, name, wanted in _conditions(condition):
            if operator == "content-length-range":
                _judge_size(size, name, wanted)
                continue
            named.add(name)
            value = bucket if name == "bucket" else given.get(name, "")
            fits = value.startswith(wanted) if operator == "starts-with" else value == wanted
            if not fits:
                told = f"Invalid according to Policy: Policy Condition failed: {condition}"
                raise FormRefused(403, "AccessDenied", told)
    if extra := given.keys() - named - _NOT_CHECKED:
        told = f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))}"
        raise FormRefused(403, "AccessDenied", told)


def _conditions(condition: Any) -> Iterator[tuple[str, Any, Any]]:
    match condition:
        case dict():
            for name, value in condition.items():
                yield "eq", name.lower(), value
        case ["content-length-range", low, high]:
            yield "content-length-range", low, high
        case ["eq" | "starts-with" as operator, str(name), value]:
            yield operator, name.removeprefix("$").lower(), value
        case _:
            raise NotImplementedError(f"a form's condition {condition}")


def _judge_size(size: int, low: Any, high: Any) -> None:
    if size > int(high):
        told = "Your proposed upload exceeds the maximum allowed size"
        raise FormRefused(400, "EntityTooLarge", told)
    if size < int(low):
        told = "Your proposed upload is smaller than the minimum allowed size"
        raise FormRefused(400, "EntityTooSmall", told)


def _signed(policy: str, credential: str, secret: str) -> str:
    """AWS Signature Version 4 of a policy."""
    key = f"AWS4{secret}".encode()
    for part in credential.split("/")[1:]:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, policy.encode(), hashlib.sha256).hexdigest()


def created(
    bucket: str, key: str, size: int, etag: str, reason: str, at: float, requester: str
) -> Json:
    """The detail of the event that tells of a new object.

    Args:
        size: in bytes.
        etag: as S3 answers it, in quotes.
        reason: how it came: PUT, POSTED or COPIED.
        at: when it came, in epoch seconds.
        requester: the id of the account that put it there.
    """
    request = hashlib.sha256(f"{bucket} {key} {at}".encode()).hexdigest()
    return {
        "version": "0",
        "bucket": {"name": bucket},
        "object": {
            "key": key,
            "size": size,
            "etag": etag.strip('"'),
            "sequencer": f"00{int(at * 1_000_000):016X}",
        },
        "request-id": request[:16].upper(),
        "requester": requester,
        "source-ip-address": "192.0.2.1",
        "reason": reason,
    }


def event(event_id: str, detail: Json, at: float, account: str, region: str) -> Json:
    """The event as EventBridge carries it."""
    return {
        "version": "0",
        "id": event_id,
        "detail-type": CREATED,
        "source": SOURCE,
        "account": account,
        "time": datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": [f"arn:aws:s3:::{detail['bucket']['name']}"],
        "detail": detail,
    }
