"""Bring the local cloud up, and down again."""

import fcntl
import json
import random
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

from local import aws, database, processes, sam, seed, servers, webhooks
from local.digests import State, load_state, save_state, source_digest
from local.errors import LocalError
from local.flow.service import FLOW
from local.gameday import notebook
from local.processes import Server
from local.progress import Progress
from local.services import Service, local_parameters
from local.settings import Settings
from local.tools import FAST_SHUTDOWN

SIDE_BY_SIDE = 3
"""Stacks that are built and deployed at once."""

STRIPE_SECRET = (
    "tbs/stripe",
    {"apiKey": "sk_test_local", "webhookSecret": webhooks.SECRET},
)
"""The secret that payments reads what it needs for Stripe from, and its value here."""

CARRIER_SECRET = ("tbs/carrier", {"webhookSecret": "carrier_local"})
"""The secret that carriers sign their events to fulfilment with, and its value here."""


def up(
    settings: Settings,
    services: Sequence[Service],
    progress: Progress,
    order_seed: int | None,
    *,
    flow: bool = False,
) -> None:
    """Start what does not run, deploy what changed, and fill an empty catalogue.

    With `flow`, the flow page too, and the stack that it reads from. Without them the shop is the
    same, so whatever goes wrong there is told and stops nothing.

    Raises LocalError (and passes KeyboardInterrupt on) after ending every server it started.
    """
    services = list(services)
    if order_seed is not None:
        random.Random(order_seed).shuffle(services)
    for service in services:
        local_parameters(service, settings)  # says now what it would say in a minute
    with exclusively(settings), _ending_on_failure(settings) as started:

        def ensure(name: str, describe: Callable[[Settings], Server]) -> bool:
            if found := processes.running(settings, name):
                if found.port != settings.ports[name]:
                    raise LocalError(
                        f"{servers.NAMES[name]} runs on port {found.port}, and is now to run on "
                        f"{settings.ports[name]}: `make down` first."
                    )
                return False
            with progress.step(f"{servers.NAMES[name]}: start"):
                server = describe(settings)
                started.append(name)
                processes.start(settings, server)
                processes.await_answer(settings, server)
            return True

        ensure("postgres", servers.postgres)
        if ensure("ministack", servers.ministack):
            with progress.step("Bucket, secret and database: make"):
                _prepare(settings)
        ensure("stripe", servers.stripe)
        notebook.mend_left_over(settings, progress)
        if flow:
            with _telling(progress, "flow"):
                ensure("flow", servers.flow)
        _side_by_side(
            services, lambda service, commands: _deployed(settings, service, progress, commands)
        )
        if webhooks.register(settings):
            progress.note("Stripe's stand-in tells payments what happens")
        ensure("gateway", servers.gateway)
        if any(service.name == "toys" for service in services):
            if report := seed.fill(settings, progress):
                progress.note(f"{report.added} toys added, {report.pictures} with pictures")
            else:
                progress.note("the catalogue has toys already")
        if flow:
            with _telling(progress, "flow"):
                _deployed(settings, FLOW, progress, sam.Commands())


def build(settings: Settings, services: Sequence[Service], progress: Progress) -> None:
    """Build what changed. Raises LocalError when SAM fails."""
    with exclusively(settings):
        _side_by_side(
            services, lambda service, commands: _built(settings, service, progress, commands)
        )


def down(settings: Settings) -> list[str]:
    """End every server of this cloud; the names of those that ran."""
    with exclusively(settings):
        return _stop(settings, servers.NAMES)


@contextmanager
def exclusively(settings: Settings) -> Iterator[None]:
    """Hold this cloud's lock. Raises LocalError when another command holds it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    path = settings.home / "lock"
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LocalError(
                f"Another `up` or `down` is at work in {settings.home}. Wait until it is done."
            ) from error
        yield


@contextmanager
def _telling(progress: Progress, what: str) -> Iterator[None]:
    """Tell what goes wrong, and go on without it."""
    try:
        yield
    except LocalError as error:
        progress.note(f"{what}: left out. {error.report()}")


@contextmanager
def _ending_on_failure(settings: Settings) -> Iterator[list[str]]:
    """End the servers named in the list it gives, should anything go wrong."""
    started: list[str] = []
    try:
        yield started
    except BaseException:
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            _stop(settings, [name for name in servers.NAMES if name in started])
        finally:
            signal.signal(signal.SIGINT, handler)
        raise


def _stop(settings: Settings, names: Iterable[str]) -> list[str]:
    """End these servers; the names of those that ran. Raises LocalError once it tried them all."""
    ended: list[str] = []
    errors: list[str] = []
    for name in names:
        how = FAST_SHUTDOWN if name == "postgres" else signal.SIGTERM
        try:
            if processes.stop(settings, name, how):
                ended.append(name)
        except LocalError as error:
            errors.append(str(error))
    if errors:
        raise LocalError("\n".join(errors))
    return ended


def _prepare(settings: Settings) -> None:
    """What the stacks expect to find in an account, and an empty database beside it."""
    aws.client("s3", settings).create_bucket(
        Bucket=sam.BUCKET,
        CreateBucketConfiguration={"LocationConstraint": settings.region},  # type: ignore[typeddict-item]
    )
    secrets = aws.client("secretsmanager", settings)
    for name, value in (STRIPE_SECRET, CARRIER_SECRET):
        secrets.create_secret(Name=name, SecretString=json.dumps(value))
    database.recreate(settings)


def _side_by_side(
    services: Sequence[Service], work: Callable[[Service, sam.Commands], object]
) -> None:
    """Do the work for all services, a few at once. The first failure ends the others."""
    commands = sam.Commands()
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        try:
            futures = [pool.submit(work, service, commands) for service in services]
            done, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
        except BaseException:
            commands.abort()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _built(
    settings: Settings, service: Service, progress: Progress, commands: sam.Commands
) -> tuple[str, Path]:
    """The digest of a service's sources and the template built of them."""
    digest = source_digest(service, local_parameters(service, settings))
    template = sam.built_template(service, settings, "local")
    if load_state(settings, service).built != digest or not template.exists():
        with progress.step(f"{service.name}: build"):
            sam.build(service, settings, commands, "local")
        save_state(settings, service, State(built=digest))
    return digest, template


def _deployed(
    settings: Settings, service: Service, progress: Progress, commands: sam.Commands
) -> None:
    """Build and deploy a service, unless the cloud that runs has just that."""
    digest, template = _built(settings, service, progress, commands)
    ministack = processes.running(settings, "ministack")
    done = State(built=digest, deployed=digest, cloud=ministack.instance if ministack else None)
    if load_state(settings, service) == done:
        progress.note(f"{service.name}: unchanged")
    else:
        with progress.step(f"{service.name}: deploy"):
            sam.deploy(service, settings, commands, template)
        save_state(settings, service, done)
    if service.publisher.exists():
        with progress.step(f"{service.name}: publish"):
            sam.publish(service, settings, commands)
