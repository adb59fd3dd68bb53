"""Where an environment's stacks are, and how to speak to them: the local cloud, or AWS."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local import aws, stacks
from local.errors import LocalError
from local.services import Service, placed
from local.settings import Settings

_REGION = re.compile(r"https://[^.]+\.execute-api\.(?P<region>[^.]+)\.")


class Account:
    """Where an environment's stacks are: the local cloud, or an account of AWS."""

    def __init__(self, settings: Settings, environment: str) -> None:
        self.environment = environment
        self._settings = settings
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._making = threading.Lock()

    @property
    def is_local(self) -> bool:
        """Whether it is the local cloud."""
        return self.environment == "local"

    def client(self, name: str, region: str | None = None) -> Any:
        """A boto3 client, always the same one; on AWS with the caller's own credentials."""
        with self._making:
            if (name, region) not in self._clients:
                self._clients[name, region] = self._client(name, region)
            return self._clients[name, region]

    def _client(self, name: str, region: str | None) -> Any:
        if self.is_local:
            return aws.client(name, self._settings)
        return boto3.session.Session(region_name=region).client(name)  # type: ignore[call-overload]

    def placed(self, service: Service) -> tuple[str, str | None]:
        """The name of a service's stack, and its region where one is fixed.

        Raises LocalError when samconfig.toml tells of no such environment.
        """
        return (service.stack(), None) if self.is_local else placed(service, self.environment)

    def outputs(self, service: Service) -> dict[str, str]:
        """The outputs of a service's stack. Raises LocalError when the stack is not there."""
        if self.is_local:
            return stacks.outputs(self._settings, service.name)
        stack, region = self.placed(service)
        with self.telling():
            found = self.client("cloudformation", region).describe_stacks(StackName=stack)
        return {o["OutputKey"]: o["OutputValue"] for o in found["Stacks"][0].get("Outputs", [])}

    def invoke(self, service: Service, output: str, failed: str) -> Any:
        """The answer of the function that an output of the service's stack names.

        Raises LocalError when there is none, and when it fails: with `failed`, and why.
        """
        function = self.outputs(service).get(output)
        stack, region = self.placed(service)
        if function is None:
            raise LocalError(f"The stack {stack} has no {output}: deploy it anew.")
        with self.telling():
            answer = self.client("lambda", region).invoke(FunctionName=function, Payload=b"{}")
        told: Any = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            what = f"{told.get('errorType', 'failed')}: {told.get('errorMessage', '')}"
            raise LocalError(f"{failed}. {what}. See make logs SERVICE={service.name}")
        return told

    def api(self, service: Service) -> httpx.Client:
        """A client of a service's private API: signs its requests, and knows where they go.

        Raises LocalError when the stack is not there.
        """
        if self.is_local:
            return _client_of(
                stacks.api_url(self._settings, service.name), aws.SigV4(self._settings)
            )
        url = self.outputs(service).get("ApiUrl", "")
        at = _REGION.match(url)
        credentials = boto3.session.Session().get_credentials()
        if at is None or credentials is None:
            lacks = "credentials of AWS" if at else f"ApiUrl of the stack {self.placed(service)[0]}"
            raise LocalError(f"There are no {lacks} to call the API of {service.name} with.")
        return _client_of(url, aws.SigV4(self._settings, credentials, at["region"]))

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Turn AWS's errors into LocalError; the local cloud's pass through."""
        try:
            yield
        except (BotoCoreError, ClientError) as error:
            if self.is_local:
                raise
            raise LocalError(f"AWS refused, or did not answer: {error}") from error


def _client_of(url: str, auth: httpx.Auth) -> httpx.Client:
    # A batch of toys takes its time, and a cold function some seconds more.
    return httpx.Client(base_url=url.rstrip("/"), auth=auth, timeout=60, trust_env=False)
