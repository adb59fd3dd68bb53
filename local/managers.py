"""Who sees the shop's reports: the accounts in the user pool's group of managers."""

from local.account import Account
from local.errors import LocalError
from local.services import placed, select
from local.settings import Settings

GROUP = "managers"


def appoint(settings: Settings, environment: str, email: str) -> None:
    """Put an account into the group; in it already, it stays there.

    Raises LocalError when nobody has signed up with that address, and when AWS refuses.
    """
    stack, region = placed(select(["public-api"])[0], environment)
    account = Account(settings, environment)
    cognito = account.client("cognito-idp", region)
    with account.telling():
        found = account.client("cloudformation", region).describe_stacks(StackName=stack)
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", [])}
        pool = outputs.get("UserPoolId")
        if pool is None:
            raise LocalError(f"The stack {stack} has no user pool")
        try:
            cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=GROUP)
        except cognito.exceptions.UserNotFoundException as error:
            raise LocalError(f"Nobody has signed up with {email}") from error
