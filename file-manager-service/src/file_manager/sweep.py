"""Sweep: once an hour, lets expire what nobody uploaded, and the shares whose days are over."""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager.file import Status
from file_manager.model import now
from file_manager.share import ShareStatus
from file_manager.share_items import SharesTable
from file_manager.table import Conflict
from file_manager.upload import PATIENCE

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = SharesTable(os.environ["TABLE_NAME"])

SPARE = 10_000
"""Milliseconds before its end in which a run begins nothing else.

Enough for three calls that the table leaves unanswered, three seconds each.
"""


class Unfinished(Exception):
    """Something could not be changed. The log says what and why."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Let expire what has waited for too long, as far as time allows: the next run goes on.

    Answers how many files and shares expired, how many had moved on, how many failed, and whether
    (1) or not (0) any are left. Raises Unfinished at the end when some failed.
    """
    counts = {"expired": 0, "moved_on": 0, "failed": 0, "left": 0}
    for end, id_ in due():
        if context.get_remaining_time_in_millis() < SPARE:
            counts["left"] = 1
            break
        try:
            counts["expired" if end(id_) else "moved_on"] += 1
        except Exception:
            logger.exception("could not be changed", id=id_)
            counts["failed"] += 1
    logger.info("swept", extra=counts)
    if counts["failed"]:
        raise Unfinished(f"{counts['failed']} could not be changed")
    return counts


def due() -> Iterator[tuple[Callable[[str], bool], str]]:
    """What has had its time, each with what lets it expire. Shares come first: they are read."""
    at = now()
    shares = ((expire_share, share_id) for share_id in table.due(at))
    files = ((expire, file_id) for file_id in table.waiting_since(at - PATIENCE))
    return chain(shares, files)


@tracer.capture_method(capture_response=False, capture_error=False)
def expire_share(share_id: str) -> bool:
    """Let a share expire, if its days are over. False: it has moved on, or does at this moment."""
    tracer.put_annotation("share_id", share_id)
    share, at = table.share(share_id), now()
    if share is None or share.status is not ShareStatus.SHARED:
        return False
    if share.expires_at is None or share.expires_at > at:
        return False
    try:
        table.save_share(share.expire(at), after=share)
    except Conflict:
        return False
    logger.info("share expired", share_id=share_id, correlation_id=share.correlation_id)
    return True


@tracer.capture_method(capture_response=False, capture_error=False)
def expire(file_id: str) -> bool:
    """Let a file expire, if it still waits. False: it has moved on, or does so at this moment."""
    tracer.put_annotation("file_id", file_id)
    file = table.file(file_id)
    if file is None or file.status is not Status.PENDING:
        return False
    try:
        table.save(file.expire(now()), after=file)
    except Conflict:
        return False
    logger.info(
        "file expired: nothing was uploaded",
        file_id=file_id,
        correlation_id=file.correlation_id,
    )
    return True
