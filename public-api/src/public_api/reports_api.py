"""The part of the public API that shows managers how the shop does."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from public_api.desk import manager, table
from public_api.etag import PRIVATE, answers, conditional
from public_api.report import SalesReport

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.get(
    "/reports/sales",
    tags=["reports"],
    responses={
        **answers(SalesReport, "The report that was told last"),
        403: {"description": "FORBIDDEN: it is for managers"},
        404: {"description": "NOT_FOUND: there is none yet"},
    },
)
def get_sales() -> Response[SalesReport]:
    """The sales of twelve months, as they were last reported. For managers only."""
    manager(router.current_event)
    report = table.sales()
    if report is None:
        raise NotFoundError("No report was told yet")
    return conditional(router.current_event, report, PRIVATE)
