"""The messages this service sends."""

from typing import Annotated

from pydantic import Field

from orders.facts import PaymentAction, Reason
from orders.message import AboutOrder, Message
from orders.model import Currency, Model, Money, Timestamp
from orders.purchase import Address, Fulfilment, Line, Locale, TaxRate
from orders.refunds import Refund, RefundData
from orders.saga import Status


class HistoryData(Model):
    """A state that the order entered."""

    status: Status
    at: Timestamp


class LineData(Line):
    """A line of an order. `category` and `fulfilment` are the toy's, as it was held."""

    category: str | None = Field(description="null until the toys are held")
    fulfilment: Fulfilment = Field(description='"parcel" until the toys are held')
    undeliverable: bool = Field(description="Whether it is a download that could not be shared")


class OrderData(Model):
    """The whole order. Amounts are in minor units of `currency`; prices include tax."""

    order_id: str
    customer_id: str
    email: str = Field(repr=False)
    lines: tuple[LineData, ...]
    shipping_address: Address = Field(description="Of the parcel: another one in its time")
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
    refund: Refund | None = Field(
        description="All that is given back, and whether all of that is; null: nothing is"
    )
    refunds: tuple[RefundData, ...] = Field(
        description="The parts of it that staff asked for, but for those that will not be made, "
        'and "by-hand", what was given back at Stripe by hand, all in all; oldest first'
    )
    downloads_mailed: bool = Field(description="Whether the links of its downloads were mailed")
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

    The shopper has to act before it is paid, it is to be stopped before its parcel leaves, its
    address or what is given back changed, its downloads were mailed, or one cannot be had.
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
    locale: Locale
    placed_at: Timestamp


class CollectPayment(Message):
    """Command: charge an order to the shopper's card, once."""

    data: PaymentRequest


class RefundRequest(Model):
    """The order whose payment is given back, and why. `amount` is in minor units.

    Without an amount it is all that is left, and no more is taken; with a `refundId`, staff asked
    for that. With an amount it is that part, once for each `refundId`.
    """

    order_id: str
    reason: str
    amount: Money | None
    refund_id: str | None


class RefundPayment(Message):
    """Command: give back what was collected for an order, or will be, or a part of it."""

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


class AddressRequest(Model):
    """Where the parcel of an order is to go. Of two changes, the one of the higher number holds."""

    order_id: str
    shipping_address: Address
    number: Annotated[int, Field(ge=1)]


class ChangeShippingAddress(Message):
    """Command: send the parcel of an order elsewhere, unless it has left."""

    data: AddressRequest


class ShareRequest(Model):
    """Which file is to be shared, what the share is called, and for how many days it can be had."""

    share_id: str
    file_id: str
    days: Annotated[int, Field(ge=1, le=90)]


class ShareFile(Message):
    """Command: let whoever knows a secret address have a file for some days."""

    data: ShareRequest
