"""The private APIs of toys and of files, small: what an import needs of them, and no more."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import httpx

Fault = Callable[[httpx.Request], httpx.Response | None]


class FakeShop:
    """Toys, files, and the storage behind its forms.

    `fault` may answer a request in the shop's place, or raise. Files are judged, and shown by
    their toys, when their toy has been looked at so many times.
    """

    def __init__(self) -> None:
        self.toys: dict[str, dict[str, Any]] = {}
        self.files: dict[str, dict[str, Any]] = {}
        self.uploads: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.fault: Fault = lambda request: None
        self.looks = 0
        self.reasons: dict[str, str] = {}
        """Why files of a name are rejected."""
        self.toys_api = self._client("https://toys.example/stage", self._toys)
        self.files_api = self._client("https://files.example/stage", self._files)
        self.storage = self._client("https://storage.example", self._storage)

    def add(self, sku: str) -> str:
        """A toy that is there; its id."""
        toy_id = str(uuid.uuid4())
        self.toys[toy_id] = {"toyId": toy_id, "sku": sku, "pictures": [], "waiting": []}
        return toy_id

    def store(self, toy_id: str, name: str, status: str = "STORED") -> str:
        """A picture of a toy that is there; its id."""
        asked = {"owner": f"urn:tbs:toy:{toy_id}", "name": name, "visibility": "public"}
        file = self._file(asked)
        file["status"] = status
        if status == "STORED":
            self.toys[toy_id]["pictures"].append({"fileId": file["fileId"], "name": name})
        return str(file["fileId"])

    def pictures(self, sku: str) -> list[str]:
        """The names of a toy's pictures."""
        (toy,) = (toy for toy in self.toys.values() if toy["sku"] == sku)
        return [picture["name"] for picture in toy["pictures"]]

    def asked(self, start: str) -> int:
        """How many requests there were of that kind."""
        return sum(request.startswith(start) for request in self.requests)

    def _client(self, url: str, answer: Callable[[httpx.Request], httpx.Response]) -> httpx.Client:
        def handle(request: httpx.Request) -> httpx.Response:
            self.requests.append(f"{request.method} {request.url.path.removeprefix('/stage')}")
            return self.fault(request) or answer(request)

        return httpx.Client(base_url=url, transport=httpx.MockTransport(handle))

    def _toys(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            drafts = json.loads(request.content)["toys"]
            assert len(drafts) <= 25
            assert len(request.content) <= 64 * 1024
            return httpx.Response(200, json={"results": [self._made(draft) for draft in drafts]})
        if request.url.path.endswith("/toys"):
            return httpx.Response(200, json={"items": [*self.toys.values()][:1], "cursor": None})
        toy = self.toys.get(request.url.path.rpartition("/")[2])
        if toy is None:
            return httpx.Response(404, json=_error("NOT_FOUND", "There is no such toy"))
        self._judge(toy["toyId"])
        return httpx.Response(200, json=toy)

    def _made(self, draft: dict[str, Any]) -> dict[str, Any]:
        if draft["price"] < 1:
            details = [{"where": "body.price", "problem": "should be at least 1"}]
            return {"status": 422} | _error("OUT_OF_BOUNDS", "The request is not valid", details)
        for toy in self.toys.values():
            if toy["sku"] == draft["sku"]:
                told = f"The toy {toy['toyId']} has the SKU {toy['sku']} already"
                return {"status": 409} | _error("CONFLICT", told)
        toy = self.toys[self.add(draft["sku"])]
        return {"status": 201, "toy": toy | draft}

    def _judge(self, toy_id: str) -> None:
        """Look at the files of a toy once more: they are judged after so many looks."""
        for file in [*self.files.values()]:  # others upload meanwhile
            if file["owner"].endswith(toy_id) and file["fileId"] in self.uploads:
                file["looks"] += 1
                if file["status"] != "PENDING" or file["looks"] <= self.looks:
                    continue
                if reason := self.reasons.get(file["name"]):
                    file |= {"status": "REJECTED", "reason": reason}
                    continue
                file["status"] = "STORED"
                if file["visibility"] == "private":
                    self.toys[toy_id]["downloadFileId"] = file["fileId"]
                    continue
                shown = {"fileId": file["fileId"], "name": file["name"]}
                self.toys[toy_id]["pictures"].append(shown)

    def _file(self, asked: dict[str, Any]) -> dict[str, Any]:
        file_id = str(uuid.uuid4())
        created = datetime.now(UTC).isoformat()
        file = {"fileId": file_id, "status": "PENDING", "createdAt": created, "looks": 0} | asked
        self.files[file_id] = file
        return file

    def _files(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            asked = json.loads(request.content)
            if asked["size"] > 1000:
                details = [{"where": "body.size", "problem": "is too large"}]
                return httpx.Response(422, json=_error("OUT_OF_BOUNDS", "Not valid", details))
            file = self._file(asked)
            fields = {"key": f"incoming/{file['fileId']}", "Content-Type": asked["contentType"]}
            form = {"url": "https://storage.example/bucket", "fields": fields}
            return httpx.Response(201, json=file | {"upload": form})
        if request.url.path.endswith("/files"):
            own = [f for f in self.files.values() if f["owner"] == request.url.params["owner"]]
            begin = int(request.url.params.get("cursor", "0"))
            following = str(begin + 1) if begin + 1 < len(own) else None
            page = {"items": own[begin : begin + 1], "cursor": following}
            return httpx.Response(200, json=page)
        found = self.files.get(request.url.path.rpartition("/")[2])
        return httpx.Response(200, json=found) if found else httpx.Response(404)

    def _storage(self, request: httpx.Request) -> httpx.Response:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        form = message_from_bytes(head + request.read(), policy=policy.HTTP)
        *fields, content = form.iter_parts()
        names = [field.get_param("name", header="content-disposition") for field in fields]
        values = [field.get_content().strip() for field in fields]
        given = dict(zip(names, values, strict=True))
        assert content.get_param("name", header="content-disposition") == "file"
        file_id = given["key"].removeprefix("incoming/")
        body = content.get_content()
        assert len(body) == self.files[file_id]["size"]
        assert given["Content-Type"] == self.files[file_id]["contentType"]
        self.uploads[file_id] = body
        return httpx.Response(204)


def _error(code: str, message: str, details: list[Any] | None = None) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "details": details or []}}
