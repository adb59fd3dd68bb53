"""The saga: which message takes an order where, and what it then sends. Tables, and no code of AWS.

It shows itself as a diagram and as a grid, too.
"""

from enum import StrEnum


class Status(StrEnum):
    """Where an order stands."""

    PLACED = "PLACED"
    RESERVED = "RESERVED"
    CONFIRMED = "CONFIRMED"
    CANCELLING = "CANCELLING"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


class Ignored(StrEnum):
    """Why a message changes nothing."""

    AGAIN = "it tells the order nothing new"
    UNDONE = "its undo was sent when the order was cancelled"
    SETTLED = "the undo that was sent is done"
    LEFT = "the order has left"
    IN_TIME = "the order was confirmed in time"
    RETURNED = "the money was given back"
    NO_PARCEL = "no parcel goes to that address"
    UNSENT = "nobody is told of the download"


class Case(StrEnum):
    """What makes an order take another way than most."""

    REFUNDED = "all is refunded"
    DIGITAL = "it has no parcel"
    MAILED = "the downloads were mailed"
    AWAITED = "downloads are awaited"
    LAST = "nothing else is awaited"


type Step = tuple[Status, ...] | Ignored
"""The states that a message makes the order enter, one after the other, or why it is ignored.

The empty tuple: what the message says is kept with the order, whose state stays the same.
"""

PLACED = Status.PLACED
RESERVED = Status.RESERVED
CONFIRMED = Status.CONFIRMED
CANCELLING = Status.CANCELLING
DISPATCHED = Status.DISPATCHED
DELIVERED = Status.DELIVERED
CANCELLED = Status.CANCELLED

AGAIN = Ignored.AGAIN
UNDONE = Ignored.UNDONE
SETTLED = Ignored.SETTLED
LEFT = Ignored.LEFT
IN_TIME = Ignored.IN_TIME
RETURNED = Ignored.RETURNED
NO_PARCEL = Ignored.NO_PARCEL
UNSENT = Ignored.UNSENT

KEPT: Step = ()

PAID: dict[str, Step] = {
    "StockReserved": AGAIN,
    "PaymentActionRequired": AGAIN,
    "PaymentCollected": AGAIN,
    "PaymentRefunded": KEPT,
    "DeadlinePassed": IN_TIME,
}
"""What is the same in every state that only a paid order enters."""

SAGA: dict[Status, dict[str, Step]] = {
    PLACED: {
        "StockReserved": (RESERVED,),
        "StockReservationFailed": (CANCELLED,),
        "CancelOrder": (CANCELLED,),
        "DeadlinePassed": (CANCELLED,),
        "AddressChanged": KEPT,
    },
    RESERVED: {
        "StockReserved": AGAIN,
        "PaymentActionRequired": KEPT,
        "PaymentCollected": (CONFIRMED,),
        "PaymentFailed": (CANCELLED,),
        "PaymentRefunded": KEPT,  # it overtook what was told of the payment before
        "CancelOrder": (CANCELLED,),
        "DeadlinePassed": (CANCELLED,),
        "AddressChanged": KEPT,
    },
    CONFIRMED: PAID
    | {
        "ShipmentDispatched": (DISPATCHED,),
        "ShipmentDelivered": (DISPATCHED, DELIVERED),
        "ShipmentFailed": (CANCELLED,),
        "ShipmentReaddressed": KEPT,
        "FileShared": KEPT,
        "FileNotShared": (CANCELLING,),
        "CancelOrder": (CANCELLING,),
        "AddressChanged": KEPT,
        "RefundAsked": KEPT,
    },
    CANCELLING: PAID
    | {
        "ShipmentDispatched": (DISPATCHED,),
        "ShipmentDelivered": (DISPATCHED, DELIVERED),
        "ShipmentCancelled": (CANCELLED,),
        "ShipmentFailed": (CANCELLED,),
        "ShipmentReaddressed": KEPT,
        "FileShared": KEPT,
        "FileNotShared": KEPT,
        "CancelOrder": AGAIN,
    },
    DISPATCHED: PAID
    | {
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": (DELIVERED,),
        "ShipmentFailed": (CANCELLED,),
        "ShipmentReaddressed": AGAIN,  # the dispatch told where the parcel went
        "FileShared": KEPT,
        "FileNotShared": KEPT,
        "CancelOrder": LEFT,
        "RefundAsked": KEPT,
    },
    DELIVERED: PAID
    | {
        "ShipmentDispatched": AGAIN,
        "ShipmentDelivered": AGAIN,
        "ShipmentReaddressed": AGAIN,
        "FileShared": AGAIN,
        "FileNotShared": AGAIN,
        "CancelOrder": LEFT,
        "RefundAsked": KEPT,
    },
    CANCELLED: {
        "StockReserved": UNDONE,
        "StockReservationFailed": AGAIN,
        "StockReleased": SETTLED,
        "PaymentActionRequired": UNDONE,
        "PaymentCollected": KEPT,  # as a refund to come: the undo was sent
        "PaymentFailed": AGAIN,
        "PaymentRefunded": KEPT,
        "ShipmentDispatched": AGAIN,
        "ShipmentCancelled": AGAIN,
        "ShipmentFailed": AGAIN,
        "ShipmentReaddressed": AGAIN,
        "FileShared": UNSENT,
        "FileNotShared": UNSENT,
        "CancelOrder": AGAIN,
        "DeadlinePassed": AGAIN,
    },
}
"""What each message does to an order in each state. What is not listed cannot happen.

All are heard from others, but for three: DeadlinePassed is the sweep's own word, AddressChanged and
RefundAsked are what staff want.
"""

