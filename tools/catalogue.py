"""The part of the story that managers play: toys, their stock and their pictures."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tools import pictures
from tools.teller import StoryError, Teller
from tools.wiring import Json

PICTURES_URL = "https://pictures.example.com"
"""What the addresses of public files begin with."""

MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}

NOT_DESCRIBED = {
    "toyId",
    "stock",
    "pictures",
    "waiting",
    "downloads",
    "downloadFileId",
    "availability",
    "revision",
    "version",
    "createdAt",
    "updatedAt",
    "deletedAt",
    "correlationId",
    "causationId",
}
"""What there is to read of a toy that its owner does not say."""


def opened(teller: Teller) -> dict[str, Json]:
    """Toys come into the catalogue; one changes, and one leaves. Gives those that stay, by name."""
    toys = {}
    for name, sku, category, price, stock in (
        ("Wooden Train Set", "TRAIN-01", "Vehicles", 3495, 40),
        ("Box Kite", "KITE-01", "Outdoor", 1850, 25),
        ("Marble Run", "MARBLE-01", "Construction", 4299, 3),
        ("Paper Theatre", "THEATRE-01", "Crafts", 1299, 8),
    ):
        draft = _draft(name, sku, category, price, stock)
        toys[name], _ = teller.call(
            "toys", "POST", "/toys", 201, body=draft, label=f"create {name}"
        )
    teller.settle()
    kite = toys["Box Kite"]
    path = f"/toys/{kite['toyId']}"
    described = {key: value for key, value in kite.items() if key not in NOT_DESCRIBED}
    teller.call(
        "toys",
        "PUT",
        path,
        body=described | {"description": "Box Kite, for a steady wind.", "maxAge": None},
        headers={"If-Match": _etag(teller, path)},
    )
    toys["Box Kite"], _ = teller.call(
        "toys",
        "PATCH",
        path,
        body={"price": 1750, "attributes": {"batteries": None, "wind": "3-5 Beaufort"}},
        headers={"If-Match": _etag(teller, path), **MERGE_PATCH},
    )
    path = f"/toys/{toys.pop('Paper Theatre')['toyId']}"
    teller.call("toys", "DELETE", path, 204, headers={"If-Match": _etag(teller, path)})
    teller.settle()
    search = {"q": "hazel ki", "sort": "price", "minAge": "36", "limit": "10"}
    found, _ = teller.call("public-api", "GET", "/toys", query=search)
    _expect([toy["name"] for toy in found["items"]], ["Box Kite"])
    told, _ = teller.call("public-api", "GET", "/categories")
    counted = {each["category"]: each["count"] for each in told["items"]}
    _expect(counted, {"Construction": 1, "Outdoor": 1, "Vehicles": 1})
    teller.call("public-api", "GET", f"/toys/{kite['toyId']}")
    return toys


def kept(teller: Teller, toys: Mapping[str, Json]) -> None:
    """More toys are brought in, one of them refused; stock comes; the catalogue is searched."""
    batch = [
        _draft("Spinning Top", "TOP-01", "Classics", 690, 12),
        _draft("Another Box Kite", "KITE-01", "Outdoor", 1690, 5),
        _draft("Nothing", "TOP-02", "Classics", 0, 0),
    ]
    answer, _ = teller.call("toys", "POST", "/toys/batch", body={"toys": batch})
    _expect([result["status"] for result in answer["results"]], [201, 409, 422])
    path = f"/toys/{toys['Marble Run']['toyId']}"
    broken = {"delta": -1, "reason": "broken in the window"}
    key = {"Idempotency-Key": "window-2026-01-05"}
    adjusted = f"{path}/stock-adjustments"
    first, _ = teller.call("toys", "POST", adjusted, 201, body=broken, headers=key)
    again, _ = teller.call("toys", "POST", adjusted, 200, body=broken, headers=key)
    _expect(again, first)
    teller.call(
        "toys",
        "POST",
        adjusted,
        201,
        label="replaced",
        body={"delta": 1, "reason": "replaced"},
        headers={"Idempotency-Key": "replaced-2026-01-05"},
    )
    teller.settle()
    page, _ = teller.call("toys", "GET", adjusted)
    _expect([one["delta"] for one in page["items"]], [1, -1, 3])
    search = {"sort": "price", "maxPrice": "5000", "attribute.material": "wood", "limit": "2"}
    page, _ = teller.call("toys", "GET", "/toys", query=search)
    more, _ = teller.call("toys", "GET", "/toys", query=search | {"cursor": page["cursor"]})
    found = [toy["sku"] for toy in (*page["items"], *more["items"])]
    _expect(found, ["TOP-01", "KITE-01", "TRAIN-01", "MARBLE-01"])


def pictured(teller: Teller, toys: Mapping[str, Json]) -> dict[str, Json]:
    """Pictures are uploaded: three that are, and one that is not. One is only announced.

    Gives the files, by what they are called.
    """
    train, kite = toys["Wooden Train Set"], toys["Box Kite"]
    files = {}
    for name, toy, body in (
        ("train-front.png", train, pictures.png(48, 32, (180, 60, 40))),
        ("train-side.png", train, pictures.png(64, 24, (170, 80, 40))),
        ("kite.png", kite, pictures.png(32, 48, (40, 90, 180))),
        ("page.png", kite, b"<!doctype html><script>alert(1)</script>"),
    ):
        files[name] = _announced(teller, toy, name, body)
        teller.upload(files[name]["upload"], body, name)
        teller.settle()
    files["later.png"] = _announced(teller, kite, "later.png", b"never sent")
    page, _ = teller.call("file-manager", "GET", "/files", query={"owner": _owner(kite)})
    states = {file["name"]: file["status"] for file in page["items"]}
    wanted = {"kite.png": "STORED", "page.png": "REJECTED", "later.png": "PENDING"}
    _expect(states, wanted)
    stored = [files[name]["fileId"] for name in ("train-front.png", "train-side.png")]
    path = f"/toys/{train['toyId']}"
    teller.call(
        "toys",
        "PUT",
        f"{path}/pictures",
        body={"fileIds": stored[::-1]},
        headers={"If-Match": _etag(teller, path)},
    )
    teller.settle()
    _expect(_shown(teller, train), stored[::-1])
    return files


def digital(teller: Teller) -> Json:
    """A toy that is sold as a file comes into the catalogue, and its file after it."""
    draft = _draft("Paper Castle", "CASTLE-01", "Crafts", 590, 20) | {"fulfilment": "digital"}
    toy, _ = teller.call("toys", "POST", "/toys", 201, body=draft, label="create a paper toy")
    _expect(toy["downloadFileId"], None)
    file = published(teller, toy, "castle.pdf")
    found, _ = teller.call("toys", "GET", f"/toys/{toy['toyId']}")
    _expect(found["downloadFileId"], file["fileId"])
    return {**found}


def published(teller: Teller, toy: Json, name: str) -> Json:
    """What a digital toy is sold as is uploaded."""
    body = pictures.pdf(name)
    file = _announced(teller, toy, name, body, pictures.PDF)
    teller.upload(file["upload"], body, name)
    teller.settle()
    return file


def tidied(teller: Teller, toys: Mapping[str, Json], files: Mapping[str, Json]) -> None:
    """What orders hold is looked at. A picture goes; a day later, so does what never came."""
    train = toys["Wooden Train Set"]
    path = f"/toys/{train['toyId']}/reservations"
    reserved, _ = teller.call("toys", "GET", path, query={"limit": "50"})
    held = {line["status"] for line in reserved["items"]}
    _expect(held, {"RESERVED", "RELEASED"})
    front, side = files["train-front.png"]["fileId"], files["train-side.png"]["fileId"]
    teller.call("file-manager", "DELETE", f"/files/{side}", 204)
    teller.settle()
    _expect(_shown(teller, train), [front])
    teller.call("public-api", "GET", f"/toys/{train['toyId']}", label="look at the picture")
    teller.shop.advance(timedelta(days=1, hours=1))
    teller.sweep("file-manager")
    teller.settle()
    later, _ = teller.call("file-manager", "GET", f"/files/{files['later.png']['fileId']}")
    _expect(later["status"], "EXPIRED")


def _draft(name: str, sku: str, category: str, price: int, stock: int) -> Json:
    return {
        "sku": sku,
        "name": name,
        "description": f"{name}, made to last.",
        "category": category,
        "brand": "Hazel & Oak",
        "minAge": 36,
        "maxAge": 120,
        "price": price,
        "currency": "EUR",
        "stock": stock,
        "tags": ["handmade", "gift"],
        "attributes": {"material": "wood", "pieces": 24, "batteries": False},
    }


def _owner(toy: Json) -> str:
    return f"urn:tbs:toy:{toy['toyId']}"


def _announced(teller: Teller, toy: Json, name: str, body: bytes, kind: str = pictures.PNG) -> Json:
    """A file that is to be uploaded, with the form for it."""
    asked = {
        "owner": _owner(toy),
        "name": name,
        "contentType": kind,
        "size": len(body),
        "visibility": "public" if kind == pictures.PNG else "private",
    }
    file: Json
    file, _ = teller.call(
        "file-manager", "POST", "/files", 201, body=asked, label=f"announce {name}"
    )
    return file


def _etag(teller: Teller, path: str) -> str:
    _, headers = teller.call("toys", "GET", path)
    return headers["etag"]


def _shown(teller: Teller, toy: Json) -> list[str]:
    """The file ids of a toy's pictures."""
    found, _ = teller.call("toys", "GET", f"/toys/{toy['toyId']}")
    return [picture["fileId"] for picture in found["pictures"]]


def _expect(found: Any, wanted: Any) -> None:
    if found != wanted:
        raise StoryError(f"It is {found}, not {wanted}")
