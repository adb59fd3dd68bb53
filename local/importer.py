"""Puts the toys of a file and their pictures into the shop, as its owners would: through the APIs.

Each step may come again. A toy that is there is known by its SKU and left as it is; of its pictures
those go up that are not there. So an import that was broken off goes on when it is started again.
"""

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from local.errors import LocalError
from local.progress import Progress
from local.toyfile import Refusal, Row

AT_ONCE = 4
"""Requests that are under way at the same time."""

BATCH = 25
BATCH_BYTES = 60_000
"""What a batch of toys may hold: the API takes 25, in a body of 64 KB."""

TRIES = 5
"""How often a request is sent that is not answered, or answered with 429 or a 5xx."""

_TOY_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(slots=True)
class Report:
    """What became of the rows. `toys` are those in the catalogue now, with their ids."""

    added: int = 0
    there: int = 0
    seconds: float = 0
    """That the rows took, without pictures."""
    pictures: int = 0
    downloads: int = 0
    refusals: list[Refusal] = field(default_factory=list)
    toys: list[tuple[Row, str, bool]] = field(default_factory=list)
    """Row, id and whether it is new."""


@dataclass(frozen=True, slots=True)
class _Fate:
    """What the API says of a row: its id, or why it was refused; neither: try again."""

    toy_id: str | None = None
    is_new: bool = False
    refusal: Refusal | None = None


def bring_in(
    toys: httpx.Client, rows: Sequence[Row], progress: Progress, title: str = "Catalogue"
) -> Report:
    """Put the rows into the catalogue behind this API, in batches, some at once.

    Raises LocalError when the API answers what it should not, again and again. Rows that went in
    stay in.
    """
    report = Report()
    began = time.monotonic()
    with progress.count(f"{title}: toys", len(rows)) as advance, _pool() as pool:
        for batch, fates in zip(
            batches := list(batched(rows)), pool.map(lambda b: _sent(toys, b), batches), strict=True
        ):
            for row, fate in zip(batch, fates, strict=True):
                if fate.refusal:
                    report.refusals.append(fate.refusal)
                elif fate.toy_id:
                    report.toys.append((row, fate.toy_id, fate.is_new))
                    report.added += fate.is_new
                    report.there += not fate.is_new
            advance(len(batch))
    report.seconds = time.monotonic() - began
    return report


def batched(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """The rows, in order, in batches that the API takes."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        weight = len(json.dumps(row.draft)) + 2
        if batch and (len(batch) == BATCH or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += weight
    if batch:
        yield batch


def send(client: httpx.Client, method: str, path: str, **given: Any) -> httpx.Response:
    """The answer to a request, which is sent again after a while where none comes.

    Raises LocalError after TRIES, and when whoever asks is not let in.
    """
    wrong = ""
    for number in range(TRIES):
        if number:
            time.sleep(random.uniform(0.5, 1) * 0.25 * 2**number)
        try:
            answer = client.request(method, path, **given)
        except httpx.TransportError as error:
            wrong = f"does not answer: {error or type(error).__name__}"
            continue
        if answer.status_code in (401, 403):
            raise LocalError(f"{method} {answer.url} answered {answer.status_code}: {answer.text}")
        if answer.status_code != 429 and answer.status_code < 500:
            return answer
        wrong = f"answered {answer.status_code}: {answer.text}"
    raise LocalError(
        f"{method} {client.base_url.join(path)} {wrong}. What went in stays: the same command goes "
        "on from there."
    )


def expected(answer: httpx.Response, *statuses: int) -> Any:
    """The content of an answer. Raises LocalError when it has none of the statuses."""
    if answer.status_code not in statuses:
        raise LocalError(
            f"{answer.request.method} {answer.url} answered {answer.status_code}: {answer.text}"
        )
    return answer.json()


def problem(error: Any) -> str:
    """What an API's error says, in a line."""
    if not isinstance(error, dict):
        return str(error)
    details = [d for d in error.get("details") or () if isinstance(d, dict) and "problem" in d]
    if details:
        return "; ".join(
            f"{_place(d)}{str(d['problem']).removeprefix('Value error, ')}" for d in details
        )
    return str(error.get("message") or error.get("code"))


def _place(detail: dict[str, Any]) -> str:
    place = str(detail.get("where", "")).removeprefix("body").removeprefix(".")
    return f"{place}: " if place else ""


def _sent(toys: httpx.Client, batch: list[Row]) -> list[_Fate]:
    """What became of each row of a batch."""
    fates: dict[int, _Fate] = {}
    waiting = list(enumerate(batch))
    said = ""
    for number in range(TRIES):
        if number:
            time.sleep(random.uniform(0.5, 1) * 0.25 * 2**number)
        body = {"toys": [row.draft for _, row in waiting]}
        results = expected(send(toys, "POST", "/toys/batch", json=body), 200)["results"]
        undecided = []
        for (place, row), result in zip(waiting, results, strict=True):
            fate = _fate(toys, row, result)
            if fate.toy_id or fate.refusal:
                fates[place] = fate
            else:
                undecided.append((place, row))
                said = problem(result["error"])
        waiting = undecided
        if not waiting:
            break
    for place, row in waiting:
        fates[place] = _Fate(refusal=Refusal(row.line, row.sku, said))
    return [fates[place] for place in range(len(batch))]


def _fate(toys: httpx.Client, row: Row, result: Any) -> _Fate:
    if result["status"] == 201:
        return _Fate(toy_id=result["toy"]["toyId"], is_new=True)
    error = result["error"]
    if result["status"] == 409:
        # The toy that has the SKU is named; none is where others write at the same moment.
        if named := _TOY_ID.search(json.dumps(error)):
            answer = send(toys, "GET", f"/toys/{named[0]}")
            if answer.is_success and answer.json()["sku"] == row.sku:
                return _Fate(toy_id=named[0])
        return _Fate()
    return _Fate(refusal=Refusal(row.line, row.sku, problem(error)))


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Threads that start nothing more once something goes wrong."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
