"""Watch: once an hour, tells how many parcels wait too long, and how long the oldest one does."""

import os
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment.figures import of_watch
from fulfilment.metrics import emit
from fulfilment.model import now
from fulfilment.shipment import Status
from fulfilment.table import ShipmentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = ShipmentsTable(os.environ["TABLE_NAME"])

TOO_LONG = timedelta(hours=int(os.environ["WAITING_HOURS"]))
MOST_READS = 20
"""Reads of a megabyte each, at most. Where more wait too long, the count ends there."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Look at what waits. Answers what it told: how many, and the seconds of the oldest one."""
    at = now()
    oldest, _ = table.listed(Status.WAITING, 1, None)
    seconds = max(0, int((at - oldest[0].created_at).total_seconds())) if oldest else 0
    late, all_counted = table.waiting(at - TOO_LONG, MOST_READS)
    emit(of_watch(late, seconds))
    logger.info("watched", late=late, all_counted=all_counted, oldest_seconds=seconds)
    return {"late": late, "oldestSeconds": seconds}
