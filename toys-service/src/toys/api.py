"""Private API: the catalogue, for those who run it. Requests are signed (AWS IAM)."""

import os
import uuid
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Header, Path, Query
from aws_lambda_powertools.utilities.typing import LambdaContext

from toys import errors
from toys.model import Model, now
from toys.table import Busy, Conflict, ToysTable
from toys.toy import Toy, ToyDraft

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = ToysTable(os.environ["TABLE_NAME"])

Id = Annotated[str, Path(max_length=100)]
IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", description="The ETag that was last read; 428 when it is missing"),
]


class ToyPage(Model):
    """Some toys of the catalogue, and the cursor of the next page (null: this is the last)."""

    items: list[Toy]
    cursor: str | None


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.post("/toys", status_code=201, tags=["catalogue"])
def create_toy(draft: ToyDraft) -> Response[Toy]:
    """Put a new toy into the catalogue."""
    toy = Toy.create(str(uuid.uuid4()), draft, now())
    table.add(toy)
    logger.info("toy created", toy_id=toy.toy_id)
    return answer(201, toy)


@app.get("/toys", tags=["catalogue"])
def list_toys(
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None, Query(min_length=1, max_length=100, description="From the page before")
    ] = None,
) -> ToyPage:
    """The catalogue, a page at a time."""
    toys, following = table.listed(limit, cursor)
    return ToyPage(items=toys, cursor=following)


@app.get("/toys/<toy_id>", tags=["catalogue"])
def get_toy(toy_id: Id) -> Response[Toy]:
    """One toy, with its version as ETag."""
    return answer(200, existing(toy_id))


@app.put("/toys/<toy_id>", tags=["catalogue"])
def replace_toy(toy_id: Id, draft: ToyDraft, if_match: IfMatch = None) -> Response[Toy]:
    """Describe a toy anew, stock included, if nothing happened to it since it was read."""
    toy = unchanged(toy_id, if_match).replace(draft, now())
    save(toy)
    return answer(200, toy)


@app.delete("/toys/<toy_id>", status_code=204, tags=["catalogue"])
def delete_toy(toy_id: Id, if_match: IfMatch = None) -> Response[None]:
    """Take a toy out of the catalogue. Orders that hold some of it still settle."""
    save(unchanged(toy_id, if_match).delete(now()))
    return Response(204)


def existing(toy_id: str) -> Toy:
    """The toy of that id. Answers 404 when the catalogue does not have it."""
    toy = table.toy(toy_id)
    if toy is None or toy.deleted_at:
        raise NotFoundError(f"There is no toy {toy_id}")
    return toy


def unchanged(toy_id: str, if_match: str | None) -> Toy:
    """The toy of that id. Answers 428 without its ETag, 412 when that is no longer the one."""
    toy = existing(toy_id)
    if if_match is None:
        raise ServiceError(428, "The header If-Match is missing: it takes the ETag that was read")
    if if_match != etag(toy):
        raise ServiceError(412, f"The toy has changed: it is now {etag(toy)}. Read it again")
    return toy


def save(toy: Toy) -> None:
    """Save the next version of a toy. Answers 412 when another came first."""
    try:
        table.save(toy)
    except (Conflict, Busy) as error:
        raise ServiceError(412, "The toy has just changed. Read it again") from error
    logger.info("toy saved", toy_id=toy.toy_id, version=toy.version)


def etag(toy: Toy) -> str:
    """The entity tag of a toy's version."""
    return f'"{toy.version}"'


def answer(status: int, toy: Toy) -> Response[Toy]:
    """The toy, with its version as ETag."""
    return Response(status, content_types.APPLICATION_JSON, toy, headers={"ETag": etag(toy)})
