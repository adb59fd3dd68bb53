"""Toys and pictures of a file come into the shop, once, and what is refused is told."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local import gallery, importer, seed, stacks
from local.account import Account
from local.errors import LocalError
from local.gallery import Gallery
from local.importer import Report, batched, bring_in
from local.progress import Progress
from local.sample import draw, papers
from local.services import Service
from local.settings import Settings
from local.tests.shop import FakeShop
from local.toyfile import COLUMNS, Row

PICTURE = b"\x89PNG"


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for anything."""
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(gallery, "_LOOK", 0.001)
    monkeypatch.setattr(gallery, "_JUDGED", 0.0)


@pytest.fixture
def shop() -> FakeShop:
    return FakeShop()


@pytest.fixture
def progress() -> Iterator[Progress]:
    with Progress() as progress:
        yield progress


def row(number: int, *pictures: Path, price: int = 995, name: str = "Top") -> Row:
    return Row(number + 1, {"sku": f"A-{number}", "name": name, "price": price}, pictures)


def hang(shop: FakeShop, report: Report, progress: Progress) -> Report:
    Gallery(shop.toys_api, shop.files_api, storage=shop.storage).hang(report, progress)
    return report


def told(report: Report) -> list[str]:
    return [str(refusal) for refusal in report.refusals]


def test_rows_go_in_by_batches(shop: FakeShop, progress: Progress) -> None:
    report = bring_in(shop.toys_api, [row(number) for number in range(1, 61)], progress)
    assert (report.added, report.there, report.refusals) == (60, 0, [])
    assert shop.asked("POST /toys/batch") == 3
    ids = {toy["sku"]: toy["toyId"] for toy in shop.toys.values()}
    assert [(r.sku, toy_id) for r, toy_id, _ in report.toys] == [
        (f"A-{number}", ids[f"A-{number}"]) for number in range(1, 61)
    ]


@pytest.mark.parametrize("name", ["x" * 9000, "ä" * 3000])
def test_a_batch_is_no_larger_than_the_api_takes(
    shop: FakeShop, progress: Progress, name: str
) -> None:
    rows = [row(number, name=name) for number in range(1, 31)]
    batches = list(batched(rows))
    assert [one for batch in batches for one in batch] == rows
    assert len(batches) > 2
    assert bring_in(shop.toys_api, rows, progress).added == 30


def test_rows_that_are_refused_are_told_and_the_rest_goes_in(
    shop: FakeShop, progress: Progress
) -> None:
    report = bring_in(shop.toys_api, [row(1), row(2, price=0), row(3)], progress)
    assert report.added == 2
    assert told(report) == ["line 3: A-2: price: should be at least 1"]


def test_a_second_import_adds_nothing(shop: FakeShop, progress: Progress) -> None:
    rows = [row(number) for number in range(1, 31)]
    first = bring_in(shop.toys_api, rows[:20], progress)
    again = bring_in(shop.toys_api, rows, progress)
    assert (again.added, again.there, again.refusals) == (10, 20, [])
    assert [toy_id for _, toy_id, _ in again.toys][:20] == [toy_id for _, toy_id, _ in first.toys]


def test_a_batch_whose_answer_is_lost_is_sent_again(shop: FakeShop, progress: Progress) -> None:
    lost = iter([True])

    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and next(lost, False):
            shop.fault = lambda request: None
            shop.toys_api.post("/toys/batch", content=request.content)
            raise httpx.ReadTimeout("lost")
        return None

    shop.fault = lose
    report = bring_in(shop.toys_api, [row(1), row(2)], progress)
    assert (report.added, report.there) == (0, 2)
    assert len(shop.toys) == 2


@pytest.mark.parametrize("answer", [httpx.Response(500), httpx.Response(429), None])
def test_an_api_that_does_not_answer_ends_the_import(
    shop: FakeShop, progress: Progress, answer: httpx.Response | None
) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        if answer is None:
            raise httpx.ConnectError("refused")
        return answer

    shop.fault = fail
    with pytest.raises(LocalError, match=r"POST https://toys.* What went in stays"):
        bring_in(shop.toys_api, [row(1)], progress)
    assert shop.asked("POST") == importer.TRIES


