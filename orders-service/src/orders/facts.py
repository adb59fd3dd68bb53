"""What an order may be told, and what it keeps of that. Pure, no AWS."""

from enum import StrEnum

from pydantic import Field

from orders.downloads import Download
from orders.model import Model, Money, Timestamp
from orders.purchase import Address, HeldLine
from orders.refunds import StaffRefund
from orders.saga import Status


class Reason(StrEnum):
    """Why an order was cancelled."""

    OUT_OF_STOCK = "OUT_OF_STOCK"
    PRICE_CHANGED = "PRICE_CHANGED"
    UNKNOWN_TOY = "UNKNOWN_TOY"
    PAYMENT_DECLINED = "PAYMENT_DECLINED"
    CUSTOMER = "CUSTOMER"
    SHOP = "SHOP"
    EXPIRED = "EXPIRED"
    UNDELIVERABLE = "UNDELIVERABLE"


class Entry(Model):
    """One line of an order's history: it entered a state, and was then at that version."""

    status: Status
    at: Timestamp
    version: int
    causation_id: str = Field(description="metadata.id of the message that led to it")


class PaymentAction(Model):
    """What the shopper's browser needs to finish a payment (3-D Secure). To be kept out of logs."""

    client_secret: str = Field(repr=False, description="Of the payment intent, as Stripe gives it")
    url: str | None = Field(None, description="Where the shopper is asked to go, if anywhere")


class AddressChange(Model):
    """Another address, for which the warehouse was asked. `version` is the order's that asks."""

    shipping_address: Address
    number: int
    requested_at: Timestamp
    version: int


class Known(Model):
    """What an order knows as soon as it is told so."""

    reason: Reason | None = None
    reason_text: str | None = Field(None, description="Why the shop cancelled it, for staff alone")
    decline_code: str | None = Field(None, description="Why the card was declined, as Stripe says")
    failure: str | None = Field(None, description="Why the parcel did not arrive, as is told")
    carrier: str | None = None
    tracking_number: str | None = None
    payment_action: PaymentAction | None = None
    collected: bool | None = Field(None, description="Whether it was paid; null until it is told")
    arrived: bool | None = Field(None, description="Whether its parcel arrived; null until then")


class Facts(Known):
    """What a message may add to an order. Beside what it then knows, that is what changes it."""

    held: tuple[HeldLine, ...] = ()
    refunded: Money | None = Field(None, description="What was given back so far, all in all")
    by_hand: Money | None = Field(None, description="What of that nobody asked for here, if told")
    covered: tuple[str, ...] = Field((), description="The refunds that will not be made")
    payment_version: int = Field(0, description="Of the payment that told of refunds")
    refund: StaffRefund | None = Field(None, description="What staff want to be given back")
    wanted: Address | None = Field(None, description="Where staff want the parcel to go")
    address: Address | None = Field(None, description="Where the warehouse has it go")
    address_number: int | None = Field(None, description="Of the change that this address is of")
    download: Download | None = None


class CancellationRequest(Model):
    """The order that a shopper no longer wants."""

    order_id: str
    requested_at: Timestamp


class Cancellation(CancellationRequest):
    """A request to cancel an order that was not placed yet, kept in its place until it comes."""

    version: int = 0
    causation_id: str
