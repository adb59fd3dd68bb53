"""Private API: payments and reconciliations, for those who look after them. Signed (AWS IAM)."""

import os
import re
from datetime import date, timedelta
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from payments import errors, listing
from payments.answers import PaymentPage, PaymentShown, ReportList, ReportShown
from payments.model import now
from payments.record import Status
from payments.table import PaymentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = PaymentsTable(os.environ["TABLE_NAME"])

DAYS_LISTED = 7
"""So many days are listed, today included, where no first day is named."""
MOST_DAYS = 31
"""Days that a list goes back over, at most."""
MOST_LOOKED_AT = 1000
"""Payments that are looked through for one page, at most."""


def _as_it_is_written(given: Any) -> Any:
    """Refuse what pydantic would take for a day beside one: a number, a time."""
    if isinstance(given, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", given, re.ASCII):
        raise PydanticCustomError("date_parsing", "a day is written like 2026-11-20")
    return given


Day = Annotated[date, BeforeValidator(_as_it_is_written)]
FirstDay = Annotated[
    Day | None,
    Query(alias="from", description="The first day, UTC; without it, the seventh up to the last"),
]
LastDay = Annotated[
    Day | None, Query(alias="to", description="The last day, UTC, included; without it, today")
]


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/payments/<order_id>", tags=["payments"])
def get_payment(order_id: Annotated[str, Path(max_length=128)]) -> PaymentShown:
    """The payment of an order: where it stands, Stripe's ids and answers, and what was given back.

    Where the order was called off before its payment came, what is there is the mark of that.
    """
    payment = table.payment(order_id)
    if payment is None:
        raise NotFoundError(f"There is no payment of order {order_id}")
    logger.set_correlation_id(payment.correlation_id)
    tracer.put_annotation("order_id", order_id)
    return PaymentShown.of(payment)


@app.get("/payments", tags=["payments"])
def list_payments(
    status: Annotated[Status | None, Query(description="Only those that stand so")] = None,
    first: FirstDay = None,
    last: LastDay = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Payments of a page, at most")] = 25,
    cursor: Annotated[
        str | None, Query(max_length=512, description="Of the page before; null: the first page")
    ] = None,
) -> PaymentPage:
    """Payments by the day they were requested, the newest first, over 31 days at most.

    A page may have fewer than asked for, and yet another after it: so many are looked through for
    those of a status. A payment is found a moment after it has changed.
    """
    since, until = days(first, last)
    try:
        before = listing.place(cursor) if cursor else None
    except ValueError as error:
        raise BadRequestError(f"The request is not valid: {error}") from error
    found = []
    for looked, listed in enumerate(table.newest_first(since, until, before), start=1):
        if status in (None, listed.status):
            found.append(listed)
        if len(found) == limit or looked == MOST_LOOKED_AT:
            return PaymentPage(items=found, cursor=listing.cursor(listed.place))
    return PaymentPage(items=found, cursor=None)


@app.get("/reconciliations", tags=["reconciliations"])
def list_reconciliations(first: FirstDay = None, last: LastDay = None) -> ReportList:
    """What the comparison with Stripe found on each day, in numbers, the newest day first."""
    since, until = days(first, last)
    asked = [since + timedelta(days=n) for n in range((until - since).days + 1)]
    return ReportList.of(table.reports(asked))


@app.get("/reconciliations/<day>", tags=["reconciliations"])
def get_reconciliation(
    day: Annotated[Day, Path(description="The day on which the payments were made, UTC")],
) -> ReportShown:
    """What the comparison with Stripe found among the payments of a day."""
    report = table.report(day)
    if report is None:
        raise NotFoundError(f"The payments of {day.isoformat()} were not compared with Stripe")
    return ReportShown.of(report)


def days(first: date | None, last: date | None) -> tuple[date, date]:
    """The first and the last day that are asked for. Raises BadRequestError where that is none."""
    until = last or now().date()
    try:
        since = first or until - timedelta(days=DAYS_LISTED - 1)
    except OverflowError as error:
        raise BadRequestError("The request is not valid: to: no day comes before that") from error
    if not 0 <= (until - since).days < MOST_DAYS:
        raise BadRequestError(f"The request is not valid: from and to span 1 to {MOST_DAYS} days")
    return since, until
