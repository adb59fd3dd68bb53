"""The messages this service hears."""

from typing import Any, ClassVar

from pydantic import Field

from public_api.message import Message
from public_api.model import Model, Timestamp
from public_api.order import OrderState
from public_api.raised import ErrorData
from public_api.report import SalesReport
from public_api.toy import Toy


class ToyCreated(Message):
    """Event: a toy came into the catalogue."""

    sender: ClassVar[str] = "tbs.toys"
    data: Toy


class ToyUpdated(Message):
    """Event: what shoppers see of a toy changed."""

    sender: ClassVar[str] = "tbs.toys"
    data: Toy


class DeletedToy(Model):
    """Which toy it was, and since when it is gone."""

    toy_id: str
    updated_at: Timestamp


class ToyDeleted(Message):
    """Event: a toy left the catalogue."""

    sender: ClassVar[str] = "tbs.toys"
    data: DeletedToy


class RepublishedToy(Toy):
    """A toy as it is, or as it was when it left the catalogue."""

    deleted_at: Timestamp | None = Field(default=None, description="null: it is in the catalogue")


class ToyRepublished(Message):
    """Event: a toy is told of again, because a rebuild was asked for."""

    sender: ClassVar[str] = "tbs.toys"
    data: RepublishedToy


class OrderPlaced(Message):
    """Event: an order was found in order, and its stock is asked for."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderConfirmed(Message):
    """Event: an order is paid."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderDispatched(Message):
    """Event: an order is on its way."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderDelivered(Message):
    """Event: an order arrived."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderCancelled(Message):
    """Event: an order came to nothing."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderUpdated(Message):
    """Event: something else about an order changed, such as its payment action or its refund."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class OrderRepublished(Message):
    """Event: an order is told of again, because a rebuild was asked for."""

    sender: ClassVar[str] = "tbs.orders"
    data: OrderState


class SalesReported(Message):
    """Event: the shop's sales were reported."""

    sender: ClassVar[str] = "tbs.reports"
    data: SalesReport


class ErrorRaised(Message):
    """Event: something went wrong that a manager should know of."""

    sender: ClassVar[tuple[str, ...]] = (
        "tbs.toys",
        "tbs.file-manager",
        "tbs.orders",
        "tbs.payments",
        "tbs.notification",
        "tbs.fulfilment",
    )
    data: ErrorData


ToyEvent = ToyCreated | ToyUpdated | ToyDeleted | ToyRepublished
OrderEvent = (
    OrderPlaced
    | OrderConfirmed
    | OrderDispatched
    | OrderDelivered
    | OrderCancelled
    | OrderUpdated
    | OrderRepublished
)
Heard = ToyEvent | OrderEvent | SalesReported | ErrorRaised

HEARS: dict[str, type[Heard]] = {
    model.__name__: model
    for model in (
        ToyCreated,
        ToyUpdated,
        ToyDeleted,
        ToyRepublished,
        OrderPlaced,
        OrderConfirmed,
        OrderDispatched,
        OrderDelivered,
        OrderCancelled,
        OrderUpdated,
        OrderRepublished,
        SalesReported,
        ErrorRaised,
    )
}


class Delivery(Model):
    """An EventBridge event as it lies in the queue. `source` is who told it."""

    source: str
    name: str = Field(alias="detail-type")
    detail: dict[str, Any]

    @property
    def message(self) -> Heard:
        """The message that it is. Raises ValueError for what is not one we hear."""
        if self.name not in HEARS:
            raise ValueError(f"{self.name!r} is not one of {', '.join(HEARS)}")
        return HEARS[self.name].model_validate(self.detail)


def parse(body: str) -> Heard:
    """The message in a queue's record. Raises ValueError for what is not one we hear."""
    return Delivery.model_validate_json(body).message
