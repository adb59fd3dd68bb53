"""Reconcile: once a day, compares what Stripe says of the days before with what is kept here.

The schedule begins a report for each of those days. Each step goes through pages of a list, notes
in the report how far it came, and so leads to the next one, off the table's stream. A step that is
taken twice, or at once with another, finds what it would mend in order; one of the two is saved.
"""

import os
import time
from datetime import date, timedelta
from itertools import islice
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import DynamoDBStreamEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import TypeAdapter

from payments import gateway
from payments.auditor import Auditor
from payments.cashier import STRIPE, table
from payments.figures import of_report
from payments.items import running
from payments.metrics import emit
from payments.model import now
from payments.reconciliation import Phase, Progress, Report
from payments.statement import Statement
from payments.table import Conflict

logger = Logger()
tracer = Tracer(patch_modules=("botocore", "requests"))

DAYS = int(os.environ["RECONCILIATION_DAYS"])
"""How many days before this one are reconciled: what is late for one run is not for the next."""

BUDGET = 120.0
"""Seconds in which a step begins to look at payments. It has as long again to end."""

UNDER_WAY = timedelta(minutes=10)
"""A report that has moved on since is not begun anew."""

PAGE = 100
"""How many of this service's payments are looked at together."""

_DAYS = TypeAdapter(list[date])


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Begin the reports of the days before, or of {"days": ["2026-11-20"]}; or take their steps."""
    if "Records" not in event:
        for day in _DAYS.validate_python(event.get("days") or days_before(now().date())):
            begin(day)
        return
    for record in DynamoDBStreamEvent(event).records:
        if record.dynamodb and (report := running(record.dynamodb.new_image)):
            take_step(report)


def days_before(today: date) -> list[date]:
    """The days that are reconciled on a day, UTC."""
    return [today - timedelta(days=back) for back in range(1, DAYS + 1)]


def begin(day: date) -> None:
    """Begin the report of a day, in place of any before, unless that is under way."""
    held = table.report(day)
    if held and held.status is Progress.RUNNING and now() - held.updated_at < UNDER_WAY:
        logger.info("ignored: it is under way", day=day.isoformat())
        return
    try:
        table.save_report(Report.begin(day, now(), held))
    except Conflict:
        logger.info("ignored: another one began it", day=day.isoformat())
        return
    logger.info("reconciliation begun", day=day.isoformat())


def take_step(report: Report) -> None:
    """Go on with a report for a while, and save how far it came, which leads to the next step.

    Whoever dies before that leaves it to the same step, taken again: what was mended is in order
    then, so it is in the log, and the report does not count it.
    """
    day = report.day.isoformat()
    logger.set_correlation_id(f"reconciliation:{day}")
    tracer.put_annotation("day", day)
    moved = go_through(report, time.monotonic() + BUDGET).saved(now())
    if moved.status is Progress.DONE:
        emit(of_report(moved))  # before it is saved as done, so at least once
    try:
        table.save_report(moved)
    except Conflict:
        logger.info("ignored: this step was taken before", day=day)
        return
    told = moved.model_dump(mode="json", include={"status", "phase", "differences", "mended"})
    logger.info("reconciled", day=day, **told)


def go_through(report: Report, until: float) -> Report:
    """The report after all that there was time for, until that moment (time.monotonic)."""
    statement = Statement(gateway.client(*STRIPE))
    auditor = Auditor(statement, f"reconciliation:{report.day.isoformat()}")
    while report.status is Progress.RUNNING:
        match report.phase:
            case Phase.INTENTS:
                report = _intents(report, statement, auditor, until)
            case Phase.REFUNDS:
                report = _refunds(report, statement, auditor, until)
            case Phase.PAYMENTS:
                report = _payments(report, statement, auditor, until)
        if time.monotonic() >= until:
            break
    return report


def _intents(report: Report, statement: Statement, auditor: Auditor, until: float) -> Report:
    page, more = statement.intents(report.day, report.position)
    payments = table.payments(intent.order_id for intent in page if intent.order_id)
    for intent in page:
        payment = payments.get(intent.order_id or "")
        report = auditor.intent(report.counted(intents=1), intent, payment).at(intent.id)
        if time.monotonic() >= until:
            return report
    return report if more else report.through()


def _refunds(report: Report, statement: Statement, auditor: Auditor, until: float) -> Report:
    page, more = statement.refunds(report.day, report.position)
    payments = table.payments(made.order_id for made in page if made.order_id)
    for made in page:
        payment = payments.get(made.order_id or "")
        report = auditor.refund(report.counted(refunds=1), made, payment)
        report = report.at(made.refund.stripe_id)
        if time.monotonic() >= until:
            return report
    return report if more else report.through()


def _payments(report: Report, statement: Statement, auditor: Auditor, until: float) -> Report:
    page = list(islice(table.oldest_first(report.day, report.position), PAGE))
    known = {}
    if page:
        around = timedelta(minutes=1)
        first, last = page[0].requested_at, page[-1].requested_at
        known = statement.between(first - around, last + around)
    for listed in page:
        report = auditor.payment(report.counted(payments=1), listed, known).at(listed.place)
        if time.monotonic() >= until:
            return report
    return report if len(page) == PAGE else report.through()
