"""Processes that outlive the command that started them, known by pid files.

A pid file holds the process's id and the time it was born, so that another process which was given
the same id later is never taken for ours.
"""

import contextlib
import json
import os
import pwd
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from local.errors import LocalError
from local.settings import HOST, Settings

_STOP_SECONDS = 10.0
_LET_GO_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Server:
    """A server of the local cloud: how to start it, and how to see that it answers."""

    name: str
    title: str
    port: int
    port_variable: str
    command: list[str]
    answers: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Running:
    """A process of ours that is alive. `instance` is never the same for two of them."""

    pid: int
    born: str
    port: int

    @property
    def instance(self) -> str:
        """Names this one run of the server."""
        return f"{self.pid}@{self.born}"


def running(settings: Settings, name: str) -> Running | None:
    """The live process of that name, if it is ours.

    Raises LocalError for a pid file that cannot be read: what it named may still run.
    """
    path = _pid_file(settings, name)
    try:
        noted = json.loads(path.read_text())
        found = Running(int(noted["pid"]), str(noted["born"]), int(noted["port"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise LocalError(
            f"{path} does not name a process ({error!r}). End the process it meant, if that still "
            "runs, and delete the file."
        ) from error
    return found if born(found.pid) == found.born else None


def start(settings: Settings, server: Server) -> Running:
    """Start a server in a session of its own, its output in its log.

    Raises LocalError when its port is taken.
    """
    require_free(server)
    log = log_file(settings, server.name)
    log.parent.mkdir(parents=True, exist_ok=True)
    settings.runs.mkdir(parents=True, exist_ok=True)
    account = pwd.getpwnam(server.user) if server.user else None
    with log.open("wb") as output:
        process = subprocess.Popen(
            server.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(server.environment),
            start_new_session=True,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    try:
        started = Running(process.pid, born(process.pid) or "", server.port)
        path = _pid_file(settings, server.name)
        whole = path.with_suffix(".new")
        whole.write_text(json.dumps(asdict(started)))
        whole.replace(path)  # at once: nobody reads half a pid file
    except BaseException:
        process.kill()
        raise
    # It outlives this command, which therefore never waits for it: Python need not warn of that.
    process.returncode = 0
    return started


def await_answer(settings: Settings, server: Server, seconds: float = 60) -> None:
    """Wait until a server answers. Raises LocalError when it ends or stays silent."""
    log = log_file(settings, server.name)
    deadline = time.monotonic() + seconds
    while not server.answers():
        if running(settings, server.name) is None:
            raise LocalError(f"{server.title} ended while it started.", log)
        if time.monotonic() > deadline:
            message = f"{server.title} did not answer on port {server.port} in {seconds:.0f} s."
            raise LocalError(message, log)
        time.sleep(0.05)


def stop(settings: Settings, name: str, stop_signal: signal.Signals = signal.SIGTERM) -> bool:
    """End a process of ours and all it started. True when there was one."""
    found = running(settings, name)
    if found is not None:
        os.kill(found.pid, stop_signal)
        deadline = time.monotonic() + _STOP_SECONDS
        while born(found.pid) == found.born and time.monotonic() < deadline:
            _reap(found.pid)
            time.sleep(0.02)
        # It leads a group of its own: what is left of that goes too. When nothing is left, Linux
        # says there is no such process, and macOS that it is not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(found.pid, signal.SIGKILL)
        _reap(found.pid)
    _pid_file(settings, name).unlink(missing_ok=True)
    return found is not None


def require_free(server: Server) -> None:
    """Raise LocalError when another process listens on the server's port.

    One that was just ended may hold it for a moment more, until its last thread is gone.
    """
    deadline = time.monotonic() + _LET_GO_SECONDS
    while (error := _held(server.port)) is not None:
        if time.monotonic() > deadline:
            raise LocalError(
                f"{server.title} cannot have port {server.port}: {error.strerror}. End the process "
                f"that holds it, or set {server.port_variable} to a free port."
            ) from error
        time.sleep(0.05)


def _held(port: int) -> OSError | None:
    """Why a port cannot be listened on; None: it can be."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            return error
    return None


def free_port() -> int:
    """A port that nobody listens on.

    It is below those that the system gives to whoever connects somewhere (32768 and up on Linux):
    one of these may be free now, and taken a moment later by a connection that has nothing to do
    with us. Nor is it drawn from what tests may have seeded: two of them would draw the same.
    """
    draw = random.SystemRandom()
    while True:
        port = draw.randrange(20_000, 32_768)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind((HOST, port))
                return port


def born(pid: int) -> str | None:
    """When a process was born, in the system's own words; None when it is not alive."""
    if os.path.exists("/proc/self/stat"):
        try:
            with open(f"/proc/{pid}/stat") as stat:
                state, *rest = stat.read().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            return None
        return None if state in "ZX" else rest[18]
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    state, _, time_of_birth = shown.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else time_of_birth.strip()


def log_file(settings: Settings, name: str) -> Path:
    """Where a process's output goes."""
    return settings.logs / f"{name}.log"


def _pid_file(settings: Settings, name: str) -> Path:
    return settings.runs / f"{name}.json"


def _reap(pid: int) -> None:
    """Let go of a process that ended, if it is a child of this very command."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
