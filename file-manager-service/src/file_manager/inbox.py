"""Inbox: stores files and shares them, as the messages in its queue say."""

import os
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from file_manager import shares
from file_manager.bucket import FilesBuckets
from file_manager.delivery import Letter, Poison, QueueProcessor
from file_manager.file import File, Status, file_id
from file_manager.message import Metadata
from file_manager.messages import ShareFile, StoreFile, parse
from file_manager.model import now
from file_manager.raised import of_letter
from file_manager.share_items import SharesTable
from file_manager.shelf import SharedFiles
from file_manager.table import Conflict
from file_manager.tracing import root

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = SharesTable(os.environ["TABLE_NAME"])
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"])
shelf = SharedFiles(os.environ["BUCKET_NAME"])


def note(letter: Letter) -> None:
    """Keep that a message becomes a dead letter: the outbox tells managers of it."""
    table.note(of_letter(*letter, now()))


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
    match message:
        case StoreFile():
            store(sender, message)
        case ShareFile():
            shares.share(message, table, shelf, logger)


def mark(name: str, metadata: Metadata) -> None:
    """Let the log and the trace say which message it is, and which trace led to it."""
    logger.append_keys(
        correlation_id=metadata.correlation_id, message_id=metadata.id, message_name=name
    )
    tracer.put_annotation("order_id", metadata.correlation_id)
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", metadata.id)
    if caused_by := root(metadata.trace):
        tracer.put_annotation("caused_by", caused_by)


def store(sender: str, command: StoreFile) -> None:
    """Write the content, then the item, which commits it; or only the item that rejects it.

    What a crash in between leaves is an object that nothing names, and the command, coming again,
    writes it once more. Where the file was deleted meanwhile, it is taken away again.
    """
    given, cause = command.data, command.metadata
    file = File.of(file_id(sender, cause.id), given, cause.correlation_id, cause.id, now())
    kept = table.file(file.file_id)
    if kept is None:
        if file.status is Status.STORED:
            buckets.put_text(file, given.body)
        try:
            table.add(file)
        except Conflict:
            kept = table.file(file.file_id)
    if kept is not None:
        logger.info("ignored: decided before", file_id=file.file_id, status=kept.status)
        if file.status is Status.STORED and kept.status is not Status.STORED:
            buckets.clear(file)
        return
    match file.status:
        case Status.STORED:
            logger.info("stored", file_id=file.file_id, owner=file.owner, size=file.size)
        case Status.REJECTED:
            logger.warning("rejected", file_id=file.file_id, owner=file.owner, reason=file.reason)
