"""What must hold of the catalogue when everything has come to rest: stock, files and pictures."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from tests.simulation.aws import Aws, Change
from tests.simulation.managers import Manager, Upload
from tests.simulation.violation import Violation
from tools import catalogue

Item = Mapping[str, Any]

SHARE = "SHARE#"
"""What the key of a share begins with, among those of files."""

OVER = {"REFUSED", "EXPIRED", "ENDED"}
"""What has become of a share a day later, which is as long as they last here."""

SHOWN = 12
"""Pictures that a toy shows, at most."""

ENDS = {"STORED", "REJECTED", "EXPIRED", "DELETED"}
"""What may have become of a file in the end."""

_TOYS, _FILES = "tbs-app-toys-local-Table", "tbs-app-file-manager-local-Table"
_UPLOADS, _RECEIPTS = "tbs-app-file-manager-local-bucket", "tbs-app-file-manager-local-receipts"


class FilesWatch:
    """Looks at every change of a file as it happens."""

    def __init__(self, aws: Aws) -> None:
        self.violations: list[Violation] = []
        self.published: set[str] = set()
        """Public files that were stored at some time."""
        self._aws = aws

    def see(self, change: Change) -> None:
        """Take note of a change of the files' table."""
        old, new = change.old or {}, change.new
        if new is None:
            return
        if str(new["fileId"]).startswith(SHARE):
            self._share(old, new)
            return
        was, now, file_id = old.get("status", "PENDING"), new["status"], new["fileId"]
        if was != "PENDING" and now not in (was, "DELETED"):
            self._wrong("what became of a file stays", file_id, f"was {was} and is {now}")
        if now == "STORED" and was != now:
            if new["visibility"] == "public":
                self.published.add(file_id)
            folder = f"{new['visibility']}/{file_id}/"
            found = sum(1 for _, key in objects(self._aws) if key.startswith(folder))
            if found < _count(new):
                told = f"has {found} objects, not {_count(new)}"
                self._wrong("a stored file is there", file_id, told)

    def _share(self, old: Item, new: Item) -> None:
        share_id = str(new["fileId"]).removeprefix(SHARE)
        about = share_id.partition(":")[0]
        if old and old["token"] != new["token"]:
            self._wrong("a share keeps its link", about, f"has another for {share_id}")
        if new["status"] == "SHARED" and old.get("status") != "SHARED":
            keys = self._aws.buckets[_UPLOADS]
            if not any(f"/{new['token']}/" in key for key in keys):
                self._wrong("what is shared is there", about, f"nothing lies under {share_id}")

    def _wrong(self, rule: str, about: str, what: str) -> None:
        self.violations.append(Violation(rule, about, what))


def objects(aws: Aws) -> Iterator[tuple[str, str]]:
    """The objects of all buckets: bucket and key."""
    for bucket, content in aws.buckets.items():
        yield from ((bucket, key) for key in content)


