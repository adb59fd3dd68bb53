"""An order, and what becomes of it when it hears something. Pure, no AWS."""

from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import Field, computed_field, model_validator

from orders.chart import diagram, grid
from orders.downloads import Download, awaited, has_parcel
from orders.facts import AddressChange, Cancellation, Entry, Facts, Known, Reason
from orders.model import Money, Timestamp
from orders.purchase import OrderLine, Purchase, PurchaseRequest, held
from orders.refunds import Refund, StaffRefund, settled, total
from orders.saga import (
    AGAIN,
    ASKING,
    CANCELLED,
    CANCELLING,
    CONFIRMED,
    DELIVERED,
    DISPATCHED,
    ENTERING,
    KEEPING,
    PLACED,
    RESERVED,
    UNDO,
    WAITING,
    Case,
    Ignored,
    Impossible,
    Status,
    Step,
    step_of,
)

__all__ = ["diagram", "grid"]
"""The saga as people read it: it is looked for here."""


class Order(Purchase, Known):
    """An order as it is kept. Each state that it enters, or fact that it keeps, is a version."""

    lines: tuple[OrderLine, ...]
    status: Status
    history: tuple[Entry, ...]
    refunds: tuple[StaffRefund, ...] = ()
    refunded: Money = Field(0, description="The highest total that was told to be given back")
    by_hand: Money = Field(0, description="What of that nobody here asked for, as far as is told")
    by_hand_at: Timestamp | None = Field(None, description="When that was first told to be so much")
    collected_at: Timestamp | None = Field(None, description="When it was first told to be paid")
    payment_version: int = Field(0, description="Of the payment, as it told what is by hand last")
    cancelling: Reason | None = Field(None, description="Why its parcel is to be stopped")
    address_changes: int = Field(0, description="How often another address was asked for")
    address_change: AddressChange | None = None
    downloads: tuple[Download, ...] = ()
    mailed: int | None = Field(None, description="The version that mails the downloads")
    placed_at: Timestamp
    deadline: Timestamp = Field(description="When it is cancelled, unless it was CONFIRMED before")
    version: int
    updated_at: Timestamp
    correlation_id: str
    causation_id: str

    @model_validator(mode="before")
    @classmethod
    def knows_its_totals(cls, kept: Any) -> Any:
        """What is kept with a refund alone, as it was before there were parts, has its totals."""
        if isinstance(kept, dict) and "refund" in kept and "refunded" not in kept:
            refund = kept["refund"]
            done = refund["amount"] if refund["status"] == "REFUNDED" else 0
            known = {"refunded": done, "byHand": done, "collected": True}
            # Where it is not all of a cancelled order, somebody gave that back by hand, by then.
            if done and kept["status"] != CANCELLED:
                known["byHandAt"] = kept["updatedAt"]
            return kept | known
        return kept

    @classmethod
    def place(
        cls,
        purchase: PurchaseRequest,
        correlation_id: str,
        causation_id: str,
        at: datetime,
        patience: timedelta,
    ) -> Self:
        """A new order, at its first version, to be confirmed within `patience`."""
        return cls(
            **purchase.model_dump(by_alias=False),
            status=PLACED,
            history=(Entry(status=PLACED, at=at, version=1, causation_id=causation_id),),
            placed_at=at,
            deadline=at + patience,
            version=1,
            updated_at=at,
            correlation_id=correlation_id,
            causation_id=causation_id,
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def refund(self) -> Refund | None:
        """What is given back of it, all in all; null: nothing."""
        amount = self.going_back
        if not amount and not (self.status is CANCELLED and self.paid):
            return None
        return Refund(amount=amount, status="REFUNDED" if self.refunded >= amount else "PENDING")

    @property
    def going_back(self) -> int:
        """What was asked to be given back, or was: all of a cancelled order. In minor units."""
        if self.status is CANCELLED and self.paid:
            return self.gross
        return min(self.gross, max(self.refunded, self.asked + self.by_hand))

    @property
    def asked(self) -> int:
        """What staff asked to be given back, without what is covered. In minor units."""
        return total(self.refunds)

    @property
    def paid(self) -> bool:
        """Whether its money was taken, as far as was told."""
        entered = {entry.status for entry in self.history}
        return bool(self.collected) or CONFIRMED in entered

    @property
    def has_parcel(self) -> bool:
        """Whether anything of it is to be packed."""
        return has_parcel(self.lines)

    def cancelled_by(self, request: Cancellation, at: datetime) -> Self:
        """A new order, cancelled by a request that came before it."""
        return self._taking((CANCELLED,), Facts(reason=Reason.CUSTOMER), request.causation_id, at)

    def hear(self, message: str, facts: Facts, causation_id: str, at: datetime) -> Self | Ignored:
        """The order after a message of that name, or why the message changes nothing.

        Raises Impossible when no such message can come in the state that the order is in.
        """
        step = step_of(self.status, message, self._cases(facts))
        if isinstance(step, Ignored):
            return step
        if download := facts.download:
            if download.line not in awaited(self.lines, ()):
                raise Impossible(f"line {download.line} is not a download")
            if download.line in {known.line for known in self.downloads}:
                return AGAIN
        if not step and self._knowing(facts, self.status, self.version, at) == self:
            return AGAIN
        return self._taking(step, facts, causation_id, at)

    def _cases(self, facts: Facts) -> frozenset[Case]:
        """What is special about the order, as it hears something."""
        open_lines = awaited(self.lines, self.downloads)
        told = facts.download
        over = self.arrived or not self.has_parcel
        found = {
            Case.REFUNDED: 0 < self.gross <= self.refunded,
            Case.DIGITAL: not self.has_parcel,
            Case.MAILED: self.mailed is not None,
            Case.AWAITED: bool(open_lines),
            Case.LAST: told is not None and open_lines == {told.line} and over,
        }
        return frozenset(case for case, holds in found.items() if holds)

    def _taking(self, step: Step, facts: Facts, causation_id: str, at: datetime) -> Self:
        entries = tuple(
            Entry(status=status, at=at, version=version, causation_id=causation_id)
            for version, status in enumerate(step, self.version + 1)
            if isinstance(status, Status)
        )
        status = entries[-1].status if entries else self.status
        version = self.version + max(1, len(entries))
        update = {
            "status": status,
            "history": self.history + entries,
            "version": version,
            "updated_at": at,
            "causation_id": causation_id,
        }
        return self._knowing(facts, status, version, at).model_copy(update=update)

    def _knowing(self, facts: Facts, status: Status, version: int, at: datetime) -> Self:
        """The order with all that it has to know in that state, and nothing that is over."""
        known: dict[str, Any] = {
            name: fact for name in Known.model_fields if (fact := getattr(facts, name)) is not None
        }
        if status is not RESERVED:
            known["payment_action"] = None
        known |= self._reasons(facts, status)
        if facts.held:
            known["lines"] = held(self.lines, facts.held)
        known |= self._given_back(facts, status, at)
        if facts.collected and not self.paid:
            known["collected_at"] = at
        if facts.download:
            known["downloads"] = (*self.downloads, facts.download)
        addressed = self._addressed(facts, status, version, at)
        return self.model_copy(update=known | addressed)._mailing(status, version)

    def _given_back(self, facts: Facts, status: Status, at: datetime) -> dict[str, Any]:
        """What is to be given back of it, and what was, and by whom.

        What the refund of a cancelled order is made of stays as it was: all the rest is its undo.
        """
        if facts.refund:
            return {"refunds": (*self.refunds, facts.refund)}
        if facts.refunded is None:
            return {}
        known: dict[str, Any] = {"refunded": max(self.refunded, facts.refunded)}
        if status is CANCELLED:
            return known
        by_hand = facts.by_hand
        if by_hand is None:  # As it was told before it said so: it is what nobody here asked for.
            by_hand = max(self.by_hand, known["refunded"] - self.asked)
        elif facts.payment_version > self.payment_version:
            known["payment_version"] = facts.payment_version
            known["refunds"] = settled(self.refunds, facts.covered, by_hand, self.gross)
        else:
            return known
        if by_hand > self.by_hand:
            known["by_hand_at"] = at
        elif by_hand == 0:
            known["by_hand_at"] = None
        return known | {"by_hand": by_hand}

    def _reasons(self, facts: Facts, status: Status) -> dict[str, Any]:
        """Why it is cancelled, or to be, and nothing where it is neither."""
        if status is CANCELLED:
            reason = facts.reason or self.reason or self.cancelling or Reason.CUSTOMER
            return {"reason": reason, "cancelling": None}
        if status is CANCELLING:
            return {"reason": None, "cancelling": self.cancelling or facts.reason}
        return {"reason": None, "reason_text": None, "cancelling": None}

    def _addressed(
        self, facts: Facts, status: Status, version: int, at: datetime
    ) -> dict[str, Any]:
        """Where its parcel goes, and where it is to go, if anybody wants it to go elsewhere."""
        change, known = self.address_change, dict[str, Any]()
        heading_for = change.shipping_address if change else self.shipping_address
        if facts.wanted and facts.wanted != heading_for:
            number = self.address_changes + 1
            known["address_changes"] = number
            if status in WAITING:
                known["shipping_address"] = facts.wanted
            else:
                known["address_change"] = AddressChange(
                    shipping_address=facts.wanted, number=number, requested_at=at, version=version
                )
        if status in {DISPATCHED, DELIVERED, CANCELLED}:
            known["address_change"] = None
            known["shipping_address"] = facts.address or self.shipping_address
        elif facts.address and change and facts.address_number == change.number:
            known |= {"address_change": None, "shipping_address": facts.address}
        return known

    def _mailing(self, status: Status, version: int) -> Self:
        """It with its downloads mailed, as soon as there is nothing more to be told of any."""
        ready = not awaited(self.lines, self.downloads) and any(d.url for d in self.downloads)
        if self.mailed is None and ready and status in {CONFIRMED, DISPATCHED, DELIVERED}:
            return self.model_copy(update={"mailed": version})
        return self

    def on_entering(self, entry: Entry) -> Self:
        """The order as it was when it entered a state of its history."""
        return self.model_copy(
            update={
                "status": entry.status,
                "reason": self.reason if entry.status is CANCELLED else None,
                "payment_action": None,
                "history": tuple(e for e in self.history if e.version <= entry.version),
                "version": entry.version,
                "updated_at": entry.at,
                "causation_id": entry.causation_id,
            }
        )

    def sends(self) -> tuple[str, ...]:
        """The messages that go out with the version that the order is at, by their names.

        Beside them, the one that brings the downloads, where this is the version that mails them.
        """
        if self.history[-1].version < self.version:
            return KEEPING + self._asks()
        if self.status is CANCELLED:
            asked = {message for entry in self.history for message in ENTERING[entry.status]}
            undone = tuple(undo for step, undo in UNDO.items() if step in asked)
            return ENTERING[CANCELLED] + undone
        entering = ENTERING[self.status]
        if not self.has_parcel:
            needless = {"ShipOrder"} | ({"SendEmail"} if self.status is DELIVERED else set())
            entering = tuple(name for name in entering if name not in needless)
        return entering

    def _asks(self) -> tuple[str, ...]:
        """What staff want with this version."""
        if self.refunds and self.refunds[-1].version == self.version:
            return (ASKING["RefundAsked"],)
        if self.address_change and self.address_change.version == self.version:
            return (ASKING["AddressChanged"],)
        return ()
