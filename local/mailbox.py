"""The mails that the local cloud's SES and Cognito have sent."""

from dataclasses import dataclass

import httpx

from local.settings import Settings


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail, as its reader would have it."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    sent: float
    """Seconds since the epoch."""


def mails(settings: Settings, to: str | None = None) -> list[Mail]:
    """Every mail sent so far, oldest first; only those to one address when it is given."""
    answer = httpx.get(f"{settings.aws_url}/_ministack/ses/messages", timeout=10)
    answer.raise_for_status()
    found = [
        Mail(
            to=tuple(mail["To"]),
            subject=mail["Subject"],
            text=mail["BodyText"] or "",
            html=mail["BodyHtml"] or "",
            sent=mail["Timestamp"],
        )
        for account in answer.json()["messages"].values()
        for mail in account
    ]
    return sorted((m for m in found if to is None or to in m.to), key=lambda mail: mail.sent)
