"""What the private API answers."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal, Self

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import Field, ValidationError

from toys.adjustment import Adjustment
from toys.model import Model
from toys.picture import ShownPicture
from toys.reservation import ReservedLine
from toys.table import Busy, Conflict, SkuTaken
from toys.toy import Catalogued, Toy

Cursor = Annotated[
    str | None, Field(description="Of the next page; null: this is the last. Good for this list")
]


class ToyAnswer(Catalogued):
    """A toy as its keepers see it, with its pictures as shoppers do, and the file it may be."""

    pictures: tuple[ShownPicture, ...]
    download_file_id: Annotated[
        str | None,
        Field(description="The private file that is sold where it is digital; null: none is there"),
    ] = None

    @classmethod
    def of(cls, toy: Toy) -> Self:
        """The answer for a toy."""
        return cls.model_validate(toy, from_attributes=True)


class ToyPage(Model):
    """Some toys of the catalogue. There may be fewer than asked for, and yet more pages."""

    items: list[ToyAnswer]
    cursor: Cursor


class AdjustmentPage(Model):
    """Some adjustments of a toy's stock, the newest first."""

    items: list[Adjustment]
    cursor: Cursor


class ReservationPage(Model):
    """What some orders hold of a toy, or held, the newest first."""

    items: list[ReservedLine]
    cursor: Cursor


class Made(Model):
    """The toy is in the catalogue."""

    status: Literal[201]
    toy: ToyAnswer


class BatchError(Model):
    """What is wrong with a toy, as `POST /toys` would have said it."""

    code: str
    message: str
    details: list[Any]


class NotMade(Model):
    """The toy is not in the catalogue."""

    status: Literal[400, 409, 422]
    error: BatchError


class BatchResults(Model):
    """What became of each toy, in the order in which they came."""

    results: list[Made | NotMade]


def etag(toy: Toy) -> str:
    """The entity tag of a toy's revision."""
    return f'"{toy.revision}"'


def answer(status: int, toy: Toy) -> Response[ToyAnswer]:
    """The toy, with its revision as ETag."""
    told, headers = ToyAnswer.of(toy), {"ETag": etag(toy)}
    return Response(status, content_types.APPLICATION_JSON, told, headers=headers)


Documented = dict[int, OpenAPIResponse]
"""The answers of an operation by status, for openapi.json. It says the usual errors by itself."""


def documented(status: int, description: str, model: type[Model] | None = None) -> Documented:
    """An answer, and what is in it. What is in an error is said of all of them."""
    if model is None:
        return {status: {"description": description}}
    content: dict[str, Any] = {"application/json": {"model": model}}
    return {status: {"description": description, "content": content}}


TAKEN = documented(409, "CONFLICT: a toy, which the answer names, has that SKU already")
BUSY = documented(409, "CONFLICT: others write the toy at this moment. Try again")


@contextmanager
def written() -> Iterator[None]:
    """Answers 409 where a SKU is taken or fought for, and 412 where the toy has changed."""
    try:
        yield
    except SkuTaken as error:
        raise ServiceError(409, str(error)) from error
    except Conflict as error:
        raise stale() from error
    except Busy as error:
        raise ServiceError(409, "Others are writing the same just now. Try again") from error


def unknown(toy_id: str) -> NotFoundError:
    """The answer for a toy that is not there."""
    return NotFoundError(f"There is no toy {toy_id}")


def stale() -> ServiceError:
    """The answer for a toy that changed meanwhile."""
    return ServiceError(412, "The toy has just changed. Read it again")


def invalid(error: ValidationError, place: str = "body") -> RequestValidationError:
    """The answer for a value that the models refuse, in that part of the request."""
    return RequestValidationError([e | {"loc": (place, *e["loc"])} for e in error.errors()])
