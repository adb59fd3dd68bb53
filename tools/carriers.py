"""What a carrier posts about a parcel, and how it signs that."""

import hashlib
import hmac
import json
from typing import Literal

Progress = Literal["DISPATCHED", "DELIVERED", "FAILED"]

PATH = "/carrier-events"
"""Where it posts that to."""


def event(
    order_id: str,
    status: Progress,
    carrier: str,
    tracking_number: str,
    occurred_at: str,
    reason: str | None = None,
) -> str:
    """The body: one thing that happened to one parcel.

    Args:
        occurred_at: RFC 3339.
        reason: why it failed, where it did.
    """
    told = {
        "eventId": f"{tracking_number}-{status}",
        "orderId": order_id,
        "status": status,
        "carrier": carrier,
        "trackingNumber": tracking_number,
        "occurredAt": occurred_at,
    }
    return json.dumps(told | ({"reason": reason} if reason else {}))


def headers(body: str, secret: str, at: float) -> dict[str, str]:
    """The headers of a body that is signed at that time, in Unix seconds."""
    time = int(at)
    signed = hmac.digest(secret.encode(), f"{time}.{body}".encode(), hashlib.sha256).hex()
    return {"Content-Type": "application/json", "Carrier-Signature": f"t={time},v1={signed}"}
