"""A catalogue to begin with."""

import json
from pathlib import Path
from typing import Any

import httpx

from local import aws, stacks
from local.errors import LocalError
from local.settings import Settings

TOYS = Path(__file__).with_name("toys.json")


def fill(settings: Settings) -> int:
    """Put the toys of toys.json into an empty catalogue, as its owner would: through the API.

    Returns how many it added: none when there are toys already. Raises LocalError when the API
    refuses one.
    """
    url = f"{stacks.api_url(settings, 'toys')}/toys"
    with httpx.Client(auth=aws.SigV4(settings), timeout=60, trust_env=False) as api:
        if _accepted(api.get(url, params={"limit": 1}))["items"]:
            return 0
        toys = json.loads(TOYS.read_text())
        for toy in toys:
            _accepted(api.post(url, json=toy))
        return len(toys)


def _accepted(response: httpx.Response) -> Any:
    if not response.is_success:
        raise LocalError(
            f"The toys' API answered {response.status_code} to {response.request.method} "
            f"{response.request.url}: {response.text}"
        )
    return response.json()
