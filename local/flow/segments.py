"""X-Ray's segments: from a function's datagrams, or from X-Ray's API, to what a function did.

A document is a segment or a subsegment as X-Ray's daemon takes it, times in seconds since 1970.
Powertools makes one subsegment of each handler, which it annotates with ColdStart and Service, and
one of each captured method below it, named for its module: "## orders.inbox.receive".
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

Document = Mapping[str, Any]

HEADER = b'"format"'
"""What the first line of a datagram holds."""

_METHOD = re.compile(r"## (?P<package>\w+)\.(?P<door>\w+)\.(?P<method>[\w.<>]+)")

_TELLERS = {"outbox", "republisher"}
"""Doors that send messages and receive none."""

_PLACES = ("table_name", "queue_url", "bucket_name", "topic_arn", "function_name", "entries")
"""Which of an AWS call's properties says what it was made on."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of AWS, or of another server, that a function made."""

    name: str
    operation: str
    on: str
    begun: float
    ended: float
    failed: bool
    receipt: str | None
    """The id of the receipt in which it was made; None: outside of any."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a function did with one message. Ids are None where nothing tells of them."""

    id: str
    message_id: str | None
    name: str | None
    begun: float
    ended: float
    failed: str | None
    """The type of the exception that ended it; None: all went well."""


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of a function. Times are in ms since 1970."""

    id: str
    trace: str
    service: str
    door: str | None
    function: str | None
    begun: float
    ended: float
    cold: bool
    failed: str | None
    caused_by: tuple[str, ...] = ()
    """The traces of the invocations that led to it."""
    receipts: tuple[Receipt, ...] = ()
    calls: tuple[Call, ...] = ()
    documents: tuple[Document, ...] = field(default=(), repr=False)


def parse(datagram: bytes) -> Document | None:
    """The document of a datagram: a line of header, and the document. None for anything else."""
    header, newline, body = datagram.partition(b"\n")
    if not newline or HEADER not in header:
        return None
    try:
        found = json.loads(body)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "id" in found and "trace_id" in found else None


class Traces:
    """Puts the documents together that come one by one, children before what they belong to."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._waiting: dict[str, list[Document]] = {}
        self._count = 0

    def add(self, document: Document) -> list[Run]:
        """The runs that are whole with this document: one for a handler's, else none."""
        trace = str(document["trace_id"])
        self._waiting.setdefault(trace, []).append(document)
        self._count += 1
        if not any(_is_handler(node) for node in _flat(document)):
            self._forget()
            return []
        documents = self._waiting.pop(trace)
        self._count -= len(documents)
        return runs(documents)

    def _forget(self) -> None:
        """Let go of the oldest, whose handlers were ended before they could tell."""
        while self._count > self._most:
            self._count -= len(self._waiting.pop(next(iter(self._waiting))))


def runs(documents: Iterable[Document]) -> list[Run]:
    """The invocations that the documents of one trace tell of, oldest first."""
    nodes = {str(node["id"]): node for document in documents for node in _flat(document)}
    children: dict[str, list[Document]] = {}
    for node in nodes.values():
        children.setdefault(str(node.get("parent_id")), []).append(node)
    found = [_run(node, nodes, children) for node in nodes.values() if _is_handler(node)]
    return sorted(found, key=lambda run: run.begun)


