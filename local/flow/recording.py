"""What the page has got, in a file: a line of JSON for each record, compressed.

The last record of those that have the same kind and id is the one that counts, so no other is
kept. Raw segments are records of the kind `segments`.
"""

import gzip
import json
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from local.errors import LocalError
from local.flow.journal import Record


def pack(records: Iterable[Record]) -> bytes:
    """The records as a file's content; the same each time for the same records."""
    latest: dict[Any, Record] = {}
    for number, record in enumerate(records):
        latest[(record["k"], record.get("id", number))] = record
    lines = [json.dumps(record, separators=(",", ":")) for record in latest.values()]
    return gzip.compress(("\n".join(lines) + "\n").encode(), mtime=0)


def load(path: Path) -> list[dict[str, Any]]:
    """The records of a file. Raises LocalError when it holds none."""
    try:
        records = loads(path.read_bytes())
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise LocalError(f"{path} is no recording of the flow page: {error}") from error
    if not records:
        raise LocalError(f"{path} is no recording of the flow page: it is empty")
    return records


def loads(content: bytes) -> list[dict[str, Any]]:
    """The records of a file's content. Raises OSError, EOFError and ValueError."""
    text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
    return list(_records(text.decode()))


def _records(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        record = json.loads(line)
        if not isinstance(record, dict) or "k" not in record:
            raise ValueError(f"{line[:60]!r} is no record")
        yield record


def only(records: Iterable[Record], orders: Collection[str]) -> list[Record]:
    """Of the records, those that belong to some orders."""
    known = list(records)
    messages = [r for r in known if r["k"] == "message" and r["order"] in orders]
    ids = {message["id"] for message in messages}
    handlings = [r for r in known if r["k"] == "handling" and r["message"] in ids]
    logged = {r["trace"] for r in known if r["k"] == "log" and r["about"] in orders and r["trace"]}
    handlers = {handling["run"] for handling in handlings}
    runs = [r for r in known if r["k"] == "run" and (r["id"] in handlers or r["trace"] in logged)]
    ran, traces = {run["id"] for run in runs}, {run["trace"] for run in runs} | logged
    names = {message["mid"] for message in messages}
    return [
        record
        for record in known
        if (record["k"] == "message" and record["id"] in ids)
        or (record["k"] == "handling" and record["message"] in ids)
        or (record["k"] == "run" and record["id"] in ran)
        or (record["k"] == "segments" and record["id"] in ran)
        or (record["k"] == "log" and _is_of(record, orders, names, traces))
    ]


def _is_of(
    line: Record, orders: Collection[str], names: Collection[str], traces: Collection[str]
) -> bool:
    if line["about"]:
        return line["about"] in orders or line["mid"] in names
    return line["mid"] in names or line["trace"] in traces
