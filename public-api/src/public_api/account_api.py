"""The part of the public API that keeps a shopper's profile.

Its `ETag` is the number of times that it was written.
"""

import re

from aws_lambda_powertools.event_handler import Response, content_types
from aws_lambda_powertools.event_handler.exceptions import ServiceError
from aws_lambda_powertools.event_handler.router import APIGatewayRouter

from public_api.desk import logger, shopper, table
from public_api.etag import PRIVATE, NotModified, answers, matches
from public_api.profile import Profile
from public_api.requests import IfMatch
from public_api.table import Conflict

router = APIGatewayRouter()  # type: ignore[no-untyped-call]

_TAG = re.compile(r'(?:W/)?"([^"]*)"')
"""A cache on the way that compresses an answer marks its ETag as weak: it is the same here."""


@router.get("/profile", tags=["account"], responses=answers(Profile, "The profile as it is"))
def get_profile() -> Response[Profile]:
    """The shopper's profile: name and addresses. Their e-mail address is in their token."""
    profile, version = table.profile(shopper(router.current_event).customer_id)
    told = {"ETag": f'"{version}"', "Cache-Control": PRIVATE}
    if matches(router.current_event.headers.get("if-none-match"), told["ETag"]):
        raise NotModified(told)
    return Response(200, content_types.APPLICATION_JSON, profile, headers=told)


@router.put(
    "/profile",
    tags=["account"],
    responses={
        200: {
            "description": "The profile as it is now",
            "content": {"application/json": {"model": Profile}},
        }
    },
)
def put_profile(profile: Profile, if_match: IfMatch = None) -> Response[Profile]:
    """Keep the shopper's profile, provided that it still is as they read it.

    The first one needs no If-Match. 412 when it was written meanwhile, unless what is there is the
    same already: so it can be sent again when an answer was lost.
    """
    customer_id = shopper(router.current_event).customer_id
    kept, version = table.profile(customer_id)
    if kept == profile and version:
        return _kept(profile, version)
    if if_match is None and version:
        raise ServiceError(428, "The header If-Match is missing: it takes the ETag that was read")
    if not _is_met(if_match, version):
        raise _stale(version)
    try:
        table.keep_profile(customer_id, profile, version + 1)
    except Conflict as error:
        kept, version = table.profile(customer_id)
        if kept == profile:
            return _kept(profile, version)
        raise _stale(version) from error
    logger.info("profile kept", version=version + 1)
    return _kept(profile, version + 1)


def _is_met(if_match: str | None, version: int) -> bool:
    if if_match is None or if_match.strip() == "*":
        return True
    return str(version) in _TAG.findall(if_match)


def _stale(version: int) -> ServiceError:
    return ServiceError(412, f'The profile has changed: it is now "{version}". Read it again')


def _kept(profile: Profile, version: int) -> Response[Profile]:
    told = {"ETag": f'"{version}"', "Cache-Control": PRIVATE}
    return Response(200, content_types.APPLICATION_JSON, profile, headers=told)