def test_who_is_not_let_in_is_not_asked_for_again(shop: FakeShop, progress: Progress) -> None:
    shop.fault = lambda request: httpx.Response(403, text="Forbidden")
    with pytest.raises(LocalError, match=r"answered 403: Forbidden"):
        bring_in(shop.toys_api, [row(1)], progress)
    assert shop.asked("POST") == 1


def test_a_sku_that_others_fight_for_is_tried_again(shop: FakeShop, progress: Progress) -> None:
    busy = {"status": 409, "error": {"code": "CONFLICT", "message": "Try again", "details": []}}
    answers = iter([httpx.Response(200, json={"results": [busy]})])
    shop.fault = lambda request: next(answers, None)
    assert bring_in(shop.toys_api, [row(1)], progress).added == 1
    shop.fault = lambda request: httpx.Response(200, json={"results": [busy]})
    assert told(bring_in(shop.toys_api, [row(2)], progress)) == ["line 3: A-2: Try again"]


def test_pictures_come_to_their_toys(shop: FakeShop, progress: Progress, tmp_path: Path) -> None:
    shop.looks = 2
    paths = [tmp_path / name for name in ("a.png", "b 1.jpg", "c.webp")]
    for path in paths:
        path.write_bytes(PICTURE)
    rows = [row(1, *paths[:2]), row(2, paths[2]), row(3)]
    report = hang(shop, bring_in(shop.toys_api, rows, progress), progress)
    assert (report.pictures, report.refusals) == (3, [])
    assert sorted(shop.pictures("A-1")) == ["a.png", "b-1.jpg"]
    assert shop.pictures("A-2") == ["c.webp"]
    assert set(shop.uploads.values()) == {PICTURE}
    owners = {file["owner"] for file in shop.files.values()}
    assert owners == {f"urn:tbs:toy:{toy_id}" for _, toy_id, _ in report.toys[:2]}
    assert all(file["visibility"] == "public" for file in shop.files.values())


