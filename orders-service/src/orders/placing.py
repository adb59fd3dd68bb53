"""How an order is placed, whoever wants it."""

from datetime import datetime, timedelta

from aws_lambda_powertools import Logger

from orders.facts import Cancellation
from orders.order import Order
from orders.purchase import PurchaseRequest
from orders.table import Conflict, OrdersTable

logger = Logger()


def place(
    table: OrdersTable,
    purchase: PurchaseRequest,
    correlation_id: str,
    causation_id: str,
    at: datetime,
    patience: timedelta,
) -> tuple[Order, bool]:
    """Keep a new order, cancelled if that was asked for before. Again, it changes nothing.

    Returns the order as it is, and whether it is new. Raises Conflict where others write it.
    """
    order = Order.place(purchase, correlation_id, causation_id, at, patience)
    try:
        table.add(order)
    except Conflict:
        match table.found(order.order_id):
            case Cancellation() as request:
                order = order.cancelled_by(request, at)
                table.save(order, after=request)
            case Order() as known:
                logger.info("ignored: placed before", order_id=order.order_id)
                return known, False
            case None:
                raise
    logger.info("order placed", order_id=order.order_id, status=order.status)
    return order, True
