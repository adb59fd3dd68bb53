"""Stripe's test payment methods, and what comes of a payment with each.

Source: https://docs.stripe.com/testing and https://docs.stripe.com/declines/codes
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a card is refused."""

    code: str
    decline_code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A test card: what it looks like, and how it answers.

    A card that asks for authentication answers `decline` once the customer has passed it.
    """

    brand: str
    last4: str
    decline: Decline | None = None
    authentication: bool = False


AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_INSUFFICIENT_FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds."
)


def _declined(decline_code: str) -> Decline:
    return Decline("card_declined", decline_code, "Your card was declined.")


TEST_CARDS = {
    "pm_card_visa": Card("visa", "4242"),
    "pm_card_visa_debit": Card("visa", "5556"),
    "pm_card_mastercard": Card("mastercard", "4444"),
    "pm_card_amex": Card("amex", "0005"),
    "pm_card_discover": Card("discover", "1117"),
    "pm_card_visa_chargeDeclined": Card("visa", "0002", _declined("generic_decline")),
    "pm_card_visa_chargeDeclinedInsufficientFunds": Card("visa", "9995", _INSUFFICIENT_FUNDS),
    "pm_card_visa_chargeDeclinedLostCard": Card("visa", "9987", _declined("lost_card")),
    "pm_card_visa_chargeDeclinedStolenCard": Card("visa", "9979", _declined("stolen_card")),
    "pm_card_chargeDeclinedExpiredCard": Card(
        "visa",
        "0069",
        Decline("expired_card", "expired_card", "Your card has expired.", "exp_month"),
    ),
    "pm_card_chargeDeclinedIncorrectCvc": Card(
        "visa",
        "0127",
        Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.", "cvc"),
    ),
    "pm_card_chargeDeclinedProcessingError": Card(
        "visa",
        "0119",
        Decline(
            "processing_error",
            "processing_error",
            "An error occurred while processing your card. Try again in a little bit.",
        ),
    ),
    "pm_card_authenticationRequired": Card("visa", "3155", authentication=True),
    "pm_card_threeDSecure2Required": Card("visa", "3220", authentication=True),
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "visa", "3178", _INSUFFICIENT_FUNDS, authentication=True
    ),
}
"""By the id that a request's `payment_method` gives."""

OTHER_METHODS = {"pm_usBankAccount_success": "us_bank_account"}
"""Test payment methods that are no cards, and the type of each. No intent takes them."""
