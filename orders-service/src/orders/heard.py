"""The commands this service hears, the answers of toys and payments, and what each adds."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from orders.answer import Answer
from orders.facts import CancellationRequest, Facts, PaymentAction, Reason
from orders.message import AboutOrder, Message
from orders.model import Model, Money
from orders.purchase import HeldLine, PurchaseRequest


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


class ReservedData(AboutOrder):
    """What is held for an order. Nothing said of a line: it is packed."""

    lines: tuple[HeldLine, ...] = ()


class StockReserved(Answer):
    """Event: all lines of an order are held."""

    sender: ClassVar[str] = "tbs.toys"
    data: ReservedData

    def facts(self) -> Facts:
        """What each toy was as it was held."""
        return Facts(held=self.data.lines)


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

    def facts(self) -> Facts:
        """That there is something to give back, should it come to that."""
        return Facts(collected=True)


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
    """What was given back to the shopper so far, all in all, in minor units of the currency."""

    status: Literal["REFUNDED", "PARTLY_REFUNDED"]
    amount: Money
    by_hand: Money | None = Field(
        None, description="What of the amount nobody here asked for; null: nothing is said of that"
    )
    covered: tuple[str, ...] = Field(
        (), description="The refundIds that will not be made: their money went back otherwise"
    )


class PaymentRefunded(Answer):
    """Event: the shopper has money back, all of it or a part. Each tells the total until then.

    Of what it is made of, the highest version tells the newest.
    """

    sender: ClassVar[str] = "tbs.payments"
    data: RefundedData

    def facts(self) -> Facts:
        """What was given back, as it is recorded on the order."""
        return Facts(
            refunded=self.data.amount,
            by_hand=self.data.by_hand,
            covered=self.data.covered,
            payment_version=self.metadata.version,
            collected=True,
        )
