"""What SES tells of a mail that did not arrive, or was not wanted: an event of its own form."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal
from unittest.mock import patch

from botocore.client import BaseClient

Kind = Literal["Permanent", "Transient", "Complaint"]
"""It will never arrive; it did not this time; who got it called it spam."""


def report(kind: Kind, message_id: str, to: str, tags: Mapping[str, str], at: float) -> str:
    """The event, as a topic hands it on where it is asked for raw messages.

    Args:
        message_id: SES' own of the mail.
        tags: that the mail was sent with.
        at: when it bounced, or the complaint came, in Unix seconds.
    """
    time = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    mail = {
        "timestamp": time.replace("+00:00", "Z"),
        "messageId": message_id,
        "destination": [to],
        "tags": {name: [value] for name, value in tags.items()},
    }
    told: dict[str, object] = {"timestamp": mail["timestamp"], "feedbackId": f"{message_id}-f"}
    if kind == "Complaint":
        told |= {
            "complainedRecipients": [{"emailAddress": to}],
            "complaintFeedbackType": "abuse",
            "complaintSubType": None,
        }
        return json.dumps({"eventType": "Complaint", "mail": mail, "complaint": told})
    told |= {
        "bounceType": kind,
        "bounceSubType": "General" if kind == "Permanent" else "MailboxFull",
        "bouncedRecipients": [{"emailAddress": to, "action": "failed", "status": "5.1.1"}],
    }
    return json.dumps({"eventType": "Bounce", "mail": mail, "bounce": told})


@contextmanager
def rejecting() -> Iterator[None]:
    """SES rejects every mail meanwhile, as it does one in which it finds a virus."""
    calling = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(client: Any, operation: str, params: Any) -> Any:
        if operation != "SendEmail":
            return calling(client, operation, params)
        error = {"Error": {"Code": "MessageRejected", "Message": "Bad content"}}
        status = {"ResponseMetadata": {"HTTPStatusCode": 400}}
        raise client.exceptions.MessageRejected(error | status, operation)

    with patch.object(BaseClient, "_make_api_call", call):
        yield
