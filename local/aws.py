"""boto3 clients for the local cloud, and signed requests."""

import os
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, Literal, overload

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from local.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

ACCESS_KEY = SECRET_KEY = "test"
_CONFIG = Config(connect_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which SAM and boto3 speak to the local cloud and to nothing else.

    The caller's own AWS variables, profiles and keys are left out.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "AWS_ENDPOINT_URL": settings.aws_url,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": settings.region,
        "AWS_REGION": settings.region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@overload
def client(name: Literal["cloudformation"], settings: Settings) -> "CloudFormationClient": ...
@overload
def client(name: Literal["dynamodb"], settings: Settings) -> "DynamoDBClient": ...
@overload
def client(name: Literal["events"], settings: Settings) -> "EventBridgeClient": ...
@overload
def client(name: Literal["lambda"], settings: Settings) -> "LambdaClient": ...
@overload
def client(name: Literal["s3"], settings: Settings) -> "S3Client": ...
@overload
def client(name: Literal["sqs"], settings: Settings) -> "SQSClient": ...
@overload
def client(name: str, settings: Settings) -> Any: ...
def client(name: str, settings: Settings) -> Any:
    """A boto3 client of the local cloud's root user."""
    session: Any = boto3.session.Session(
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        region_name=settings.region,
    )
    return session.client(name, endpoint_url=settings.aws_url, config=_CONFIG)


class SigV4(httpx.Auth):
    """Signs requests to API Gateway as AWS IAM asks for (service execute-api)."""

    requires_request_body = True

    def __init__(
        self, settings: Settings, credentials: Credentials | None = None, region: str | None = None
    ) -> None:
        """With the local cloud's own credentials, or those of an account of AWS."""
        self._credentials = credentials or Credentials(ACCESS_KEY, SECRET_KEY)
        self._region = region or settings.region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Add the signature's headers."""
        signed = AWSRequest(method=request.method, url=str(request.url), data=request.content)
        # They may be renewed between two requests.
        now = self._credentials.get_frozen_credentials()
        SigV4Auth(now, "execute-api", self._region).add_auth(signed)
        request.headers.update(dict(signed.headers.items()))
        yield request


def signed_request(
    method: str, url: str, settings: Settings, *, json: Any = None, timeout: float = 60
) -> httpx.Response:
    """Send one signed request to a private API; a cold function takes seconds to answer."""
    return httpx.request(method, url, json=json, auth=SigV4(settings), timeout=timeout)
