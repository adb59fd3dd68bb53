"""Where runs of functions are known from: segments by UDP on this machine, X-Ray on AWS."""

import json
import socket
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from local.account import Account
from local.errors import LocalError
from local.flow.segments import Document, Run, Traces, parse, runs
from local.services import Service
from local.settings import HOST

RECEIVE_BUFFER = 8 * 1024 * 1024
"""Bytes of datagrams that may wait while this process does something else."""

MOST = 5_000
"""Runs that wait to be asked for; the oldest go."""


class Segments(Protocol):
    """Where invocations are known from."""

    def runs(self, since: float, now: float) -> list[Run]:
        """Those that have become known since the last call."""


class UdpSegments:
    """Hears what functions on this machine tell X-Ray's daemon.

    Raises LocalError when another process hears on the port already.
    """

    def __init__(self, port: int) -> None:
        self._traces = Traces()
        self._runs: deque[Run] = deque(maxlen=MOST)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise LocalError(f"The flow page cannot hear on UDP port {port}: {error}") from error
        threading.Thread(target=self._hear, daemon=True).start()

    def runs(self, since: float, now: float) -> list[Run]:
        """Those that have become known since the last call."""
        return [self._runs.popleft() for _ in range(len(self._runs))]

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()

    def _hear(self) -> None:
        while True:
            try:
                datagram = self._socket.recv(65_535)
            except OSError:
                return
            document = parse(datagram)
            if document is not None:
                self._runs.extend(self._traces.add(document))


class XRaySegments:
    """Asks X-Ray for the traces of an environment's functions, those once more that were young."""

    YOUNG = 60_000.0
    """Milliseconds after which a trace is taken to be whole."""

    def __init__(self, account: Account, services: Sequence[Service]) -> None:
        self._account = account
        self._stacks = [account.placed(service) for service in services]
        self._told: dict[str, float] = {}
        """Runs that were given already, and when they began."""

    def runs(self, since: float, now: float) -> list[Run]:
        """Those that have become known since the last call."""
        found: dict[str, Run] = {}
        for region in dict.fromkeys(region for _, region in self._stacks):
            xray = self._account.client("xray", region)
            ids = list(self._ids(xray, since - self.YOUNG, now))
            for start in range(0, len(ids), 5):  # as many as X-Ray gives at once
                for trace in self._traces(xray, ids[start : start + 5]):
                    documents = [json.loads(one["Document"]) for one in trace["Segments"]]
                    found |= {run.id: run for run in runs(_placed(documents))}
        new = [run for run in found.values() if run.id not in self._told]
        self._told |= {run.id: run.begun for run in new}
        if len(self._told) > 50_000:
            self._told = {key: at for key, at in self._told.items() if at >= since - 3_600_000}
        return sorted(new, key=lambda run: run.begun)

    def _ids(self, xray: Any, since: float, now: float) -> Iterator[str]:
        pages = xray.get_paginator("get_trace_summaries").paginate(
            StartTime=datetime.fromtimestamp(since / 1000, UTC),
            EndTime=datetime.fromtimestamp(now / 1000, UTC),
            TimeRangeType="Event",  # an order's trace goes on for as long as the order does
        )
        for page in pages:
            yield from (summary["Id"] for summary in page["TraceSummaries"])

    def _traces(self, xray: Any, ids: list[str]) -> Iterator[Mapping[str, Any]]:
        for page in xray.get_paginator("batch_get_traces").paginate(TraceIds=ids):
            yield from page["Traces"]


def _placed(documents: list[Document]) -> list[Document]:
    """Documents of X-Ray's API, each with the trace that only the outermost have there."""
    trace = next((one["trace_id"] for one in documents if "trace_id" in one), "")
    return [{"trace_id": trace, **one} for one in documents]
