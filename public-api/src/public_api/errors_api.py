"""The part of the public API that shows managers what went wrong in the shop."""

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Query
from aws_lambda_powertools.event_handler.router import APIGatewayRouter
from pydantic import StringConstraints

from public_api.desk import error_log, manager
from public_api.model import Model
from public_api.raised import ErrorView, Kind
from public_api.requests import Cursor

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

Service = Annotated[
    str | None,
    StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$"),
    Query(description="Those that one service told, by its name: toys"),
]


class ErrorPage(Model):
    """Some of the errors, and the cursor of the next page (null: this is the last)."""

    items: list[ErrorView]
    cursor: str | None


@router.get(
    "/errors",
    tags=["errors"],
    responses={
        200: {
            "description": "A page of errors",
            "content": {"application/json": {"model": ErrorPage}},
        },
        403: {"description": "FORBIDDEN: it is for managers"},
    },
)
def list_errors(
    kind: Kind | None = None, service: Service = None, cursor: Cursor = None
) -> ErrorPage:
    """What went wrong of late, newest first, up to 25 a page. For managers only.

    A page of a narrowed list may be short, even empty, and still not be the last.
    """
    manager(router.current_event)
    errors, following = error_log.page(kind, service, cursor)
    return ErrorPage(
        items=[ErrorView.model_validate(error.model_dump()) for error in errors], cursor=following
    )
