"""Rebuilds what public-api keeps of toys and orders: has their owners tell of all of them again."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from local import stacks
from local.account import Account
from local.errors import LocalError
from local.progress import Progress, console
from local.services import select
from local.settings import Settings

OUTPUT = "RebuildFunctionName"
"""The stack's output that names the function to invoke."""

OWNERS = ("toys", "orders")
"""The services that are asked to tell again."""

PATIENCE = 300.0
"""Seconds without any progress after which it is not waited for any longer."""

STILL = 3
"""How often in a row the inbox has to be found empty: what is on its way to it is in no queue."""

_POLL = 0.5
"""Seconds between two looks."""


def show(settings: Settings, environment: str) -> None:
    """Ask for a rebuild; on the local cloud, wait until it is done. Prints what to look at.

    Raises LocalError when the stack is not there, when it cannot be asked for, and when nothing
    moves any more before it is done.
    """
    account = Account(settings, environment)
    with Progress() as progress:
        with progress.step("Asking for all toys and orders"):
            (shop,) = select(["public-api"])
            request_id = account.invoke(shop, OUTPUT, "It could not be asked for")["requestId"]
        if account.is_local:
            told = {name: _await(settings, account, name, request_id, progress) for name in OWNERS}
            with progress.step("Taking it over"):
                settle(lambda: _unread(settings, account))
    if not account.is_local:
        console.print(
            f"Asked for, as {request_id}. The copies are renewed as the messages come: "
            f"make dlq ENV={environment} SERVICE=public-api lists what could not be taken over."
        )
        return
    counts = ", ".join(f"{number} {name}" for name, number in told.items() if number is not None)
    console.print(
        f"Told again and taken over: {counts or 'nothing'}. Searches follow within seconds."
    )
    console.print(
        f"Look at {settings.url}/, and at `make dlq SERVICE=public-api` for what failed. "
        f"`make logs SERVICE=public-api` has each message, under {request_id}.",
        soft_wrap=True,
    )


def finish(look: Callable[[], Mapping[str, Any] | None], name: str) -> int:
    """Wait until an owner has told everything. Returns how many it told of.

    `look` gives the item in which it keeps how far it is. Raises LocalError when it gets nowhere.
    """
    seen: Mapping[str, Any] | None = None
    moved = time.monotonic()
    while True:
        item = look()
        if item and item["status"] == "DONE":
            return int(item.get("told", 0))
        if item != seen:
            seen, moved = item, time.monotonic()
        if time.monotonic() - moved > PATIENCE:
            raise LocalError(
                f"{name} tells nothing more, and is not done. See make logs SERVICE={name}, and "
                f"make dlq SERVICE={name}. Asked again, it begins anew: nothing is harmed."
            )
        time.sleep(_POLL)


def settle(unread: Callable[[], int]) -> None:
    """Wait until an inbox is empty, and stays so. Raises LocalError when it does not shrink."""
    empty, least, moved = 0, None, time.monotonic()
    while empty < STILL:
        left = unread()
        empty = empty + 1 if not left else 0
        if least is None or left < least:
            least, moved = left, time.monotonic()
        if left and time.monotonic() - moved > PATIENCE:
            raise LocalError(
                f"{left} messages wait in the inbox of public-api, and do not get fewer. See "
                "make logs SERVICE=public-api"
            )
        time.sleep(_POLL)


def _await(
    settings: Settings, account: Account, name: str, request_id: str, progress: Progress
) -> int | None:
    """How many an owner told of, once it is done; None: it is not on this cloud."""
    if f"tbs-app-{name}-local" not in stacks.statuses(settings):
        progress.note(f"{name} is not on this cloud: what is kept of its own stays as it is.")
        return None
    table = stacks.outputs(settings, name)["TableName"]
    database = account.client("dynamodb")

    def look() -> Mapping[str, Any] | None:
        key = {"pk": {"S": f"REPUBLICATION#{request_id}"}}
        item = database.get_item(TableName=table, Key=key, ConsistentRead=True).get("Item")
        return {name: next(iter(value.values())) for name, value in item.items()} if item else None

    with progress.step(f"{name}: telling again"):
        return finish(look, name)


def _unread(settings: Settings, account: Account) -> int:
    """Messages in public-api's inbox: waiting, put off, or being handled."""
    counted = account.client("sqs").get_queue_attributes(
        QueueUrl=stacks.outputs(settings, "public-api")["InboxUrl"],
        AttributeNames=[
            "ApproximateNumberOfMessages",
            "ApproximateNumberOfMessagesNotVisible",
            "ApproximateNumberOfMessagesDelayed",
        ],
    )["Attributes"]
    return sum(map(int, counted.values()))
