"""The messages this service hears and sends."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from orders.model import Currency, Model, Money, Timestamp
from orders.order import (
    Address,
    CancellationRequest,
    Facts,
    Line,
    Order,
    PaymentAction,
    PurchaseRequest,
    Reason,
    Refund,
    Status,
    TaxRate,
)
from orders.republication import Republication

SOURCE = "tbs.orders"
"""The name under which this service's messages stand on the bus."""


class Metadata(Model):
    """What every message says of itself. Made from the stored item, so it is the same each time."""

    id: str = Field(description="<aggregate id>:<version>:<message name>")
    correlation_id: str = Field(description="The order's id, or the aggregate's own")
    causation_id: str | None = Field(description="metadata.id of the message that led to this")
    occurred_at: Timestamp
    version: int = Field(description="Of the aggregate. Of two messages, the higher one is newer")


class Message(Model):
    """A message on the bus: the detail of an EventBridge event, whose detail-type is its name."""

    metadata: Metadata


# Heard


class PlaceOrder(Message):
    """Command: carry out what a shopper agreed to."""

    data: PurchaseRequest


class CancelOrder(Message):
    """Command: cancel an order, unless its parcel has left.

    It may come before the order does, which is then cancelled as it comes.
    """

    data: CancellationRequest

    def facts(self) -> Facts:
        """Why the order is cancelled."""
        return Facts(reason=Reason.CUSTOMER)


class RepublicationRequest(Model):
    """Which request it is. The same one is carried out once."""

    request_id: Annotated[str, StringConstraints(pattern=r"^[!-~]{1,100}$")]


class RepublishOrders(Message):
    """Command: tell every order again as it is, for a reader whose copy is lost or new."""

    data: RepublicationRequest


class AboutOrder(Model):
    """The order that a message is about."""

    order_id: str


class Answer(Message):
    """An event that answers what an order asked for."""

    sender: ClassVar[str]
    data: AboutOrder

    def facts(self) -> Facts:
        """What the event adds to the order."""
        return Facts()


class StockReserved(Answer):
    """Event: all lines of an order are held."""

    sender: ClassVar[str] = "tbs.toys"


class RefusedData(AboutOrder):
    """Why nothing is held for an order."""

    reason: Literal[Reason.OUT_OF_STOCK, Reason.PRICE_CHANGED, Reason.UNKNOWN_TOY]


class StockReservationFailed(Answer):
    """Event: nothing is held for an order."""

    sender: ClassVar[str] = "tbs.toys"
    data: RefusedData

    def facts(self) -> Facts:
        """Why the order is cancelled."""
        return Facts(reason=self.data.reason)


class StockReleased(Answer):
    """Event: what was held for an order is back on the shelf."""

    sender: ClassVar[str] = "tbs.toys"


class ActionData(AboutOrder, PaymentAction):
    """What the shopper has to do before an order can be paid."""


class PaymentActionRequired(Answer):
    """Event: an order is paid as soon as the shopper has confirmed it to the bank."""

    sender: ClassVar[str] = "tbs.payments"
    data: ActionData

    def facts(self) -> Facts:
        """What the shopper's browser needs for it."""
        return Facts(
            payment_action=PaymentAction(client_secret=self.data.client_secret, url=self.data.url)
        )


class PaymentCollected(Answer):
    """Event: an order is paid."""

    sender: ClassVar[str] = "tbs.payments"


class DeclinedData(AboutOrder):
    """Why an order is not paid: Stripe's decline code or error code."""

    reason: str


class PaymentFailed(Answer):
    """Event: an order is not paid, and will not be."""

    sender: ClassVar[str] = "tbs.payments"
    data: DeclinedData

    def facts(self) -> Facts:
        """Why the order is cancelled."""
        return Facts(reason=Reason.PAYMENT_DECLINED, decline_code=self.data.reason)


class RefundedData(AboutOrder):
    """What was given back to the shopper, in minor units of the order's currency."""

    status: Literal["REFUNDED"]
    amount: Money


class PaymentRefunded(Answer):
    """Event: the shopper has the money back."""

    sender: ClassVar[str] = "tbs.payments"
    data: RefundedData

    def facts(self) -> Facts:
        """The refund, as it is recorded on the order."""
        return Facts(refund=Refund(amount=self.data.amount, status=self.data.status))


