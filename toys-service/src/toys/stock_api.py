"""The part of the private API that moves stock, and tells what moved it."""

import uuid

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from toys import adjustment
from toys.adjustment import Adjustment, AdjustmentDraft
from toys.answers import AdjustmentPage, ReservationPage, documented, unknown
from toys.desk import known, position, sealed, table
from toys.model import now
from toys.requests import CursorGiven, Id, IdempotencyKey, Limit, signer
from toys.table import Busy, Unmoved

logger = Logger()
router = APIGatewayRouter()  # type: ignore[no-untyped-call]


@router.post(
    "/toys/<toy_id>/stock-adjustments",
    status_code=201,
    responses=documented(200, "It was made before, and is made once", Adjustment)
    | documented(201, "It is made", Adjustment)
    | documented(409, "CONFLICT: the stock does not allow it, or the key is another adjustment's"),
    tags=["stock"],
)
def adjust_stock(
    toy_id: Id, draft: AdjustmentDraft, idempotency_key: IdempotencyKey
) -> Response[Adjustment]:
    """Move the stock of a toy, once for each Idempotency-Key.

    200 with the same adjustment when it was made before; 409 when the key was another one's, or
    when there would be fewer than none or more than a million then.
    """
    asked = Adjustment(
        **draft.model_dump(by_alias=False),
        adjustment_id=str(uuid.uuid4()),
        toy_id=toy_id,
        by=signer(router.current_event.raw_event),
        at=now(),
    )
    try:
        kept = table.adjust(asked, idempotency_key)
    except Unmoved as unmoved:
        if unmoved.toy is None:
            raise unknown(toy_id) from unmoved
        told = adjustment.refusal(unmoved.toy, draft.delta) or "The stock has just changed"
        raise ServiceError(409, told) from unmoved
    except Busy as error:
        raise ServiceError(409, "Others change the stock just now. Try again") from error
    if kept == asked:
        logger.info("stock adjusted", toy_id=toy_id, delta=kept.delta)
        return Response(201, content_types.APPLICATION_JSON, kept)
    if not kept.says(draft):
        raise ServiceError(409, "That Idempotency-Key was used for another adjustment of this toy")
    return Response(200, content_types.APPLICATION_JSON, kept)


@router.get("/toys/<toy_id>/stock-adjustments", tags=["stock"])
def list_adjustments(toy_id: Id, limit: Limit = 25, cursor: CursorGiven = None) -> AdjustmentPage:
    """What changed a toy's stock beside orders, the newest first, even of a toy that is gone."""
    scope = f"adjustments:{known(toy_id).toy_id}"
    items, following = table.adjustments(toy_id, limit, position(scope, cursor))
    return AdjustmentPage(items=items, cursor=sealed(scope, following))


@router.get("/toys/<toy_id>/reservations", tags=["stock"])
def list_reservations(toy_id: Id, limit: Limit = 25, cursor: CursorGiven = None) -> ReservationPage:
    """What orders hold of a toy, or held, the newest first, even of a toy that is gone."""
    scope = f"reservations:{known(toy_id).toy_id}"
    items, following = table.reservations(toy_id, limit, position(scope, cursor))
    return ReservationPage(items=items, cursor=sealed(scope, following))
