"""The messages this service hears and sends."""

from typing import Annotated, Any, Literal

from pydantic import Field

from payments import receipt
from payments.bill import Line, Locale, TaxRate
from payments.heard import OWNER, CollectPayment, FileRejected, FileStored, RefundPayment
from payments.message import SOURCE, Message, Metadata
from payments.model import Currency, Model, Money, Timestamp
from payments.payment import Payment, Tombstone
from payments.raised import ErrorRaised
from payments.record import Status

__all__ = ["SOURCE", "Message"]
"""What is looked for here, too."""


class CollectedData(Model):
    """What was taken for an order."""

    order_id: str
    status: Literal[Status.COLLECTED]
    amount: Money
    currency: Currency
    payment_intent_id: str
    collected_at: Timestamp


class PaymentCollected(Message):
    """Event: the order is paid."""

    data: CollectedData


class ActionRequiredData(Model):
    """What the customer has to do before the order is paid, such as 3-D Secure."""

    order_id: str
    status: Literal[Status.ACTION_REQUIRED]
    amount: Money
    currency: Currency
    payment_intent_id: str
    client_secret: str = Field(description="What the customer's browser goes on with at Stripe")
    url: str | None = Field(
        description="Stripe's page to send the customer to. Null: Stripe.js does it on the spot"
    )


class PaymentActionRequired(Message):
    """Event: the order is paid as soon as the customer has done something for it."""

    data: ActionRequiredData


class FailedData(Model):
    """What could not be taken for an order."""

    order_id: str
    status: Literal[Status.FAILED]
    amount: Money
    currency: Currency
    reason: str = Field(description='Stripe\'s decline or error code, e.g. "insufficient_funds"')


class PaymentFailed(Message):
    """Event: the order cannot be paid this way, and nothing is taken."""

    data: FailedData


class RefundedData(Model):
    """What was given back for an order so far. The amount only grows.

    It is told again when only what is by hand or covered has changed: of two, that of the higher
    version is newer.
    """

    order_id: str
    status: Literal["REFUNDED", "PARTLY_REFUNDED"] = Field(description="All of it, or a part")
    amount: Money = Field(description="All that was given back so far")
    currency: Currency
    refund_id: str = Field(description="Stripe's id of the newest refund")
    by_hand: Money = Field(
        0, description="What of the amount nobody asked for but at Stripe itself"
    )
    covered: tuple[str, ...] = Field(
        (), description="The refundIds that will not be made: their money went back otherwise"
    )


class PaymentRefunded(Message):
    """Event: what was taken for the order is given back, or a part of it, or a part will not be."""

    data: RefundedData


class FileData(Model):
    """A text that becomes a file."""

    owner: str
    name: str
    content_type: str
    visibility: Literal["private"]
    content: str


class StoreFile(Message):
    """Command: keep this receipt."""

    data: FileData


class ReceiptContent(Model):
    """What the e-mail says of the payment. Money is in minor units."""

    template: Literal["receipt"]
    order_id: str
    currency: Currency
    lines: tuple[Line, ...]
    shipping: Money
    net: Money
    tax: Money
    gross: Money
    tax_rate: TaxRate
    placed_at: Timestamp
    paid_at: Timestamp


class RefundContent(Model):
    """What the e-mail says of a refund. Money is in minor units."""

    template: Literal["refund"]
    order_id: str
    currency: Currency
    amount: Money = Field(description="Of this refund")
    total: Money = Field(description="Given back so far, this included")
    gross: Money = Field(description="What was paid")
    refunded_at: Timestamp


class EmailData(Model):
    """An e-mail: to whom, and what of. `locale` says how money and dates are written."""

    to: str
    locale: Locale
    content: Annotated[ReceiptContent | RefundContent, Field(discriminator="template")]


class SendEmail(Message):
    """Command: tell the customer that the order is paid, or that money is given back."""

    data: EmailData


type Heard = CollectPayment | RefundPayment | FileStored | FileRejected

HEARS: dict[str, type[Heard]] = {
    model.__name__: model for model in (CollectPayment, RefundPayment, FileStored, FileRejected)
}
SENDS: tuple[type[Message], ...] = (
    PaymentCollected,
    PaymentActionRequired,
    PaymentFailed,
    PaymentRefunded,
    ErrorRaised,
    StoreFile,
    SendEmail,
)


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


def of_payment(old: Payment | Tombstone | None, new: Payment | Tombstone) -> list[Message]:
    """The messages that tell of a payment's change from `old` to `new`."""
    more = new.given_back - (old.given_back if old else 0)
    if more > 0:
        return [_of_refund(new), *_of_mail(new, more)]
    if old and new.given_back and (old.by_hand, old.covered) != (new.by_hand, new.covered):
        return [_of_refund(new)]
    if old and old.status == new.status:
        return []
    match new:
        case Payment(status=Status.COLLECTED):
            return [
                _told(PaymentCollected, new, new.model_dump()),
                _told(StoreFile, new, _receipt_file(new)),
                _told(SendEmail, new, _email(new, _receipt(new))),
            ]
        case Payment(status=Status.ACTION_REQUIRED):
            return [_told(PaymentActionRequired, new, new.model_dump() | {"url": new.action_url})]
        case Payment(status=Status.FAILED):
            return [_told(PaymentFailed, new, new.model_dump())]
        case _:
            return []


def _of_refund(payment: Payment | Tombstone) -> PaymentRefunded:
    status = "REFUNDED" if payment.status is Status.REFUNDED else "PARTLY_REFUNDED"
    data = payment.model_dump() | {
        "status": status,
        "amount": payment.given_back,
        "byHand": payment.by_hand,
        "covered": payment.covered,
    }
    return _told(PaymentRefunded, payment, data)


def _of_mail(payment: Payment | Tombstone, amount: int) -> list[SendEmail]:
    """The e-mail that so much more was given back. Who pays for a tombstone, nobody knows."""
    if not isinstance(payment, Payment):
        return []
    content = {
        "template": "refund",
        "orderId": payment.order_id,
        "currency": payment.currency,
        "amount": amount,
        "total": payment.given_back,
        "gross": payment.amount,
        "refundedAt": payment.updated_at,
    }
    return [_told(SendEmail, payment, _email(payment, content))]


def _receipt_file(payment: Payment) -> dict[str, Any]:
    return {
        "owner": f"{OWNER}{payment.order_id}",
        "name": receipt.file_name(payment.order_id),
        "contentType": receipt.CONTENT_TYPE,
        "visibility": "private",
        "content": receipt.render(payment),
    }


def _receipt(payment: Payment) -> dict[str, Any]:
    told = {"template": "receipt", "gross": payment.amount, "paidAt": payment.collected_at}
    return payment.model_dump() | told


def _email(payment: Payment, content: dict[str, Any]) -> dict[str, Any]:
    return {"to": payment.email, "locale": payment.locale, "content": content}


def _told[M: Message](kind: type[M], payment: Payment | Tombstone, data: dict[str, Any]) -> M:
    metadata = Metadata(
        id=f"{payment.order_id}:{payment.version}:{kind.__name__}",
        correlation_id=payment.correlation_id,
        causation_id=payment.causation_id,
        occurred_at=payment.updated_at,
        version=payment.version,
    )
    return kind.model_validate({"metadata": metadata, "data": data})
