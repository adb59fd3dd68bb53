"""Private API: shipments, for the warehouse. Requests are signed (AWS IAM)."""

import os
from collections.abc import Callable
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError, ServiceError
from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from fulfilment import errors
from fulfilment.model import Model, now
from fulfilment.shipment import Consignment, Failure, NotAllowed, Shipment, Status, Tombstone
from fulfilment.table import Conflict, ShipmentsTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = ShipmentsTable(os.environ["TABLE_NAME"])

Id = Annotated[str, Path(max_length=100)]


class ShipmentPage(Model):
    """Some shipments, oldest first, and the cursor of the next page (null: this is the last)."""

    items: list[Shipment]
    cursor: str | None


STEP: dict[int, OpenAPIResponse] = {
    200: {
        "description": "The shipment as it is now",
        "content": {"application/json": {"model": Shipment}},
    },
    409: {"description": "The shipment is not where this can be done. Says what can"},
}
"""What a step of a shipment is answered."""


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/shipments", tags=["shipments"])
def list_shipments(
    status: Status = Status.WAITING,
    limit: Annotated[int, Query(ge=1, le=100)] = 25,
    cursor: Annotated[
        str | None,
        Query(pattern=r"^[0-9TZ:.-]+#.+$", max_length=200, description="From the page before"),
    ] = None,
) -> ShipmentPage:
    """The shipments that are at one stage, oldest first, a page at a time."""
    shipments, following = table.listed(status, limit, cursor)
    return ShipmentPage(items=shipments, cursor=following)


@app.get("/shipments/<order_id>", tags=["shipments"])
def get_shipment(order_id: Id) -> Shipment:
    """The shipment of one order."""
    return existing(order_id)


@app.post("/shipments/<order_id>/dispatch", tags=["shipments"], responses=STEP)
def dispatch_shipment(order_id: Id, consignment: Consignment) -> Shipment:
    """Hand a waiting parcel to its carrier. Saying the same again is answered as done."""
    return move(order_id, lambda shipment: shipment.dispatch(consignment, now()))


@app.post("/shipments/<order_id>/deliver", tags=["shipments"], responses=STEP)
def deliver_shipment(order_id: Id) -> Shipment:
    """Tell that a parcel has arrived. Saying so again is answered as done."""
    return move(order_id, lambda shipment: shipment.deliver(now()))


@app.post("/shipments/<order_id>/fail", tags=["shipments"], responses=STEP)
def fail_shipment(order_id: Id, failure: Failure) -> Shipment:
    """Give a parcel up that waits or is on its way. Saying the same again is answered as done."""
    return move(order_id, lambda shipment: shipment.fail(failure, now()))


def existing(order_id: str) -> Shipment:
    """The shipment of that order. Answers 404 when there is none."""
    match table.shipment(order_id):
        case None:
            raise NotFoundError(f"There is no shipment of order {order_id}")
        case Tombstone():
            raise NotFoundError(
                f"There is no shipment of order {order_id}: it was called off before it was there"
            )
        case shipment:
            return shipment


def move(order_id: str, step: Callable[[Shipment], Shipment]) -> Shipment:
    """Save a shipment after one step. Answers 409 when the step is not allowed."""
    shipment = existing(order_id)
    try:
        moved = step(shipment)
    except NotAllowed as error:
        raise ServiceError(409, str(error)) from error
    if moved is shipment:
        return shipment
    try:
        table.save(moved)
    except Conflict:
        # Someone was faster. Each time that happens the shipment is a step nearer to its end.
        return move(order_id, step)
    logger.info("shipment saved", order_id=order_id, status=moved.status)
    return moved