class ShipmentData(AboutOrder):
    """Who carries the parcel, and the number to follow it by."""

    carrier: str
    tracking_number: str


class Shipped(Answer):
    """An event of a parcel that has left. Each tells the whole state: the later one is enough."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: ShipmentData

    def facts(self) -> Facts:
        """How to follow the parcel."""
        return Facts(carrier=self.data.carrier, tracking_number=self.data.tracking_number)


class ShipmentDispatched(Shipped):
    """Event: the parcel is on its way."""


class ShipmentDelivered(Shipped):
    """Event: the parcel has arrived."""


class ShipmentCancelled(Answer):
    """Event: the parcel has not left, and will not."""

    sender: ClassVar[str] = "tbs.fulfilment"

    def facts(self) -> Facts:
        """Why the order is cancelled."""
        return Facts(reason=Reason.CUSTOMER)


class FailedData(AboutOrder):
    """Why a parcel did not arrive, and how it was to be followed if it had left."""

    reason: str
    carrier: str | None
    tracking_number: str | None


class ShipmentFailed(Answer):
    """Event: the parcel cannot be brought to the shopper, whether it had left or not."""

    sender: ClassVar[str] = "tbs.fulfilment"
    data: FailedData

    def facts(self) -> Facts:
        """Why the order is cancelled, and which parcel it was."""
        return Facts(
            reason=Reason.UNDELIVERABLE,
            failure=self.data.reason,
            carrier=self.data.carrier,
            tracking_number=self.data.tracking_number,
        )


# Sent


class HistoryData(Model):
    """A state that the order entered."""

    status: Status
    at: Timestamp


class OrderData(Model):
    """The whole order. Amounts are in minor units of `currency`; prices include tax."""

    order_id: str
    customer_id: str
    email: str = Field(repr=False)
    lines: tuple[Line, ...]
    shipping_address: Address
    currency: Currency
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: TaxRate
    status: Status
    reason: Reason | None = Field(description="Why it was cancelled; null unless it was")
    history: tuple[HistoryData, ...]
    carrier: str | None = Field(description="null until it was dispatched")
    tracking_number: str | None = Field(description="null until it was dispatched")
    payment_action: PaymentAction | None = Field(
        description="What the shopper has to do before it is paid; only while it is RESERVED"
    )
    refund: Refund | None = Field(description="null unless money is given back")
    deadline: Timestamp = Field(description="When it is cancelled, unless it was CONFIRMED before")
    placed_at: Timestamp
    updated_at: Timestamp


class OrderPlaced(Message):
    """Event: an order was accepted, and is being carried out."""

    data: OrderData


class OrderConfirmed(Message):
    """Event: the toys are held and paid for."""

    data: OrderData


class OrderDispatched(Message):
    """Event: the order is on its way."""

    data: OrderData


class OrderDelivered(Message):
    """Event: the order has arrived."""

    data: OrderData


class OrderCancelled(Message):
    """Event: the order came to nothing. What was done for it is being undone."""

    data: OrderData


class OrderUpdated(Message):
    """Event: an order changed in a way that no other event tells of.

    The shopper has to act before it is paid, it is to be stopped before its parcel leaves, or its
    refund was recorded.
    """

    data: OrderData


class OrderRepublished(Message):
    """Event: what an order is, told again since somebody asked for all of them. Nothing changed."""

    data: OrderData


class ReservationLine(Model):
    """So many of one toy, at the price that the shopper agreed to."""

    toy_id: str
    quantity: int
    price: Money


class ReservationRequest(Model):
    """The toys that an order needs."""

    order_id: str
    currency: Currency
    lines: tuple[ReservationLine, ...]


class ReserveStock(Message):
    """Command: hold all of these toys for an order, or none of them."""

    data: ReservationRequest


class ReleaseStock(Message):
    """Command: give back what was held for an order, or will be."""

    data: AboutOrder


class PaymentLine(Model):
    """A line of the receipt."""

    name: str
    quantity: int
    price: Money


class PaymentRequest(Model):
    """What an order costs, and all that its receipt says. `amount` is the gross total."""

    order_id: str
    customer_id: str
    email: str = Field(repr=False)
    amount: Money
    currency: Currency
    payment_method_id: str
    lines: tuple[PaymentLine, ...]
    shipping: Money
    net: Money
    tax: Money
    tax_rate: TaxRate
    placed_at: Timestamp


class CollectPayment(Message):
    """Command: charge an order to the shopper's card, once."""

    data: PaymentRequest