def _run(
    handler: Document, nodes: Mapping[str, Document], children: Mapping[str, list[Document]]
) -> Run:
    below = list(_below(handler, children))
    methods = [(node, _METHOD.fullmatch(str(node.get("name")))) for node, _ in below]
    door = next((found["door"] for _, found in methods if found), None)
    service = _note(handler, "Service")
    if service is None:
        package = next((found["package"] for _, found in methods if found), "")
        service = package.replace("_", "-")
    receipts = [
        _receipt(node)
        for node, found in methods
        if door not in _TELLERS
        and (_note(node, "message_id") or (found and found["method"] == "receive"))
    ]
    ids = {receipt.id for receipt in receipts}
    names = {node.get("name") for node in nodes.values() if str(node["id"]) in ids}
    common = [
        node
        for (node, above), (_, found) in zip(below, methods, strict=True)
        if found and found["door"] == door and not ids.intersection((str(node["id"]), *above))
        if node.get("name") not in names  # a message that was refused before it told its id
    ]
    receipts = [_in_the_end(receipt, common) for receipt in receipts]
    calls = [
        _call(node, next((one for one in above if one in ids), None))
        for node, above in below
        if node.get("namespace") in {"aws", "remote"}
    ]
    causes = [_note(node, "caused_by") for node in [handler, *(node for node, _ in below)]]
    return Run(
        id=str(handler["id"]),
        trace=str(handler["trace_id"]),
        service=service,
        door=door,
        function=_function(handler, nodes),
        begun=_time(handler, "start_time"),
        ended=_time(handler, "end_time"),
        cold=_annotations(handler).get("ColdStart") is True,
        failed=_failure(handler),
        caused_by=tuple(dict.fromkeys(cause for cause in causes if cause)),
        receipts=tuple(sorted(receipts, key=lambda one: one.begun)),
        calls=tuple(sorted(calls, key=lambda one: one.begun)),
        documents=(_bare(handler), *(_bare(node) for node, _ in below)),
    )


def _receipt(node: Document) -> Receipt:
    return Receipt(
        id=str(node["id"]),
        message_id=_note(node, "message_id"),
        name=_note(node, "message"),
        begun=_time(node, "start_time"),
        ended=_time(node, "end_time"),
        failed=_failure(node),
    )


def _in_the_end(receipt: Receipt, common: Iterable[Document]) -> Receipt:
    """A receipt, or how it failed in what the door then did with all its messages together."""
    later = (node for node in common if _time(node, "start_time") >= receipt.ended)
    failed = next((node for node in later if _failure(node)), None)
    if receipt.failed or failed is None:
        return receipt
    return replace(receipt, ended=_time(failed, "end_time"), failed=_failure(failed))


def _call(node: Document, receipt: str | None) -> Call:
    aws, http = node.get("aws") or {}, node.get("http") or {}
    request = http.get("request") or {}
    on = next((str(aws[place]) for place in _PLACES if aws.get(place)), "")
    return Call(
        name=str(node.get("name")),
        operation=str(aws.get("operation") or request.get("method") or ""),
        on=on or str(request.get("url") or ""),
        begun=_time(node, "start_time"),
        ended=_time(node, "end_time"),
        failed=_failure(node) is not None,
        receipt=receipt,
    )


def _flat(document: Document) -> Iterator[Document]:
    """The document and all that is in it, each with the trace and what it belongs to."""
    yield document
    for part in document.get("subsegments") or ():
        within = {"trace_id": document["trace_id"], "parent_id": document["id"]}
        yield from _flat({**part, **within})


def _below(
    node: Document, children: Mapping[str, list[Document]], above: tuple[str, ...] = ()
) -> Iterator[tuple[Document, tuple[str, ...]]]:
    """What belongs to a node, each with the ids of what it is in; of another handler, nothing."""
    above = (str(node["id"]), *above)
    for child in children.get(str(node["id"]), ()):
        if not _is_handler(child) and child.get("origin") is None:
            yield child, above
            yield from _below(child, children, above)


def _is_handler(node: Document) -> bool:
    return str(node.get("name")).startswith("## ") and "ColdStart" in _annotations(node)


def _function(node: Document, nodes: Mapping[str, Document]) -> str | None:
    """The name of the function, where Lambda's own segment is above."""
    while (above := nodes.get(str(node.get("parent_id")))) is not None:
        if above.get("origin") == "AWS::Lambda::Function":
            return str(above.get("name"))
        node = above
    return None


def _bare(node: Document) -> Document:
    return {key: value for key, value in node.items() if key != "subsegments"}


def _annotations(node: Document) -> Mapping[str, Any]:
    return node.get("annotations") or {}


def _note(node: Document, name: str) -> str | None:
    found = _annotations(node).get(name)
    return str(found) if found not in (None, "") else None


def _failure(node: Document) -> str | None:
    if not (node.get("fault") or node.get("error") or node.get("throttle")):
        return None
    match node.get("cause"):
        case {"exceptions": [{"type": str(kind)}, *_]}:
            return kind
    return "error"


def _time(node: Document, name: str) -> float:
    """A time in ms since 1970. What has no end yet ends as it begins."""
    return round(float(node.get(name) or node.get("start_time") or 0) * 1000, 1)
