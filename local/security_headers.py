"""The headers that CloudFront puts on every answer of the shop, as public-api's template has them.

MiniStack's CloudFront is not asked for the storefront, so the gateway adds them itself.
"""

import re
from collections.abc import Mapping
from typing import Any

from cfnlint.decode import cfn_yaml
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.services import Service, local_parameters
from local.settings import Settings

POLICY = "AWS::CloudFront::ResponseHeadersPolicy"

NOTHING = {"Ref": "AWS::NoValue"}


def security_headers(settings: Settings, service: Service) -> dict[str, str]:
    """The headers of the (one) ResponseHeadersPolicy of a template, for this machine's parameters.

    Raises LookupError for what of the template this cannot resolve.
    """
    template = cfn_yaml.load(str(service.template))
    (policy,) = (r for r in template["Resources"].values() if r["Type"] == POLICY)
    values = _values(template, local_parameters(service, settings), settings)
    config = values.resolved(policy["Properties"]["ResponseHeadersPolicyConfig"])
    given = config["SecurityHeadersConfig"]
    headers = {
        "Content-Security-Policy": given["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": given["ReferrerPolicy"]["ReferrerPolicy"],
        "Strict-Transport-Security": (
            f"max-age={given['StrictTransportSecurity']['AccessControlMaxAgeSec']}"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": given["FrameOptions"]["FrameOption"],
    }
    custom = config.get("CustomHeadersConfig", {}).get("Items", [])
    return headers | {item["Header"]: item["Value"] for item in custom}


class Secured:
    """An application whose answers carry some headers, in place of its own of the same name.

    Those to paths that begin as one of `besides` stay as they are.
    """

    def __init__(
        self, app: ASGIApp, headers: Mapping[str, str], besides: tuple[str, ...] = ()
    ) -> None:
        self._application = app
        self._headers = headers
        self._besides = besides

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["path"].startswith(self._besides):
            await self._application(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        await self._application(scope, receive, send_with_headers)


class Intrinsics:
    """Resolves Ref, Fn::Sub and Fn::If by parameters and conditions alone."""

    def __init__(self, references: Mapping[str, str], conditions: Mapping[str, Any]) -> None:
        self._references = references
        self._conditions = conditions

    def resolved(self, value: Any) -> Any:
        """The value without intrinsic functions. Raises LookupError for any other."""
        match value:
            case {"Ref": str(name)}:
                return self._references[name]
            case {"Fn::Sub": [str(text), dict(given)]}:
                own = {name: self.resolved(part) for name, part in given.items()}
                return self._filled_in(text, own)
            case {"Fn::Sub": str(text)}:
                return self._filled_in(text, {})
            case {"Fn::If": [str(condition), yes, no]}:
                return self.resolved(yes if self.holds({"Condition": condition}) else no)
            case dict():
                if other := [key for key in value if key.startswith("Fn::")]:
                    raise LookupError(other[0])
                return {k: self.resolved(part) for k, part in value.items() if not self._no(part)}
            case list():
                return [self.resolved(part) for part in value if not self._no(part)]
            case _:
                return value

    def holds(self, condition: Any) -> bool:
        """Whether a condition is true. Raises LookupError for a function it does not know."""
        match condition:
            case {"Condition": str(name)}:
                return self.holds(self._conditions[name])
            case {"Fn::Equals": [one, other]}:
                return bool(self.resolved(one) == self.resolved(other))
            case {"Fn::Not": [one]}:
                return not self.holds(one)
            case {"Fn::And": list(all_of)}:
                return all(map(self.holds, all_of))
            case {"Fn::Or": list(any_of)}:
                return any(map(self.holds, any_of))
            case _:
                raise LookupError(f"a condition {condition}")

    def _no(self, value: Any) -> bool:
        """Whether a value comes to AWS::NoValue."""
        match value:
            case {"Fn::If": [str(condition), yes, no]}:
                return self._no(yes if self.holds({"Condition": condition}) else no)
            case _:
                return bool(value == NOTHING)

    def _filled_in(self, text: str, own: Mapping[str, str]) -> str:
        known = {**self._references, **own}
        return re.sub(r"\$\{([\w:]+)\}", lambda found: known[found[1]], text)


def _values(
    template: Mapping[str, Any], parameters: Mapping[str, str], settings: Settings
) -> Intrinsics:
    declared = template.get("Parameters", {}).items()
    references = {name: str(said["Default"]) for name, said in declared if "Default" in said}
    pseudo = {
        "AWS::Region": settings.region,
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": "local",
    }
    return Intrinsics({**references, **pseudo, **parameters}, template.get("Conditions", {}))
