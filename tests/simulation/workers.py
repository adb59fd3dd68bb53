"""The services' own code, loaded as often as one function may run at once."""

import importlib
import os
import sys
from collections import ChainMap, deque
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from tools.services import Door, Service, environment

WORKERS = 2
"""How many invocations of one function run at once: each has a copy of the code, as on Lambda."""

type Handler = Callable[[dict[str, Any], Any], Any]


class Workers:
    """The execution environments of one function, and the invocations that wait for one."""

    def __init__(self, handlers: list[Handler]) -> None:
        self.handlers = handlers
        self.idle = list(range(len(handlers)))
        self.waiting: deque[Callable[[int], None]] = deque()


class Code:
    """Every function's execution environments, by service and door."""

    def __init__(
        self, doors: list[Door], variables: Mapping[tuple[str, str], Mapping[str, str]]
    ) -> None:
        self.modules: dict[tuple[str, str], list[ModuleType]] = {}
        """The copies of each module, by service and the module's name in its package."""
        handlers: dict[tuple[str, str], list[Handler]] = {}
        services = {door.service.name: door.service for door in doors}
        for service in services.values():
            for _ in range(WORKERS):
                for door in doors:
                    if door.service.name == service.name:
                        key = (service.name, door.name)
                        module = _import(door, variables[key])
                        name = str(door.properties["Handler"]).rpartition(".")[2]
                        handlers.setdefault(key, []).append(getattr(module, name))
                for name, module in _taken(service):
                    if hasattr(module, "os"):
                        module.__dict__["os"] = _Os(service.name, name, variables)
                    self.modules.setdefault((service.name, name), []).append(module)
        self.workers = {key: Workers(found) for key, found in handlers.items()}


class _Os:
    """Stands for the module `os`: a service's module finds its environment at any time.

    That is its own door's, or what any of the doors knows where it is none's.
    """

    def __init__(
        self, service: str, module: str, variables: Mapping[tuple[str, str], Mapping[str, str]]
    ) -> None:
        known = [own for (owner, _), own in variables.items() if owner == service]
        door = variables.get((service, module), {})
        self.environ = ChainMap({}, *map(dict, (door, *known)), dict(os.environ))

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)


def _import(door: Door, variables: Mapping[str, str]) -> ModuleType:
    source = str(door.service.folder / "src")
    if source not in sys.path:
        sys.path.append(source)
    with environment(variables):
        return importlib.import_module(door.module)


def _taken(service: Service) -> Iterator[tuple[str, ModuleType]]:
    """The service's modules, which the interpreter forgets: the next import makes new ones."""
    for name in [n for n in sys.modules if n.partition(".")[0] == service.package]:
        yield name.partition(".")[2], sys.modules.pop(name)
