"""Private API: shipments, for the warehouse. Requests are signed (AWS IAM)."""

import os
from collections.abc import Callable
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import (
    APIGatewayRestResolver,
    Response,
    content_types,
)
from aws_lambda_powertools.event_handler.exceptions import (
    BadRequestError,
    NotFoundError,
    ServiceError,
)
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.logging import correlation_paths
from aws_lambda_powertools.utilities import parameters
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment import errors, packing_slip
from fulfilment.conditional import IfMatch, etag, is_matched
from fulfilment.cursor import BadCursor, Cursors
from fulfilment.model import Model, now
from fulfilment.shipment import (
    AddressNote,
    Consignment,
    Failure,
    NotAllowed,
    Shipment,
    Status,
    Tombstone,
)
from fulfilment.table import Conflict, ShipmentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = ShipmentsTable(os.environ["TABLE_NAME"])

KEY_MAX_AGE = 900
"""Seconds until the key of the cursors is read again. Once it is another, they are not good."""

Id = Annotated[str, Path(max_length=100)]


def cursor_key() -> bytes:
    """What cursors are sealed with."""
    arn = os.environ["CURSOR_KEY_ARN"]
    return str(parameters.get_secret(arn, max_age=KEY_MAX_AGE)).encode()


cursors = Cursors(cursor_key)


class ShipmentPage(Model):
    """Some shipments, oldest first, and the cursor of the next page (null: this is the last)."""

    items: list[Shipment]
    cursor: str | None


AS_IT_IS: dict[int, OpenAPIResponse] = {
    200: {
        "description": "The shipment as it is now, its version as ETag",
        "content": {"application/json": {"model": Shipment}},
    },
}
STEP: dict[int, OpenAPIResponse] = AS_IT_IS | {
    409: {"description": "The shipment is not where this can be done. Says what can"},
    412: {"description": "The shipment is not what If-Match says. Read it again"},
}
"""What a step of a shipment is answered."""

PAPER: dict[int, OpenAPIResponse] = {
    200: {
        "description": "A page to be printed, on A4 or letter",
        "content": {"text/html": {"schema": {"type": "string"}}},
    }
}


@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_REST)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/shipments", tags=["shipments"])
def list_shipments(
    status: Status = Status.WAITING,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None, Query(description="From the page before, of the same status; else it is 400")
    ] = None,
) -> ShipmentPage:
    """The shipments that are at one stage, oldest first, a page at a time."""
    scope = f"shipments:{status}"
    try:
        after = cursors.open(scope, cursor)[0] if cursor else None
    except BadCursor as error:
        raise BadRequestError(str(error)) from error
    shipments, following = table.listed(status, limit, after)
    return ShipmentPage(
        items=shipments, cursor=cursors.seal(scope, (following,)) if following else None
    )


@app.get("/shipments/<order_id>", responses=AS_IT_IS, tags=["shipments"])
def get_shipment(order_id: Id) -> Response[Shipment]:
    """The shipment of one order."""
    return answer(existing(order_id))


@app.get("/shipments/<order_id>/packing-slip", responses=PAPER, tags=["shipments"])
def print_packing_slip(order_id: Id) -> Response[str]:
    """What goes into the parcel and where it goes, as a page to be printed: no prices."""
    shipment = existing(order_id)
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": packing_slip.POLICY,
        "ETag": etag(shipment.version),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(
        200, packing_slip.CONTENT_TYPE, packing_slip.render(shipment), headers=dict(headers)
    )


@app.post("/shipments/<order_id>/dispatch", tags=["shipments"], responses=STEP)
def dispatch_shipment(
    order_id: Id, consignment: Consignment, if_match: IfMatch = None
) -> Response[Shipment]:
    """Hand a waiting parcel to its carrier. Saying the same again is answered as done.

    A parcel with the number of another address on it than its shipment's is not handed over.
    """
    return move(order_id, if_match, lambda shipment: shipment.dispatch(consignment, now()))


@app.post("/shipments/<order_id>/deliver", tags=["shipments"], responses=STEP)
def deliver_shipment(order_id: Id, if_match: IfMatch = None) -> Response[Shipment]:
    """Tell that a parcel has arrived. Saying so again is answered as done."""
    return move(order_id, if_match, lambda shipment: shipment.deliver(now()))


@app.post("/shipments/<order_id>/fail", tags=["shipments"], responses=STEP)
def fail_shipment(order_id: Id, failure: Failure, if_match: IfMatch = None) -> Response[Shipment]:
    """Give a parcel up that waits or is on its way. Saying the same again is answered as done."""
    return move(order_id, if_match, lambda shipment: shipment.fail(failure, now()))


def answer(shipment: Shipment) -> Response[Shipment]:
    """The shipment, its version as ETag."""
    headers = {"ETag": etag(shipment.version)}
    return Response(200, content_types.APPLICATION_JSON, shipment, headers=dict(headers))


def existing(order_id: str) -> Shipment:
    """The shipment of that order. Answers 404 when there is none."""
    match table.shipment(order_id):
        case Shipment() as shipment:
            mark(shipment)
            return shipment
        case Tombstone():
            raise NotFoundError(
                f"There is no shipment of order {order_id}: it was called off before it was there"
            )
        case None | AddressNote():
            raise NotFoundError(f"There is no shipment of order {order_id}")


def mark(shipment: Shipment) -> None:
    """Let the log and the trace say which order the request is about."""
    logger.set_correlation_id(shipment.correlation_id)
    tracer.put_annotation("order_id", shipment.order_id)


def move(
    order_id: str, if_match: str | None, step: Callable[[Shipment], Shipment]
) -> Response[Shipment]:
    """Save a shipment after one step.

    Answers 412 when it is not what If-Match says, unless the step is done already, and 409 when
    the step is not allowed.
    """
    while True:
        shipment = existing(order_id)
        matched = if_match is None or is_matched(if_match, etag(shipment.version))
        try:
            moved = step(shipment)
        except NotAllowed as error:
            raise (ServiceError(409, str(error)) if matched else stale(shipment)) from error
        if moved is shipment:
            return answer(shipment)
        if not matched:
            raise stale(shipment)
        try:
            table.save(moved)
        except Conflict:
            # Someone was faster. Each time that happens the shipment is a step nearer to its end,
            # or to the newest address.
            continue
        logger.info("shipment saved", order_id=order_id, status=moved.status)
        return answer(moved)


def stale(shipment: Shipment) -> ServiceError:
    """The answer to who means an earlier version of a shipment."""
    return ServiceError(
        412, f"The shipment has changed: it is now {etag(shipment.version)}. Read it again"
    )
