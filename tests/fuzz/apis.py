"""The APIs on the local cloud: their documents, where they answer, and who may call them."""

import json
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import aws, stacks
from local.errors import LocalError
from local.services import select
from local.settings import Settings

PUBLIC = "public-api"


class Prepared(Protocol):
    """A request of requests' that is about to be sent."""

    method: str
    url: str
    body: bytes | str | None
    headers: MutableMapping[str, str]


Auth = Callable[[Prepared], Prepared]
"""Gives a request what lets it in."""


def signed(settings: Settings) -> Auth:
    """Signs requests to API Gateway as AWS IAM asks for (service execute-api)."""
    keys = Credentials(aws.ACCESS_KEY, aws.SECRET_KEY)
    signer = SigV4Auth(keys, "execute-api", settings.region)

    def sign(request: Prepared) -> Prepared:
        to_sign = AWSRequest(method=request.method, url=request.url, data=request.body)
        signer.add_auth(to_sign)
        request.headers.update(dict(to_sign.headers.items()))
        return request

    return sign


def bearing(token: str) -> Auth:
    """Sends a shopper's ID token."""

    def bear(request: Prepared) -> Prepared:
        request.headers["Authorization"] = token
        return request

    return bear


@dataclass(frozen=True, slots=True)
class Api:
    """One API, and how it is called."""

    service: str
    document: Path
    url: str
    auth: Auth
    curl: str
    """What makes curl call it as `auth` does."""


def operations(document: Path) -> dict[str, dict[str, Any]]:
    """What an openapi.json says of each operation, by method and path: "GET /toys"."""
    paths: dict[str, dict[str, Any]] = json.loads(document.read_text())["paths"]
    return {
        f"{method.upper()} {path}": told
        for path, methods in paths.items()
        for method, told in methods.items()
    }


def documented(names: Iterable[str] = ()) -> list[str]:
    """The services of these names, or all of them, that describe an API.

    Raises LocalError for one that does not.
    """
    wanted = select(names)
    found = [service.name for service in wanted if (service.folder / "openapi.json").exists()]
    if any(names) and len(found) < len(wanted):
        missing = sorted({service.name for service in wanted} - set(found))
        raise LocalError(f"Without an API: {', '.join(missing)}")
    return found


def api(settings: Settings, service: str, token: str) -> Api:
    """The API of a service. Raises LocalError when the local cloud does not have it."""
    (folder,) = (found.folder for found in select([service]))
    document = folder / "openapi.json"
    if service == PUBLIC:
        stacks.api_url(settings, service)
        header = '-H "Authorization: $(make -s token)"'
        return Api(service, document, f"{settings.url}/api", bearing(token), header)
    iam = f"--aws-sigv4 aws:amz:{settings.region}:execute-api"
    return Api(
        service,
        document,
        stacks.api_url(settings, service),
        signed(settings),
        f"{iam} --user {aws.ACCESS_KEY}:{aws.SECRET_KEY}",
    )
