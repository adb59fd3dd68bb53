"""Private API: the catalogue and its stock, for those who run them. Requests are signed (AWS IAM).

An `ETag` stands for what the owner says of a toy, and for its pictures. Units that come and go
leave it as it is, so that a toy that sells well can be edited, too.
"""

import json
import os
import uuid
from functools import partial
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import (
    BadRequestError,
    ServiceError,
)
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.shared.json_encoder import Encoder
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from toys import errors, stock_api
from toys.adjustment import FIRST_STOCK, Adjustment
from toys.answers import (
    BUSY,
    TAKEN,
    BatchResults,
    Made,
    NotMade,
    ToyAnswer,
    ToyPage,
    answer,
    documented,
    etag,
    invalid,
    written,
)
from toys.catalogue import Catalogue
from toys.desk import existing, position, sealed, table
from toys.model import Money, now
from toys.requests import (
    Batch,
    CursorGiven,
    Id,
    IfMatch,
    Limit,
    PatchGiven,
    PictureOrder,
    is_matched,
    patch_as_json,
    signer,
)
from toys.search import BadSearch, Prefix, Search, Sort, asked_attributes
from toys.stock_api import adjust_stock, list_adjustments, list_reservations
from toys.toy import Availability, Label, Months, Toy, ToyDescription, ToyDraft

__all__ = ["adjust_stock", "list_adjustments", "list_reservations", "table"]
"""The other part's operations and the table: they are looked for here."""

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
# A letter is written as it is, not as the twelve characters of its two escapes: a page of toys has
# to fit into the six megabytes that Lambda answers.
app = APIGatewayRestResolver(
    enable_validation=True,
    json_body_deserializer=errors.parse_json,
    serializer=partial(json.dumps, separators=(",", ":"), cls=Encoder, ensure_ascii=False),
)
errors.install(app)
app.include_router(stock_api.router)
catalogue = Catalogue(os.environ["TABLE_NAME"])


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = patch_as_json(errors.lower_type(event))
    return errors.refuse(request) or app.resolve(request, context)


# The catalogue


@app.post(
    "/toys",
    status_code=201,
    responses=documented(201, "The toy as it is now", ToyAnswer) | TAKEN,
    tags=["catalogue"],
)
def create_toy(draft: ToyDraft) -> Response[ToyAnswer]:
    """Put a new toy into the catalogue.

    409 where a toy has its SKU: the answer names it. It may be the very one, if the answer to an
    earlier try was lost.
    """
    return answer(201, create(draft))


@app.post("/toys/batch", tags=["catalogue"])
def create_toys(batch: Batch) -> BatchResults:
    """Put up to 25 new toys into the catalogue, each with a result of its own.

    Each is what `POST /toys` would have made of it.
    """
    return BatchResults(results=[created(given) for given in batch.toys])


@app.get("/toys", tags=["catalogue"])
def search_toys(
    category: Annotated[Label | None, Query(description="Exactly this category")] = None,
    brand: Annotated[Label | None, Query(description="Exactly this brand")] = None,
    min_age: Annotated[
        Months | None, Query(alias="minAge", description="For children of these months or more")
    ] = None,
    max_age: Annotated[
        Months | None, Query(alias="maxAge", description="For children of these months or less")
    ] = None,
    min_price: Annotated[
        Money | None, Query(alias="minPrice", description="In minor units")
    ] = None,
    max_price: Annotated[
        Money | None, Query(alias="maxPrice", description="In minor units")
    ] = None,
    availability: Annotated[
        Availability | None, Query(description="By the stock as it is now")
    ] = None,
    name_prefix: Annotated[
        Prefix | None,
        Query(alias="namePrefix", description="How the name starts, in any case and accent"),
    ] = None,
    sort: Annotated[Sort, Query(description="newest: the latest first")] = Sort.NAME,
    limit: Limit = 25,
    cursor: CursorGiven = None,
) -> ToyPage:
    """Toys of the catalogue, a page at a time.

    `attribute.<name>=<text>`, for up to five names, asks for toys that have an attribute of that
    value: a text exactly, numbers, true and false as in JSON. Toys are found a moment after they
    were made or changed, by what they are then.
    """
    try:
        search = Search(
            category=category,
            brand=brand,
            min_age=min_age,
            max_age=max_age,
            min_price=min_price,
            max_price=max_price,
            availability=availability,
            name_prefix=name_prefix,
            attributes=asked_attributes(app.current_event.multi_value_query_string_parameters),
            sort=sort,
        )
    except BadSearch as error:
        raise BadRequestError(str(error)) from error
    except ValidationError as error:
        raise invalid(error, "query") from error
    toys, following = catalogue.page(search, limit, position(search.scope, cursor))
    items = [ToyAnswer.of(toy) for toy in toys]
    return ToyPage(items=items, cursor=sealed(search.scope, following))


