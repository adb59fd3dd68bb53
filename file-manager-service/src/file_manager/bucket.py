"""This service's S3 buckets: what is uploaded and what comes of it, and the receipts."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import boto3
from botocore.config import Config
from botocore.exceptions import IncompleteReadError

from file_manager import places
from file_manager.file import File, Place
from file_manager.model import Model, Timestamp
from file_manager.places import Renditions
from file_manager.upload import FORM_LIFE

LINK_LIFE = timedelta(minutes=5)
"""How long a link to a file works."""

FOR_EVER = "public, max-age=31536000, immutable"
"""Of what is public: it never changes, and is gone from CloudFront as soon as it is deleted."""


class Form(Model):
    """What to POST as multipart/form-data: these fields, then `file`, the content, as the last."""

    url: str
    fields: dict[str, str]
    expires_at: Timestamp


class Link(Model):
    """An address that gives a file's content to whoever has it, until it expires."""

    url: str
    renditions: Renditions | None
    expires_at: Timestamp


@dataclass(frozen=True)
class Arrival:
    """What lies there of an upload."""

    size: int
    """In bytes, all of it."""
    body: bytes
    """The beginning of it: all, unless it is larger than announced."""


class FilesBuckets:
    """Writes, reads and removes objects, and makes forms and links for them.

    Raises botocore's ClientError or BotoCoreError when S3 fails. All of it may be done again.

    Args:
        files: the name of the bucket of uploads and what comes of them.
        receipts: the name of the bucket of texts that come by messages.
        seconds: how long each try of a call waits for S3. By itself boto3 waits for a minute.
    """

    def __init__(self, files: str, receipts: str, seconds: int = 1) -> None:
        self._names = {Place.FILES: files, Place.RECEIPTS: receipts}
        self._files = files
        config = Config(
            # So that a link names the bucket's own region: any other answers by a redirection.
            signature_version="s3v4",
            s3={"addressing_style": "virtual"},
            connect_timeout=1,
            read_timeout=seconds,
        )
        self._s3 = boto3.client("s3", config=config)

    def form(self, file: File, at: datetime) -> Form:
        """The form that takes the file's content, made at `at`. Nothing is asked of S3 for it.

        S3 refuses all but this key, this type and this size.
        """
        made = self._s3.generate_presigned_post(
            self._files,
            places.incoming(file.file_id),
            Fields={"Content-Type": file.content_type},
            Conditions=[
                {"Content-Type": file.content_type},
                ["content-length-range", file.size, file.size],
            ],
            ExpiresIn=int(FORM_LIFE.total_seconds()),
        )
        return Form(url=made["url"], fields=made["fields"], expires_at=at + FORM_LIFE)

    def arrived(self, file: File) -> Arrival | None:
        """What was uploaded for the file; None when nothing lies there (any longer)."""
        try:
            found = self._s3.get_object(Bucket=self._files, Key=places.incoming(file.file_id))
        except self._s3.exceptions.NoSuchKey:
            return None
        size = found["ContentLength"]
        with found["Body"] as content:
            body = content.read(file.size + 1)
        if len(body) < min(size, file.size + 1):
            # The connection ended early. Asked for so many bytes, boto3 does not look.
            raise IncompleteReadError(actual_bytes=len(body), expected_bytes=size)
        return Arrival(size, body)

    def put_text(self, file: File, body: bytes) -> None:
        """Write a text that came by a message. Again, it writes the same to the same place."""
        key = places.keys(file).url
        self._put(file, key, body, f"{file.content_type}; charset=utf-8")

    def put_document(self, file: File, body: bytes) -> None:
        """Write an upload as it came. It is downloaded under its name, not shown."""
        # Browsers show no PDF in the sandbox that our content policy puts all into.
        disposition = f'attachment; filename="{file.name}"'
        key = places.keys(file).url
        self._put(file, key, body, file.content_type, ContentDisposition=disposition)

    def put_rendition(self, file: File, key: str, body: bytes) -> None:
        """Write one size of an image."""
        self._put(file, key, body, "image/webp")

    def _put(self, file: File, key: str, body: bytes, content_type: str, **more: str) -> None:
        # S3 refuses what is not what this sum says: nothing is changed on the way.
        self._s3.put_object(
            Bucket=self._names[file.place],
            Key=key,
            Body=body,
            ContentType=content_type,
            CacheControl=FOR_EVER if file.is_public else "private, no-store",
            ChecksumSHA256=b64encode(sha256(body).digest()).decode(),
            **more,  # type: ignore[arg-type]
        )

    def discard_upload(self, file_id: str) -> None:
        """Remove what was uploaded for the file, if it is there."""
        self._s3.delete_object(Bucket=self._files, Key=places.incoming(file_id))

    def clear(self, file: File, keep: File | None = None) -> None:
        """Remove the objects of a file that is, was or was to be stored.

        Args:
            keep: the file as it is stored, whose objects stay; None: it is not stored.
        """
        if file.place is Place.RECEIPTS:
            if keep is None:
                self._s3.delete_object(Bucket=self._names[file.place], Key=places.keys(file).url)
            return
        kept = places.contents(keep) if keep else None
        for key in self._listed(places.folder(file)):
            if kept is None or not key.startswith(kept):
                self._s3.delete_object(Bucket=self._files, Key=key)

    def _listed(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self._files, Prefix=prefix):
            yield from (found["Key"] for found in page.get("Contents", []))

    def link(self, file: File, at: datetime) -> Link:
        """A link to a stored file's content, made at `at`. Nothing is asked of S3 for it."""
        keys = places.keys(file)
        sizes = keys.renditions and {
            name: self._signed(file, key) for name, key in keys.renditions.model_dump().items()
        }
        return Link(
            url=self._signed(file, keys.url),
            renditions=Renditions(**sizes) if sizes else None,
            expires_at=at + LINK_LIFE,
        )

    def _signed(self, file: File, key: str) -> str:
        return self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._names[file.place], "Key": key},
            ExpiresIn=int(LINK_LIFE.total_seconds()),
        )
