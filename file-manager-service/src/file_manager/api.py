"""Private API: the files, for those who may read them. Requests are signed (AWS IAM)."""

import os
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from file_manager import errors
from file_manager.bucket import FilesBucket, Link
from file_manager.file import File, Owner, Status
from file_manager.model import Model, now
from file_manager.table import FilesTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = FilesTable(os.environ["TABLE_NAME"])
bucket = FilesBucket(os.environ["BUCKET_NAME"])

Id = Annotated[str, Path(max_length=100)]


class FileDetails(File):
    """A file, and the link to its content."""

    link: Link | None = Field(description="Works for five minutes; null when nothing is stored")


class FilePage(Model):
    """Some files of an owner, and the cursor of the next page (null: this is the last)."""

    items: list[File]
    cursor: str | None


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/files", tags=["files"])
def list_files(
    owner: Annotated[Owner, Query(description="Whose files: urn:tbs:<kind>:<id>")],
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=100, description="From the page before")
    ] = None,
) -> FilePage:
    """The files of one owner, rejected ones too, a page at a time."""
    files, following = table.owned(owner, limit, cursor)
    return FilePage(items=files, cursor=following)


@app.get("/files/<file_id>", tags=["files"])
def get_file(file_id: Id) -> Response[FileDetails]:
    """One file, with a link to its content that works for five minutes."""
    file = table.file(file_id)
    if file is None:
        raise NotFoundError(f"There is no file {file_id}")
    link = bucket.link(file, now()) if file.status is Status.STORED else None
    details = FileDetails(**file.model_dump(by_alias=False), link=link)
    headers = {"Cache-Control": "no-store"}
    return Response(200, content_types.APPLICATION_JSON, details, headers=headers)
