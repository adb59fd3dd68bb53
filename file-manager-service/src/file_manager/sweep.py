"""Sweep: once an hour, lets the files expire that nobody uploaded."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager.file import Status
from file_manager.model import now
from file_manager.table import Conflict, FilesTable
from file_manager.upload import PATIENCE

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = FilesTable(os.environ["TABLE_NAME"])

SPARE = 10_000
"""Milliseconds before its end in which a run begins no other file.

Enough for three calls that the table leaves unanswered, three seconds each.
"""


class Unfinished(Exception):
    """Some files could not be changed. The log says which and why."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Let expire what has waited for too long, as far as time allows: the next run goes on.

    Answers how many files expired, how many had moved on, how many failed, and whether (1) or not
    (0) any are left. Raises Unfinished at the end when some failed.
    """
    counts = {"expired": 0, "moved_on": 0, "failed": 0, "left": 0}
    for file_id in table.waiting_since(now() - PATIENCE):
        if context.get_remaining_time_in_millis() < SPARE:
            counts["left"] = 1
            break
        try:
            counts["expired" if expire(file_id) else "moved_on"] += 1
        except Exception:
            logger.exception("file could not be changed", file_id=file_id)
            counts["failed"] += 1
    logger.info("swept", extra=counts)
    if counts["failed"]:
        raise Unfinished(f"{counts['failed']} files could not be changed")
    return counts


@tracer.capture_method(capture_response=False)
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
    logger.info("file expired: nothing was uploaded", file_id=file_id)
    return True
