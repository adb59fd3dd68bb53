"""Build and deploy the stacks with the real SAM CLI."""

import compileall
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

from local import aws, tools
from local.errors import LocalError
from local.processes import log_file
from local.services import Service, local_parameters, placed, require_environment
from local.settings import Settings

BUCKET = "tbs-app-local-artifacts"
"""Where the local cloud keeps what is deployed. SAM would make a bucket per region, which several
deployments at once fight over."""


class Commands:
    """Child processes that end with us."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._aborted = False

    def run(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path
    ) -> bool:
        """Run a command to its end, its output in a log. True when it succeeded."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            with self._lock:
                if self._aborted:
                    return False
                process = subprocess.Popen(
                    command,
                    cwd=folder,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
                self._running.add(process)
            try:
                return process.wait() == 0
            finally:
                with self._lock:
                    self._running.discard(process)

    def abort(self) -> None:
        """End what runs, and start nothing more."""
        with self._lock:
            self._aborted = True
            for process in self._running:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)


def built_template(service: Service, settings: Settings, environment: str) -> Path:
    """The template that `build` leaves, beside the functions it names."""
    # SAM writes a build.toml beside the folder it builds into: no two services share a parent.
    folder = service.name if environment == "local" else f"{service.name}-{environment}"
    return settings.builds / folder / "functions" / "template.yaml"


def build(service: Service, settings: Settings, commands: Commands, environment: str) -> None:
    """Build a service as it goes to Lambda. Raises LocalError when SAM fails."""
    built = built_template(service, settings, environment).parent
    command = [
        *(tools.find("sam"), "build"),
        *("--config-file", str(service.configuration)),
        *("--config-env", environment),
        *("--build-dir", str(built)),
        *("--cache-dir", str(built.with_name("cache"))),
    ]
    if environment == "local":
        command += _overrides(local_parameters(service, settings))
    log = log_file(settings, f"{service.name}-build")
    if not commands.run(command, service.folder, _build_environment(), log):
        # SAM's cache takes what it half built for the whole, and would not build it again.
        shutil.rmtree(built.parent, ignore_errors=True)
        raise LocalError(f"sam build failed for {service.folder.name}.", log)
    _compile(service, built)


def deploy(service: Service, settings: Settings, commands: Commands, template: Path) -> None:
    """Deploy what was built to the local cloud. Raises LocalError when the stack fails."""
    command = [
        *(tools.find("sam"), "deploy"),
        *("--config-env", "local"),
        *("--config-file", str(service.configuration)),
        *("--template-file", str(template)),
        *("--stack-name", service.stack()),
        *("--region", settings.region),
        *("--no-resolve-s3", "--s3-bucket", BUCKET),
        *("--no-confirm-changeset", "--no-fail-on-empty-changeset", "--no-progressbar"),
        *_overrides(local_parameters(service, settings)),
    ]
    log = log_file(settings, f"{service.name}-deploy")
    variables = _environment(aws.environment(settings)) | {"SAM_CLI_POLL_DELAY": "0.1"}
    if not commands.run(command, service.folder, variables, log):
        raise LocalError(f"sam deploy failed for the stack {service.stack()}.", log)


def publish(service: Service, settings: Settings, commands: Commands) -> None:
    """Put the files of a service in place on the local cloud. Raises LocalError when it fails."""
    log = log_file(settings, f"{service.name}-publish")
    command = _publishing(service, service.stack(), settings.region)
    if not commands.run(command, service.folder, aws.environment(settings), log):
        raise LocalError(f"{service.publisher} failed for the stack {service.stack()}.", log)


def deploy_to_aws(service: Service, settings: Settings, environment: str) -> None:
    """Build a service, deploy it to AWS and publish its files, on this terminal.

    All as samconfig.toml says.

    Raises LocalError when samconfig.toml has no such environment, and when SAM fails.
    """
    require_environment(service, environment)
    build(service, settings, Commands(), environment)
    command = [
        *(tools.find("sam"), "deploy"),
        *("--config-env", environment),
        *("--config-file", str(service.configuration)),
        *("--template-file", str(built_template(service, settings, environment))),
    ]
    if subprocess.run(command, cwd=service.folder, check=False).returncode:
        raise LocalError(f"sam deploy failed for {service.stack(environment)}: see above.")
    if service.publisher.exists():
        publishing = _publishing(service, *placed(service, environment))
        if subprocess.run(publishing, cwd=service.folder, check=False).returncode:
            raise LocalError(f"The files of {service.stack(environment)} were not published.")


def _publishing(service: Service, stack: str, region: str | None) -> list[str]:
    command = [sys.executable, str(service.publisher), "--stack", stack]
    return [*command, "--region", region] if region else command


def _build_environment() -> dict[str, str]:
    # Bytecode goes along, valid whatever the clock says: Lambda then need not compile what it
    # imports at every cold start.
    bytecode = {"UV_COMPILE_BYTECODE": "1", "PYC_INVALIDATION_MODE": "UNCHECKED_HASH"}
    return _environment(os.environ) | bytecode


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The environment of SAM, which is run often: it may keep its own bytecode."""
    kept = {key: value for key, value in variables.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"SAM_CLI_TELEMETRY": "0"}


def _compile(service: Service, built: Path) -> None:
    """Compile the service's own modules too, wherever SAM copied them."""
    packages = [path.name for path in (service.folder / "src").iterdir() if path.is_dir()]
    for package in packages:
        for copy in built.glob(f"*/{package}"):
            compileall.compile_dir(
                copy, quiet=1, force=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH
            )


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    if not parameters:
        return []
    return ["--parameter-overrides", *(f"{name}={value}" for name, value in parameters.items())]
