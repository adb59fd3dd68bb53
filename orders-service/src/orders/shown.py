"""What the private API answers."""

from typing import Annotated, Any, Self

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import Field

from orders.downloads import Download
from orders.facts import AddressChange, PaymentAction, Reason
from orders.model import Currency, Model, Money, Timestamp
from orders.order import Order
from orders.refunds import Refund, StaffRefund
from orders.saga import Status


class RefundShown(StaffRefund):
    """What staff asked to be given back, and why."""

    version: Annotated[int, Field(exclude=True)]
    fingerprint: Annotated[str, Field(exclude=True)]
    rest: Annotated[bool, Field(exclude=True)] = False


class AddressChangeShown(AddressChange):
    """Another address, for which the warehouse was asked."""

    version: Annotated[int, Field(exclude=True)]


class DownloadShown(Download):
    """What became of a download. Where it is, is the shopper's business alone."""

    url: Annotated[str | None, Field(exclude=True)] = None


class OrderShown(Order):
    """An order and its history. How it was paid is nobody's business here."""

    payment_method_id: Annotated[str, Field(exclude=True)]
    payment_action: Annotated[PaymentAction | None, Field(exclude=True)] = None
    refunds: tuple[RefundShown, ...]
    collected_at: Annotated[Timestamp | None, Field(exclude=True)] = None
    payment_version: Annotated[int, Field(exclude=True)] = 0
    address_change: AddressChangeShown | None = Field(
        None, description="Only while it is not known whether the parcel goes there"
    )
    downloads: tuple[DownloadShown, ...]
    mailed: Annotated[int | None, Field(exclude=True)] = None


class OrderSummary(Model):
    """An order on a list. Amounts are in minor units of `currency`."""

    order_id: str
    customer_id: str
    status: Status
    reason: Reason | None = Field(description="Why it was cancelled; null unless it was")
    currency: Currency
    gross: Money
    refund: Refund | None
    placed_at: Timestamp
    updated_at: Timestamp
    version: int

    @classmethod
    def of(cls, order: Order) -> Self:
        """The summary of an order."""
        return cls.model_validate(order, from_attributes=True)


class OrderPage(Model):
    """Some orders, newest first. There may be fewer than asked for, and yet more pages."""

    items: list[OrderSummary]
    cursor: str | None = Field(description="Of the next page; null: this is the last")


def etag(order: Order) -> str:
    """The entity tag of an order's version."""
    return f'"{order.version}"'


def answer(
    status: int, order: Order, headers: dict[str, Any] | None = None
) -> Response[OrderShown]:
    """The order, with its version as ETag."""
    told = OrderShown.model_validate(order.model_dump())
    tagged = {"ETag": etag(order)} | (headers or {})
    return Response(status, content_types.APPLICATION_JSON, told, headers=tagged)


def documented(
    status: int, description: str, model: type[Model] | None = None
) -> dict[int, OpenAPIResponse]:
    """An answer, and what is in it. What is in an error is said of all of them."""
    if model is None:
        return {status: {"description": description}}
    content: dict[str, Any] = {"application/json": {"model": model}}
    return {status: {"description": description, "content": content}}
