"""Those who keep the catalogue while people order: prices, stock, pictures, new toys and searches.

Each remembers what it meant, and what the shop said to it, for the books to be held against.
"""

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tests.simulation.people import RETRIES, Answer, Counter, Scripts
from tools import pictures

Json = dict[str, Any]

DRAFT = (
    "sku",
    "name",
    "description",
    "category",
    "brand",
    "price",
    "currency",
    "attributes",
    "fulfilment",
)
"""What a manager says of a toy when describing it anew."""

PARITIES = ("even", "odd")

CATEGORIES = ("Vehicles", "Vehicles", "Outdoor", "Games")
"""What a toy may be put among."""

LATER = 17 * 60.0
"""Seconds after which a form takes nothing any more."""

PAGES = 60
"""More than any walk through the catalogue takes."""

_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(eq=False)
class Toy:
    """A toy that came into the catalogue."""

    toy_id: str
    parity: str
    digital: bool = False
    """Whether it is sold as a file."""
    upload: "Upload | None" = None
    """The newest of these files."""


@dataclass(eq=False)
class Adjustment:
    """Units that a manager wanted to come or go."""

    toy_id: str
    key: str
    delta: int
    accepted: bool = False


@dataclass(eq=False)
class Upload:
    """A file that a manager announced, and what then was sent for it."""

    file_id: str
    toy_id: str
    taken: bool = False
    """Whether S3 took something for it."""
    picture: bool = True
    """Whether that was a picture."""
    deleted: bool | None = False
    """Whether the shop said that it is deleted. None: it was asked to, and never answered."""


@dataclass(eq=False)
class Walk:
    """A search, walked through page by page: what was there before, and what was seen."""

    search: Json
    before: list[str]
    seen: list[str] = field(default_factory=list)


def draft(number: str, price: int, stock: int, parity: str, digital: bool = False) -> Json:
    """A toy that is new to the catalogue."""
    return {
        "fulfilment": "digital" if digital else "parcel",
        "sku": f"TOY-{number}".upper(),
        "name": f"Toy {number}",
        "description": f"Toy {number}, made to last.",
        "category": "Vehicles",
        "brand": "Hazel & Oak",
        "minAge": 36,
        "price": price,
        "currency": "EUR",
        "stock": stock,
        "tags": ["handmade"],
        "attributes": {"parity": parity},
    }


