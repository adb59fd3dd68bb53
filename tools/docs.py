"""Fills the generated parts of READMEs and docs/architecture.md out of code and samples."""

import inspect
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

Files = Mapping[Path, str]
"""The text of every generated file, by path: contracts and samples."""

Messages = Mapping[Path, ModuleType]
"""Each service's messages module, by the service's folder."""

Grids = Mapping[Path, str]
"""A table of a service's states, in Markdown, by the service's folder."""

GRIDS = {"orders": "order"}
"""The modules whose `grid` gives one, by service."""


def files(root: Path, messages: Messages, grids: Grids, made: Files) -> dict[Path, str]:
    """The documents as they should be, by path."""
    parts = {
        root / "README.md": ("messages", diagram(messages)),
        root / "docs" / "architecture.md": ("samples", "\n".join(samples(messages, made))),
    } | {folder / "README.md": ("grid", grid) for folder, grid in grids.items()}
    return {path: filled(path.read_text(), *part) for path, part in parts.items()}


def filled(text: str, name: str, content: str) -> str:
    """The text with its generated part of that name replaced. Raises ValueError without one."""
    start, end = f"<!-- generated: {name} -->", "<!-- end -->"
    before, found, rest = text.partition(start)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"no part {start} … {end}")
    return f"{before}{start}\n{content}\n{end}{after}"


def diagram(messages: Messages) -> str:
    """A Mermaid flowchart of who sends what to whom: commands solid, events dotted."""
    routes: dict[tuple[str, tuple[str, ...], bool], list[str]] = defaultdict(list)
    for sender, message in _sent(messages):
        readers = tuple(_name(reader) for reader in _readers(messages, message))
        command = _told(message).startswith("Command")
        routes[_name(sender), readers, command].append(message.__name__)
    lines = ["```mermaid", "flowchart LR", "  shopper([shopper]) <==> public-api"]
    # The messages are nodes, not labels, so that none covers another.
    for number, ((sender_name, readers, command), names) in enumerate(sorted(routes.items())):
        line, arrow = ("---", "-->") if command else ("-.-", "-.->")
        node = f'm{number}["{"<br/>".join(names)}"]:::message'
        lines.append(f"  {sender_name} {line} {node} {arrow} {' & '.join(readers)}")
    return "\n".join([*lines, "  classDef message fill:none,stroke:none", "```"])


def samples(messages: Messages, made: Files) -> Iterator[str]:
    """Each message, line by line: who sends and hears it, what it says, and a real one."""
    for sender, message in _sent(messages):
        name, readers = message.__name__, _readers(messages, message)
        heard_by = ", ".join(f"`{_name(reader)}`" for reader in readers)
        yield f"### {name}\n\n`{_name(sender)}` -> {heard_by}\n"
        yield f"{' '.join(_told(message).partition('\n\n')[0].split())}\n"
        sample = made[readers[0] / "events" / f"inbox-{name}.json"]
        event = json.loads(json.loads(sample)["Records"][0]["body"])
        yield f"```json\n{json.dumps(event['detail'], indent=2, ensure_ascii=False)}\n```\n"


def _sent(messages: Messages) -> Iterator[tuple[Path, type]]:
    for folder, module in sorted(messages.items()):
        for message in getattr(module, "SENDS", ()):
            yield folder, message


def _readers(messages: Messages, message: type) -> list[Path]:
    return [f for f, module in sorted(messages.items()) if message.__name__ in module.HEARS]


def _name(folder: Path) -> str:
    return folder.name.removesuffix("-service")


def _told(message: type) -> str:
    return inspect.getdoc(message) or ""
