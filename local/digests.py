"""What was built and deployed last, so that only what changed is built and deployed again."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from local.services import Service
from local.settings import Settings


def source_digest(service: Service, parameters: Mapping[str, str]) -> str:
    """One hash over what SAM makes the stack of: template, samconfig, sources and parameters."""
    digest = hashlib.sha256()
    for path in sources(service):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(service.folder)} {len(content)}\n".encode())
        digest.update(content)
    digest.update(json.dumps(dict(parameters), sort_keys=True).encode())
    return digest.hexdigest()


def sources(service: Service) -> Iterator[Path]:
    """template.yaml, samconfig.toml and the files under src/, in an order that never changes."""
    yield from (path for path in (service.template, service.configuration) if path.exists())
    yield from sorted(
        path
        for path in (service.folder / "src").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc"
    )


@dataclass(frozen=True, slots=True)
class State:
    """The digests a service was last built and deployed at, and the cloud it was deployed to."""

    built: str | None = None
    deployed: str | None = None
    cloud: str | None = None


def load_state(settings: Settings, service: Service) -> State:
    """What was done last; nothing, when it is not known."""
    try:
        return State(**json.loads(_file(settings, service).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return State()


def save_state(settings: Settings, service: Service, state: State) -> None:
    """Remember what was done."""
    path = _file(settings, service)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(state)))


def _file(settings: Settings, service: Service) -> Path:
    return settings.states / f"{service.name}.json"
