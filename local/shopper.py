"""A shopper: signs up, looks at the toys, orders, and follows the order. All of it over HTTP."""

import re
import time
import uuid
from collections.abc import Iterator, Mapping
from typing import Any, Self

import httpx

from local import mailbox, stacks
from local.errors import LocalError
from local.settings import Settings

FINAL = {"DELIVERED", "CANCELLED"}
"""An order in one of these never changes again."""

ADDRESS = {
    "name": "Sam Shopper",
    "line1": "1 Puzzle Street",
    "city": "Dublin",
    "postalCode": "D01 F5P2",
    "country": "IE",
}
PASSWORD = "Teddy-Bears-4-all"


class Shopper:
    """Someone with an account in the shop's user pool, and a token of it."""

    def __init__(self, settings: Settings, email: str, token: str) -> None:
        self.email = email
        self.token = token
        self._http = httpx.Client(
            base_url=f"{settings.url}/api", headers={"Authorization": token}, timeout=60
        )

    @classmethod
    def sign_up(cls, settings: Settings) -> Self:
        """A new account: sign up, confirm with the code from the mailbox, log in."""
        email = f"shopper-{uuid.uuid4().hex[:8]}@example.com"
        client = stacks.outputs(settings, "public-api")["UserPoolClientId"]
        _cognito(
            settings,
            "SignUp",
            ClientId=client,
            Username=email,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": email}],
        )
        code = _code(settings, email)
        _cognito(settings, "ConfirmSignUp", ClientId=client, Username=email, ConfirmationCode=code)
        return cls.log_in(settings, email)

    @classmethod
    def log_in(cls, settings: Settings, email: str) -> Self:
        """An account that was made here: its token says to which groups it belongs by now."""
        answer = _cognito(
            settings,
            "InitiateAuth",
            ClientId=stacks.outputs(settings, "public-api")["UserPoolClientId"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )
        return cls(settings, email, answer["AuthenticationResult"]["IdToken"])

    def toys(self) -> list[dict[str, Any]]:
        """The first page of the catalogue."""
        return _good(self._http.get("/toys"))["items"]  # type: ignore[no-any-return]

    def order(
        self,
        lines: list[dict[str, Any]],
        payment_method: str,
        key: str | None = None,
        address: Mapping[str, str] = ADDRESS,
    ) -> dict[str, Any]:
        """Order so many of each toy. Answers at once with the order as it was submitted."""
        body = {
            "lines": lines,
            "shippingAddress": dict(address),
            "paymentMethodId": payment_method,
        }
        answer = self._http.post(
            "/orders", json=body, headers={"Idempotency-Key": key or uuid.uuid4().hex}
        )
        return _good(answer)

    def get_order(self, order_id: str) -> dict[str, Any]:
        """The order as the shop shows it now."""
        return _good(self._http.get(f"/orders/{order_id}"))

    def cancel(self, order_id: str) -> dict[str, Any]:
        """Ask for an order to be cancelled. Answers with the order as it is now."""
        return _good(self._http.post(f"/orders/{order_id}/cancellation"))

    def orders(self) -> list[dict[str, Any]]:
        """The shopper's orders, newest first."""
        return _good(self._http.get("/orders"))["items"]  # type: ignore[no-any-return]

    def request(self, method: str, path: str, **given: Any) -> httpx.Response:
        """Any request, with the shopper's token."""
        return self._http.request(method, path, **given)

    def follow(
        self, order_id: str, seconds: float = 90, every: float = 0.2
    ) -> Iterator[dict[str, Any]]:
        """The order again and again until it is final. Raises TimeoutError when it never is."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            order = self.get_order(order_id)
            yield order
            if order["status"] in FINAL:
                return
            time.sleep(every)
        raise TimeoutError(f"order {order_id} is still {order['status']} after {seconds:.0f} s")

    def await_end(self, order_id: str, seconds: float = 90) -> dict[str, Any]:
        """The order in its final state."""
        *_, last = self.follow(order_id, seconds)
        return last


def _cognito(settings: Settings, action: str, **given: Any) -> dict[str, Any]:
    """Call Cognito as a browser does: unsigned JSON."""
    answer = httpx.post(
        f"{settings.url}/cognito/",
        json=given,
        headers={
            "X-Amz-Target": f"AWSCognitoIdentityProviderService.{action}",
            "Content-Type": "application/x-amz-json-1.1",
        },
        timeout=30,
    )
    return _good(answer)


def _code(settings: Settings, email: str) -> str:
    for mail in reversed(mailbox.mails(settings, email)):
        if found := re.search(r"\b\d{6}\b", mail.text + mail.html):
            return found[0]
    raise LocalError(f"No mail with a code came to {email}")


def _good(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        found: dict[str, Any] = answer.json()
        return found
    request = answer.request
    raise LocalError(f"{request.method} {request.url} answered {answer.status_code}: {answer.text}")
