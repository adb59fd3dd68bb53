"""The part of the public API that tells anybody what a basket comes to."""

from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from public_api.desk import TERMS, catalogue
from public_api.quote import Quote, QuoteRequest, quote

router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post("/quotes", tags=["checkout"])
def make_quote(request: QuoteRequest) -> Quote:
    """What a basket comes to now, line by line, and what changed since it was seen.

    Nothing is kept, and nothing is promised: an order is worked out in the same way, when it is
    made. Say then what was expected (`expectedGross`), and it is made at that price or not at all.
    """
    return quote(request, catalogue.toys(line.toy_id for line in request.lines), TERMS)
