"""The servers of the local cloud: what they are, how to start them, whether they answer."""

import os
import shutil
import sys

import httpx

from local import aws, database, tools
from local.processes import Server
from local.settings import HOST, ROOT, Settings

NAMES = {
    "flow": "The flow page",
    "gateway": "The shop",
    "ministack": "MiniStack",
    "stripe": "The Stripe stand-in",
    "postgres": "PostgreSQL",
}
"""Every server, in the order in which they are ended."""


def ministack(settings: Settings) -> Server:
    """AWS on this machine. With AUTH each function has its role's rights and no more."""
    environment = tools.ENVIRONMENTS / "ministack"
    tools.install("ministack", environment)
    temporary = settings.home / "ministack"
    shutil.rmtree(temporary, ignore_errors=True)  # what an earlier run unpacked
    temporary.mkdir(parents=True)
    return Server(
        name="ministack",
        title="MiniStack",
        port=settings.aws_port,
        port_variable="TBS_AWS_PORT",
        command=[str(environment / "bin" / "ministack")],
        answers=lambda: _answers(f"{settings.aws_url}/_ministack/health"),
        environment=_bare_environment()
        | {
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_KEY,
            "AWS_DEFAULT_REGION": settings.region,
            # Functions have it from here: the flow page hears what they tell X-Ray.
            "AWS_XRAY_DAEMON_ADDRESS": f"{HOST}:{settings.flow_port}",
            "BIND_HOST": HOST,
            "GATEWAY_PORT": str(settings.aws_port),
            "MINISTACK_HOST": HOST,
            "SFTP_ENABLED": "0",
            "IOT_MTLS_ENABLED": "0",
            "TMPDIR": str(temporary),
        },
    )


def stripe(settings: Settings) -> Server:
    """Payments that move no money."""
    return Server(
        name="stripe",
        title="The Stripe stand-in",
        port=settings.stripe_port,
        port_variable="TBS_STRIPE_PORT",
        command=[sys.executable, "-m", "local.stripe", "--port", str(settings.stripe_port)],
        answers=lambda: _answers(f"{settings.stripe_url}/health"),
        environment=_bare_environment() | _importable(),
    )


def postgres(settings: Settings) -> Server:
    """The reports' database."""
    return database.server(settings)


def gateway(settings: Settings) -> Server:
    """The shop's public address."""
    return Server(
        name="gateway",
        title="The gateway",
        port=settings.port,
        port_variable="TBS_PORT",
        command=[sys.executable, "-m", "local.gateway"],
        answers=lambda: _answers(f"{settings.url}/health"),
        environment=_bare_environment() | settings.environment() | _importable(),
    )


def flow(settings: Settings) -> Server:
    """Every message, drawn as it goes."""
    return Server(
        name="flow",
        title="The flow page",
        port=settings.flow_port,
        port_variable="TBS_FLOW_PORT",
        command=[sys.executable, "-m", "local.flow"],
        answers=lambda: _answers(f"{settings.flow_url}/health"),
        environment=_bare_environment() | settings.environment() | _importable(),
    )


def _bare_environment() -> dict[str, str]:
    """This environment, without what would lead a server astray: AWS accounts, virtualenvs."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "POWERTOOLS_", "PYTHON", "VIRTUAL_ENV", "STRIPE_"))
    }


def _importable() -> dict[str, str]:
    return {"PYTHONPATH": str(ROOT)}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, trust_env=False).is_success
    except httpx.TransportError:
        return False
