"""SES' own suppression list, which all that is sent from the AWS account shares.

Addresses are in the URLs of its calls and in some of its answers. No error leaves here that quotes
one, as botocore's do of a time-out.
"""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError


class SesFailed(Exception):
    """SES has not answered, or not as it should. Says which kind of error it was, and no more."""


class AccountList:
    """Takes addresses off the list. Raises SesFailed when SES fails."""

    def __init__(self) -> None:
        self._ses = boto3.client("sesv2", config=Config(connect_timeout=1, read_timeout=3))
        self._ses.meta.events.register("after-call.sesv2.DeleteSuppressedDestination", _mask)

    def lift(self, address: str) -> bool:
        """Take an address off the list; False: it was not on it, or is no address."""
        try:
            self._ses.delete_suppressed_destination(EmailAddress=address)
        except (self._ses.exceptions.NotFoundException, self._ses.exceptions.BadRequestException):
            return False
        except ClientError as error:
            raise SesFailed(error.response["Error"]["Code"]) from None
        except BotoCoreError as error:
            raise SesFailed(type(error).__name__) from None
        return True


def _mask(parsed: dict[str, Any], **_: object) -> None:
    """Leave of an error its code: X-Ray notes all that SES says, before anybody could catch it."""
    if "Error" in parsed:
        code = parsed["Error"].get("Code", "Unknown")
        for said in parsed.keys() - {"ResponseMetadata"}:
            del parsed[said]
        parsed["Error"] = {"Code": code, "Message": ""}
