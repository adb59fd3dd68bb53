"""A shopper who is made for a test of an environment, and removed after it."""

import contextlib
import secrets
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.account import Account
from local.errors import LocalError
from local.progress import Progress
from local.services import Service


@dataclass(frozen=True, slots=True)
class Guest:
    """Someone with an account in the environment's user pool, and the ID token of it."""

    email: str
    token: str


@contextmanager
def invited(
    account: Account, shop: Service, outputs: Mapping[str, str], progress: Progress
) -> Iterator[Guest]:
    """A shopper for as long as it takes. No mail is sent to them by Cognito.

    Raises LocalError when the pool takes no account, or no log-in.
    """
    stack, region = account.placed(shop)
    try:
        pool, client = outputs["UserPoolId"], outputs["UserPoolClientId"]
    except KeyError as error:
        raise LocalError(f"The stack {stack} has no {error.args[0]}: deploy it anew.") from error
    cognito = account.client("cognito-idp", region)
    email, password = address(account.is_local), f"Aa1!{secrets.token_urlsafe(18)}"
    try:
        with account.telling():
            with progress.step(f"A shopper for this: {email}"):
                cognito.admin_create_user(
                    UserPoolId=pool,
                    Username=email,
                    MessageAction="SUPPRESS",
                    UserAttributes=[
                        {"Name": "email", "Value": email},
                        {"Name": "email_verified", "Value": "true"},
                    ],
                )
                cognito.admin_set_user_password(
                    UserPoolId=pool, Username=email, Password=password, Permanent=True
                )
            with progress.step("Logging in"):
                answer = cognito.initiate_auth(
                    ClientId=client,
                    AuthFlow="USER_PASSWORD_AUTH",
                    AuthParameters={"USERNAME": email, "PASSWORD": password},
                )
        yield Guest(email, answer["AuthenticationResult"]["IdToken"])
    finally:
        remove(cognito, pool, email, progress)


def address(is_local: bool) -> str:
    """An address that belongs to nobody.

    On AWS it is SES's own mailbox for tests. Mail to a reserved domain would bounce there, and
    bounces count against the sender.
    """
    name = f"smoke-{uuid.uuid4().hex[:12]}"
    return f"{name}@example.com" if is_local else f"success+{name}@simulator.amazonses.com"


def remove(cognito: Any, pool: str, email: str, progress: Progress) -> None:
    """Remove the shopper. What goes wrong is told, and hides nothing that went wrong before."""
    try:
        with progress.step("Removing the shopper"), contextlib.suppress(_unknown(cognito)):
            cognito.admin_delete_user(UserPoolId=pool, Username=email)
    except (BotoCoreError, ClientError) as error:
        progress.note(f"{email} is still in {pool}: {error}")


def _unknown(cognito: Any) -> type[Exception]:
    found: type[Exception] = cognito.exceptions.UserNotFoundException
    return found
