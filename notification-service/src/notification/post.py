"""The way out: hands letters to SES."""

import re
from collections.abc import Mapping
from email.utils import formataddr
from http import HTTPStatus
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from notification.letter import SHOP, Letter

_FINAL = {"BadRequestException", "MessageRejected"}
_ADDRESS = re.compile(r"<?[^\s<>,;:]+@[^\s<>,;]+>?")


class Refused(Exception):
    """SES will not take this letter, however often it is asked."""


class NotTaken(Exception):
    """SES has not taken this letter. It may the next time that it is asked."""


class Post:
    """Sends letters from one address, under one configuration set of SES."""

    def __init__(self, sender: str, configuration_set: str) -> None:
        self._sender = formataddr((SHOP, sender))
        self._configuration_set = configuration_set
        # One attempt: after a time-out nobody knows whether SES took it, and a second attempt at
        # once would often make two e-mails. The queue tries again, and the mail's lease counts it.
        once = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})
        self._ses = boto3.client("sesv2", config=once)
        self._ses.meta.events.register("after-call.sesv2.SendEmail", _mask)

    def send(self, to: str, letter: Letter, tags: Mapping[str, str]) -> str:
        """Send one letter, with tags that SES' reports of it repeat. Returns SES' id of it.

        Raises Refused when it can never be sent, NotTaken when it may be sent later: throttled,
        sending paused, quota used up, sender not verified, no permission. Raises botocore's errors
        when nobody knows whether it was sent: a time-out, a fault of SES itself.
        """
        try:
            answer = self._ses.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [to]},
                Content={
                    "Simple": {
                        "Subject": {"Data": letter.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": letter.text, "Charset": "UTF-8"},
                            "Html": {"Data": letter.html, "Charset": "UTF-8"},
                        },
                    }
                },
                EmailTags=[{"Name": name, "Value": value} for name, value in tags.items()],
                ConfigurationSetName=self._configuration_set,
            )
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            # That an identity is not verified is no fault of the letter: it is put right in SES.
            if code in _FINAL and "not verified" not in message:
                raise Refused(f"{code}: {message}") from error
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise NotTaken(f"{code}: {message}") from error
            raise
        return answer["MessageId"]


def _mask(parsed: dict[str, Any], **_: object) -> None:
    """Take the addresses out of what SES says of an error, before logs and traces repeat it."""
    if "Error" in parsed:
        parsed["Error"]["Message"] = _ADDRESS.sub("<address>", parsed["Error"].get("Message", ""))
        parsed.pop("message", None)  # the same, where SES' model has the error
