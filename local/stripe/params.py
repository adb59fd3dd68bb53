"""The parameters of each request, checked as Stripe checks them before it does anything.

A parameter that Stripe has and the stand-in leaves out is refused by name, so that code which
needs it fails here and not in production.
"""

import re
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError
from stripe.params import (
    ChargeListParams,
    EventListParams,
    PaymentIntentCancelParams,
    PaymentIntentConfirmParams,
    PaymentIntentCreateParams,
    PaymentIntentListParams,
    PaymentIntentRetrieveParams,
    RefundCreateParams,
    RefundListParams,
)

from local.stripe.currencies import MAXIMUM, SUPPORTED
from local.stripe.errors import StripeError, invalid_request
from local.stripe.form import Form
from local.stripe.records import AllowRedirects, CancellationReason, CaptureMethod, RefundReason

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def _refuse(code: str, message: str) -> PydanticCustomError:
    # The message goes in as a value: braces in it are not to be filled in.
    return PydanticCustomError(code, "{message}", {"message": message})


def _integer(value: Any) -> int:
    if not re.fullmatch(r"-?[0-9]+", str(value)):
        raise _refuse("parameter_invalid_integer", f"Invalid integer: {value}")
    return int(value)


def _amount(value: Any) -> int:
    amount = _integer(value)
    if amount < 1:
        message = "This value must be greater than or equal to 1."
        raise _refuse("parameter_invalid_integer", message)
    if amount > MAXIMUM:
        raise _refuse("amount_too_large", "Amount must be no more than $999,999.99")
    return amount


def _limit(value: Any) -> int:
    limit = _integer(value)
    if limit < 1:
        message = "This value must be greater than or equal to 1."
        raise _refuse("parameter_invalid_integer", message)
    if limit > 100:
        message = f"This value must be less than or equal to 100 (it currently is '{limit}')."
        raise _refuse("parameter_invalid_integer", message)
    return limit


def _boolean(value: Any) -> bool:
    if value not in ("true", "false"):
        raise _refuse("", f"Invalid boolean: {value}")
    return bool(value == "true")


def _currency(value: Any) -> str:
    currency = str(value).lower()
    if currency not in SUPPORTED:
        known = ", ".join(sorted(SUPPORTED))
        message = f"Invalid currency: {currency}. Stripe currently supports these: {known}"
        raise _refuse("", message)
    return currency


def _email(value: Any) -> str:
    if not _EMAIL.fullmatch(str(value)):
        raise _refuse("email_invalid", f"Invalid email address: {value}")
    return str(value)


