"""API Gateway's own errors in the form that public-api's template gives them.

MiniStack deploys a template's GatewayResponses without a word and answers in AWS's form all the
same, {"message": …}. So what stands in front of it does what API Gateway does with them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cfnlint.decode import cfn_yaml

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class GatewayResponses:
    """The GatewayResponses of an API, by response type."""

    given: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, template: Path) -> Self:
        """Those of the (one) AWS::Serverless::Api of a template."""
        resources = cfn_yaml.load(str(template))["Resources"].values()
        (api,) = (r for r in resources if r["Type"] == "AWS::Serverless::Api")
        return cls(api["Properties"].get("GatewayResponses", {}))

    def answer(self, status: int, body: bytes) -> tuple[int, bytes] | None:
        """Status and body in place of what API Gateway itself answered.

        None when a function answered, or when the template says nothing of such an error.
        """
        message = _own_message(status, body)
        if message is None:
            return None
        kind = _kind(status, message)
        default = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
        response = self.given.get(kind) or self.given.get(default)
        if response is None:
            return None
        text = (
            str(response["ResponseTemplates"][JSON])
            .replace("$context.error.responseType", kind)
            .replace("$context.error.messageString", json.dumps(message))
        )
        return int(response.get("StatusCode", status)), text.encode()


def _own_message(status: int, body: bytes) -> str | None:
    """What API Gateway says is wrong; None for what a function answered."""
    if status < 400:
        return None
    try:
        content = json.loads(body)
    except ValueError:
        return None
    if not isinstance(content, dict) or content.keys() - {"message", "Message"}:
        return None
    message = content.get("message", content.get("Message"))
    return message if isinstance(message, str) else None


def _kind(status: int, message: str) -> str:
    """API Gateway's name for one of its errors."""
    if message == "Missing Authentication Token":
        return "MISSING_AUTHENTICATION_TOKEN"
    return {
        401: "UNAUTHORIZED",
        403: "ACCESS_DENIED",
        413: "REQUEST_TOO_LARGE",
        429: "THROTTLED",
        504: "INTEGRATION_TIMEOUT",
    }.get(status, "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX")
