"""Rebuild: has the owners of toys and orders tell of all of them anew. Invoked by an operator.

For when the copies were lost, or are to hold something that they did not. The item that it writes
is told by the outbox, as `RepublishToys` and `RepublishOrders`; what comes back is news like other
news, and the newer version wins.
"""

import os
import re
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext

from public_api.model import now
from public_api.republication import Rebuild
from public_api.table import Conflict, PublicTable

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
table = PublicTable(os.environ["TABLE_NAME"])

REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: Mapping[str, Any] | None, context: LambdaContext) -> dict[str, str]:
    """Ask for a rebuild: {"requestId"} of it in answer.

    The event may give it: the same id is the same rebuild, asked for once. Without one it is the
    invocation's own, which Lambda keeps when it tries again. Raises ValueError for what is no id.
    """
    request_id = (event or {}).get("requestId") or context.aws_request_id
    if not isinstance(request_id, str) or not REQUEST_ID.fullmatch(request_id):
        raise ValueError("a requestId has 1 to 100 letters, digits, - or _")
    try:
        table.rebuild(Rebuild(request_id=request_id, requested_at=now()))
        logger.info("rebuild requested", request_id=request_id)
    except Conflict:
        logger.info("rebuild was requested before", request_id=request_id)
    return {"requestId": request_id}