def test_pictures_that_are_refused_are_told_by_their_line(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    shop.reasons = {"html.png": "TYPE_DIFFERS"}
    names = ("good.png", "html.png", "large.png", "missing.png")
    for name in names[:3]:
        (tmp_path / name).write_bytes(PICTURE * (900 if name == "large.png" else 1))
    rows = [row(number, tmp_path / name) for number, name in enumerate(names, 1)]
    report = hang(shop, bring_in(shop.toys_api, rows, progress), progress)
    assert report.pictures == 1
    assert sorted(told(report)) == [
        "line 3: A-2: html.png: was rejected: TYPE_DIFFERS",
        "line 4: A-3: large.png: size: is too large",
        "line 5: A-4: missing.png: cannot be read: No such file or directory",
    ]


def test_only_pictures_that_are_missing_are_uploaded(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    toy_id = shop.add("A-1")
    shop.store(toy_id, "stored.png")
    under_way = shop.store(toy_id, "under-way.png", "PENDING")
    shop.uploads[under_way] = PICTURE
    old = shop.store(toy_id, "old.png", "PENDING")
    shop.files[old]["createdAt"] = "2026-01-01T00:00:00.000Z"
    shop.store(toy_id, "rejected.png", "REJECTED")
    names = ("stored.png", "under-way.png", "old.png", "rejected.png", "new.png")
    paths = [tmp_path / name for name in names]
    for path in paths:
        path.write_bytes(PICTURE)
    report = hang(shop, bring_in(shop.toys_api, [row(1, *paths)], progress), progress)
    assert (report.there, report.pictures, report.refusals) == (1, 5, [])
    assert sorted(shop.pictures("A-1")) == sorted(names)
    assert shop.asked("POST /files") == 3


def test_a_picture_that_never_comes_is_given_up(
    monkeypatch: pytest.MonkeyPatch, shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    monkeypatch.setattr(gallery, "PATIENCE", 0.3)
    shop.looks = 1_000_000
    (tmp_path / "a.png").write_bytes(PICTURE)
    report = bring_in(shop.toys_api, [row(1, tmp_path / "a.png")], progress)
    assert told(hang(shop, report, progress)) == [
        "line 2: A-1: a.png: was uploaded, but did not come to its toy in 0 s"
    ]


@pytest.mark.parametrize(
    ("gone", "reason"), [("toys", "its toy is gone"), ("files", "it was deleted meanwhile")]
)
def test_a_toy_or_a_file_that_goes_meanwhile(
    shop: FakeShop, progress: Progress, tmp_path: Path, gone: str, reason: str
) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    report = bring_in(shop.toys_api, [row(1, tmp_path / "a.png")], progress)
    shop.looks = 1_000_000

    def lose(request: httpx.Request) -> httpx.Response | None:
        if request.url.host == "storage.example":
            getattr(shop, gone).clear()
            return httpx.Response(204)
        return None

    shop.fault = lose
    assert told(hang(shop, report, progress)) == [f"line 2: A-1: a.png: {reason}"]


def test_a_form_that_refuses_and_one_that_fails(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    report = bring_in(shop.toys_api, [row(1, tmp_path / "a.png")], progress)
    answers = {"storage.example": httpx.Response(403, text="Policy expired")}
    shop.fault = lambda request: answers.get(request.url.host)
    assert told(hang(shop, report, progress)) == [
        "line 2: A-1: a.png: the form was refused: 403 Policy expired"
    ]
    answers["storage.example"] = httpx.Response(503, text="Slow down")
    with pytest.raises(LocalError, match=r"does not take a\.png: 503 Slow down"):
        hang(shop, Report(toys=report.toys), progress)


def test_what_is_sold_goes_in_privately_and_comes_to_its_toy(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    (tmp_path / "a.png").write_bytes(PICTURE)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    draft = {"sku": "A-1", "name": "Top", "price": 995, "fulfilment": "digital"}
    sold = Row(2, draft, (tmp_path / "a.png",), tmp_path / "a.pdf")
    for number in range(2):
        report = hang(shop, bring_in(shop.toys_api, [sold], progress), progress)
        assert (report.there, report.pictures, report.downloads) == (number, 1, 1)
        assert not report.refusals
    (toy,) = shop.toys.values()
    file = shop.files[toy["downloadFileId"]]
    assert (file["visibility"], file["contentType"]) == ("private", "application/pdf")
    assert shop.uploads[file["fileId"]] == b"%PDF-"
    assert len(shop.uploads) == 2


def test_a_newer_file_that_is_sold_stays(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF-")
    draft = {"sku": "A-1", "name": "Top", "price": 995, "fulfilment": "digital"}
    sold = Row(2, draft, (), tmp_path / "a.pdf")
    hang(shop, bring_in(shop.toys_api, [sold], progress), progress)
    (toy,) = shop.toys.values()
    toy["downloadFileId"] = "newer"
    report = hang(shop, bring_in(shop.toys_api, [sold], progress), progress)
    assert (report.downloads, report.refusals) == (1, [])
    assert toy["downloadFileId"] == "newer"


def test_no_more_than_a_few_pictures_at_once(
    shop: FakeShop, progress: Progress, tmp_path: Path
) -> None:
    at_work, most, counting = 0, 0, threading.Lock()
    together = threading.Barrier(importer.AT_ONCE)

    def content(path: Path) -> bytes:
        nonlocal at_work, most
        with counting:
            at_work += 1
            most = max(most, at_work)
        together.wait(timeout=10)
        with counting:
            at_work -= 1
        return PICTURE

    report = bring_in(
        shop.toys_api, [row(number, tmp_path / "a.png") for number in range(1, 21)], progress
    )
    Gallery(shop.toys_api, shop.files_api, content, shop.storage).hang(report, progress)
    assert report.pictures == 20
    assert most == importer.AT_ONCE


@pytest.fixture
def account(shop: FakeShop, monkeypatch: pytest.MonkeyPatch) -> FakeShop:
    """The shop, as the commands find it."""

    def api(self: Account, service: Service) -> httpx.Client:
        return FakeShop._client(
            shop,
            f"https://{service.name}.example/stage",
            shop._toys if service.name == "toys" else shop._files,
        )

    monkeypatch.setattr(Account, "api", api)

    def gallery_of(toys: httpx.Client, files: httpx.Client, content: gallery.Content) -> Gallery:
        return Gallery(toys, files, content, shop.storage)

    monkeypatch.setattr(seed, "Gallery", gallery_of)
    stack = {"tbs-app-file-manager-local": "CREATE_COMPLETE"}
    monkeypatch.setattr(stacks, "statuses", lambda settings: stack)
    monkeypatch.setattr(draw, "draw", _quickly)
    return shop


def _quickly(name: str, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(PICTURE)
    return folder / name


def test_an_empty_catalogue_is_filled_once(
    settings: Settings, account: FakeShop, progress: Progress
) -> None:
    report = seed.fill(settings, progress)
    assert report is not None
    assert (report.added, report.pictures, report.downloads) == (27, 27, 3)
    assert len(account.toys) == 27
    assert all(len(toy["pictures"]) == 1 for toy in account.toys.values())
    assert seed.fill(settings, progress) is None
    assert len(account.toys) == 27
    (folder,) = (settings.home / "sample").iterdir()
    assert {path.name for path in folder.iterdir()} == {*draw.PICTURES, *papers.PAPERS}


def test_a_catalogue_is_filled_without_pictures_where_nobody_keeps_files(
    settings: Settings, account: FakeShop, progress: Progress, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stacks, "statuses", lambda settings: {})
    report = seed.fill(settings, progress)
    assert report is not None
    assert (report.added, report.pictures, report.downloads) == (27, 0, 0)
    assert not account.files


def test_a_sample_that_is_refused_is_an_error(
    settings: Settings, account: FakeShop, progress: Progress
) -> None:
    account.reasons = {"kite-swift.png": "NOT_DECODABLE"}
    with pytest.raises(LocalError, match=r"line 24: GW-SWIFT-120: kite-swift\.png: was rejected"):
        seed.fill(settings, progress)


def test_what_became_of_a_file_is_told(
    settings: Settings, account: FakeShop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "toys.csv"
    (tmp_path / "a.png").write_bytes(PICTURE)
    good = "A-1,Top,Spins,Wood,Test,36,96,995,EUR,4,,colour=red,a.png,,"
    path.write_text(f"{','.join(COLUMNS)}\n{good}\n")
    assert seed.seed(settings, "local", path)
    out = capsys.readouterr().out
    assert "Toys: 1 added, 0 there already in" in out
    assert "Pictures: 1 on their toys. Downloads: 0. Refused: 0." in out
    assert "Catalogue: files 1/1" in out
    wrong = [good, good.replace("A-1", "A-2").replace(",995,", ",0,"), "A-3,Top", good]
    path.write_text("\n".join([",".join(COLUMNS), *wrong]))
    assert not seed.seed(settings, "local", path)
    out = capsys.readouterr().out
    assert "Toys: 0 added, 1 there already" in out
    assert "Refused: 3." in out
    lines = [line.strip() for line in out.splitlines() if line.startswith("  line")]
    assert lines == [
        "line 3: A-2: price: should be at least 1",
        "line 4: A-3: has 2 cells where the header has 15",
        "line 5: A-1: has the SKU of line 2",
    ]


def test_the_sample_goes_where_no_file_is_named(
    settings: Settings, account: FakeShop, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seed.seed(settings, "local", None)
    assert "Toys: 27 added" in capsys.readouterr().out
    assert len(account.uploads) == 30


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"code": "X", "message": "No", "details": []}, "No"),
        ({"code": "X", "message": "", "details": None}, "X"),
        (
            {
                "message": "No",
                "details": [
                    {"where": "body.minAge", "problem": "should be less"},
                    {"where": "body", "problem": "Value error, minAge is above maxAge"},
                ],
            },
            "minAge: should be less; minAge is above maxAge",
        ),
        ("Internal error", "Internal error"),
    ],
)
def test_what_an_error_says(error: object, said: str) -> None:
    assert importer.problem(error) == said


def test_the_sample_goes_into_the_local_cloud_only(settings: Settings) -> None:
    with pytest.raises(LocalError, match=r"make seed FILE=toys\.csv ENV=prod"):
        seed.seed(settings, "prod", None)
