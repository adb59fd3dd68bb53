"""What Cognito does once an account is confirmed: it invokes the pool's PostConfirmation trigger.

MiniStack keeps the trigger and does not invoke it. So what stands in front of it does, in the form
that Cognito's events have.
"""

import json
from collections.abc import Mapping
from typing import Any

from local import aws, stacks
from local.settings import Settings

SOURCES = {
    "ConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "ConfirmForgotPassword": "PostConfirmation_ConfirmForgotPassword",
}
"""The actions that the trigger comes after, and what it is told of them."""


def action(target: str) -> str:
    """Cognito's name of what a request's X-Amz-Target asks for."""
    return target.rpartition(".")[2]


def confirmed(settings: Settings, asked: str, request: Mapping[str, Any]) -> str | None:
    """Invoke the trigger after an action of Cognito's. What it says went wrong, or None.

    `request` is what the browser sent. Without a trigger nothing happens.
    """
    pool = stacks.outputs(settings, "public-api").get("UserPoolId", "")
    cognito = aws.client("cognito-idp", settings)
    triggers = cognito.describe_user_pool(UserPoolId=pool)["UserPool"].get("LambdaConfig", {})
    function = triggers.get("PostConfirmation")
    if not function:
        return None
    user = cognito.admin_get_user(UserPoolId=pool, Username=request["Username"])
    event = {
        "version": "1",
        "region": settings.region,
        "userPoolId": pool,
        "userName": user["Username"],
        "callerContext": {
            "awsSdkVersion": "aws-sdk-unknown-unknown",
            "clientId": request["ClientId"],
        },
        "triggerSource": SOURCES[asked],
        "request": {"userAttributes": {a["Name"]: a["Value"] for a in user["UserAttributes"]}},
        "response": {},
    }
    answer = aws.client("lambda", settings).invoke(FunctionName=function, Payload=json.dumps(event))
    if "FunctionError" not in answer:
        return None
    failure = json.loads(answer["Payload"].read())
    return f"PostConfirmation failed with error {failure.get('errorMessage')}."
