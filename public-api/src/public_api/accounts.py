"""The door of new accounts: Cognito's PostConfirmation trigger.

Who has confirmed their e-mail address belongs to the group `customers`. Cognito calls this while
the shopper waits, and once only: it tells a shopper that confirming failed when this raises, though
they are confirmed, and does not call again. Nothing that a customer may do hangs on the group, so a
failure is logged and lets the shopper in. A password that is set anew makes up for it.
"""

from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

CUSTOMERS = "customers"

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
cognito = boto3.client("cognito-idp")


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Put the account into its group. Answers with the event, as Cognito wants it back.

    `event` is Cognito's: userPoolId, userName (its `sub`), triggerSource, request, response.
    """
    pool, name = event["userPoolId"], event["userName"]
    try:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=CUSTOMERS)
    except (BotoCoreError, ClientError):
        logger.exception("not in its group", shopper=name)
    else:
        logger.info("confirmed", shopper=name)
    return event
