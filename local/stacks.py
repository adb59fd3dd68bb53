"""The stacks on the local cloud: whether they are there, and what they put out."""

import re

from botocore.exceptions import BotoCoreError, ClientError

from local import aws
from local.errors import LocalError
from local.settings import Settings

_API_URL = re.compile(r"https://(?P<api>[^.]+)\.execute-api\.[^/]+/(?P<stage>[^/]+)(?P<path>/.*)?")


def outputs(settings: Settings, service: str) -> dict[str, str]:
    """The outputs of a service's stack (`outputs(settings, "toys")["TableName"]`).

    Raises LocalError when the cloud does not run or the stack is not on it.
    """
    name = f"tbs-app-{service}-local"
    try:
        found = aws.client("cloudformation", settings).describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        raise LocalError(f"There is no stack {name}: `make up` makes it. ({error})") from error
    except BotoCoreError as error:
        message = f"MiniStack does not answer at {settings.aws_url}: `make up` starts it. ({error})"
        raise LocalError(message) from error
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def api_url(settings: Settings, service: str) -> str:
    """Where a service's API answers on this machine, without a slash at its end."""
    return address(settings, service, "ApiUrl").rstrip("/")


def address(settings: Settings, service: str, output: str) -> str:
    """Where what a stack's output names at API Gateway answers on this machine.

    Raises LocalError when the output is missing or names something else.
    """
    url = outputs(settings, service).get(output, "")
    found = _API_URL.fullmatch(url)
    if found is None:
        raise LocalError(f"The stack tbs-app-{service}-local has no API: its {output} is {url!r}")
    path = found["path"] or ""
    return f"{settings.aws_url}/_aws/execute-api/{found['api']}/{found['stage']}{path}"


def statuses(settings: Settings) -> dict[str, str]:
    """The status of every stack of the shop, by stack name."""
    pages = aws.client("cloudformation", settings).get_paginator("describe_stacks").paginate()
    return {
        stack["StackName"]: stack["StackStatus"]
        for page in pages
        for stack in page["Stacks"]
        if stack["StackName"].startswith("tbs-app-")
    }
