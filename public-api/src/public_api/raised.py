"""Errors of the shop, for its managers: what services raised, and what CloudWatch is alarmed at.

Pure, no AWS.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from pydantic import Field

from public_api.model import Model, Timestamp

LONGEST = 300
"""Characters of what is said of an error."""

SERVICE = "public-api"
"""Who raises the errors of this service's own inbox."""


class Kind(StrEnum):
    """BUSINESS: it went against the shop's wish. SYSTEM: it did not go as it was built."""

    BUSINESS = "BUSINESS"
    SYSTEM = "SYSTEM"


class ErrorData(Model):
    """Something that went wrong, as a service tells it. It says nothing of any person."""

    error_id: str
    kind: Kind
    code: str
    message: str
    order_id: str | None = None
    occurred_at: Timestamp


class RaisedError(ErrorData):
    """The same, and who told it."""

    service: str

    @classmethod
    def of(cls, error: ErrorData, source: str) -> Self:
        """The error that an event tells; `source` is the event's: tbs.<service>."""
        told = {"service": source.removeprefix("tbs."), "message": error.message[:LONGEST]}
        return cls.model_validate(error.model_dump() | told)


class ErrorView(Model):
    """An error as managers see it."""

    occurred_at: Timestamp
    kind: Kind
    code: str = Field(description="What kind of error it is; ALARM: CloudWatch noticed it")
    message: str = Field(description="What happened, in a sentence without anybody's data")
    service: str = Field(description="Which service told it")
    order_id: str | None = Field(None, description="The order it is about, where there is one")


class _Metric(Model):
    dimensions: Mapping[str, str] = Field(default_factory=dict)


class _MetricStat(Model):
    metric: _Metric


class _Watched(Model):
    metric_stat: _MetricStat | None = None


class _Configuration(Model):
    description: str | None = None
    metrics: tuple[_Watched, ...] = ()


class AlarmDetail(Model):
    """What CloudWatch tells of an alarm, as far as it is read."""

    alarm_name: str
    configuration: _Configuration = _Configuration()


class Alarm(Model):
    """An EventBridge event of CloudWatch: an alarm went off. `id` and `time` are the event's."""

    id: str
    time: Timestamp
    detail: AlarmDetail

    def error(self, prefix: str, environment: str) -> RaisedError | None:
        """The error that it is. None: the alarm is another environment's.

        Stacks are named <prefix><service>-<environment>, and their alarms begin with that.
        """
        name = self.detail.alarm_name
        known = re.match(
            rf"{re.escape(prefix)}(?P<service>.+?)-{re.escape(environment)}-(?P<alarm>\w+)", name
        )
        if not known:
            return None
        watched = [one.metric_stat for one in self.detail.configuration.metrics if one.metric_stat]
        named = [one.metric.dimensions.get("service") for one in watched]
        said, _, _ = (self.detail.configuration.description or "").partition(". ")
        return RaisedError(
            error_id=self.id,
            kind=Kind.SYSTEM,
            code="ALARM",
            message=(said.strip() or known["alarm"])[:LONGEST],
            occurred_at=self.time,
            service=next(filter(None, named), known["service"]),
        )


def of_letter(message_id: str, body: str, code: str, reason: str, at: datetime) -> RaisedError:
    """The error that a message is which becomes a dead letter. Its id is the message's in SQS."""
    name, order_id = _about(body)
    why = "was refused:" if code == "POISON_MESSAGE" else "failed each time, at last with"
    return RaisedError(
        error_id=message_id,
        kind=Kind.SYSTEM,
        code=code,
        message=f"{name or 'A message'} {why} {reason}"[:LONGEST],
        order_id=order_id,
        occurred_at=at,
        service=SERVICE,
    )


def _about(body: str) -> tuple[str | None, str | None]:
    """The name of the message in a queue's record and the order it is about, as far as it says."""
    try:
        delivery = json.loads(body)
        name, order_id = delivery["detail-type"], delivery["detail"]["data"].get("orderId")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return None, None
    return _text(name, r"[A-Z][A-Za-z]{1,59}"), _text(order_id, r"[A-Za-z0-9._:-]{1,100}")


def _text(given: Any, form: str) -> str | None:
    return given if isinstance(given, str) and re.fullmatch(form, given) else None
