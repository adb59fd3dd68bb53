import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local import processes
from local.errors import LocalError
from local.processes import Server, free_port
from local.settings import HOST, Settings

DescribeServer = Callable[..., Server]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()


def pid_file(settings: Settings, name: str) -> Path:
    return settings.runs / f"{name}.json"


def test_a_server_starts_answers_and_ends(settings: Settings, small_server: DescribeServer) -> None:
    server = small_server("stripe", settings.stripe_port)
    assert processes.running(settings, "stripe") is None
    started = processes.start(settings, server)
    try:
        processes.await_answer(settings, server)
        assert processes.running(settings, "stripe") == started
        assert started.port == settings.stripe_port
    finally:
        assert processes.stop(settings, "stripe")
    assert processes.born(started.pid) is None
    assert not server.answers()
    assert not pid_file(settings, "stripe").exists()
    assert not processes.stop(settings, "stripe")
    processes.require_free(server)


def test_a_port_that_is_let_go_in_a_moment_is_free(
    settings: Settings, small_server: DescribeServer
) -> None:
    server = small_server("stripe", settings.stripe_port)
    with socket.create_server((HOST, server.port)) as listener:
        threading.Timer(0.2, listener.close).start()
        processes.require_free(server)


def test_the_children_of_a_server_end_with_it(
    settings: Settings, small_server: DescribeServer, tmp_path: Path
) -> None:
    noted = tmp_path / "child"
    script = (
        "import pathlib, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(noted)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script]
    processes.start(settings, small_server("stripe", settings.stripe_port, command))
    try:
        while not (noted.exists() and noted.read_text()):
            time.sleep(0.01)
        child = int(noted.read_text())
        assert processes.born(child)
    finally:
        processes.stop(settings, "stripe")
    deadline = time.monotonic() + 5
    while processes.born(child):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_server_deaf_to_signals_ends_all_the_same(
    settings: Settings, small_server: DescribeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "_STOP_SECONDS", 0.2)
    script = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "while True: time.sleep(1)\n"
    )
    command = [sys.executable, "-c", script]
    started = processes.start(settings, small_server("stripe", settings.stripe_port, command))
    time.sleep(0.3)
    assert processes.stop(settings, "stripe")
    deadline = time.monotonic() + 5
    while processes.born(started.pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_free_port_is_not_one_that_connections_are_given() -> None:
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    lowest = int(given.read_text().split()[0]) if given.exists() else 32_768
    ports = {free_port() for _ in range(50)}
    assert len(ports) > 1
    assert all(1024 < port < lowest for port in ports)


def test_a_taken_port_is_named(settings: Settings, small_server: DescribeServer) -> None:
    server = small_server("stripe", settings.stripe_port)
    processes.start(settings, server)
    try:
        processes.await_answer(settings, server)
        with pytest.raises(LocalError, match=rf"{settings.stripe_port}.*set TBS_A_PORT"):
            processes.start(settings, small_server("gateway", settings.stripe_port))
    finally:
        processes.stop(settings, "stripe")
    assert not pid_file(settings, "gateway").exists()


def test_a_server_that_ends_at_once_shows_its_log(
    settings: Settings, small_server: DescribeServer
) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such module')"]
    server = small_server("stripe", settings.stripe_port, command)
    processes.start(settings, server)
    with pytest.raises(LocalError, match="ended while it started") as caught:
        processes.await_answer(settings, server)
    assert "  | no such module" in caught.value.report()
    assert str(processes.log_file(settings, "stripe")) in caught.value.report()
    assert not processes.stop(settings, "stripe")


def test_a_silent_server_is_named(settings: Settings, small_server: DescribeServer) -> None:
    server = small_server("stripe", settings.stripe_port, SLEEP)
    processes.start(settings, server)
    try:
        with pytest.raises(LocalError, match=rf"did not answer on port {settings.stripe_port}"):
            processes.await_answer(settings, server, seconds=0.1)
    finally:
        assert processes.stop(settings, "stripe")


def test_a_process_that_got_the_id_later_is_left_alone(
    settings: Settings, stranger: subprocess.Popen[bytes]
) -> None:
    settings.runs.mkdir(parents=True)
    noted = {"pid": stranger.pid, "born": "long ago", "port": 1}
    pid_file(settings, "stripe").write_text(json.dumps(noted))
    assert processes.running(settings, "stripe") is None
    assert not processes.stop(settings, "stripe")
    assert stranger.poll() is None


def test_a_pid_file_that_cannot_be_read_is_not_taken_for_nothing(settings: Settings) -> None:
    settings.runs.mkdir(parents=True)
    path = pid_file(settings, "stripe")
    for content in ("", "{", '{"pid": 1}', "null"):
        path.write_text(content)
        with pytest.raises(LocalError, match="does not name a process"):
            processes.running(settings, "stripe")
        with pytest.raises(LocalError, match="does not name a process"):
            processes.stop(settings, "stripe")
        assert path.exists()


def test_when_a_process_was_born(stranger: subprocess.Popen[bytes]) -> None:
    born = processes.born(stranger.pid)
    assert born
    assert born == processes.born(stranger.pid)
    stranger.kill()
    while processes.born(stranger.pid):  # a zombie is dead, though nobody waited for it
        time.sleep(0.01)
    assert processes.born(os.getpid()) not in {None, born}