@app.get("/toys/<toy_id>", tags=["catalogue"])
def get_toy(toy_id: Id) -> Response[ToyAnswer]:
    """One toy, with its revision as ETag."""
    return answer(200, existing(toy_id))


@app.put(
    "/toys/<toy_id>",
    responses=documented(200, "The toy as it is now", ToyAnswer) | TAKEN,
    tags=["catalogue"],
)
def replace_toy(
    toy_id: Id, description: ToyDescription, if_match: IfMatch = None
) -> Response[ToyAnswer]:
    """Describe a toy anew, if its owner did not change it since it was read.

    Its stock and its pictures stay as they are.
    """
    return answer(200, described(unchanged(toy_id, if_match), description))


@app.patch(
    "/toys/<toy_id>",
    responses=documented(200, "The toy as it is now", ToyAnswer) | TAKEN,
    tags=["catalogue"],
)
def patch_toy(toy_id: Id, patch: PatchGiven, if_match: IfMatch = None) -> Response[ToyAnswer]:
    """Change a part of a toy's description, if its owner did not change it since it was read.

    The body is a merge patch (RFC 7396), as application/merge-patch+json or application/json:
    what it names is set, null takes it away.
    """
    toy = unchanged(toy_id, if_match)
    try:
        description = patch.merged(toy)
    except ValidationError as error:
        raise invalid(error) from error
    return answer(200, described(toy, description))


@app.delete(
    "/toys/<toy_id>",
    status_code=204,
    responses=documented(204, "It is gone") | BUSY,
    tags=["catalogue"],
)
def delete_toy(toy_id: Id, if_match: IfMatch = None) -> Response[str]:
    """Take a toy out of the catalogue. Orders that hold some of it still settle."""
    toy = unchanged(toy_id, if_match).delete(now())
    with written():
        table.delete(toy)
    logger.info("toy deleted", toy_id=toy_id, version=toy.version)
    return Response(204, body="")


@app.put(
    "/toys/<toy_id>/pictures",
    responses=documented(200, "The toy as it is now", ToyAnswer) | BUSY,
    tags=["catalogue"],
)
def arrange_pictures(
    toy_id: Id, order: PictureOrder, if_match: IfMatch = None
) -> Response[ToyAnswer]:
    """Show a toy's pictures in another order. What comes later stands behind them."""
    toy = unchanged(toy_id, if_match)
    try:
        gallery = toy.gallery.arrange(order.file_ids)
    except ValueError as error:
        raise ServiceError(422, str(error)) from error
    with written():
        arranged = table.arrange(toy.arrange(gallery, now()))
    logger.info("pictures arranged", toy_id=toy_id, version=arranged.version)
    return answer(200, arranged)


# What operations have in common


def create(draft: ToyDraft) -> Toy:
    """A new toy, saved. Answers 409 where another one has its SKU."""
    toy = Toy.create(str(uuid.uuid4()), draft, now())
    first = (
        Adjustment(
            adjustment_id=str(uuid.uuid4()),
            toy_id=toy.toy_id,
            delta=toy.stock,
            reason=FIRST_STOCK,
            by=signer(app.current_event.raw_event),
            at=toy.created_at,
        )
        if toy.stock
        else None
    )
    with written():
        table.add(toy, first)
    logger.info("toy created", toy_id=toy.toy_id)
    return toy


def created(given: object) -> Made | NotMade:
    """What becomes of one toy of a batch, however wrong it is."""
    try:
        return Made(status=201, toy=ToyAnswer.of(create(ToyDraft.model_validate(given))))
    except ValidationError as error:
        return not_made(invalid(error))
    except ServiceError as error:
        return not_made(error)


def not_made(error: Exception) -> NotMade:
    """The error as it would have been answered."""
    handle = app.exception_handler_manager.lookup_exception_handler(type(error))
    assert handle
    told = handle(error)
    return NotMade(status=told.status_code, error=json.loads(told.body)["error"])


def described(toy: Toy, description: ToyDescription) -> Toy:
    """The toy as it is now described, saved. Answers 412 when it changed, 409 as `create` does."""
    with written():
        saved = table.describe(toy.describe(description, now()), toy)
    logger.info("toy described", toy_id=saved.toy_id, version=saved.version)
    return saved


def unchanged(toy_id: str, if_match: str | None) -> Toy:
    """The toy of that id. Answers 428 without If-Match, 412 when that means it no longer."""
    toy = existing(toy_id)
    if if_match is None:
        raise ServiceError(428, "The header If-Match is missing: it takes the ETag that was read")
    if not is_matched(if_match, etag(toy)):
        raise ServiceError(412, f"The toy has changed: it is now {etag(toy)}. Read it again")
    return toy
