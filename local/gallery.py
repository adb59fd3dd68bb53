"""Puts pictures on toys: uploads them as whoever keeps the files has it, and sees them arrive."""

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
from local.toyfile import TYPES, Refusal, Row

PATIENCE = 90.0
"""Seconds without any picture arriving after which those that are missing are given up."""

_LOOK = 0.4
"""Seconds between two looks at toys whose pictures are on their way."""

_JUDGED = 2.0
"""Seconds after which a file that no toy shows is looked at itself."""

_LOOKS = 4
"""Toys that are looked at each time."""

_FRESH = timedelta(minutes=2)
"""For as long a file that waits may be one whose upload has just been."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]+")

Content = Callable[[Path], bytes]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a row, and the toy that it belongs to."""

    row: Row
    toy_id: str
    path: Path
    may_be_there: bool

    @property
    def name(self) -> str:
        """What it is called once it is stored."""
        return _NOT_IN_A_NAME.sub("-", self.path.name).lstrip("._-") or f"picture{self.path.suffix}"

    @property
    def owner(self) -> str:
        """Whose it is."""
        return f"urn:tbs:toy:{self.toy_id}"

    def refused(self, reason: str) -> Refusal:
        """That it did not go in."""
        return Refusal(self.row.line, f"{self.row.sku}: {self.path.name}", reason)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A picture that is on its way to its toy."""

    picture: Picture
    file_id: str
    at: float = field(default_factory=time.monotonic)


class Gallery:
    """Uploads pictures through the APIs of toys and files. `content` gives what is in a file."""

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
        """Upload the pictures of all toys of a report, and wait until the toys show them.

        What was refused is added to the report, and how many are on their toys now.
        """
        pictures = [
            Picture(row, toy_id, path, may_be_there=not is_new)
            for row, toy_id, is_new in report.toys
            for path in row.pictures
        ]
        if not pictures:
            return
        pool = ThreadPoolExecutor(AT_ONCE)
        try:
            with progress.count(f"{title}: pictures", len(pictures)) as advance:
                uploads = {pool.submit(self._upload, picture) for picture in pictures}
                for found in self._arriving(uploads):
                    if isinstance(found, Refusal):
                        report.refusals.append(found)
                    else:
                        report.pictures += 1
                    advance(1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _arriving(self, uploads: set[Future[_Sent | Refusal]]) -> Iterator[_Sent | Refusal]:
        """Each picture, when its toy shows it or when it is clear that it never will."""
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
                yield from (sent.picture.refused(told) for sent in under_way)
                return

    def _settled(self, under_way: deque[_Sent]) -> Iterator[_Sent | Refusal]:
        """Those that have come to their end, of some toys; the others are the last ones then."""
        for _ in range(min(_LOOKS, len(under_way))):
            if not under_way:
                return
            toy_id = under_way[0].picture.toy_id
            own = [sent for sent in under_way if sent.picture.toy_id == toy_id]
            answer = send(self._toys, "GET", f"/toys/{toy_id}")
            toy = {} if answer.status_code == 404 else expected(answer, 200)
            shown = {
                picture["fileId"]
                for places in ("pictures", "waiting")
                for picture in toy.get(places, ())
            }
            for sent in own:
                under_way.remove(sent)
                if sent.file_id in shown:
                    yield sent
                elif not toy:
                    yield sent.picture.refused("its toy is gone")
                elif reason := self._failure(sent):
                    yield sent.picture.refused(reason)
                else:
                    under_way.append(sent)

    def _failure(self, sent: _Sent) -> str | None:
        """Why a picture will never come to its toy; None while it may."""
        if time.monotonic() - sent.at < _JUDGED:
            return None
        answer = send(self._files, "GET", f"/files/{sent.file_id}")
        if answer.status_code == 404:
            return "it was deleted meanwhile"
        file = expected(answer, 200)
        if file["status"] == "REJECTED":
            return f"was rejected: {file['reason']}"
        return "its upload has expired" if file["status"] == "EXPIRED" else None

    def _upload(self, picture: Picture) -> _Sent | Refusal:
        """Hand a picture in, unless it is there already."""
        try:
            body = self._content(picture.path)
        except OSError as error:
            return picture.refused(f"cannot be read: {error.strerror}")
        if picture.may_be_there and (file_id := self._known(picture)):
            return _Sent(picture, file_id)
        asked = {
            "owner": picture.owner,
            "name": picture.name,
            "contentType": TYPES[picture.path.suffix.lower()],
            "size": len(body),
            "visibility": "public",
        }
        answer = send(self._files, "POST", "/files", json=asked)
        if answer.status_code in (400, 413, 422):
            return picture.refused(problem(answer.json().get("error")))
        file = expected(answer, 201)
        return self._posted(picture, file, body)

    def _posted(self, picture: Picture, file: Any, body: bytes) -> _Sent | Refusal:
        """Fill in the form of a file."""
        form = file["upload"]
        content = {"file": (picture.name, body, form["fields"].get("Content-Type"))}
        for number in range(TRIES):
            if number:
                time.sleep(0.25 * 2**number)
            try:
                answer = self._storage.post(form["url"], data=form["fields"], files=content)
            except httpx.TransportError as error:
                answered = str(error) or type(error).__name__
                continue
            if answer.is_success:
                return _Sent(picture, file["fileId"])
            answered = f"{answer.status_code} {answer.text}"
            if answer.status_code < 500:
                return picture.refused(f"the form was refused: {answered}")
        raise LocalError(f"{form['url']} does not take {picture.path.name}: {answered}")

    def _known(self, picture: Picture) -> str | None:
        """The file of the owner's that is this picture, stored or just uploaded."""
        cursor: str | None = None
        while True:
            query = {"owner": picture.owner, "limit": "100"}
            answer = send(
                self._files, "GET", "/files", params=query | ({"cursor": cursor} if cursor else {})
            )
            page = expected(answer, 200)
            for file in page["items"]:
                if file["name"] == picture.name and _counts(file):
                    return str(file["fileId"])
            cursor = page["cursor"]
            if cursor is None:
                return None


def _counts(file: Any) -> bool:
    """Whether a file is there, or may be about to."""
    if file["status"] == "STORED":
        return True
    age = datetime.now(UTC) - datetime.fromisoformat(file["createdAt"])
    return file["status"] == "PENDING" and age < _FRESH
