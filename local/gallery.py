"""Gives toys their files, pictures and what is sold: uploads them, and sees them arrive."""

import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from local.errors import LocalError
from local.importer import AT_ONCE, TRIES, Report, expected, problem, send
from local.progress import Progress
from local.toyfile import SOLD_TYPES, Refusal, Row

PATIENCE = 90.0
"""Seconds without any file arriving after which those that are missing are given up."""

_LOOK = 0.4
"""Seconds between two looks at toys whose files are on their way."""

_JUDGED = 2.0
"""Seconds after which a file that its toy does not have is looked at itself."""

_LOOKS = 4
"""Toys that are looked at each time."""

_FRESH = timedelta(minutes=2)
"""For as long a file that waits may be one whose upload has just been."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Content = Callable[[Path], bytes]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file of a row, and the toy that it belongs to: a picture, or what is sold."""

    row: Row
    toy_id: str
    path: Path
    may_be_there: bool
    is_sold: bool = False

    @property
    def name(self) -> str:
        """What it is called once it is stored."""
        return _NOT_IN_A_NAME.sub("-", self.path.name).lstrip("._-") or f"file{self.path.suffix}"

    @property
    def owner(self) -> str:
        """Whose it is."""
        return f"urn:tbs:toy:{self.toy_id}"

    @property
    def visibility(self) -> str:
        """Who may see it."""
        return "private" if self.is_sold else "public"

    def refused(self, reason: str) -> Refusal:
        """That it did not go in."""
        return Refusal(self.row.line, f"{self.row.sku}: {self.path.name}", reason)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file that is on its way to its toy."""

    file: Attached
    file_id: str
    was_there: bool = False
    at: float = field(default_factory=time.monotonic)

    def has_arrived(self, toy: Any) -> bool:
        """Whether the toy has it. Of what is sold, a newer one may be there instead."""
        if self.file.is_sold:
            sold = toy.get("downloadFileId")
            return sold == self.file_id or (self.was_there and sold is not None)
        shown = [one for places in ("pictures", "waiting") for one in toy.get(places, ())]
        return any(one["fileId"] == self.file_id for one in shown)


class Gallery:
    """Uploads files through the APIs of toys and files. `content` gives what is in one."""

    def __init__(
        self,
        toys: httpx.Client,
        files: httpx.Client,
        content: Content = Path.read_bytes,
        storage: httpx.Client | None = None,
    ) -> None:
        self._toys, self._files, self._content = toys, files, content
        self._storage = storage or httpx.Client(timeout=60, trust_env=False)

    def hang(self, report: Report, progress: Progress, title: str = "Catalogue") -> None:
        """Upload the files of all toys of a report, and wait until the toys have them.

        What was refused is added to the report, and how many the toys have now.
        """
        files = [
            Attached(row, toy_id, path, may_be_there=not is_new, is_sold=is_sold)
            for row, toy_id, is_new in report.toys
            for is_sold, paths in ((False, row.pictures), (True, (row.download,)))
            for path in paths
            if path
        ]
        if not files:
            return
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            with progress.count(f"{title}: files", len(files)) as advance:
                uploads = {pool.submit(self._upload, file) for file in files}
                for found in self._arriving(uploads):
                    if isinstance(found, Refusal):
                        report.refusals.append(found)
                    elif found.file.is_sold:
                        report.downloads += 1
                    else:
                        report.pictures += 1
                    advance(1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _arriving(self, uploads: set[Future[_Sent | Refusal]]) -> Iterator[_Sent | Refusal]:
        """Each file, when its toy has it or when it is clear that it never will."""
        under_way: deque[_Sent] = deque()
        moved = looked = time.monotonic()
        while uploads or under_way:
            if uploads:
                done, uploads = wait(uploads, timeout=_LOOK, return_when=FIRST_COMPLETED)
                for upload in done:
                    moved = time.monotonic()
                    if isinstance(found := upload.result(), Refusal):
                        yield found
                    else:
                        under_way.append(found)
            else:
                time.sleep(max(0.0, looked + _LOOK - time.monotonic()))
            if time.monotonic() - looked < _LOOK:
                continue
            looked = time.monotonic()
            for settled in self._settled(under_way):
                moved = time.monotonic()
                yield settled
            if not uploads and time.monotonic() - moved > PATIENCE:
                told = f"was uploaded, but did not come to its toy in {PATIENCE:.0f} s"
                yield from (sent.file.refused(told) for sent in under_way)
                return

    def _settled(self, under_way: deque[_Sent]) -> Iterator[_Sent | Refusal]:
        """Those that have come to their end, of some toys; the others are the last ones then."""
        for _ in range(min(_LOOKS, len(under_way))):
            if not under_way:
                return
            toy_id = under_way[0].file.toy_id
            own = [sent for sent in under_way if sent.file.toy_id == toy_id]
            answer = send(self._toys, "GET", f"/toys/{toy_id}")
            toy = {} if answer.status_code == 404 else expected(answer, 200)
            for sent in own:
                under_way.remove(sent)
                if sent.has_arrived(toy):
                    yield sent
                elif not toy:
                    yield sent.file.refused("its toy is gone")
                elif reason := self._failure(sent):
                    yield sent.file.refused(reason)
                else:
                    under_way.append(sent)

    def _failure(self, sent: _Sent) -> str | None:
        """Why a file will never come to its toy; None while it may."""
        if time.monotonic() - sent.at < _JUDGED:
            return None
        answer = send(self._files, "GET", f"/files/{sent.file_id}")
        if answer.status_code == 404:
            return "it was deleted meanwhile"
        kept = expected(answer, 200)
        if kept["status"] == "REJECTED":
            return f"was rejected: {kept['reason']}"
        return "its upload has expired" if kept["status"] == "EXPIRED" else None

    def _upload(self, file: Attached) -> _Sent | Refusal:
        """Hand a file in, unless it is there already."""
        try:
            body = self._content(file.path)
        except OSError as error:
            return file.refused(f"cannot be read: {error.strerror}")
        if file.may_be_there and (file_id := self._known(file)):
            return _Sent(file, file_id, was_there=True)
        asked = {
            "owner": file.owner,
            "name": file.name,
            "contentType": SOLD_TYPES[file.path.suffix.lower()],
            "size": len(body),
            "visibility": file.visibility,
        }
        answer = send(self._files, "POST", "/files", json=asked)
        if answer.status_code in (400, 413, 422):
            return file.refused(problem(answer.json().get("error")))
        return self._posted(file, expected(answer, 201), body)

    def _posted(self, file: Attached, announced: Any, body: bytes) -> _Sent | Refusal:
        """Fill in the form of a file."""
        form = announced["upload"]
        content = {"file": (file.name, body, form["fields"].get("Content-Type"))}
        for number in range(TRIES):
            if number:
                time.sleep(0.25 * 2**number)
            try:
                answer = self._storage.post(form["url"], data=form["fields"], files=content)
            except httpx.TransportError as error:
                answered = str(error) or type(error).__name__
                continue
            if answer.is_success:
                return _Sent(file, announced["fileId"])
            answered = f"{answer.status_code} {answer.text}"
            if answer.status_code < 500:
                return file.refused(f"the form was refused: {answered}")
        raise LocalError(f"{form['url']} does not take {file.path.name}: {answered}")

    def _known(self, file: Attached) -> str | None:
        """The stored file of the owner's that is this one, or the one just uploaded."""
        cursor: str | None = None
        while True:
            query = {"owner": file.owner, "limit": "100"}
            answer = send(
                self._files, "GET", "/files", params=query | ({"cursor": cursor} if cursor else {})
            )
            page = expected(answer, 200)
            for kept in page["items"]:
                same = kept["name"] == file.name and kept["visibility"] == file.visibility
                if same and _counts(kept):
                    return str(kept["fileId"])
            cursor = page["cursor"]
            if cursor is None:
                return None


def _counts(file: Any) -> bool:
    """Whether a file is there, or may be about to."""
    if file["status"] == "STORED":
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(file["createdAt"])
    return file["status"] == "PENDING" and age < _FRESH
