"""Inbox: sends e-mails, as the messages in its queue say."""

import os
import random
from datetime import timedelta
from time import sleep
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from notification import losses
from notification.delivery import Letter, Poison, QueueProcessor
from notification.letter import write
from notification.mail import Mail, Status, mail_id, tag
from notification.message import Metadata
from notification.messages import SendEmail, parse
from notification.model import now
from notification.post import NotTaken, Post, Refused
from notification.raised import of_letter
from notification.table import Conflict, MailsTable, SuppressionsTable
from notification.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = MailsTable(os.environ["TABLE_NAME"], timedelta(days=int(os.environ["RETENTION_DAYS"])))
suppressions = SuppressionsTable(os.environ["SUPPRESSIONS_TABLE_NAME"])
post = Post(os.environ["SENDER_ADDRESS"], os.environ["CONFIGURATION_SET"])

PAUSES = (0.1, 0.4)
"""Seconds that are waited, at most, before what became of a mail is saved again."""


def note(letter: Letter) -> None:
    """Keep that a message becomes a dead letter: the outbox tells managers of it."""
    table.keep(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, note
)


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of messages. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one message. Raises Poison for what no message of ours looks like."""
    try:
        sender, message = parse(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    mark(type(message).__name__, message.metadata)
    tracer.put_annotation("order_id", message.data.content.order_id)
    send(sender, message)


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def send(sender: str, command: SendEmail) -> None:
    """Send the e-mail that is asked for, unless that was done.

    Nobody can send and write it down in one step. So who sends claims the mail first, for longer
    than it can take; only where a claim ran out, since its worker was never heard of again, the
    mail is sent anew. Raises Conflict while another has it: the message comes again. So it does
    when SES says that it has not taken the mail: then the claim ends at once. To an address on the
    suppression list nothing is sent.
    """
    content = command.data.content
    letter = write(content, command.data.locale)
    suppression = suppressions.of(command.data.to, now())
    mail = claim(mail_id(sender, command.metadata.id), command)
    if mail is None:
        return
    if suppression:
        reason = f"{suppression.cause}: {suppression.detail}"
        save_lost(mail, mail.suppressed(reason, now()))
        logger.info("suppressed", mail_id=mail.mail_id, template=mail.template, reason=reason)
        return
    try:
        ses_message_id = post.send(command.data.to, letter, tags(mail))
    except Refused as refusal:
        save_lost(mail, mail.failed(str(refusal), now()))
        logger.error("failed", mail_id=mail.mail_id, template=mail.template, reason=str(refusal))
        return
    except NotTaken:
        let_go(mail)
        raise
    save(mail.sent(ses_message_id, now()))
    logger.info("sent", mail_id=mail.mail_id, template=mail.template, ses_message_id=ses_message_id)


def tags(mail: Mail) -> dict[str, str]:
    """What SES is to say of a mail when it reports on it: which one it is."""
    id_ = tag(mail.mail_id)
    return {"template": mail.template} | ({"mail": id_} if id_ else {})


def save(mail: Mail) -> None:
    """Save a mail that SES took. Tried again at once: if it is lost, the mail goes out twice.

    A try that failed may have saved it all the same, and the next one raises Conflict. The message
    then comes again and finds it.
    """
    for longest in PAUSES:
        try:
            return table.save(mail)
        except (BotoCoreError, ClientError):
            logger.warning("not saved", mail_id=mail.mail_id, exc_info=True)
            sleep(random.uniform(0, longest))
    return table.save(mail)


def save_lost(before: Mail, mail: Mail) -> None:
    """Save a mail that will not be sent, once it is counted."""
    losses.count(before, mail)
    table.save(mail)


def let_go(mail: Mail) -> None:
    """End the claim of a mail that SES did not take. Where that fails, it ends by itself."""
    try:
        table.save(mail.let_go(now()))
    except (BotoCoreError, ClientError, Conflict):
        logger.exception("claim not ended", mail_id=mail.mail_id)


def claim(id_: str, command: SendEmail) -> Mail | None:
    """The mail, now ours to send; None when nothing is left to do. Raises Conflict otherwise."""
    at, cause = now(), command.metadata
    match table.mail(id_):
        case None:
            about = command.data.content
            order_id, template = about.order_id, about.template
            mail = Mail.claim(id_, order_id, template, cause.correlation_id, cause.id, at)
            table.add(mail)
        case Mail(status=Status.SENDING) as theirs:
            if theirs.is_being_sent(at):
                raise Conflict(f"mail {id_} is being sent")
            mail = theirs.claim_again(at)
            table.save(mail)
            if not theirs.is_let_go:
                logger.warning("claimed again: it may have been sent before", mail_id=id_)
        case settled:
            logger.info("ignored: settled before", mail_id=id_, status=settled.status)
            return None
    return mail