class Shelves:
    """Looks through the catalogue."""

    def __init__(
        self,
        aws: Aws,
        watch: FilesWatch,
        managers: list[Manager],
        sold: Counter[str],
        copies: Mapping[str, Item],
    ) -> None:
        self._aws = aws
        self._watch = watch
        self._managers = managers
        self._sold = sold
        self._copies = copies
        items = aws.tables[_TOYS].items.values()
        self._toys = {i["toyId"]: i for i in items if str(i["pk"]).startswith("TOY#")}
        self._listed = {key for key, toy in self._toys.items() if "deletedAt" not in toy}
        self._adjustments = [i for i in items if str(i["pk"]).startswith("ADJUSTMENT#")]
        kept = [item for item in aws.tables[_FILES].items.values() if "errorId" not in item]
        self._shares = [i for i in kept if str(i["fileId"]).startswith(SHARE)]
        self._files = {i["fileId"]: i for i in kept if not str(i["fileId"]).startswith(SHARE)}

    def violations(self) -> Iterator[Violation]:
        """Everything that is wrong."""
        yield from self._watch.violations
        for label in (label for m in self._managers for label in m.unanswered):
            yield Violation("there is an answer in the end", label, "has no good one")
        yield from self._stock()
        yield from self._trail()
        yield from self._edits()
        yield from self._ends()
        yield from self._objects()
        yield from self._forgotten()
        yield from self._pictures()
        yield from self._downloads()
        yield from self._walks()

    def _stock(self) -> Iterator[Violation]:
        came: Counter[str] = Counter()
        for item in self._adjustments:
            came[item["toyId"]] += int(item["delta"])
        for toy_id, toy in self._toys.items():
            added, sold = came[toy_id], self._sold[toy_id]
            if added != toy["stock"] + sold:
                told = f"{added} came in, {sold} went out, {toy['stock']} are there"
                yield Violation("stock balances", toy_id, told)

    def _trail(self) -> Iterator[Violation]:
        """What managers meant is what the adjustments tell, each once."""
        asked = {key: each for m in self._managers for key, each in m.adjustments.items()}
        kept = set()
        for item in self._adjustments:
            _, toy_id, key = str(item["pk"]).split("#", 2)
            if not key:  # the first stock
                continue
            kept.add(key)
            meant = asked.get(key)
            if meant is None or (meant.toy_id, meant.delta) != (toy_id, item["delta"]):
                told = f"has {item['delta']} under {key}, which nobody asked for"
                yield Violation("the audit trail is true", toy_id, told)
        for key, meant in asked.items():
            if meant.accepted and key not in kept:
                told = f"does not know {key}, which was accepted"
                yield Violation("the audit trail is true", meant.toy_id, told)

    def _edits(self) -> Iterator[Violation]:
        """An edit is made of what its maker has read."""
        for toy_id, before, after in (edit for m in self._managers for edit in m.edits):
            if after != f'"{int(before.strip(chr(34))) + 1}"':
                told = f"was {before} to who edited it, and is {after} then"
                yield Violation("no edit is lost", toy_id, told)

    def _ends(self) -> Iterator[Violation]:
        for file_id, file in self._files.items():
            if file["status"] not in ENDS:
                yield Violation("every file ends", file_id, f"is {file['status']}")
        for upload in (upload for m in self._managers for upload in m.uploads):
            status = self._files.get(upload.file_id, {}).get("status")
            wanted = _wanted(upload)
            if status not in wanted:
                told = f"is {status}, not {' or '.join(sorted(wanted))}"
                yield Violation("every file ends as it should", upload.file_id, told)

    def _objects(self) -> Iterator[Violation]:
        """What lies in the buckets is what the records name."""
        found: Counter[str] = Counter()
        for bucket, key in objects(self._aws):
            file_id = _file_of(key)
            file = self._files.get(file_id, {})
            place = _RECEIPTS if file.get("place") == "receipts" else _UPLOADS
            folder = f"{file.get('visibility')}/{file_id}/"
            if file.get("status") == "STORED" and bucket == place and key.startswith(folder):
                found[file_id] += 1
            else:
                told = f"lies in {bucket} as {key}, and is {file.get('status')}"
                yield Violation("no object without a file", file_id, told)
        for file_id, file in self._files.items():
            wanted = _count(file) if file["status"] == "STORED" else 0
            if found[file_id] != wanted:
                told = f"has {found[file_id]} objects, not {wanted}"
                yield Violation("a stored file is there", file_id, told)

    def _forgotten(self) -> Iterator[Violation]:
        """CloudFront shows nothing any more that is deleted."""
        paths = {path for paths in self._aws.invalidated.values() for path in paths}
        for file_id in sorted(self._watch.published):
            file = self._files[file_id]
            if file["status"] != "DELETED":
                continue
            folder = f"/public/{file_id}/{file['sha256'][:16]}/"
            if sum(path.startswith(folder) for path in paths) != _count(file):
                yield Violation("CloudFront forgets what is deleted", file_id, "may be shown")

    def _pictures(self) -> Iterator[Violation]:
        """A toy shows its files, and shoppers see them in the same order."""
        wanted: dict[str, set[str]] = defaultdict(set)
        for file_id, file in self._files.items():
            shown = file["status"] == "STORED" and file["visibility"] == "public"
            if shown and file["owner"].startswith("urn:tbs:toy:"):
                wanted[file["owner"].removeprefix("urn:tbs:toy:")].add(file_id)
        for toy_id in sorted(self._listed):
            toy = self._toys[toy_id]
            shown = [picture["fileId"] for picture in toy.get("pictures", ())]
            waits = [picture["fileId"] for picture in toy.get("waiting", ())]
            files = wanted[toy_id]
            if sorted(shown + waits) != sorted(files) or len(shown) != min(len(files), SHOWN):
                told = f"shows {shown}, keeps {waits} waiting, and has {sorted(files)}"
                yield Violation("a toy shows its pictures", toy_id, told)
            sizes = [
                {name: str(picture[name]) for name in ("thumbnail", "card", "full")}
                for picture in toy.get("pictures", ())
            ]
            for url in (url for picture in sizes for url in picture.values()):
                key = url.removeprefix(f"{catalogue.PICTURES_URL}/")
                if key not in self._aws.buckets[_UPLOADS]:
                    yield Violation("a toy shows its pictures", toy_id, f"{url} leads nowhere")
            seen = self._copies.get(toy_id, {}).get("pictures", [])
            if [dict(picture) for picture in seen] != sizes:
                told = f"pictures are {seen}, not {sizes}"
                yield Violation("the catalogue is true", toy_id, told)

    def _downloads(self) -> Iterator[Violation]:
        """A toy is sold as its newest private file; what was shared is over."""
        newest: dict[str, Item] = {}
        for file in self._files.values():
            if file["visibility"] == "private" and file["status"] == "STORED":
                held = newest.setdefault(file["owner"], file)
                if (file["createdAt"], file["fileId"]) > (held["createdAt"], held["fileId"]):
                    newest[file["owner"]] = file
        for toy_id in sorted(self._listed):
            wanted = newest.get(f"urn:tbs:toy:{toy_id}", {}).get("fileId")
            downloads = self._toys[toy_id].get("downloads") or [{}]
            if downloads[0].get("fileId") != wanted:
                told = f"is sold as {downloads[0].get('fileId')}, not {wanted}"
                yield Violation("a digital toy is sold as its newest file", toy_id, told)
        for share in self._shares:
            if share["status"] not in OVER:
                about = str(share["fileId"]).removeprefix(SHARE).partition(":")[0]
                yield Violation("what is shared is over in the end", about, share["status"])

    def _walks(self) -> Iterator[Violation]:
        for walk in (walk for m in self._managers for walk in m.walks):
            for toy_id, times in Counter(walk.seen).items():
                if times > 1:
                    told = f"came {times} times in {walk.search}"
                    yield Violation("the pages hold each toy once", toy_id, told)
            for toy_id in (self._listed & set(walk.before)) - set(walk.seen):
                told = f"was left out of {walk.search}"
                yield Violation("the pages hold each toy once", toy_id, told)


def _wanted(upload: Upload) -> set[str]:
    """What may have become of a file."""
    if upload.deleted:
        return {"DELETED"}
    end = "EXPIRED" if not upload.taken else "STORED" if upload.picture else "REJECTED"
    return {end} if upload.deleted is False else {end, "DELETED"}


def _count(file: Item) -> int:
    """How many objects a stored file has."""
    return 3 if str(file["contentType"]).startswith("image/") else 1


def _file_of(key: str) -> str:
    return key.split("/")[1]
