"""Sweep: once a minute, cancels the orders that were not confirmed by their deadline.

Then it counts what should not be: orders that wait all the same, and money that is not given back.
"""

import os
from datetime import datetime, timedelta
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from orders.facts import Facts, Reason
from orders.figures import of_sweep
from orders.metrics import emit
from orders.model import now
from orders.saga import Ignored
from orders.table import Conflict, OrdersTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = OrdersTable(os.environ["TABLE_NAME"])

SPARE = 10_000
"""Milliseconds before its end in which a run begins no other order.

Enough for three calls that the table leaves unanswered, three seconds each.
"""

GRACE = timedelta(minutes=5)
"""An order that waits for so long past its deadline is counted."""


class Unfinished(Exception):
    """Some orders could not be cancelled. The log says which and why."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Cancel what is overdue, as far as time allows: the next run goes on with the rest.

    Answers how many orders it cancelled, how many had moved on, how many failed, and whether (1)
    or not (0) any are left. Raises Unfinished at the end when some failed.
    """
    counts = {"cancelled": 0, "moved_on": 0, "failed": 0, "left": 0}
    at, cancelled = now(), set[str]()
    for order_id in table.overdue(at):
        if context.get_remaining_time_in_millis() < SPARE:
            counts["left"] = 1
            break
        try:
            if expire(order_id):
                cancelled.add(order_id)
            else:
                counts["moved_on"] += 1
        except Exception:
            logger.exception("order could not be cancelled", order_id=order_id)
            counts["failed"] += 1
    counts["cancelled"] = len(cancelled)
    logger.set_correlation_id(None)
    logger.info("swept", extra=counts)
    watch(at, cancelled)
    if counts["failed"]:
        raise Unfinished(f"{counts['failed']} orders could not be cancelled")
    return counts


def watch(at: datetime, cancelled: set[str]) -> None:
    """Count the orders that are stuck, without what this run cancelled, and what is owed."""
    late = sum(order_id not in cancelled for order_id in table.overdue(at - GRACE))
    emit(of_sweep(late, table.owed(at)))


@tracer.capture_method(capture_response=False, capture_error=False)
def expire(order_id: str) -> bool:
    """Cancel an order, if it still waits. False: it has moved on, or does so at this moment."""
    tracer.put_annotation("order_id", order_id)
    order = table.order(order_id)
    if order is None:
        return False
    logger.set_correlation_id(order.correlation_id)
    facts = Facts(reason=Reason.EXPIRED)
    expired = order.hear("DeadlinePassed", facts, f"{order_id}:deadline", now())
    if isinstance(expired, Ignored):
        return False
    try:
        table.save(expired, after=order)
    except Conflict:
        return False
    logger.info("order cancelled: past its deadline", order_id=order_id)
    return True
