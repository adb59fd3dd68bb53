"""Payments, charges, refunds and idempotency keys by Stripe's rules.

No HTTP, no clock, no randomness: time and ids are passed in, so every rule can be tested as it is.
Each method either changes the books and returns the new record, or raises a `StripeError`; a
declined card does both, for Stripe keeps the failed charge.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from local.stripe import params
from local.stripe.cards import AUTHENTICATION_REQUIRED, OTHER_METHODS, TEST_CARDS, Decline
from local.stripe.currencies import MINIMUMS, written
from local.stripe.errors import (
    card_error,
    idempotency_error,
    invalid_request,
    missing,
    unexpected_state,
)
from local.stripe.records import (
    Books,
    Charge,
    Endpoint,
    ErrorBody,
    Event,
    Json,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SavedAnswer,
    Table,
)
from local.stripe.render import Renderer

KEY_LIFETIME = 24 * 60 * 60
"""Seconds an idempotency key is kept."""

_REDIRECTS_NEED_RETURN_URL = (
    "This PaymentIntent is configured to accept payment methods enabled in your Dashboard. Because "
    "some of these payment methods might redirect your customer off of your page, you must provide "
    "a `return_url`. If you don't want to accept redirect-based payment methods, set "
    "`automatic_payment_methods[enabled]` to `true` and "
    "`automatic_payment_methods[allow_redirects]` to `never` when creating Setup Intents and "
    "Payment Intents."
)
_METHOD_USED = (
    "The provided PaymentMethod was previously used with a PaymentIntent without Customer "
    "attachment, shared with a connected account without Customer attachment, or was detached from "
    "a Customer. It may not be used again. To use a PaymentMethod multiple times, you must attach "
    "it to a Customer first."
)
_NO_METHOD = (
    "You cannot confirm this PaymentIntent because it's missing a payment method. You can either "
    "update the PaymentIntent with a payment method and then confirm it again, or confirm it again "
    "directly with a payment method or ConfirmationToken."
)


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that causes a change; events name it."""

    request_id: str | None = None
    idempotency_key: str | None = None