class RefundRequest(Model):
    """The order whose payment is given back, and why it was cancelled."""

    order_id: str
    reason: Reason


class RefundPayment(Message):
    """Command: give back what was collected for an order, or will be."""

    data: RefundRequest


class ShippingLine(Model):
    """What to pack."""

    toy_id: str
    name: str
    quantity: int


class ShippingRequest(Model):
    """What to pack, and where it goes."""

    order_id: str
    shipping_address: Address
    lines: tuple[ShippingLine, ...]


class ShipOrder(Message):
    """Command: pack an order and send it off."""

    data: ShippingRequest


class CancelShipment(Message):
    """Command: stop the parcel of an order, unless it has left."""

    data: AboutOrder


class CancelledMail(Model):
    """The e-mail that says why an order was cancelled."""

    template: Literal["order-cancelled"]
    order_id: str
    reason: Reason


class DispatchedMail(Model):
    """The e-mail that says how to follow the parcel."""

    template: Literal["order-dispatched"]
    order_id: str
    carrier: str
    tracking_number: str


class DeliveredMail(Model):
    """The e-mail that says that the parcel has arrived."""

    template: Literal["order-delivered"]
    order_id: str


class EmailRequest(Model):
    """An e-mail: whom it goes to, its template and what the template is filled with."""

    to: str = Field(repr=False)
    content: Annotated[
        CancelledMail | DispatchedMail | DeliveredMail, Field(discriminator="template")
    ]


class SendEmail(Message):
    """Command: send the shopper an e-mail, once."""

    data: EmailRequest


type Heard = PlaceOrder | CancelOrder | RepublishOrders | Answer

HEARS: dict[str, type[Heard]] = {
    model.__name__: model
    for model in (
        PlaceOrder,
        CancelOrder,
        RepublishOrders,
        StockReserved,
        StockReservationFailed,
        StockReleased,
        PaymentActionRequired,
        PaymentCollected,
        PaymentFailed,
        PaymentRefunded,
        ShipmentDispatched,
        ShipmentDelivered,
        ShipmentCancelled,
        ShipmentFailed,
    )
}
SENDS: tuple[type[Message], ...] = (
    OrderPlaced,
    OrderConfirmed,
    OrderDispatched,
    OrderDelivered,
    OrderCancelled,
    OrderUpdated,
    OrderRepublished,
    ReserveStock,
    ReleaseStock,
    CollectPayment,
    RefundPayment,
    ShipOrder,
    CancelShipment,
    SendEmail,
)

_SENT = {model.__name__: model for model in SENDS}


class _Delivery(Model):
    """An EventBridge event as it lies in the queue."""

    name: str = Field(alias="detail-type")
    detail: dict[str, Any]


def parse(body: str) -> Heard:
    """The message in a queue's record. Raises ValueError for what is not one we hear."""
    delivery = _Delivery.model_validate_json(body)
    if delivery.name not in HEARS:
        raise ValueError(f"{delivery.name!r} is not one of {', '.join(HEARS)}")
    return HEARS[delivery.name].model_validate(delivery.detail)


def of_order(old: Order | None, new: Order) -> list[Message]:
    """The messages that tell of an order's change: those of each version since `old`."""
    known = old.version if old else 0
    versions = [new.on_entering(entry) for entry in new.history if entry.version > known]
    if max(known, new.history[-1].version) < new.version:
        versions.append(new)
    return [_told(_SENT[name], order) for order in versions for name in order.sends()]


def republished(order: Order, asked: Republication) -> Message:
    """The message that tells an order again, at the version that it is at."""
    by = {"correlation_id": asked.request_id, "causation_id": asked.causation_id}
    return _told(OrderRepublished, order.model_copy(update=by))


def _told(kind: type[Message], order: Order) -> Message:
    """A message that the order sends with its version. Each takes the fields it has."""
    metadata = Metadata(
        id=f"{order.order_id}:{order.version}:{kind.__name__}",
        correlation_id=order.correlation_id,
        causation_id=order.causation_id,
        occurred_at=order.updated_at,
        version=order.version,
    )
    facts = order.model_dump()
    content = facts | {"template": f"order-{order.status.lower()}"}
    data = facts | {"amount": order.gross, "to": order.email, "content": content}
    return kind.model_validate({"metadata": metadata, "data": data})
