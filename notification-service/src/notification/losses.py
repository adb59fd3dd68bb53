"""Counts the mails that nobody will read. An alarm tells of those whose content was paid for."""

from notification.figures import lost
from notification.mail import Mail
from notification.metrics import emit


def count(before: Mail, after: Mail) -> None:
    """Count a mail that is lost by this change, to be called before the change is saved.

    Saved first, a mail whose function then dies would never be counted. So it may be counted twice.
    """
    emit(lost(before, after))
