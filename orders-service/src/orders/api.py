"""Private API: orders, for those who look after them. Requests are signed (AWS IAM)."""

import os
from typing import Annotated, Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field

from orders import errors
from orders.order import Order, PaymentAction
from orders.table import OrdersTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
app = APIGatewayRestResolver(enable_validation=True, json_body_deserializer=errors.parse_json)
errors.install(app)
table = OrdersTable(os.environ["TABLE_NAME"])


class OrderShown(Order):
    """An order and its history. How it was paid is nobody's business here."""

    payment_method_id: Annotated[str, Field(exclude=True)]
    payment_action: Annotated[PaymentAction | None, Field(exclude=True)]


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId")
@tracer.capture_lambda_handler(capture_response=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request of API Gateway."""
    request = errors.lower_type(event)
    return errors.refuse(request) or app.resolve(request, context)


@app.get("/orders/<order_id>", tags=["orders"])
def get_order(order_id: Annotated[str, Path(max_length=100)]) -> OrderShown:
    """One order, with every state that it went through."""
    order = table.order(order_id)
    if order is None:
        raise NotFoundError(f"There is no order {order_id}")
    return OrderShown.model_validate(order.model_dump())
