import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import cloud, processes, sam, seed, servers, webhooks
from local.digests import load_state
from local.errors import LocalError
from local.processes import Server
from local.progress import Progress
from local.services import Service
from local.settings import Settings

DescribeServer = Callable[..., Server]

SHOP = [name for name in servers.NAMES if name != "flow"]
"""The servers that the shop needs."""


@pytest.fixture
def small_cloud(monkeypatch: pytest.MonkeyPatch, small_server: DescribeServer) -> None:
    """Servers that start in no time, and a SAM that is not run."""
    for name in servers.NAMES:

        def describe(settings: Settings, name: str = name) -> Server:
            return small_server(name, settings.ports[name])

        monkeypatch.setattr(servers, name, describe)
    monkeypatch.setattr(cloud, "_prepare", lambda settings: None)
    monkeypatch.setattr(seed, "fill", lambda settings, progress: None)
    monkeypatch.setattr(webhooks, "register", lambda settings: True)


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SAM is asked to do, in order."""
    asked: list[str] = []

    def build(service: Service, settings: Settings, commands: sam.Commands, env: str) -> None:
        asked.append(f"build {service.name}")
        template = sam.built_template(service, settings, env)
        template.parent.mkdir(parents=True, exist_ok=True)
        template.touch()

    def deploy(
        service: Service, settings: Settings, commands: sam.Commands, template: Path
    ) -> None:
        asked.append(f"deploy {service.name}")

    def publish(service: Service, settings: Settings, commands: sam.Commands) -> None:
        asked.append(f"publish {service.name}")

    monkeypatch.setattr(sam, "build", build)
    monkeypatch.setattr(sam, "deploy", deploy)
    monkeypatch.setattr(sam, "publish", publish)
    return asked


@pytest.fixture
def toys(tmp_path: Path) -> Service:
    folder = tmp_path / "toys-service"
    (folder / "src").mkdir(parents=True)
    (folder / "template.yaml").write_text("Parameters: {}")
    return Service(folder)


def bring_up(
    settings: Settings, *services: Service, order_seed: int | None = None, flow: bool = False
) -> None:
    with Progress() as progress:
        cloud.up(settings, services, progress, order_seed, flow=flow)


@pytest.mark.usefixtures("small_cloud")
def test_a_second_up_does_only_what_changed(
    settings: Settings, toys: Service, runs: list[str]
) -> None:
    try:
        bring_up(settings, toys)
        assert runs == ["build toys", "deploy toys"]
        assert all(processes.running(settings, name) for name in SHOP)

        bring_up(settings, toys)
        assert runs == ["build toys", "deploy toys"]

        toys.template.write_text("Parameters: {A: {Type: String}}")
        bring_up(settings, toys)
        assert runs == ["build toys", "deploy toys"] * 2

        # MiniStack keeps nothing: what was built is deployed to the new one.
        processes.stop(settings, "ministack")
        bring_up(settings, toys)
        assert runs == [*["build toys", "deploy toys"] * 2, "deploy toys"]
    finally:
        ended = cloud.down(settings)
    assert ended == SHOP
    assert cloud.down(settings) == []


@pytest.mark.usefixtures("small_cloud")
def test_files_are_published_though_the_stack_is_unchanged(
    settings: Settings, toys: Service, runs: list[str]
) -> None:
    toys.publisher.touch()
    try:
        bring_up(settings, toys)
        bring_up(settings, toys)
    finally:
        cloud.down(settings)
    assert runs == ["build toys", "deploy toys", "publish toys", "publish toys"]


@pytest.mark.usefixtures("small_cloud")
def test_the_flow_page_comes_last(settings: Settings, toys: Service, runs: list[str]) -> None:
    try:
        bring_up(settings, toys, flow=True)
        assert runs == ["build toys", "deploy toys", "build flow", "deploy flow"]
        bring_up(settings, toys, flow=True)
        assert len(runs) == 4
    finally:
        ended = cloud.down(settings)
    assert ended == list(servers.NAMES)


@pytest.mark.usefixtures("small_cloud", "runs")
def test_a_flow_page_that_fails_stops_nothing(
    settings: Settings,
    toys: Service,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def deploy(service: Service, *_: object) -> None:
        if service.name == "flow":
            raise LocalError("sam deploy failed")

    def flow(settings: Settings) -> Server:
        raise LocalError("no page")

    monkeypatch.setattr(sam, "deploy", deploy)
    monkeypatch.setattr(servers, "flow", flow)
    try:
        bring_up(settings, toys, flow=True)
        assert all(processes.running(settings, name) for name in SHOP)
    finally:
        cloud.down(settings)
    told = capsys.readouterr().out
    assert "flow: left out. no page" in told
    assert "flow: left out. sam deploy failed" in told


@pytest.mark.usefixtures("small_cloud", "runs")
def test_a_failed_stack_ends_the_servers_that_up_started(
    settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(*_: object) -> None:
        raise LocalError("sam deploy failed")

    monkeypatch.setattr(sam, "deploy", deploy)
    with pytest.raises(LocalError, match="sam deploy failed"):
        bring_up(settings, toys)
    assert not any(processes.running(settings, name) for name in servers.NAMES)
    assert load_state(settings, toys).built
    assert load_state(settings, toys).deployed is None


@pytest.mark.usefixtures("small_cloud", "runs")
def test_a_failed_stack_leaves_alone_what_ran_before(
    settings: Settings, toys: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploy(*_: object) -> None:
        raise LocalError("sam deploy failed")

    try:
        bring_up(settings, toys)
        toys.template.write_text("Parameters: {A: {Type: String}}")
        monkeypatch.setattr(sam, "deploy", deploy)
        with pytest.raises(LocalError, match="sam deploy failed"):
            bring_up(settings, toys)
        assert all(processes.running(settings, name) for name in SHOP)
    finally:
        cloud.down(settings)


@pytest.mark.usefixtures("small_cloud", "runs")
def test_ports_that_changed_while_the_cloud_runs(settings: Settings, toys: Service) -> None:
    try:
        bring_up(settings, toys)
        moved = Settings(home=settings.home, port=settings.port, aws_port=settings.aws_port)
        with pytest.raises(LocalError, match=r"PostgreSQL runs on port .*`make down` first"):
            bring_up(moved, toys)
    finally:
        assert cloud.down(settings) == SHOP


@pytest.mark.usefixtures("small_cloud")
def test_the_order_comes_from_the_seed(
    settings: Settings, toys: Service, runs: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud, "SIDE_BY_SIDE", 1)
    services = [toys]
    for number in range(5):
        folder = toys.folder.with_name(f"s{number}")
        folder.mkdir()
        (folder / "template.yaml").write_text("{}")
        services.append(Service(folder))
    orders: list[list[str]] = []
    for order_seed in (None, 1, 1, 2):
        runs.clear()
        try:
            bring_up(settings, *services, order_seed=order_seed)
        finally:
            cloud.down(settings)
        orders.append([run for run in runs if run.startswith("deploy")])
    assert orders[0] == [f"deploy {service.name}" for service in services]
    assert orders[1] == orders[2]
    assert orders[1] != orders[3]
    assert sorted(orders[3]) == sorted(orders[0])


def test_two_at_once(settings: Settings) -> None:
    with (
        cloud.exclusively(settings),
        pytest.raises(LocalError, match="Another `up` or `down`"),
    ):
        cloud.down(settings)
    assert cloud.down(settings) == []


def test_down_ends_the_others_when_one_pid_file_cannot_be_read(
    settings: Settings, small_server: DescribeServer
) -> None:
    server = small_server("stripe", settings.stripe_port)
    processes.start(settings, server)
    (settings.runs / "gateway.json").write_text("?")
    with pytest.raises(LocalError, match=r"gateway\.json does not name a process"):
        cloud.down(settings)
    assert processes.running(settings, "stripe") is None


def test_abort_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    commands = sam.Commands()
    marker = tmp_path / "started"
    script = f"import pathlib, time; pathlib.Path({str(marker)!r}).touch(); time.sleep(60)"
    command = [sys.executable, "-c", script]
    results: list[bool] = []
    thread = threading.Thread(
        target=lambda: results.append(commands.run(command, tmp_path, {}, tmp_path / "log"))
    )
    thread.start()
    while not marker.exists():
        time.sleep(0.01)
    commands.abort()
    thread.join(timeout=10)
    assert results == [False]
    marker.unlink()
    assert not commands.run(command, tmp_path, {}, tmp_path / "log")
    assert not marker.exists()


def test_an_interrupt_ends_the_servers(
    settings: Settings, small_server: DescribeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        servers, "postgres", lambda settings: small_server("postgres", settings.postgres_port)
    )

    def interrupted(settings: Settings) -> Server:
        assert processes.running(settings, "postgres")
        signal.raise_signal(signal.SIGINT)
        raise AssertionError

    monkeypatch.setattr(servers, "ministack", interrupted)
    # A shell's background job ignores it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            bring_up(settings)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not any(processes.running(settings, name) for name in servers.NAMES)
