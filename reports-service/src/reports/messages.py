"""The messages this service hears, and the one that it sends."""

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from reports.model import MOST, MOST_UNITS, Currency, Model, Money, Timestamp
from reports.report import KeptReport, SalesReport

SOURCE = "tbs.reports"
"""The `source` of what this service sends."""


class Metadata(Model):
    """What every message says of itself. Made from the stored item, so it is the same each time."""

    id: str = Field(description="<aggregate id>:<version>:<message name>")
    correlation_id: str = Field(description="The order's id, or the aggregate's own")
    causation_id: str | None = Field(description="metadata.id of the message that led to this")
    occurred_at: Timestamp
    version: Annotated[
        int, Field(ge=1, description="Of the aggregate. Of two messages, the higher one is newer")
    ]
    trace: str | None = Field(
        None,
        description="X-Ray's header of the invocation that wrote the change: "
        "Root=...;Parent=...;Sampled=... Null where the change is not of one invocation",
    )


class Message(Model):
    """A message on the bus: the detail of an EventBridge event, whose detail-type is its name."""

    metadata: Metadata


# Heard


class Line(Model):
    """So many of one toy. `price` is for one, in minor units, tax included."""

    toy_id: str
    name: str
    price: Money
    quantity: Annotated[int, Field(ge=1, le=MOST_UNITS)]
    category: Annotated[
        str | None, Field(description="As it was sold; null until its stock was held")
    ] = None
    fulfilment: Annotated[str, Field(description="parcel or digital")] = "parcel"

    @model_validator(mode="after")
    def _costs_what_an_order_may(self) -> Self:
        if self.price * self.quantity > MOST:
            raise ValueError("a line costs more than any order may")
        return self


class Step(Model):
    """A status that an order came to, and when."""

    status: str
    at: Timestamp


class Refund(Model):
    """Money on its way back, or there. `amount` is in minor units of the order's currency."""

    amount: Annotated[Money, Field(description="All of it, whoever asked for it")]
    status: Annotated[str, Field(description="PENDING or REFUNDED")]


class PartRefund(Model):
    """A part of an order's money that goes back by itself. `amount` is in minor units."""

    refund_id: Annotated[str, Field(description='"by-hand": nobody asked for it, it was done')]
    amount: Money
    requested_at: Timestamp


class OrderData(Model):
    """A whole order, as far as the reports count it.

    Amounts are in minor units; `gross` is what was paid, tax and shipping included.
    """

    order_id: str
    customer_id: str
    lines: Annotated[tuple[Line, ...], Field(min_length=1)]
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: Annotated[Decimal, Field(ge=0, description="0.15 is 15 %")]
    status: str
    reason: Annotated[str | None, Field(description="Why it was cancelled")]
    refund: Refund | None = None
    refunds: Annotated[
        tuple[PartRefund, ...], Field(description="What of `refund` has a time of its own")
    ] = ()
    carrier: Annotated[str | None, Field(description="Who has the parcel; null before")] = None
    history: tuple[Step, ...]
    placed_at: Timestamp
    updated_at: Timestamp

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.net + self.tax != self.gross:
            raise ValueError("net and tax do not come to gross")
        return self


class OrderEvent(Message):
    """The newest state of an order, whatever happened to it."""

    sender: ClassVar[str] = "tbs.orders"

    data: OrderData


class OrderPlaced(OrderEvent):
    """Event: an order came in."""


class OrderConfirmed(OrderEvent):
    """Event: an order's toys are held and it is paid."""


class OrderDispatched(OrderEvent):
    """Event: an order is on its way."""


class OrderDelivered(OrderEvent):
    """Event: an order has arrived."""


class OrderCancelled(OrderEvent):
    """Event: an order came to nothing, for the reason it gives."""


class OrderUpdated(OrderEvent):
    """Event: something else about an order changed, such as the status of its refund."""


class OrderRepublished(OrderEvent):
    """Event: what an order is, told again since somebody asked for all of them."""


HEARS: dict[str, type[OrderEvent]] = {
    model.__name__: model
    for model in (
        OrderPlaced,
        OrderConfirmed,
        OrderDispatched,
        OrderDelivered,
        OrderCancelled,
        OrderUpdated,
        OrderRepublished,
    )
}


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> OrderEvent:
    """The message in a queue's record. Raises ValueError for what is not one we hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return HEARS[delivery.name].model_validate(delivery.detail)


# Sent


class SalesReported(Message):
    """Event: the sales of the last twelve months, as they were counted."""

    data: SalesReport


SENDS: tuple[type[Message], ...] = (SalesReported,)


def sales_reported(kept: KeptReport) -> SalesReported:
    """What is told of a report that is stored: each time the same."""
    metadata = Metadata(
        id=f"sales:{kept.number}:{SalesReported.__name__}",
        correlation_id="sales",
        causation_id=None,
        occurred_at=kept.report.reported_at,
        version=kept.number,
    )
    return SalesReported(metadata=metadata, data=kept.report)
