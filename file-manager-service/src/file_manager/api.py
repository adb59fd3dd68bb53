"""Private API: the files, for those who may read and write them. Requests are signed (AWS IAM)."""

import os
import uuid
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from file_manager import errors, places
from file_manager.bucket import FilesBuckets, Form, Link
from file_manager.file import File, Owner, Status
from file_manager.model import Model, Timestamp, now
from file_manager.places import Renditions
from file_manager.share import ShareStatus
from file_manager.share_items import SharesTable
from file_manager.table import Conflict
from file_manager.upload import UploadRequest

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = SharesTable(os.environ["TABLE_NAME"])
buckets = FilesBuckets(os.environ["BUCKET_NAME"], os.environ["RECEIPTS_BUCKET_NAME"])

PUBLIC_URL = os.environ["PUBLIC_URL"]
CHANGES = 3
"""How often a file may change under a DELETE: it can change twice."""

Id = Annotated[str, Path(max_length=100)]


class AnnouncedFile(File):
    """A file that waits for its upload, and the form for it."""

    upload: Form = Field(description="Takes one upload, for fifteen minutes")


class FileDetails(File):
    """A file, and where its content is."""

    url: str | None = Field(description="What anybody may open; null unless stored and public")
    renditions: Renditions | None = Field(
        description="The URLs of an image's sizes; null unless stored and public"
    )
    link: Link | None = Field(
        description="Opens a private file for five minutes; null unless stored and private"
    )


class FilePage(Model):
    """Some files of an owner, and the cursor of the next page (null: this is the last)."""

    items: list[File] = Field(description="Fewer than `limit` where deleted ones lay between")
    cursor: str | None


class ShownShare(Model):
    """A share, without its link."""

    share_id: str
    status: ShareStatus
    created_at: Timestamp
    expires_at: Timestamp | None = Field(description="Null unless it was shared")


class SharePage(Model):
    """Some shares of a file, and the cursor of the next page (null: this is the last)."""

    items: list[ShownShare]
    cursor: str | None


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.post("/files", status_code=201, tags=["files"])
def announce_file(request: UploadRequest) -> Response[AnnouncedFile]:
    """Announce a file. The answer holds the form that takes its content, and nothing else."""
    at = now()
    file = request.file(str(uuid.uuid4()), at)
    table.add(file)
    mark(file)
    logger.info("file announced", file_id=file.file_id, owner=file.owner)
    announced = AnnouncedFile(**file.model_dump(by_alias=False), upload=buckets.form(file, at))
    return answer(201, announced)


@app.get("/files", tags=["files"])
def list_files(
    owner: Annotated[Owner, Query(description="Whose files: urn:tbs:<kind>:<id>")],
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=100, description="From the page before")
    ] = None,
) -> FilePage:
    """The files of one owner, whatever became of them, a page at a time. Deleted ones are left out.

    A file shows here a moment after it was announced.
    """
    files, following = table.owned(owner, limit, cursor)
    return FilePage(items=files, cursor=following)


@app.get("/files/<file_id>", tags=["files"])
def get_file(file_id: Id) -> Response[FileDetails]:
    """One file: what became of it, and where its content is."""
    file = existing(file_id)
    shown = places.addresses(file, PUBLIC_URL) if file.status is Status.STORED else None
    is_linked = file.status is Status.STORED and not file.is_public
    details = FileDetails(
        **file.model_dump(by_alias=False),
        url=shown and shown.url,
        renditions=shown and shown.renditions,
        link=buckets.link(file, now()) if is_linked else None,
    )
    return answer(200, details)


@app.get("/files/<file_id>/shares", tags=["files"])
def list_shares(
    file_id: Id,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=100, description="From the page before")
    ] = None,
) -> SharePage:
    """Who was given a link to a file, a page at a time. The links are shown to nobody.

    A share shows here a moment after it was made, and for thirty days after it is over, that of a
    deleted file, too.
    """
    shares, following = table.shares_of(file_id, limit, cursor)
    if not shares and cursor is None:
        existing(file_id)
    items = [ShownShare(**share.model_dump(by_alias=False)) for share in shares]
    return SharePage(items=items, cursor=following)


@app.delete("/files/<file_id>", status_code=204, tags=["files"])
def delete_file(file_id: Id) -> Response[str]:
    """Delete a file, whatever became of it. Its content is gone a moment later, everywhere.

    Deleting it again is the same, for as long as it is known that it was.
    """
    for _ in range(CHANGES):
        file = table.file(file_id)
        if file is None:
            raise NotFoundError(f"There is no file {file_id}")
        mark(file)
        if file.status is Status.DELETED:
            return Response(204, body="")
        try:
            table.save(file.delete(now()), after=file)
        except Conflict:
            continue
        logger.info("file deleted", file_id=file_id, owner=file.owner, was=file.status)
        return Response(204, body="")
    raise ServiceError(409, "The file changes at this moment. Try again")


def existing(file_id: str) -> File:
    """The file of that id. Answers 404 when there is none, or it is deleted."""
    file = table.file(file_id)
    if file is None or file.status is Status.DELETED:
        raise NotFoundError(f"There is no file {file_id}")
    mark(file)
    return file


def mark(file: File) -> None:
    """Let the log and the trace say which file the request is about, and of which order it is."""
    logger.set_correlation_id(file.correlation_id)
    tracer.put_annotation("file_id", file.file_id)
    if file.order_id:
        tracer.put_annotation("order_id", file.order_id)


def answer[T: Model](status: int, found: T) -> Response[T]:
    """An answer that nobody may keep: what it holds works for minutes."""
    headers = {"Cache-Control": "no-store"}
    return Response(status, content_types.APPLICATION_JSON, found, headers=headers)