EXCEPTIONS: dict[Case, dict[Status, dict[str, Step]]] = {
    # Somebody gave the money back by hand, and that overtook what was told of the payment. Nothing
    # is shipped that is not paid for: the order waits for its deadline.
    Case.REFUNDED: {RESERVED: {"PaymentCollected": RETURNED}},
    Case.DIGITAL: {
        RESERVED: {"AddressChanged": NO_PARCEL},
        CONFIRMED: {
            "FileNotShared": (CANCELLED,),
            "CancelOrder": LEFT,
            "AddressChanged": NO_PARCEL,
        },
    },
    Case.MAILED: {CONFIRMED: {"CancelOrder": LEFT}},
    Case.AWAITED: {
        CONFIRMED: {"ShipmentDelivered": (DISPATCHED,)},
        CANCELLING: {"ShipmentDelivered": (DISPATCHED,)},
        DISPATCHED: {"ShipmentDelivered": KEPT},
    },
    Case.LAST: {
        CONFIRMED: {"FileShared": (DELIVERED,)},
        DISPATCHED: {"FileShared": (DELIVERED,), "FileNotShared": (DELIVERED,)},
    },
}
"""What is otherwise in some cases."""

ENTERING: dict[Status, tuple[str, ...]] = {
    PLACED: ("OrderPlaced", "ReserveStock"),
    RESERVED: ("CollectPayment",),
    CONFIRMED: ("OrderConfirmed", "ShipOrder", "ShareFile"),
    CANCELLING: ("OrderUpdated", "CancelShipment"),
    DISPATCHED: ("OrderDispatched", "SendEmail"),
    DELIVERED: ("OrderDelivered", "SendEmail"),
    CANCELLED: ("OrderCancelled", "SendEmail"),
}
"""The messages that an order sends as it enters a state.

ShareFile goes out for each line that is a download. An order without a parcel sends no ShipOrder,
and no e-mail that one has arrived.
"""

KEEPING = ("OrderUpdated",)
"""The messages that an order sends when it keeps what it heard and stays in its state.

None go out for a download that is kept until the others are there: nothing is to be told of it.
"""

ASKING = {"AddressChanged": "ChangeShippingAddress", "RefundAsked": "RefundPayment"}
"""What an order sends beside that, where staff want something of one that is CONFIRMED or later."""

UNDO = {"ReserveStock": "ReleaseStock", "CollectPayment": "RefundPayment"}
"""The compensation of a step. Entering CANCELLED sends it for each step that was asked for.

ShipOrder has none: a parcel is stopped before the order is CANCELLED, or it has come to nothing.
ShareFile has none: nobody learns where the download is.
"""

WAITING = frozenset({PLACED, RESERVED})
"""The states that an order has to leave by its deadline."""


class Impossible(Exception):
    """The message cannot be about this order as it is: it can never be handled."""


def step_of(status: Status, message: str, cases: frozenset[Case]) -> Step:
    """Where a message takes an order. Raises Impossible when no such message can come then."""
    for case, rows in EXCEPTIONS.items():
        if case in cases and message in rows.get(status, {}):
            return rows[status][message]
    step = SAGA[status].get(message)
    if step is None:
        raise Impossible(f"{message} cannot come to an order that is {status}")
    return step
