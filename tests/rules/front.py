"""The ground rules of what faces the internet: CloudFront, and the API behind it."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from typing import Any

from tests.rules.tree import Member, Tree, attribute, listed, strings, taken
from tools.services import Door, Route

Rule = Callable[[Tree], Iterator[str]]

RULES: dict[str, Rule] = {}

KEY_HEADER = "x-api-key"
"""The header in which API Gateway looks for an API key."""

NOT_CACHED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's own cache policy CachingDisabled."""

SAFE = {"https-only", "redirect-to-https"}

CONTENT_POLICY = "ContentSecurityPolicy"

Json = Mapping[str, Any]


def rule(function: Rule) -> Rule:
    """Register a rule."""
    RULES[function.__name__] = function
    return function


@rule
def what_faces_the_internet_asks_for_a_key(tree: Tree) -> Iterator[str]:
    """An API without IAM wants a key of each call; the distribution before it sends its own.

    So no client passes by what guards the front door, and each is held to a plan of its own.
    """
    for member in tree.members:
        for name, api in member.service.of_type("AWS::Serverless::Api").items():
            if member.service.authorizer == "AWS_IAM":
                continue
            where = f"{member.service.folder.name}/template.yaml: {name}"
            if api.get("Auth", {}).get("ApiKeyRequired") is not True:
                yield f"{where}: set Auth.ApiKeyRequired: true"
            for door in member.service.doors:
                yield from (f"{_at(door)}: {route.path} asks for no key" for route in _open(door))
            yield from (f"{where}: {fault}" for fault in _unplanned(member, name))
            if not any(_is_sent(origin) for origin in _origins(member)):
                yield f"{where}: no origin of a distribution sends {KEY_HEADER} out of a secret"


def _open(door: Door) -> Iterator[Route]:
    """The routes that are taken out of what holds for the API as a whole."""
    for event, route in zip(_requests(door), door.routes, strict=True):
        if event["Properties"].get("Auth", {}).get("ApiKeyRequired", True) is not True:
            yield route


def _requests(door: Door) -> list[Json]:
    return [event for event in door.events.values() if event["Type"] == "Api"]


def _unplanned(member: Member, api: str) -> Iterator[str]:
    """What keys and plans lack, so that each client has a key of its own, with limits."""
    plans = member.service.of_type("AWS::ApiGateway::UsagePlan")
    keyed = [
        key.get("UsagePlanId")
        for key in member.service.of_type("AWS::ApiGateway::UsagePlanKey").values()
    ]
    if not plans:
        yield "it has no usage plan"
    for name, plan in plans.items():
        limits = plan.get("Throttle", {})
        if not {"RateLimit", "BurstLimit"} <= limits.keys():
            yield f"{name} has no Throttle with RateLimit and BurstLimit"
        if [stage.get("ApiId") for stage in plan.get("ApiStages", [])] != [{"Ref": api}]:
            yield f"{name} is not of this API alone"
        if (keys := keyed.count({"Ref": name})) != 1:
            yield f"{name} has {keys} keys. Give each client a plan of its own"


def _is_sent(origin: Json) -> bool:
    """Whether an origin is sent a key that no template shows."""
    return any(
        str(header.get("HeaderName")).lower() == KEY_HEADER
        and any("{{resolve:secretsmanager:" in text for text in strings(header.get("HeaderValue")))
        for header in origin.get("OriginCustomHeaders", [])
    )


@rule
def distributions_are_encrypted_and_closed(tree: Tree) -> Iterator[str]:
    """HTTPS towards browsers and origins; a bucket is read by CloudFront's signature alone."""
    for member in tree.members:
        for name, distribution in _distributions(member):
            where = f"{member.service.folder.name}/template.yaml: {name}"
            for path, behaviour in _behaviours(distribution):
                if behaviour.get("ViewerProtocolPolicy") not in SAFE:
                    yield f"{where}: {path}: set ViewerProtocolPolicy to one of {sorted(SAFE)}"
            for origin in listed(distribution.get("Origins")):
                if custom := origin.get("CustomOriginConfig"):
                    if custom.get("OriginProtocolPolicy") != "https-only":
                        yield f"{where}: {origin['Id']}: set OriginProtocolPolicy: https-only"
                elif not attribute(origin.get("OriginAccessControlId")):
                    yield f"{where}: {origin['Id']} is read by everybody: OriginAccessControlId"


