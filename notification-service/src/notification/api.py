"""Private API: what was mailed, and to whom nothing is mailed any more. Requests are signed."""

import os
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import unquote

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response, content_types
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from notification import errors
from notification.account_list import AccountList, SesFailed
from notification.mail import Mail, Status
from notification.model import Model, Timestamp, now
from notification.suppression import Suppression, normalised
from notification.table import MailsTable, SuppressionsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = MailsTable(os.environ["TABLE_NAME"], timedelta(days=int(os.environ["RETENTION_DAYS"])))
suppressions = SuppressionsTable(os.environ["SUPPRESSIONS_TABLE_NAME"])
account_list = AccountList()

Limit = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[
    str | None,
    Query(pattern=r"^[0-9TZ:.-]{1,40}#[!-~]{1,600}$", description="From the page before"),
]
Address = Annotated[str, Path(max_length=1000, description="Percent-encoded, as in all URLs")]


class Email(Model):
    """One e-mail that was asked for. Its address and its text are not kept."""

    mail_id: str = Field(description="<sender>/<metadata.id> of the message that asked for it")
    order_id: str
    template: str
    status: Status
    reason: str | None = Field(
        description="FAILED, SUPPRESSED: why. Else what SES reported: Permanent/NoEmail, abuse, …"
    )
    ses_message_id: str | None
    created_at: Timestamp
    updated_at: Timestamp
    reported_at: Timestamp | None = Field(description="When it bounced, or the complaint came")

    @classmethod
    def of(cls, mail: Mail) -> "Email":
        """What is shown of a mail."""
        return cls.model_validate({name: getattr(mail, name) for name in cls.model_fields})


class EmailPage(Model):
    """Some e-mails, newest first, and the cursor of the next page (null: this is the last)."""

    items: list[Email]
    cursor: str | None


class SuppressionPage(Model):
    """Some of the list, latest first, and the cursor of the next page (null: this is the last)."""

    items: list[Suppression] = Field(description="Fewer than `limit` where some were just over")
    cursor: str | None


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/emails", tags=["emails"])
def list_emails(
    order_id: Annotated[str, Query(alias="orderId", min_length=1, max_length=100)],
    limit: Limit = 25,
    cursor: Cursor = None,
) -> EmailPage:
    """The e-mails about one order, newest first, a page at a time.

    One shows here a moment after it was asked for, for as long as it is kept.
    """
    mails, following = table.of_order(order_id, limit, cursor)
    if mails:  # else it may be anything that somebody has typed
        logger.set_correlation_id(mails[0].correlation_id)
        tracer.put_annotation("order_id", order_id)
    return EmailPage(items=[Email.of(mail) for mail in mails], cursor=following)


@app.get("/suppressions", tags=["suppressions"])
def list_suppressions(limit: Limit = 25, cursor: Cursor = None) -> Response[SuppressionPage]:
    """The addresses that no mail goes to, the latest first, a page at a time."""
    found, following = suppressions.page(limit, cursor, now())
    return private(SuppressionPage(items=found, cursor=following))


@app.get("/suppressions/<address>", tags=["suppressions"])
def get_suppression(address: Address) -> Response[Suppression]:
    """Why no mail goes to an address, and until when. 404 where mail does go there."""
    suppression = suppressions.of(unquote(address), now())
    if suppression is None:
        raise NotFoundError("That address is not on the list")
    return private(suppression)


@app.delete("/suppressions/<address>", status_code=204, tags=["suppressions"])
def lift_suppression(address: Address) -> Response[str]:
    """Take an address off the list, and off the one that SES keeps for the account.

    The next mail goes there again. What bounced or complained before does not bring it back.
    """
    known = normalised(unquote(address))
    try:
        was_in_account = account_list.lift(known)
    except SesFailed as error:
        logger.warning("SES failed", reason=str(error))
        raise ServiceError(503, "SES did not answer. It may if you try again") from None
    if not suppressions.lift(known, now()) and not was_in_account:
        raise NotFoundError("That address is not on the list")
    logger.info("suppression lifted")
    return Response(204, body="")


def private[T: Model](found: T) -> Response[T]:
    """An answer that nobody on the way may keep: it holds addresses."""
    headers = {"Cache-Control": "no-store"}
    return Response(200, content_types.APPLICATION_JSON, found, headers=headers)
