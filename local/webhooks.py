"""Where the Stripe stand-in sends its events: to payments' webhook."""

import httpx

from local import stacks
from local.errors import LocalError
from local.settings import Settings

SECRET = "whsec_local"
"""What the stand-in signs its events with."""


def register(settings: Settings, secret: str | None = None) -> bool:
    """Tell the stand-in the address of payments' webhook, in place of any before.

    It signs with SECRET, unless another is given.

    False when payments is not deployed. Raises LocalError when its stack has no such address, or
    the stand-in refuses it.
    """
    if not stacks.statuses(settings).get("tbs-app-payments-local", "").endswith("_COMPLETE"):
        return False
    url = stacks.address(settings, "payments", "WebhookUrl")
    endpoint = {"url": url, "secret": secret or SECRET}
    answer = httpx.post(
        f"{settings.stripe_url}/test/webhooks",
        json={"endpoints": [endpoint]},
        timeout=10,
        trust_env=False,
    )
    if not answer.is_success:
        raise LocalError(f"The Stripe stand-in takes no webhook {endpoint['url']}: {answer.text}")
    return True
