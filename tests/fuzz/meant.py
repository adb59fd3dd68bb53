"""What schemathesis would call a finding and is meant to be so, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass

NOT_CHECKED: Mapping[str, str] = {
    "unsupported_method": "API Gateway knows no 405: it answers a method that it does not have as "
    "it answers a path that it does not have",
    "allow_header_conformance": "for the same reason there is no header Allow",
    "object_level_authorization": "takes two shoppers: tests/e2e/test_bad_input.py has them",
}
"""Checks that are left out, and why."""

ANSWERS_TO_GOOD_REQUESTS = ("2xx", "404", "409", "412", "428")
"""What a request that fits the document may be answered: there may be no such thing, or it may be
in another state than the request supposes."""

ANSWERS_TO_BAD_REQUESTS = ("4xx",)
"""What a request that does not fit the document may be answered: it is refused, for whatever of its
faults is seen first."""

GOOD_IS_REFUSED = "positive_data_acceptance"


BAD_IS_TAKEN = "negative_data_rejection"


@dataclass(frozen=True, slots=True)
class Meant:
    """A finding of one check, with one operation of one service and one answer, that is none."""

    check: str
    service: str
    operation: str
    status: int
    told: str
    """What the answer says, among the rest."""
    why: str


CURSOR = "a document cannot say which cursors there are: one that is made up is refused"
FIELDS = "JSON Schema cannot compare two fields"
STATE = "a document cannot say what came before"
SPAN = "a document cannot say how far two days may be apart"
ZONES = "a document cannot name all time zones"
ONE_LINE = "JSON Schema knows no list whose items differ in one of their fields"

MEANT = (
    *(
        Meant(GOOD_IS_REFUSED, "public-api", listing, 400, "The cursor is not one", CURSOR)
        for listing in ("GET /orders", "GET /toys")
    ),
    *(
        Meant(GOOD_IS_REFUSED, "toys", listing, 400, "The cursor is not one", CURSOR)
        for listing in (
            "GET /toys",
            "GET /toys/{toy_id}/stock-adjustments",
            "GET /toys/{toy_id}/reservations",
        )
    ),
    *(
        Meant(GOOD_IS_REFUSED, service, listing, 400, "ursor", CURSOR)
        for service, listing in (
            ("orders", "GET /orders"),
            ("payments", "GET /payments"),
            ("fulfilment", "GET /shipments"),
            ("notification", "GET /emails"),
            ("notification", "GET /suppressions"),
            ("reports", "GET /orders/export"),
        )
    ),
    *(
        Meant(GOOD_IS_REFUSED, "payments", listing, 400, told, SPAN)
        for listing in ("GET /payments", "GET /reconciliations")
        for told in ("from and to span", "no day comes before")
    ),
    *(
        Meant(GOOD_IS_REFUSED, "reports", asked, 400, told, why)
        for asked in ("GET /sales", "GET /sales/top-toys", "GET /funnel", "GET /orders/export")
        for told, why in (
            ("is not between", SPAN),
            ("is later than", FIELDS),
            ("it takes", SPAN),
            ("is no name of a time zone", ZONES),
        )
    ),
    Meant(GOOD_IS_REFUSED, "orders", "GET /orders", 400, "is later than", FIELDS),
    *(
        Meant(GOOD_IS_REFUSED, "orders", "GET /orders", 422, told, "JSON Schema bounds no times")
        for told in ("be greater than or equal to", "be less than or equal to")
    ),
    Meant(GOOD_IS_REFUSED, "orders", "GET /orders", 400, "to `to` are more than", SPAN),
    Meant(GOOD_IS_REFUSED, "orders", "POST /orders", 422, "more than one line", ONE_LINE),
    Meant(
        GOOD_IS_REFUSED,
        "orders",
        "POST /orders",
        422,
        "gross",
        "the lines together may cost more than an order can",
    ),
    *(
        Meant(GOOD_IS_REFUSED, "orders", "POST /orders/{order_id}/refunds", 422, told, why)
        for told, why in (
            ("not both", FIELDS),
            ("more than one line", ONE_LINE),
            ("what is left", STATE),
            ("are left", STATE),
            ("comes to nothing", STATE),
        )
    ),
    *(
        Meant(GOOD_IS_REFUSED, "toys", operation, 422, "minAge is above maxAge", FIELDS)
        for operation in ("POST /toys", "PUT /toys/{toy_id}", "PATCH /toys/{toy_id}")
    ),
    Meant(GOOD_IS_REFUSED, "toys", "GET /toys", 422, " is above ", FIELDS),
    Meant(
        GOOD_IS_REFUSED,
        "toys",
        "GET /toys",
        422,
        "there is no letter in it",
        "JSON Schema has no name for the letters of all alphabets",
    ),
    Meant(
        GOOD_IS_REFUSED,
        "toys",
        "PUT /toys/{toy_id}/pictures",
        422,
        "Name each picture once",
        "which pictures a toy has is not in the document",
    ),
    Meant(
        GOOD_IS_REFUSED,
        "file-manager",
        "POST /files",
        422,
        "bytes at most",
        "how large a file may be depends on its type",
    ),
    Meant(
        GOOD_IS_REFUSED,
        "file-manager",
        "POST /files",
        422,
        "that of a PDF ends with .pdf",
        "what a file may be called depends on its type",
    ),
    Meant(
        BAD_IS_TAKEN,
        "toys",
        "POST /toys/batch",
        200,
        '"error":{',
        "each toy of a batch is judged alone: the answer to a bad one stands beside the others'",
    ),
    Meant(GOOD_IS_REFUSED, "public-api", "POST /orders", 422, "There is no toy", STATE),
    Meant(
        GOOD_IS_REFUSED,
        "public-api",
        "POST /orders",
        422,
        "This Idempotency-Key made order",
        STATE,
    ),
    *(
        Meant(
            GOOD_IS_REFUSED,
            "public-api",
            operation,
            422,
            "a toy may stand in one line only",
            ONE_LINE,
        )
        for operation in ("POST /orders", "POST /quotes")
    ),
    Meant(GOOD_IS_REFUSED, "public-api", "GET /toys", 422, " is above ", FIELDS),
    Meant(
        GOOD_IS_REFUSED,
        "public-api",
        "GET /toys",
        422,
        "a search takes up to",
        "JSON Schema counts characters, not words",
    ),
    *(
        Meant(
            GOOD_IS_REFUSED,
            "public-api",
            operation,
            403,
            "This is for the shop's managers",
            "a document cannot say to which group a shopper belongs, and this one is no manager",
        )
        for operation in ("GET /reports/sales", "GET /errors")
    ),
    Meant(
        GOOD_IS_REFUSED,
        "public-api",
        "POST /orders/{order_id}/cancellation",
        422,
        "An order is cancelled whole",
        "what an order cost is not in the document",
    ),
)


def meant(check: str, service: str, operation: str, status: int, answer: str) -> Meant | None:
    """The reason why this is no finding, where there is one."""
    place = (check, service, operation, status)
    for one in MEANT:
        if (one.check, one.service, one.operation, one.status) == place and one.told in answer:
            return one
    return None
