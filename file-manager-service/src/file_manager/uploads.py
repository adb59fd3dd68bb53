"""Uploads: judges what S3 says has come, and stores it in the form in which it is served."""

import os
import uuid
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from file_manager import content, image, places
from file_manager.bucket import FilesBuckets
from file_manager.cdn import Cdn
from file_manager.content import Faulty
from file_manager.delivery import Letter, Poison, QueueProcessor
from file_manager.file import File, Rejection, Status
from file_manager.model import Model, now
from file_manager.raised import of_letter
from file_manager.table import Conflict, FilesTable

PATIENCE = 3
"""Seconds that each try of a call waits for S3: what it reads and writes may be megabytes."""

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = FilesTable(os.environ["TABLE_NAME"])
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"], PATIENCE)
cdn = Cdn(os.environ["DISTRIBUTION_ID"])


def note(letter: Letter) -> None:
    """Keep that an upload becomes a dead letter: the outbox tells managers of it."""
    table.note(of_letter(*letter, now()))


processor = QueueProcessor(
    os.environ["QUEUE_URL"], os.environ["DEAD_LETTER_QUEUE_URL"], logger, note
)


class _Object(Model):
    key: str = Field(pattern=f"^{places.INCOMING}.")


class _Detail(Model):
    object: _Object


class ObjectCreated(Model):
    """What EventBridge says of S3's "Object Created", as far as it is needed."""

    id: str = Field(description="Of the event")
    detail: _Detail


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on a batch of S3's events. Those that failed come again; the rest do not."""
    return process_partial_response(event, receive, processor, context)


@tracer.capture_method(capture_response=False, capture_error=False)
def receive(record: SQSRecord) -> None:
    """Act on one event. Raises Poison for what S3 never says."""
    try:
        created = ObjectCreated.model_validate_json(record.body)
    except ValueError as error:
        raise Poison(str(error)) from error
    file_id, name = places.uploaded(created.detail.object.key), ObjectCreated.__name__
    logger.append_keys(correlation_id=file_id, message_id=created.id, message_name=name)
    tracer.put_annotation("file_id", file_id)
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", created.id)
    settle(file_id)


def settle(file_id: str) -> None:
    """Make of an upload what is served, then commit it; or commit that it is rejected.

    The event may come twice, late, and at the same time as another upload to the same form, a
    DELETE or the sweep: whoever changes the item first decides. Who comes second takes away what
    it wrote; and so does the event, when it comes again after a crash.
    """
    file = table.file(file_id)
    if file is None:
        logger.warning("ignored: an upload for no file")
        buckets.discard_upload(file_id)
        return
    if file.status is not Status.PENDING:
        tidy(file)
        return
    arrival = buckets.arrived(file)
    if arrival is None:
        # S3 forgets nothing: another event of this upload, or the cleaner, was here. The file may
        # be stored by now, with what was left of an earlier try beside it.
        file = table.file(file_id) or file
        logger.info("ignored: the upload is gone", status=file.status)
        if file.status is not Status.PENDING:
            tidy(file)
        return
    settled = judged(file, arrival.body, arrival.size)
    if settled is None:
        tidy(table.file(file_id) or file)
        return
    try:
        table.save(settled, after=file)
    except Conflict:
        kept = table.file(file_id)
        logger.info("ignored: decided at the same time", status=kept and kept.status)
        tidy(kept or file)
        return
    logger.info(
        "upload judged",
        status=settled.status,
        reason=settled.reason,
        owner=settled.owner,
        size=settled.size,
    )


def judged(file: File, body: bytes, size: int) -> File | None:
    """What becomes of the file by this upload. All its objects are written, if it is stored.

    None: it was decided while the image was worked on, and nothing is written.
    """
    fault = content.mismatch(file.content_type, file.size, body)
    made: dict[str, bytes] = {}
    if fault is None and file.content_type in content.IMAGE_TYPES:
        try:
            made = image.renditions(body, file.content_type)
        except Faulty as faulty:
            fault = faulty.fault
    if fault:
        return file.reject(Rejection(fault), size, now())
    # That took a second or more. What was deleted meanwhile shall not be there again.
    if table.file(file.file_id) != file:
        return None
    stored = file.store(body, now())
    if sizes := places.keys(stored).renditions:
        for name, key in sizes.model_dump().items():
            buckets.put_rendition(stored, key, made[name])
    else:
        buckets.put_document(stored, body)
    return stored


def tidy(file: File) -> None:
    """Leave of the file what its item names: nothing uploaded, and nothing that is not stored."""
    logger.info("tidied up", status=file.status)
    buckets.discard_upload(file.file_id)
    buckets.clear(file, keep=file if file.status is Status.STORED else None)
    if file.status is Status.DELETED and places.was_shown(file):
        # What was written late may have been asked for since CloudFront was told by the cleaner.
        cdn.forget([file], str(uuid.uuid4()))
