"""Whoever puts files into the shop, as file-manager's private API and S3's forms have it."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from local import aws, stacks
from local.settings import Settings
from tests.e2e.shop import eventually

ENDED = {"STORED", "REJECTED", "EXPIRED"}


class Files:
    """Announces files, posts them, and looks at what became of them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._api = stacks.api_url(settings, "file-manager")
        outputs = stacks.outputs(settings, "file-manager")
        self.bucket = outputs["BucketName"]
        self._s3 = aws.client("s3", settings)

    def call(self, method: str, path: str, **given: Any) -> httpx.Response:
        """A signed request to the API."""
        return aws.signed_request(method, f"{self._api}{path}", self.settings, **given)

    def announce(
        self,
        size: int,
        content_type: str = "image/png",
        owner: str = "urn:tbs:test:1",
        name: str = "picture.png",
        visibility: str = "public",
    ) -> dict[str, Any]:
        """A file to come: its record, with the form under `upload`."""
        told = {
            "owner": owner,
            "name": name,
            "contentType": content_type,
            "size": size,
            "visibility": visibility,
        }
        answer = self.call("POST", "/files", json=told)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, file: Mapping[str, Any], body: bytes, **fields: str) -> httpx.Response:
        """Fill a file's form in, as a browser does, with other fields where they are given."""
        form = file["upload"]
        return httpx.post(
            form["url"], data=form["fields"] | fields, files={"file": ("any", body)}, timeout=60
        )

    def put(self, body: bytes, **given: Any) -> dict[str, Any]:
        """Announce a file and post it. What it is once that has ended."""
        file = self.announce(len(body), **given)
        answer = self.post(file, body)
        assert answer.is_success, answer.text
        return self.ended(file["fileId"])

    def get(self, file_id: str) -> dict[str, Any]:
        """A file as it is now."""
        answer = self.call("GET", f"/files/{file_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self, file_id: str) -> dict[str, Any]:
        """A file that is decided."""

        def look() -> dict[str, Any] | None:
            file = self.get(file_id)
            return file if file["status"] in ENDED else None

        file = eventually(look, seconds=60)
        assert file is not None, f"{file_id} is still PENDING"
        return file

    def objects(self, file_id: str) -> list[str]:
        """The keys of all that lies in the bucket of a file."""
        found = self._s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return sorted(entry["Key"] for entry in found if file_id in entry["Key"])


def picture(width: int = 640, height: int = 480, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a real picture."""
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    body = BytesIO()
    image.save(body, kind, **options)
    return body.getvalue()
