"""Feedback: learns from SES' reports which mails bounced, and whom not to write to any more."""

import os
from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from notification import losses
from notification.delivery import Letter, Poison, QueueProcessor
from notification.mail import Report, Status
from notification.model import now
from notification.raised import of_letter
from notification.report import Told, parse
from notification.suppression import Cause, Suppression, normalised
from notification.table import MailsTable, SuppressionsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = MailsTable(os.environ["TABLE_NAME"], timedelta(days=int(os.environ["RETENTION_DAYS"])))
suppressions = SuppressionsTable(os.environ["SUPPRESSIONS_TABLE_NAME"])

SUPPRESSED_FOR = timedelta(days=int(os.environ["SUPPRESSION_DAYS"]))
"""How long an address is on the list after its latest bounce."""


def keep(letter: Letter) -> None:
    """Keep that a report becomes a dead letter: the outbox tells managers of it."""
    table.keep(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, keep
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of reports. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one report. Raises Poison for what SES never tells."""
    try:
        told = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    if told is None:
        logger.info("SES knows the topic")
        return
    mark(told)
    if told.report.is_lasting:
        for address in told.addresses:
            suppress(address, told.report)
    if told.mail_id is None:
        logger.warning("no mail of ours", ses_message_id=told.report.ses_message_id)
    else:
        note(told.mail_id, told.report)


def mark(told: Told) -> None:
    """Let the log and the trace say which report it is, by SES' id of the mail."""
    logger.append_keys(message_id=told.report.ses_message_id, message_name=told.name)
    tracer.put_annotation("message", told.name)
    tracer.put_annotation("message_id", told.report.ses_message_id)


def suppress(address: str, report: Report) -> None:
    """Put an address on the list, unless it is there, or was taken off it since."""
    suppression = Suppression(
        address=normalised(address),
        cause=Cause.COMPLAINT if report.status is Status.COMPLAINED else Cause.BOUNCE,
        detail=report.reason,
        suppressed_at=report.reported_at,
        until=report.reported_at + SUPPRESSED_FOR,
    )
    if suppressions.add(suppression):
        logger.info("address suppressed", cause=suppression.cause, detail=suppression.detail)


def note(mail_id: str, report: Report) -> None:
    """Keep what was reported of a mail. Raises Conflict while it changes: the report comes again.

    A mail is there from before it was sent until long after. One that is not was forgotten.
    """
    mail = table.mail(mail_id)
    if mail is None:
        logger.warning("forgotten", mail_id=mail_id, reason=report.reason)
        return
    logger.set_correlation_id(mail.correlation_id)
    tracer.put_annotation("order_id", mail.order_id)
    reported = mail.reported(report, now())
    if reported is mail:
        logger.info("ignored: known before", mail_id=mail_id, status=mail.status)
        return
    losses.count(mail, reported)
    table.save(reported)
    logger.info(
        "reported",
        mail_id=mail_id,
        template=mail.template,
        status=reported.status,
        reason=reported.reason,
    )
