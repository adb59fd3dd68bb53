"""What all operations of the private API work with: the table, lists and cursors."""

import os
from collections.abc import Callable
from datetime import timedelta

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler.exceptions import (
    BadRequestError,
    NotFoundError,
    ServiceError,
)
from aws_lambda_powertools.utilities import parameters

from orders.cursor import BadCursor, Cursors
from orders.lists import OrderLists
from orders.order import Order
from orders.requests import is_matched
from orders.saga import Ignored
from orders.shown import etag
from orders.staff import NotAllowed
from orders.table import Conflict, OrdersTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = OrdersTable(os.environ["TABLE_NAME"])
lists = OrderLists(os.environ["TABLE_NAME"])

PATIENCE = timedelta(minutes=int(os.environ["ORDER_DEADLINE_MINUTES"]))
"""How long after it was placed an order has to be confirmed."""

LOOKS = 4
"""How often an order is looked at that others change meanwhile, before the caller has to ask again.
"""

KEY_MAX_AGE = 900
"""Seconds until the key of the cursors is read again. Once it is another, they are not good."""


def cursor_key() -> bytes:
    """What cursors are sealed with."""
    arn = os.environ["CURSOR_KEY_ARN"]
    return str(parameters.get_secret(arn, max_age=KEY_MAX_AGE)).encode()


cursors = Cursors(cursor_key)


def position(scope: str, cursor: str | None) -> str | None:
    """Where the page begins that a cursor stands for. Answers 400 where it is none of that list."""
    try:
        return None if cursor is None else cursors.open(scope, cursor)[0]
    except BadCursor as error:
        raise BadRequestError(str(error)) from error


def sealed(scope: str, following: str | None) -> str | None:
    """The cursor of the next page, where there is one."""
    return cursors.seal(scope, (following,)) if following else None


def existing(order_id: str) -> Order:
    """The order of that id. Answers 404 when there is none."""
    order = table.order(order_id)
    if order is None:
        raise NotFoundError(f"There is no order {order_id}")
    mark(order_id, order.correlation_id)
    return order


def mark(order_id: str, correlation_id: str) -> None:
    """Let the log and the trace say which order the request is about."""
    logger.set_correlation_id(correlation_id)
    tracer.put_annotation("order_id", order_id)


def changed[Other](
    order_id: str,
    if_match: str | None,
    change: Callable[[Order], tuple[Order | Ignored, Other]],
) -> tuple[Order, bool, Other]:
    """The order after a change, whether that changed it, and what else the change gives.

    Answers 404 when there is no such order, 412 when it is not what `if_match` means, and 409 when
    it does not allow the change, or others write it all the time.
    """
    for _ in range(LOOKS):
        order = existing(order_id)
        if if_match is not None and not is_matched(if_match, etag(order)):
            raise ServiceError(
                412, f"The order has changed: it is now {etag(order)}. Read it again"
            )
        try:
            moved, other = change(order)
        except NotAllowed as error:
            raise ServiceError(409, str(error)) from error
        if isinstance(moved, Ignored):
            return order, False, other
        try:
            table.save(moved, after=order)
        except Conflict:
            continue
        return moved, True, other
    raise ServiceError(409, "Others are writing the same order just now. Try again")