@dataclass
class Manager:
    """Someone who keeps the catalogue."""

    number: int
    seed: int
    rush: float
    toys: list[Toy]
    """Those that came into the catalogue, whoever brought them."""
    adjustments: dict[str, Adjustment] = field(default_factory=dict)
    """By their idempotency keys."""
    uploads: list[Upload] = field(default_factory=list)
    walks: list[Walk] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    """What the shop had no good answer to, however often it was asked."""
    edits: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Of each edit that was accepted: the toy, the ETag it was made with, and the next one."""

    def scripts(self, shop: Counter) -> Scripts:
        """What the manager does, and when each of it begins."""
        draw = self._draw("plan")
        scripts: Scripts = []

        def plan(times: int, act: Callable[[Counter, str], None]) -> None:
            for number in range(times):
                label = f"manager {self.number} {act.__name__} {number}"
                scripts.append((draw.uniform(0, self.rush), partial(act, shop, label)))

        plan(2, self.describe)
        plan(2, self.adjust)
        plan(3, self.picture)
        plan(1, self.arrange)
        plan(1, self.walk)
        plan(1, self.bring)
        plan(int(draw.random() < 0.3), self.delete)
        plan(int(draw.random() < 0.5), self.renew)
        if draw.random() < 0.1:
            many = partial(self._hang, shop, draw.choice(self.toys).toy_id)
            for number in range(14):
                label = f"manager {self.number} many {number}"
                scripts.append((draw.uniform(0, self.rush), partial(many, label)))
        return scripts

    # Toys

    def describe(self, shop: Counter, label: str) -> None:
        """Look at a toy, then say that it costs something else."""
        draw = self._draw(label)
        path = f"/toys/{draw.choice(self.toys).toy_id}"
        for attempt in range(4):
            status, toy, etag = shop.request("toys", "GET", path, label=f"{label} looks {attempt}")
            if status == 200 and etag:
                shop.sleep(draw.uniform(0.05, 2))
                price = toy["price"] + draw.choice((-100, 50, 200))
                whole = draw.random() < 0.3
                change = {"price": price, "category": draw.choice(CATEGORIES)}
                described = {name: toy[name] for name in DRAFT}
                status, _, after = shop.request(
                    "toys",
                    "PUT" if whole else "PATCH",
                    path,
                    label=f"{label} {attempt}",
                    body=described | change if whole else change,
                    headers={"If-Match": etag},
                )
                if status < 300:
                    self.edits.append((toy["toyId"], etag, after))
                    return
            shop.sleep(3.0**attempt)

    def delete(self, shop: Counter, label: str) -> None:
        """Take a toy out of the catalogue."""
        path = f"/toys/{self._draw(label).choice(self.toys).toy_id}"
        status, _, etag = shop.request("toys", "GET", path, label=f"{label} looks")
        if status == 200 and etag:
            headers = {"If-Match": etag}
            shop.request("toys", "DELETE", path, label=label, headers=headers)

    def bring(self, shop: Counter, label: str) -> None:
        """Bring a new toy. One that is there already came with an answer that was lost."""
        draw = self._draw(label)
        number = f"{self.number}-{label[-1]}"
        parity = draw.choice(PARITIES)
        toy = draft(number, draw.randrange(500, 5000), draw.randint(0, 9), parity)
        status, answer, _ = self._insist(shop, "toys", "POST", "/toys", label=label, body=toy)
        if status == 201:
            self.toys.append(Toy(answer["toyId"], parity))
        elif status == 409 and (found := _ID.search(json.dumps(answer))):
            self.toys.append(Toy(found[0], parity))

    def adjust(self, shop: Counter, label: str) -> None:
        """Say that units came or went, until the shop has heard it; now and then say it twice."""
        draw = self._draw(label)
        toy_id = draw.choice(self.toys).toy_id
        asked = Adjustment(toy_id, f"{self.seed} {label}", draw.choice((-2, -1, 1, 3, 6)))
        self.adjustments[asked.key] = asked
        for press in range(1 + int(draw.random() < 0.4)):
            status, _, _ = self._insist(
                shop,
                "toys",
                "POST",
                f"/toys/{toy_id}/stock-adjustments",
                label=f"{label} press {press}",
                body={"delta": asked.delta, "reason": "counted"},
                headers={"Idempotency-Key": asked.key},
            )
            asked.accepted |= status < 300

    # Pictures

    def picture(self, shop: Counter, label: str) -> None:
        """Hang a picture on a toy."""
        self._hang(shop, self._draw(label).choice(self.toys).toy_id, label)

    def arrange(self, shop: Counter, label: str) -> None:
        """Put the pictures of a toy into another order."""
        draw = self._draw(label)
        for attempt in range(6):
            path = f"/toys/{draw.choice(self.toys).toy_id}"
            status, toy, etag = shop.request("toys", "GET", path, label=f"{label} looks {attempt}")
            if status == 200 and etag and len(toy["pictures"]) > 1:
                order = [picture["fileId"] for picture in toy["pictures"]]
                draw.shuffle(order)
                shop.sleep(draw.uniform(0.05, 2))
                status, _, after = shop.request(
                    "toys",
                    "PUT",
                    f"{path}/pictures",
                    label=f"{label} {attempt}",
                    body={"fileIds": order},
                    headers={"If-Match": etag},
                )
                if status < 300:
                    self.edits.append((toy["toyId"], etag, after))
                return
            shop.sleep(30)

    def _hang(self, shop: Counter, toy_id: str, label: str) -> None:
        draw = self._draw(f"{label} hangs")
        wide, high = draw.randint(4, 24), draw.randint(4, 24)
        sent = [pictures.png(wide, high, (draw.randrange(256), 90, 40 * n)) for n in range(2)]
        if draw.random() < 0.15:
            sent = [b"<html>" + bytes(len(body) - 6) for body in sent]
        upload, form = self._announce(shop, toy_id, len(sent[0]), label)
        if upload is None:
            return
        upload.picture = not sent[0].startswith(b"<html>")
        goes = draw.random()
        if goes > 0.1:
            shop.sleep(LATER if goes < 0.15 else draw.uniform(0.5, 20))
            upload.taken = shop.upload(form, sent[0], label) == 204
            if goes > 0.8:
                shop.sleep(draw.uniform(0, 2))
                shop.upload(form, sent[1], f"{label} again")
        if draw.random() < 0.3:
            shop.sleep(draw.choice((0.1, 1, 60)) * draw.random())
            self._delete_file(shop, upload, label)

    # What digital toys are sold as

    def publish(self, shop: Counter, toy: Toy, label: str) -> bool:
        """Upload what a digital toy is sold as. Gives whether that came to something."""
        body = pictures.pdf(label)
        upload, form = self._announce(shop, toy.toy_id, len(body), label, digital=True)
        if upload:
            upload.taken = shop.upload(form, body, label) == 204
            toy.upload = upload
        return upload is not None

    def renew(self, shop: Counter, label: str) -> None:
        """Upload what a digital toy is sold as anew, and take away what it was, or that again."""
        draw = self._draw(label)
        digital = [toy for toy in self.toys if toy.digital]
        if not digital:
            return
        toy = draw.choice(digital)
        before = toy.upload
        if not self.publish(shop, toy, label):
            return
        gone = before if draw.random() < 0.7 else toy.upload
        if gone:
            shop.sleep(draw.choice((0, 1, 60)) * draw.random())
            self._delete_file(shop, gone, label)

    def _announce(
        self, shop: Counter, toy_id: str, size: int, label: str, *, digital: bool = False
    ) -> tuple[Upload | None, Json]:
        name = label.replace(" ", "-")
        asked = {
            "owner": f"urn:tbs:toy:{toy_id}",
            "name": f"{name}.pdf" if digital else f"{name}.png",
            "contentType": pictures.PDF if digital else pictures.PNG,
            "size": size,
            "visibility": "private" if digital else "public",
        }
        status, file, _ = self._insist(
            shop, "file-manager", "POST", "/files", label=f"{label} announces", body=asked
        )
        if status != 201:
            return None, {}
        upload = Upload(file["fileId"], toy_id)
        self.uploads.append(upload)
        return upload, file["upload"]

    def _delete_file(self, shop: Counter, upload: Upload, label: str) -> None:
        path = f"/files/{upload.file_id}"
        upload.deleted = None
        status, _, _ = self._insist(shop, "file-manager", "DELETE", path, label=f"{label} deletes")
        # Where the first answer was lost, the second says that there is no such file.
        upload.deleted = True if status in (204, 404) else None

    # Searches

    def walk(self, shop: Counter, label: str) -> None:
        """Walk through the pages of a search, while others bring toys."""
        draw = self._draw(label)
        search: Json = {"sort": draw.choice(("name", "newest")), "limit": str(draw.randint(1, 3))}
        parity = draw.choice((None, *PARITIES))
        if parity:
            search |= {"brand": "Hazel & Oak", "attribute.parity": parity}
        walk = Walk(search, [toy.toy_id for toy in self.toys if parity in (None, toy.parity)])
        shop.sleep(5)  # until no read is older than that
        cursor: Json = {}
        for page in range(PAGES):
            query = {**search, **cursor}
            asked = f"{label} page {page}"
            status, found, _ = self._insist(shop, "toys", "GET", "/toys", label=asked, query=query)
            if 400 <= status < 500:
                self.unanswered.append(f"{asked}: {status}")
            if status != 200:
                return
            walk.seen += [toy["toyId"] for toy in found["items"]]
            if not found["cursor"]:
                self.walks.append(walk)
                return
            cursor = {"cursor": found["cursor"]}
            shop.sleep(draw.uniform(0.1, 60))

    def _insist(
        self, shop: Counter, service: str, method: str, path: str, *, label: str, **given: Any
    ) -> Answer:
        """What the shop answers, once it does not fail. It is asked again for a while."""
        for attempt in range(RETRIES):
            answer = shop.request(service, method, path, label=f"{label} {attempt}", **given)
            if answer.status < 500:
                return answer
            shop.sleep(2.0**attempt)
        self.unanswered.append(label)
        return answer

    def _draw(self, about: str) -> random.Random:
        return random.Random(f"{self.seed} {self.number} {about}")
