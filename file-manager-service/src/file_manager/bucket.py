"""This service's S3 bucket: the content of what is stored, under `private/<fileId>/<name>`."""

from base64 import b64encode
from datetime import datetime, timedelta

import boto3
from botocore.config import Config

from file_manager.file import File
from file_manager.model import Model, Timestamp

LINK_LIFE = timedelta(minutes=5)
"""How long a link to a file works."""


class Link(Model):
    """An address that gives a file's content to whoever has it, until it expires."""

    url: str
    expires_at: Timestamp


class FilesBucket:
    """Writes objects and makes links to them. Raises botocore's ClientError when S3 fails."""

    def __init__(self, name: str) -> None:
        self._name = name
        config = Config(
            # So that a link names the bucket's own region: any other answers by a redirection.
            signature_version="s3v4",
            s3={"addressing_style": "virtual"},
            # Seconds for each try. By itself boto3 waits for a minute.
            connect_timeout=1,
            read_timeout=1,
        )
        self._s3 = boto3.client("s3", config=config)

    def put(self, file: File, body: bytes) -> None:
        """Write the file's content. S3 refuses it unless it is what `file.sha256` says.

        Doing it again writes the same bytes to the same place.
        """
        self._s3.put_object(
            Bucket=self._name,
            Key=_key(file),
            Body=body,
            ContentType=f"{file.content_type}; charset=utf-8",
            ChecksumSHA256=b64encode(bytes.fromhex(file.sha256)).decode(),
        )

    def link(self, file: File, at: datetime) -> Link:
        """A link to the file's content, made at `at`. Nothing is asked of S3 for it."""
        url = self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._name, "Key": _key(file)},
            ExpiresIn=int(LINK_LIFE.total_seconds()),
        )
        return Link(url=url, expires_at=at + LINK_LIFE)


def _key(file: File) -> str:
    return f"{file.visibility}/{file.file_id}/{file.name}"