@rule
def answers_have_security_headers(tree: Tree) -> Iterator[str]:
    """Whatever a distribution answers: where scripts come from, HTTPS from now on, no sniffing."""
    for member in tree.members:
        policies = member.service.of_type("AWS::CloudFront::ResponseHeadersPolicy")
        for name, distribution in _distributions(member):
            where = f"{member.service.folder.name}/template.yaml: {name}"
            for path, behaviour in _behaviours(distribution):
                if behaviour.get("ResponseHeadersPolicyId", {}).get("Ref") not in policies:
                    yield f"{where}: {path} has no ResponseHeadersPolicyId of this template"
        for name, policy in policies.items():
            where = f"{member.service.folder.name}/template.yaml: {name}"
            headers = policy["ResponseHeadersPolicyConfig"].get("SecurityHeadersConfig", {})
            for wanted in (CONTENT_POLICY, "ContentTypeOptions", "StrictTransportSecurity"):
                if headers.get(wanted, {}).get("Override") is not True:
                    yield f"{where}: set {wanted}, with Override: true"
            told = " ".join(strings(headers.get(CONTENT_POLICY)))
            if "default-src 'none'" not in told:
                yield f"{where}: its {CONTENT_POLICY} is to begin with default-src 'none'"
            if "'unsafe-" in told or "script-src *" in told:
                yield f"{where}: its {CONTENT_POLICY} lets in what it is to keep out"


@rule
def nothing_of_one_shopper_is_kept_at_the_edge(tree: Tree) -> Iterator[str]:
    """CloudFront caches only answers that are the same for everybody: those of open routes."""
    for member in tree.members:
        private = [
            (api["StageName"], route)
            for api in member.service.of_type("AWS::Serverless::Api").values()
            for door in member.service.doors
            for route in door.routes
            if route.authorizer
        ]
        for name, distribution in _distributions(member):
            where = f"{member.service.folder.name}/template.yaml: {name}"
            for stage, route in private:
                behaviour = _taking(distribution, f"/{stage}{route.path}")
                if behaviour and behaviour.get("CachePolicyId") != NOT_CACHED:
                    yield (
                        f"{where}: {route.method} {route.path} takes a log-in, and may be kept."
                        f" Give its path a behaviour with CachePolicyId: {NOT_CACHED}"
                    )


def _taking(distribution: Json, path: str) -> Json | None:
    """The behaviour of a path: the first that fits."""
    for pattern, behaviour in _behaviours(distribution)[1:]:
        if fnmatch(path, pattern):
            return behaviour
    return None


@rule
def the_firewall_counts_by_who_asks(tree: Tree) -> Iterator[str]:
    """WAF, where it is on, guards the API's stage, and limits what one address sends.

    The API sees CloudFront's addresses only: the limit goes by the header that CloudFront sets.
    """
    for member in tree.members:
        acls = member.service.of_type("AWS::WAFv2::WebACL")
        if member.service.of_type("AWS::ApiGateway::UsagePlan") and not acls:
            yield f"{member.service.folder.name}/template.yaml has no WebACL for its API"
        for name, acl in acls.items():
            where = f"{member.service.folder.name}/template.yaml: {name}"
            if member.service.resources[name].get("Condition") != "HasFirewall":
                yield f"{where} is to follow the condition HasFirewall"
            joined = member.service.of_type("AWS::WAFv2::WebACLAssociation").values()
            if [one.get("WebACLArn") for one in joined] != [{"Fn::GetAtt": [name, "Arn"]}]:
                yield f"{where} guards nothing: give it a WebACLAssociation"
            counted = [
                one["Statement"]["RateBasedStatement"]
                for one in acl.get("Rules", [])
                if "RateBasedStatement" in one.get("Statement", {})
            ]
            if [one.get("AggregateKeyType") for one in counted] != ["FORWARDED_IP"]:
                yield f"{where}: give it one RateBasedStatement, by FORWARDED_IP"
            for one in counted:
                header = str(one.get("ForwardedIPConfig", {}).get("HeaderName"))
                code = _edge_code(member)
                if f"headers['{header}'] = {{value: event.viewer.ip}}" not in code:
                    yield f"{where} counts by {header}, which no function at the edge sets"


def _edge_code(member: Member) -> str:
    functions = member.service.of_type("AWS::CloudFront::Function").values()
    return "\n".join(text for each in functions for text in strings(each.get("FunctionCode")))


def _distributions(member: Member) -> Iterator[tuple[str, Json]]:
    for name, properties in member.service.of_type("AWS::CloudFront::Distribution").items():
        yield name, properties["DistributionConfig"]


def _behaviours(distribution: Json) -> list[tuple[str, Json]]:
    """Each behaviour with its path, the default one first."""
    others = [
        (str(one["PathPattern"]), one)
        for each in listed(distribution.get("CacheBehaviors"))
        for one in taken(each)
    ]
    return [("*", distribution["DefaultCacheBehavior"]), *others]


def _origins(member: Member) -> Iterator[Json]:
    for _, distribution in _distributions(member):
        yield from listed(distribution.get("Origins"))


def _at(door: Door) -> str:
    return f"{door.service.folder.name}/template.yaml: {door.logical_id}"
