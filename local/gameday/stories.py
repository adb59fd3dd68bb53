"""What is told of each fault: the hints, one after the other, and in the end what it was."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from local import aws
from local.gameday.faults import Fault, Wound
from local.settings import Settings

_FILLING = {"a", "at", "in", "is", "it", "its", "the", "service"}
"""Words that a guess of a service's name may have beside it."""


@dataclass(frozen=True, slots=True)
class Story:
    """A fault in words. `{service}` and what else the wound has stand for themselves."""

    hints: tuple[str, ...]
    """The first symptom, then where to look, then at what there."""
    did: str
    alarm: str
    """Which alarm tells of it on AWS, and when."""
    see: tuple[str, ...]
    """What shows it here: page or command, and what is there."""
    right: str
    """How it is put right by hand."""


STORIES: Mapping[str, Story] = {
    "standstill": Story(
        hints=(
            "Shoppers write: their orders do not get on. Nobody sees an error.",
            "See how far the orders get: the last state tells whose turn it is. `make smoke` finds "
            "that out of an order of its own, in a minute and a half.",
            "Look at the service whose turn it is, and at the one that was to tell it: do their "
            "functions log anything at all?",
        ),
        did="The event source mapping of {service}'s {function} was disabled: nothing is read any "
        "more, and nothing is lost.",
        alarm="{alarm} of {service}, after five minutes.",
        see=(
            "flow page: what is meant for {service} stays on the wire, or what it wrote is never "
            "sent; no segment of {function} comes",
            "make logs SERVICE={service}: no line of {door}, while those of the others go on",
            "make smoke: `{function}…: nothing is read`, or a queue that only grows",
        ),
        right="aws lambda update-event-source-mapping --uuid {mappings} --enabled. What waited is "
        "then handled by itself.",
    ),
    "stripe": Story(
        hints=(
            "Orders are reserved, but nobody's money comes in.",
            "Between the stock and the parcel there is one service. What does it log?",
            "make logs SERVICE=payments: read the last line of a traceback. Whose fault is it?",
        ),
        did="Stripe's stand-in answered 503 to everything.",
        alarm="MessagesFailingAlarm of payments after five minutes; InboxDeadLettersAlarm once "
        "a message failed ten times. FunctionErrorsAlarm stays quiet: each message fails "
        "by itself.",
        see=(
            "flow page: CollectPayment comes to payments again and again, later each time",
            "make logs SERVICE=payments: warnings with a traceback that ends in stripe.APIError",
            "curl -X POST {stripe_url}/v1/payment_intents: 503. For real: status.stripe.com",
        ),
        right="Nothing, when Stripe comes back: each message comes again by itself, at most a "
        "quarter of an hour later. What is a dead letter by then: make redrive SERVICE=payments.",
    ),
    "poison": Story(
        hints=(
            "All orders go their way. And yet an alarm has gone off.",
            "What could never be handled is put aside at once. Where does it lie?",
            "make dlq lists it, with the reason.",
        ),
        did="A {message} without anything of what is to be done was put into {service}'s inbox.",
        alarm="InboxDeadLettersAlarm of {service}, within a minute; the metric PoisonMessages, and "
        "a system error in the manager's list.",
        see=(
            "flow page: one dead letter at {service}, in red",
            "make dlq: a {message} about {order}, and what is missing of it",
            "make logs SERVICE={service}: `refused`",
        ),
        right="See who sent it, and mend that. The letter itself is deleted: sent back, it would "
        "only be refused again.",
    ),
    "denied": Story(
        hints=(
            "Orders stand still. One service tries, and tries again.",
            "make logs of the service whose turn it is: what is the error, and of which call?",
            "It may read its table. What may it not?",
        ),
        did="The role of {service}'s InboxFunction was denied to write: MiniStack cannot throttle "
        "a table, and a policy is the nearest thing. A throttled table looks alike, with "
        "ProvisionedThroughputExceededException in place of AccessDeniedException.",
        alarm="MessagesFailingAlarm of {service} after five minutes; InboxDeadLettersAlarm once "
        "a message failed ten times.",
        see=(
            "flow page: messages come to {service} again and again, and it sends none",
            "make logs SERVICE={service}: AccessDeniedException, with an explicit deny",
        ),
        right="aws iam delete-role-policy --role-name {role} --policy-name gameday. What failed "
        "comes again by itself.",
    ),
    "database": Story(
        hints=(
            "Shoppers are happy. The manager says that the last orders are not in the reports.",
            "make status: does all run?",
            "make logs SERVICE=reports: what does it not reach?",
        ),
        did="PostgreSQL was ended.",
        alarm="MessagesFailingAlarm of reports after five minutes; ReportsLagAlarm, once what "
        "waited is written half an hour late.",
        see=(
            "make status: PostgreSQL is down",
            "flow page: what reports is told comes to it again and again; the orders go on",
            "make logs SERVICE=reports: OperationalError, connection refused",
        ),
        right="Start it: `make up`, which leaves all else as it is. What waited is then written by "
        "itself; `make replay` would fill in what is lost for good.",
    ),
    "secret": Story(
        hints=(
            "Who pays with a card that asks for 3-D Secure says: I have confirmed it with my bank, "
            "and the shop still waits for me.",
            "How does the shop hear that the bank said yes? Not by an answer to a call of its own.",
            "make logs SERVICE=payments, the door `webhook`: does it take what Stripe sends?",
        ),
        did="Stripe's stand-in signs its events with another secret than payments knows, as when "
        "the webhook's secret was rolled in Stripe and not in the shop.",
        alarm="None at once: what nobody signed may be anybody's. The metric WebhooksRefused of "
        "payments rises; OrdersPastDeadline stays 0, as the orders are cancelled in time.",
        see=(
            "make logs SERVICE=payments: `webhook refused`, for each event",
            "flow page: orders stay at PaymentActionRequired",
            "in Stripe: every event was taken with 200, since what counts is decided later",
        ),
        right="Put the secret that Stripe shows into tbs/stripe; it is taken up within a quarter "
        "of an hour. Then have Stripe send the refused events again: docs/operations.md, Stripe's "
        "keys.",
    ),
}


