"""The part of the public API that shows the catalogue to everybody."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import Field, ValidationError

from public_api import cursor as cursors
from public_api import search as searches
from public_api.desk import catalogue, lists
from public_api.etag import PUBLIC, answers, conditional
from public_api.model import Model, Money
from public_api.requests import Cursor, Id, Limit
from public_api.search import BadSearch, Label, Months, Search, Sort, asked_attributes
from public_api.toy import Availability, Category, Toy

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


class ToyPage(Model):
    """Some toys on sale. There may be fewer than asked for, and yet more pages."""

    items: list[Toy]
    cursor: str | None = Field(
        description="Of the next page of this search; null: this is the last"
    )


class Categories(Model):
    """The categories that have toys, by name."""

    items: list[Category]


@router.get("/toys", tags=["catalogue"], responses=answers(ToyPage, "A page of the toys"))
def list_toys(
    q: Annotated[
        searches.Query,
        Query(description="Words of the toy, in any case and accent. The last may be begun only"),
    ] = "",
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
    availability: Annotated[Availability | None, Query(description="By the stock as told")] = None,
    sort: Annotated[
        Sort, Query(description="-price: the dearest first; newest: the latest first")
    ] = Sort.NAME,
    limit: Limit = 25,
    cursor: Cursor = None,
) -> Response[ToyPage]:
    """The toys on sale that are asked for, a page at a time.

    `attribute.<name>=<text>`, for up to five names, asks for toys that have an attribute of that
    value: a text exactly, numbers, true and false as in JSON.
    """
    event = router.current_event
    try:
        search = Search(
            q=q,
            category=category,
            brand=brand,
            min_age=min_age,
            max_age=max_age,
            min_price=min_price,
            max_price=max_price,
            availability=availability,
            attributes=asked_attributes(event.resolved_query_string_parameters),
            sort=sort,
        )
    except BadSearch as error:
        raise BadRequestError(str(error)) from error
    except ValidationError as error:
        found = [{**each, "loc": ("query", *each["loc"])} for each in error.errors()]
        raise RequestValidationError(found) from error
    position = None if cursor is None else cursors.read(search.scope, cursor)
    toys, following = lists.page(search, limit, position)
    page = ToyPage(
        items=toys, cursor=None if following is None else cursors.write(search.scope, following)
    )
    return conditional(event, page, PUBLIC)


@router.get("/toys/<toy_id>", tags=["catalogue"], responses=answers(Toy, "The toy as it is"))
def get_toy(toy_id: Id) -> Response[Toy]:
    """One toy."""
    toy = catalogue.toy(toy_id)
    if toy is None:
        raise NotFoundError(f"There is no toy {toy_id}")
    return conditional(router.current_event, toy, PUBLIC)


@router.get(
    "/categories", tags=["catalogue"], responses=answers(Categories, "All categories, by name")
)
def list_categories() -> Response[Categories]:
    """The categories that have toys, each with how many it has."""
    return conditional(router.current_event, Categories(items=catalogue.categories()), PUBLIC)