class HasIdAndTime(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def created(self) -> int: ...


class Ledger:
    """The books, and the rules by which they change.

    Args:
        books: all that is remembered.
        renderer: makes the snapshots that events carry.
        clock: the time now, in Unix seconds.
        new_id: a fresh id for a prefix, for example `pi` -> `pi_3Nx…`.
    """

    def __init__(
        self,
        books: Books,
        renderer: Renderer,
        *,
        clock: Callable[[], int],
        new_id: Callable[[str], str],
    ) -> None:
        self.books = books
        self.render = renderer
        self.clock = clock
        self.new_id = new_id

    # Payment intents

    def create_intent(self, asked: params.CreateIntent, origin: Origin) -> PaymentIntent:
        """Create an intent, and confirm it if asked to.

        Raises:
            StripeError: 400 for an amount too small, a payment method that is unknown, used or no
                card, or no way back from a redirect; 402 if the card is declined, with the intent
                in the error.
        """
        minimum = MINIMUMS.get(asked.currency, 1)
        if asked.amount < minimum:
            raise invalid_request(
                f"Amount must be at least {written(minimum, asked.currency)} {asked.currency}",
                code="amount_too_small",
                param="amount",
            )
        if asked.confirm:
            _check_way_back(asked.allow_redirects, asked.return_url)
            if asked.payment_method is None:
                raise invalid_request(_NO_METHOD, code="payment_intent_unexpected_state")
        method = self._usable_method(asked.payment_method)
        intent_id = self.new_id("pi")
        intent = PaymentIntent(
            id=intent_id,
            client_secret=f"{intent_id}_{self.new_id('secret')}",
            amount=asked.amount,
            currency=asked.currency,
            created=self.clock(),
            status="requires_confirmation" if method else "requires_payment_method",
            payment_method=method.id if method else None,
            payment_method_types=("card",),
            allow_redirects=asked.allow_redirects,
            allowed_payment_method_types=(
                tuple(asked.allowed_payment_method_types)
                if asked.allowed_payment_method_types
                else None
            ),
            capture_method=asked.capture_method,
            description=asked.description,
            receipt_email=asked.receipt_email,
            metadata=asked.metadata,
            return_url=asked.return_url,
        )
        self._put_intent(intent)
        self._emit("payment_intent.created", self.render.payment_intent(intent), origin)
        if not asked.confirm or method is None:
            return intent
        return self._pay(
            intent,
            method,
            origin,
            off_session=asked.off_session,
            error_on_requires_action=asked.error_on_requires_action,
        )

    def confirm_intent(
        self, intent_id: str, asked: params.ConfirmIntent, origin: Origin
    ) -> PaymentIntent:
        """Try to pay, with another payment method if one is given.

        Raises:
            StripeError: 404 for an unknown intent; 400 if it is paid or canceled, or the payment
                method is missing, unknown, used or no card; 402 if the card is declined.
        """
        intent = self.intent(intent_id)
        if intent.status == "succeeded":
            message = (
                "You cannot confirm this PaymentIntent because it has already succeeded after "
                "being previously confirmed."
            )
            raise unexpected_state(message, intent.id)
        if intent.status == "canceled":
            message = (
                "You cannot confirm this PaymentIntent because it has a status of canceled. Only a "
                "PaymentIntent with one of the following statuses may be confirmed: "
                "requires_confirmation, requires_action."
            )
            raise unexpected_state(message, intent.id)
        return_url = asked.return_url or intent.return_url
        _check_way_back(intent.allow_redirects, return_url)
        method = self._usable_method(asked.payment_method or intent.payment_method)
        if method is None:
            raise unexpected_state(_NO_METHOD, intent.id)
        intent = replace(
            intent,
            payment_method=method.id,
            return_url=return_url,
            receipt_email=asked.receipt_email or intent.receipt_email,
        )
        return self._pay(
            intent,
            method,
            origin,
            off_session=asked.off_session,
            error_on_requires_action=asked.error_on_requires_action,
        )

    def cancel_intent(
        self, intent_id: str, asked: params.CancelIntent, origin: Origin
    ) -> PaymentIntent:
        """Cancel what is not paid yet.

        Raises:
            StripeError: 404 for an unknown intent; 400 if it is paid or canceled.
        """
        intent = self.intent(intent_id)
        if intent.status in ("succeeded", "canceled"):
            message = (
                f"You cannot cancel this PaymentIntent because it has a status of {intent.status}. "
                "Only a PaymentIntent with one of the following statuses may be canceled: "
                "requires_payment_method, requires_capture, requires_confirmation, "
                "requires_action, processing."
            )
            raise unexpected_state(message, intent.id)
        intent = replace(
            intent,
            status="canceled",
            canceled_at=self.clock(),
            cancellation_reason=asked.cancellation_reason,
        )
        return self._settle(intent, "payment_intent.canceled", origin)

    def authenticate(
        self, intent_id: str, outcome: Literal["succeed", "fail"], origin: Origin
    ) -> PaymentIntent:
        """What the customer's browser does at the bank: pass 3-D Secure, or fail it.

        The intent tells how it went; a decline raises nothing, for nobody's request is answered.

        Raises:
            StripeError: 404 for an unknown intent; 400 if it awaits no authentication.
        """
        intent = self.intent(intent_id)
        method = self.books.payment_methods.get(intent.payment_method)
        if intent.status != "requires_action" or method is None:
            message = f"This PaymentIntent awaits no authentication: it is {intent.status}."
            raise unexpected_state(message, intent.id)
        if outcome == "fail":
            failure = ErrorBody(
                type="invalid_request_error",
                code="payment_intent_authentication_failure",
                message=(
                    "We are unable to authenticate your payment method. Please choose a different "
                    "payment method and try again."
                ),
                payment_method=method.id,
            )
            return self._fail(intent, failure, origin)
        card = TEST_CARDS[method.card]
        return self._charge(intent, method, card.decline, origin, authenticated=True)

    def intent(self, intent_id: str) -> PaymentIntent:
        intent = self.books.payment_intents.get(intent_id)
        if intent is None:
            raise missing("payment_intent", intent_id, param="intent", status=404)
        return intent

    # Charges, payment methods and refunds

    def charge(self, charge_id: str) -> Charge:
        charge = self.books.charges.get(charge_id)
        if charge is None:
            raise missing("charge", charge_id, param="id", status=404)
        return charge

    def payment_method(self, method_id: str) -> PaymentMethod:
        """A payment method by its id; a test card's id makes a new one each time, as on Stripe."""
        if method_id in TEST_CARDS:
            return self._new_method(method_id)
        method = self.books.payment_methods.get(method_id)
        if method is None:
            raise missing("PaymentMethod", method_id, param="payment_method", status=404)
        return method

    def create_refund(self, asked: params.CreateRefund, origin: Origin) -> Refund:
        """Give back a charge, or part of it; never more than was charged.

        Raises:
            StripeError: 400 if the payment is unknown or has no good charge, if all of it has been
                refunded, or if `amount` is more than what is left.
        """
        charge = self._refundable_charge(asked)
        if charge.refundable == 0:
            raise invalid_request(
                f"Charge {charge.id} has already been refunded.", code="charge_already_refunded"
            )
        amount = asked.amount or charge.refundable
        if amount > charge.refundable:
            too_much = written(amount, charge.currency)
            left = written(charge.refundable, charge.currency)
            raise invalid_request(
                f"Refund amount ({too_much}) is greater than unrefunded amount on charge ({left})",
                param="amount",
            )
        refund = Refund(
            id=self.new_id("re"),
            amount=amount,
            currency=charge.currency,
            created=self.clock(),
            charge=charge.id,
            payment_intent=charge.payment_intent,
            reason=asked.reason,
            metadata=asked.metadata,
        )
        before = self.render.charge(charge)
        charge = replace(charge, amount_refunded=charge.amount_refunded + amount)
        after = self.render.charge(charge)
        self.books.refunds.put(refund.id, refund)
        self.books.charges.put(charge.id, charge)
        self._emit("refund.created", self.render.refund(refund), origin)
        self._emit("charge.refunded", after, origin, before=before)
        return refund

    def fail_refund(self, refund_id: str, origin: Origin) -> Refund:
        """The bank sends a refund back, as days later it may: its money can be given back anew.

        Raises:
            StripeError: 404 for an unknown refund; 400 if it has failed before.
        """
        refund = self.refund(refund_id)
        if refund.failure_reason:
            raise invalid_request(f"Refund {refund.id} has failed before.")
        charge = self.charge(refund.charge)
        left = charge.amount_refunded - refund.amount
        self.books.charges.put(charge.id, replace(charge, amount_refunded=left))
        before = self.render.refund(refund)
        refund = replace(refund, failure_reason="expired_or_canceled_card")
        self.books.refunds.put(refund.id, refund)
        after = self.render.refund(refund)
        known = {name: before.get(name) for name in after}
        for event_type in ("refund.updated", "refund.failed"):
            self._emit(event_type, after, origin, before=known)
        return refund

    def refund(self, refund_id: str) -> Refund:
        refund = self.books.refunds.get(refund_id)
        if refund is None:
            raise missing("refund", refund_id, param="id", status=404)
        return refund

    # Lists

    def list_intents(self, asked: params.ListIntents) -> tuple[list[PaymentIntent], bool]:
        return self._page(self.books.payment_intents, asked, "payment_intent", lambda _: True)

    def list_charges(self, asked: params.ListCharges) -> tuple[list[Charge], bool]:
        def wanted(charge: Charge) -> bool:
            return asked.payment_intent in (None, charge.payment_intent)

        return self._page(self.books.charges, asked, "charge", wanted)

    def list_refunds(self, asked: params.ListRefunds) -> tuple[list[Refund], bool]:
        def wanted(refund: Refund) -> bool:
            of_intent = asked.payment_intent in (None, refund.payment_intent)
            return of_intent and asked.charge in (None, refund.charge)

        return self._page(self.books.refunds, asked, "refund", wanted)

    def list_events(self, asked: params.ListEvents) -> tuple[list[Event], bool]:
        def wanted(event: Event) -> bool:
            return (
                asked.type in (None, event.type)
                and (asked.types is None or event.type in asked.types)
                and asked.delivery_success in (None, not event.pending)
            )

        return self._page(self.books.events, asked, "event", wanted)

    def _page[R: HasIdAndTime](
        self, table: Table[R], asked: params.Page, kind: str, wanted: Callable[[R], bool]
    ) -> tuple[list[R], bool]:
        """One page, newest first, and whether there is more in the direction asked for."""
        rows = [
            row
            for row in reversed(table.rows.values())
            if row.id in (asked.starting_after, asked.ending_before)
            or (wanted(row) and asked.created.holds(row.created))
        ]
        if asked.starting_after:
            rows = rows[_position(rows, asked.starting_after, kind, "starting_after") + 1 :]
        elif asked.ending_before:
            rows = rows[: _position(rows, asked.ending_before, kind, "ending_before")]
            return rows[-asked.limit :], len(rows) > asked.limit
        return rows[: asked.limit], len(rows) > asked.limit

    # Events and their delivery

    def event(self, event_id: str) -> Event:
        event = self.books.events.get(event_id)
        if event is None:
            raise missing("event", event_id, param="id", status=404)
        return event

    def delivered(self, event_id: str, url: str) -> None:
        """An endpoint has taken an event: it is not sent there again."""
        event = self.event(event_id)
        pending = tuple(other for other in event.pending if other != url)
        self.books.events.put(event_id, replace(event, pending=pending))

    def send_again(self, event_id: str) -> Event:
        """Send an event to every endpoint anew, as Stripe does by hand or by mistake."""
        event = self.event(event_id)
        event = replace(event, pending=self._receivers(event.type))
        self.books.events.put(event_id, event)
        return event

    def set_endpoints(self, endpoints: Sequence[Endpoint]) -> None:
        """The webhook endpoints of events to come, in place of those before."""
        self.books.endpoints.clear()
        for endpoint in endpoints:
            self.books.endpoints.put(endpoint.url, endpoint)

    def reset(self) -> None:
        """Forget everything but the webhook endpoints."""
        for table in self.books.money():
            table.clear()

    # Idempotency keys

    def saved_answer(self, key: str, endpoint: str, fingerprint: str) -> SavedAnswer | None:
        """The answer kept under a key, if this is the same request again.

        Raises:
            StripeError: 400 if the key was used for another endpoint or other parameters.
        """
        saved = self.books.answers.get(key)
        if saved is None:
            return None
        if self.clock() - saved.created >= KEY_LIFETIME:
            self.books.answers.drop(key)
            return None
        hint = f"Try using a key other than '{key}' if you meant to execute a different request."
        if saved.endpoint != endpoint:
            first, now = saved.endpoint.split()[1], endpoint.split()[1]
            raise idempotency_error(
                "Keys for idempotent requests can only be used for the same endpoint they were "
                f"first used for ('{now}' vs '{first}'). {hint}"
            )
        if saved.fingerprint != fingerprint:
            raise idempotency_error(
                "Keys for idempotent requests can only be used with the same parameters they were "
                f"first used with. {hint}"
            )
        return saved

    def save_answer(self, answer: SavedAnswer) -> None:
        self.books.answers.put(answer.key, answer)

    # How a payment goes

    def _pay(
        self,
        intent: PaymentIntent,
        method: PaymentMethod,
        origin: Origin,
        *,
        off_session: bool,
        error_on_requires_action: bool,
    ) -> PaymentIntent:
        card = TEST_CARDS[method.card]
        decline = card.decline
        if card.authentication:
            if not off_session and not error_on_requires_action:
                intent = replace(intent, status="requires_action", last_payment_error=None)
                return self._settle(intent, "payment_intent.requires_action", origin)
            decline = AUTHENTICATION_REQUIRED
        if card.authentication and error_on_requires_action:
            # Stripe stops before it asks the bank, so there is no charge.
            failure = _failure(AUTHENTICATION_REQUIRED, method, charge=None)
            intent = self._fail(intent, failure, origin)
        else:
            intent = self._charge(intent, method, decline, origin, authenticated=False)
        if intent.last_payment_error is not None:
            raise card_error(intent.last_payment_error, intent.id)
        return intent

    def _charge(
        self,
        intent: PaymentIntent,
        method: PaymentMethod,
        decline: Decline | None,
        origin: Origin,
        *,
        authenticated: bool,
    ) -> PaymentIntent:
        charge_id = self.new_id("ch")
        failure = _failure(decline, method, charge=charge_id) if decline else None
        charge = Charge(
            id=charge_id,
            amount=intent.amount,
            currency=intent.currency,
            created=self.clock(),
            payment_intent=intent.id,
            payment_method=method.id,
            description=intent.description,
            receipt_email=intent.receipt_email,
            metadata=intent.metadata,
            failure=failure,
            authenticated=authenticated,
        )
        self.books.charges.put(charge.id, charge)
        self.books.payment_methods.put(method.id, replace(method, used=True))
        intent = replace(intent, latest_charge=charge.id)
        if failure is not None:
            self._emit("charge.failed", self.render.charge(charge), origin)
            return self._fail(intent, failure, origin)
        self._emit("charge.succeeded", self.render.charge(charge), origin)
        intent = replace(intent, status="succeeded", last_payment_error=None)
        return self._settle(intent, "payment_intent.succeeded", origin)

    def _fail(self, intent: PaymentIntent, failure: ErrorBody, origin: Origin) -> PaymentIntent:
        intent = replace(
            intent,
            status="requires_payment_method",
            payment_method=None,
            last_payment_error=failure,
        )
        return self._settle(intent, "payment_intent.payment_failed", origin)

    def _settle(self, intent: PaymentIntent, event_type: str, origin: Origin) -> PaymentIntent:
        self._put_intent(intent)
        self._emit(event_type, self.render.payment_intent(intent), origin)
        return intent

    def _put_intent(self, intent: PaymentIntent) -> None:
        self.books.payment_intents.put(intent.id, intent)

    def _usable_method(self, method_id: str | None) -> PaymentMethod | None:
        if method_id is None:
            return None
        if method_id in TEST_CARDS:
            return self._new_method(method_id)
        if kind := OTHER_METHODS.get(method_id):
            raise invalid_request(
                f"The PaymentMethod provided ({kind}) is not allowed for this PaymentIntent. "
                "Please attach a PaymentMethod of one of the following types: card.",
                code="payment_intent_incompatible_payment_method",
                param="payment_method",
            )
        method = self.books.payment_methods.get(method_id)
        if method is None:
            raise missing("PaymentMethod", method_id, param="payment_method", status=400)
        if method.used:
            raise invalid_request(_METHOD_USED, param="payment_method")
        return method

    def _new_method(self, card: str) -> PaymentMethod:
        method = PaymentMethod(id=self.new_id("pm"), card=card, created=self.clock())
        self.books.payment_methods.put(method.id, method)
        return method

    def _refundable_charge(self, asked: params.CreateRefund) -> Charge:
        if asked.charge is not None:
            charge = self.books.charges.get(asked.charge)
            if charge is None:
                raise missing("charge", asked.charge, param="charge", status=400)
            intent = self.intent(charge.payment_intent)
            if asked.payment_intent not in (None, intent.id):
                message = (
                    f"Charge {charge.id} does not belong to PaymentIntent {asked.payment_intent}."
                )
                raise invalid_request(message, param="charge")
        else:
            found = self.books.payment_intents.get(asked.payment_intent)
            if found is None:
                raise missing(
                    "payment_intent",
                    asked.payment_intent or "",
                    param="payment_intent",
                    status=400,
                )
            intent = found
            charge = self.books.charges.get(intent.latest_charge)
        if charge is None or charge.failure is not None:
            message = (
                f"This PaymentIntent ({intent.id}) does not have a successful charge to refund."
            )
            raise invalid_request(message, param="payment_intent")
        return charge

    def _emit(
        self, event_type: str, after: Json, origin: Origin, *, before: Json | None = None
    ) -> None:
        data: Json = {"object": after}
        if before is not None:
            changed = {name: value for name, value in before.items() if value != after[name]}
            data["previous_attributes"] = changed
        event = Event(
            id=self.new_id("evt"),
            type=event_type,
            created=self.clock(),
            data=data,
            request_id=origin.request_id,
            idempotency_key=origin.idempotency_key,
            pending=self._receivers(event_type),
        )
        self.books.events.put(event.id, event)

    def _receivers(self, event_type: str) -> tuple[str, ...]:
        return tuple(
            endpoint.url for endpoint in self.books.endpoints if endpoint.wants(event_type)
        )


def _check_way_back(allow_redirects: str | None, return_url: str | None) -> None:
    if allow_redirects == "always" and return_url is None:
        raise invalid_request(_REDIRECTS_NEED_RETURN_URL)


def _failure(decline: Decline, method: PaymentMethod, *, charge: str | None) -> ErrorBody:
    return ErrorBody(
        type="card_error",
        message=decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        param=decline.param,
        charge=charge,
        payment_method=method.id,
    )


def _position[R: HasIdAndTime](rows: Sequence[R], row_id: str, kind: str, param: str) -> int:
    for position, row in enumerate(rows):
        if row.id == row_id:
            return position
    raise missing(kind, row_id, param=param, status=400)