def hints(fault: Fault) -> tuple[str, ...]:
    """The hints to a fault, the vaguest first."""
    return STORIES[fault.name].hints


def answer(fault: Fault, wound: Wound, settings: Settings) -> str:
    """What was done, how it shows, and how it is put right."""
    story = STORIES[fault.name]
    door = wound.get("door", "Inbox")
    names = {
        **wound,
        "stripe_url": settings.stripe_url,
        "function": f"{door}Function",
        "door": door.lower(),
        "alarm": "OutboxLagAlarm" if door == "Outbox" else "InboxAgeAlarm",
    }
    lines = [
        f"What was done:   {story.did}",
        f"Alarm on AWS:    {story.alarm}",
        "How it shows:",
        *(f"  {line}" for line in story.see),
        f"By hand:         {story.right}",
    ]
    if "aws " in story.right:
        lines += ["before that, so that it goes to the local cloud:", f"  {_here(settings)}"]
    return "\n".join(lines).format(**names)


def _here(settings: Settings) -> str:
    """What has the `aws` of a shell speak to the local cloud, and not to the reader's account."""
    found = {
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
    }
    return "export " + " ".join(f"{name}={value}" for name, value in found.items())


def hit(fault: Fault, wound: Wound, guess: str) -> bool:
    """Whether a guess names the fault: one of its words, or the service where it is and no more.

    "orders stand still" is what everybody sees, and says nothing of where.
    """
    said = guess.lower()
    named = [word.removesuffix("-service") for word in re.findall(r"[a-z-]+", said)]
    alone = [word for word in named if word not in _FILLING] == [wound["service"]]
    return alone or any(word in said for word in fault.words)
