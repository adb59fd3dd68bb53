"""The flow page's server: the page, what it is told, and what it may ask for."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from local.errors import LocalError
from local.flow import recording
from local.flow.collector import Collector
from local.flow.journal import Journal, Record
from local.flow.sources import Source
from local.settings import HOST

PAGE = Path(__file__).resolve().parent / "page"

WAIT = 10.0
"""Seconds until the page is told that there is nothing new."""

OWN_HEADER = "x-flow"
"""What a page of another server cannot send along without being allowed to."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:"
)


class Live:
    """What the page shows of an environment, as it happens."""

    def __init__(self, source: Source, collector: Collector) -> None:
        self.collector: Collector | None = collector
        self.source: Source | None = source

    def segments(self, run: str) -> Any:
        """The raw documents of a run; None when they are not known."""
        return self.collector.segments.get(run) if self.collector else None

    def all_segments(self) -> list[Record]:
        """The raw documents of all runs, as records."""
        kept = self.collector.segments if self.collector else {}
        return [{"k": "segments", "id": run, "documents": kept[run]} for run in list(kept)]


class Recorded(Live):
    """What the page shows of a file."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.collector = None
        self.source = None
        self._segments = {r["id"]: r["documents"] for r in records if r["k"] == "segments"}

    def segments(self, run: str) -> Any:
        """The raw documents of a run; None when they are not known."""
        return self._segments.get(run)

    def all_segments(self) -> list[Record]:
        """The raw documents of all runs, as records."""
        return [{"k": "segments", "id": key, "documents": d} for key, d in self._segments.items()]


def application(about: Mapping[str, Any], journal: Journal, shown: Live) -> Starlette:
    """The server. `about` tells the page what it shows: mode, environment and services."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if shown.collector:
            shown.collector.start()
        yield
        if shown.collector:
            shown.collector.stop()

    async def tell_about(request: Request) -> Response:
        return JSONResponse(dict(about))

    async def events(request: Request) -> Response:
        """Records after a cursor, as soon as there are any."""
        query = request.query_params
        run, cursor = query.get("run", ""), _number(query.get("after"))
        until = time.monotonic() + min(_number(query.get("wait")), WAIT)
        while True:
            last, found = journal.after(cursor, run)
            if found or time.monotonic() >= until or await request.is_disconnected():
                return JSONResponse({"run": journal.run, "last": last, "records": found})
            await asyncio.sleep(0.1)

    async def segments(request: Request) -> Response:
        found = shown.segments(request.path_params["run"])
        return JSONResponse(found or [])

    async def redrive(request: Request) -> Response:
        if request.headers.get(OWN_HEADER) is None:
            return JSONResponse({"message": "Only the flow page may ask for this."}, 403)
        if shown.source is None:
            return JSONResponse({"message": "A recording has no queues."}, 409)
        asked = await request.json()
        service, queue = str(asked.get("service")), str(asked.get("queue"))
        try:
            moved = await asyncio.to_thread(shown.source.redrive, service, queue)
        except (LocalError, BotoCoreError, ClientError) as error:
            return JSONResponse({"message": str(error)}, 409)
        return JSONResponse({"moved": moved})

    async def record(request: Request) -> Response:
        """The recording: of all, or of `orders`, with commas between."""
        records = [*journal.all(), *shown.all_segments()]
        if orders := {one for one in request.query_params.get("orders", "").split(",") if one}:
            records = recording.only(records, orders)
        records = [{**about, "k": "about", "mode": "replay"}, *_without(records, "about")]
        packed = await asyncio.to_thread(recording.pack, records)
        name = {"Content-Disposition": 'attachment; filename="flow.jsonl.gz"'}
        return Response(packed, media_type="application/gzip", headers=name)

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/about", tell_about),
            Route("/events", events),
            Route("/segments/{run}", segments),
            Route("/redrive", redrive, methods=["POST"]),
            Route("/record", record),
            Route("/health", health),
            Mount("/", _Page(directory=PAGE, html=True)),
        ],
        # A name that leads here is no reason to tell its page anything.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])],
        lifespan=lifespan,
    )


class _Page(StaticFiles):
    """The page's files, which may load nothing from elsewhere."""

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """A file, with what it may do."""
        response = super().file_response(*args, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Cache-Control"] = "no-cache"
        return response


def _without(records: list[Record], kind: str) -> list[Record]:
    return [record for record in records if record["k"] != kind]


def _number(text: str | None) -> int:
    return int(text) if text and text.isdigit() else 0