def _metadata(value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or any(isinstance(inner, dict) for inner in value.values()):
        raise _refuse("", "Invalid hash")
    if len(value) > 50:
        raise _refuse("", f"Metadata can have up to 50 keys, but you passed in {len(value)}.")
    for key, text in value.items():
        if len(key) > 40:
            message = (
                "Metadata keys can have up to 40 characters, but you passed in a key that is "
                f"{len(key)} characters. Invalid key: {key}"
            )
            raise _refuse("", message)
        if len(text) > 500:
            message = (
                "Metadata values can have up to 500 characters, but you passed in a value that is "
                f"{len(text)} characters. Invalid value: {text}"
            )
            raise _refuse("", message)
    # An empty value unsets its key.
    return {key: text for key, text in value.items() if text}


def _list(value: Any) -> list[Any]:
    if not isinstance(value, dict) or not all(re.fullmatch("[0-9]+", key) for key in value):
        raise _refuse("", "Invalid array")
    return [value[key] for key in sorted(value, key=int)]


def _created(value: Any) -> Any:
    return {"gte": value, "lte": value} if isinstance(value, str) else value


type Integer = Annotated[int, BeforeValidator(_integer)]
type Amount = Annotated[int, BeforeValidator(_amount)]
type Boolean = Annotated[bool, BeforeValidator(_boolean)]
type Currency = Annotated[str, BeforeValidator(_currency)]
type Email = Annotated[str, BeforeValidator(_email)]
type Metadata = Annotated[dict[str, str], BeforeValidator(_metadata)]
type Strings = Annotated[list[str], BeforeValidator(_list)]


class Params(BaseModel):
    """Parameters of one request.

    `of_stripe` are all that Stripe itself takes there, `withdrawn` those it took before this
    version of its API.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    of_stripe: ClassVar[frozenset[str]] = frozenset({"expand"})
    withdrawn: ClassVar[frozenset[str]] = frozenset()

    expand: Strings = []


class AutomaticPaymentMethods(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: Boolean
    allow_redirects: AllowRedirects = "always"


class CreateIntent(Params):
    of_stripe = frozenset(PaymentIntentCreateParams.__annotations__)
    withdrawn = frozenset({"payment_method_types"})

    amount: Amount
    currency: Currency
    payment_method: str | None = None
    allowed_payment_method_types: (
        Annotated[list[Literal["card"]], BeforeValidator(_list)] | None
    ) = None
    automatic_payment_methods: AutomaticPaymentMethods | None = None
    capture_method: CaptureMethod = "automatic_async"
    confirmation_method: Literal["automatic"] = "automatic"
    confirm: Boolean = False
    error_on_requires_action: Boolean = False
    off_session: Boolean = False
    return_url: str | None = None
    description: str | None = None
    receipt_email: Email | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.automatic_payment_methods and self.allowed_payment_method_types:
            message = (
                "You may only specify one of these parameters: "
                "allowed_payment_method_types, automatic_payment_methods."
            )
            raise _refuse("", message)
        only_confirming = {"error_on_requires_action", "off_session", "return_url"}
        if not self.confirm and (early := sorted(only_confirming & self.model_fields_set)):
            raise _refuse("", f"You can only pass {early[0]} when confirm is true.")
        return self

    @property
    def allow_redirects(self) -> AllowRedirects | None:
        """Whether methods that redirect may be used; None if the methods are named.

        Naming neither methods nor automatic ones means automatic ones, redirects and all.
        """
        automatic = self.automatic_payment_methods
        if self.allowed_payment_method_types or (automatic and not automatic.enabled):
            return None
        return automatic.allow_redirects if automatic else "always"


class ConfirmIntent(Params):
    of_stripe = frozenset(PaymentIntentConfirmParams.__annotations__)
    withdrawn = frozenset({"payment_method_types"})

    payment_method: str | None = None
    error_on_requires_action: Boolean = False
    off_session: Boolean = False
    return_url: str | None = None
    receipt_email: Email | None = None


class CancelIntent(Params):
    of_stripe = frozenset(PaymentIntentCancelParams.__annotations__)

    cancellation_reason: CancellationReason | None = None


class CreateRefund(Params):
    of_stripe = frozenset(RefundCreateParams.__annotations__)

    payment_intent: str | None = None
    charge: str | None = None
    amount: Amount | None = None
    reason: RefundReason | None = None
    metadata: Metadata = {}

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.payment_intent is None and self.charge is None:
            message = (
                "One of the following params should be provided for this request: "
                "payment_intent or charge."
            )
            raise _refuse("parameter_missing", message)
        return self


class RetrieveIntent(Params):
    of_stripe = frozenset(PaymentIntentRetrieveParams.__annotations__)

    client_secret: str | None = None


class Created(BaseModel):
    """Bounds on `created`, in Unix seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gt: Integer | None = None
    gte: Integer | None = None
    lt: Integer | None = None
    lte: Integer | None = None

    def holds(self, moment: int) -> bool:
        return (
            (self.gt is None or moment > self.gt)
            and (self.gte is None or moment >= self.gte)
            and (self.lt is None or moment < self.lt)
            and (self.lte is None or moment <= self.lte)
        )


class Page(Params):
    """One page of a list, newest first; `starting_after` and `ending_before` are ids."""

    limit: Annotated[int, BeforeValidator(_limit)] = 10
    starting_after: str | None = None
    ending_before: str | None = None
    created: Annotated[Created, BeforeValidator(_created)] = Created()

    @model_validator(mode="after")
    def _one_cursor(self) -> Self:
        if self.starting_after and self.ending_before:
            message = "You may only specify one of these parameters: ending_before, starting_after."
            raise _refuse("", message)
        return self


class ListIntents(Page):
    of_stripe = frozenset(PaymentIntentListParams.__annotations__)


class ListCharges(Page):
    of_stripe = frozenset(ChargeListParams.__annotations__)

    payment_intent: str | None = None


class ListRefunds(Page):
    of_stripe = frozenset(RefundListParams.__annotations__)

    payment_intent: str | None = None
    charge: str | None = None


class ListEvents(Page):
    of_stripe = frozenset(EventListParams.__annotations__)

    type: str | None = None
    types: Strings | None = None
    delivery_success: Boolean | None = None


def read[P: Params](model: type[P], form: Form) -> P:
    """Check a request's parameters.

    Raises:
        StripeError: 400 in Stripe's wording, for the first parameter that is wrong.
    """
    if empty := _empty(form):
        raise invalid_request(
            f"You passed an empty string for '{empty}'. We assume empty values are an attempt to "
            f"unset a parameter; however '{empty}' cannot be unset. You should remove '{empty}' "
            "from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=empty,
        )
    try:
        return model.model_validate(form)
    except ValidationError as error:
        raise _refusal(model, error.errors()[0]) from error


def _empty(form: Form) -> str | None:
    """The first parameter given as an empty string, which Stripe takes in metadata alone."""
    for name, value in form.items():
        if value == "":
            return name
        if isinstance(value, dict) and name != "metadata" and (inner := _empty(value)):
            first, bracket, rest = inner.partition("[")
            return f"{name}[{first}]{bracket}{rest}"
    return None


def _refusal(model: type[Params], error: ErrorDetails) -> StripeError:
    first, *rest = [str(part) for part in error["loc"]] or [""]
    param = first + "".join(f"[{part}]" for part in rest)
    match error["type"]:
        case "missing":
            message, code = f"Missing required param: {param}.", "parameter_missing"
        case "extra_forbidden" if first in model.withdrawn:
            message = f"The `{first}` parameter is no longer supported."
            code = f"{first}_no_longer_supported"
        case "extra_forbidden" if not rest and first in model.of_stripe:
            message, code = f"The Stripe stand-in leaves out `{param}`.", "parameter_unknown"
        case "extra_forbidden":
            message, code = f"Received unknown parameter: {param}", "parameter_unknown"
        case "literal_error":
            allowed = error["ctx"]["expected"].replace("'", "")
            message, code = f"Invalid {param}: must be one of {allowed}", ""
        case "model_type" | "model_attributes_type":
            message, code = "Invalid object", ""
        case "string_type":
            message, code = f"Invalid string: {error['input']}", ""
        case code:
            message = error["msg"]
    return invalid_request(message, code=code or None, param=param or None)
