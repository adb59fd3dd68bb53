"""Who sees the shop's reports: the accounts in the user pool's group of managers."""

from local.account import Account
from local.errors import LocalError
from local.services import select
from local.settings import Settings

GROUP = "managers"


def appoint(settings: Settings, environment: str, email: str) -> None:
    """Put an account into the group; in it already, it stays there.

    Raises LocalError when nobody has signed up with that address, and when AWS refuses.
    """
    (shop,) = select(["public-api"])
    account = Account(settings, environment)
    stack, region = account.placed(shop)
    cognito = account.client("cognito-idp", region)
    pool = account.outputs(shop).get("UserPoolId")
    if pool is None:
        raise LocalError(f"The stack {stack} has no user pool")
    with account.telling():
        try:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=GROUP)
        except cognito.exceptions.UserNotFoundException as error:
            raise LocalError(f"Nobody has signed up with {email}") from error
