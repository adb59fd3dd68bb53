"""What all operations of the private API work with: the table, and cursors."""

import os

from aws_lambda_powertools.event_handler.exceptions import BadRequestError
from aws_lambda_powertools.utilities import parameters

from toys.answers import unknown
from toys.cursor import BadCursor, Cursors, Position
from toys.table import ToysTable
from toys.toy import Toy

table = ToysTable(os.environ["TABLE_NAME"])

KEY_MAX_AGE = 900
"""Seconds until the key of the cursors is read again. Once it is another, they are not good."""


def cursor_key() -> bytes:
    """What cursors are sealed with."""
    arn = os.environ["CURSOR_KEY_ARN"]
    return str(parameters.get_secret(arn, max_age=KEY_MAX_AGE)).encode()


cursors = Cursors(cursor_key)


def existing(toy_id: str) -> Toy:
    """The toy of that id. Answers 404 when the catalogue does not have it."""
    toy = known(toy_id)
    if toy.deleted_at:
        raise unknown(toy_id)
    return toy


def known(toy_id: str) -> Toy:
    """The toy of that id, in the catalogue or gone from it. Answers 404 when it never was."""
    toy = table.toy(toy_id)
    if toy is None:
        raise unknown(toy_id)
    return toy


def position(scope: str, cursor: str | None) -> Position | None:
    """Where the page begins that a cursor stands for. Answers 400 where it is none of that list."""
    try:
        return None if cursor is None else cursors.open(scope, cursor)
    except BadCursor as error:
        raise BadRequestError(str(error)) from error


def sealed(scope: str, following: Position | None) -> str | None:
    """The cursor of the next page, where there is one."""
    return cursors.seal(scope, following) if following else None
