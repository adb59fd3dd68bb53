"""What the parts of the public API share: the log, the tables, the shop's terms, and who asks."""

import os

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler.exceptions import ForbiddenError, UnauthorizedError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEvent
from pydantic import ValidationError

from public_api.bill import Terms
from public_api.catalogue import Catalogue
from public_api.checkout import Shopper
from public_api.error_log import ErrorLog
from public_api.lists import Lists
from public_api.table import PublicTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = PublicTable(os.environ["TABLE_NAME"])
catalogue = Catalogue(os.environ["CATALOGUE_NAME"])
lists = Lists(os.environ["CATALOGUE_NAME"])
error_log = ErrorLog(os.environ["TABLE_NAME"], int(os.environ["ERROR_DAYS"]))

MANAGERS = "managers"
"""The group of the user pool whose members see what is for managers only."""

TERMS = Terms(
    currency=os.environ["CURRENCY"],
    tax_rate=os.environ["TAX_RATE"],
    shipping_fee=int(os.environ["SHIPPING_FEE"]),
    free_shipping_from=int(os.environ["FREE_SHIPPING_FROM"]),
)


def shopper(event: APIGatewayProxyEvent) -> Shopper:
    """Who asks, as the token says, which API Gateway has checked. Answers 401 without one."""
    try:
        return Shopper.model_validate(event.request_context.authorizer.claims)
    except ValidationError as error:
        raise UnauthorizedError("Log in: the token names no shopper") from error


def manager(event: APIGatewayProxyEvent) -> Shopper:
    """Who asks, who has to be a manager. Answers 401 without a token, and others with 403."""
    someone = shopper(event)
    if MANAGERS not in someone.groups:
        raise ForbiddenError("This is for the shop's managers")
    return someone


def mark(order_id: str) -> None:
    """Let the log and the trace say which order the request is about."""
    logger.set_correlation_id(order_id)
    tracer.put_annotation("order_id", order_id)
