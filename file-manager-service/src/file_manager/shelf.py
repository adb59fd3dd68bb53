"""The shared objects in this service's bucket: copies of private files, under their tokens.

Their keys are secrets. X-Ray would write each key of S3 into a trace, so it is told of none. Nor
does an error leave here that quotes one, as botocore's do of a time-out, and S3's of a refusal.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import batched
from typing import TYPE_CHECKING, Any

import boto3
from aws_xray_sdk.ext.boto_utils import whitelist  # type: ignore[import-untyped]
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from file_manager import share as rules
from file_manager.file import File
from file_manager.share import Share

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

PATIENCE = 2
"""Seconds that each try of a call waits for S3, which copies megabytes by itself."""

KEYS_PER_CALL = 1000
"""The most that DeleteObjects takes at once."""

whitelist["services"].pop("s3", None)


class SharedFiles:
    """Copies, and removes copies. All of it may be done again. Raises S3Failed when S3 fails."""

    def __init__(self, bucket: str) -> None:
        self._bucket = bucket
        self._s3 = boto3.client("s3", config=Config(connect_timeout=1, read_timeout=PATIENCE))
        self._s3.meta.events.register("after-call.s3", _mask)

    def put(self, share: Share, file: File) -> None:
        """Copy a stored file to where it is shared. It is downloaded, under its name."""
        is_image = file.content_type.startswith("image/")
        with _quoting_no_key():
            self._s3.copy_object(
                Bucket=self._bucket,
                Key=share.key,
                CopySource={"Bucket": self._bucket, "Key": rules.source(file)},
                MetadataDirective="REPLACE",
                ContentType="image/webp" if is_image else file.content_type,
                ContentDisposition=f'attachment; filename="{share.name}"',
                CacheControl="private, no-store",
            )

    def remove(self, share: Share) -> None:
        """Remove the object of a share, if there is or was to be one."""
        if share.name is not None:
            with _quoting_no_key():
                self._s3.delete_object(Bucket=self._bucket, Key=share.key)

    def clear(self, file_id: str) -> None:
        """Remove all objects by which a file is shared.

        S3 lists what was written before it is asked, so this misses none, unlike an index.
        """
        pages = self._s3.get_paginator("list_objects_v2")
        with _quoting_no_key():
            for page in pages.paginate(Bucket=self._bucket, Prefix=rules.folder(file_id)):
                for found in batched(page.get("Contents", []), KEYS_PER_CALL):
                    self._remove_all([{"Key": one["Key"]} for one in found])

    def _remove_all(self, keys: "list[ObjectIdentifierTypeDef]") -> None:
        answer = self._s3.delete_objects(
            Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
        )
        if errors := answer.get("Errors"):
            codes = sorted({error.get("Code", "") for error in errors})
            raise S3Failed(f"{len(errors)} objects were kept: {', '.join(codes)}")


class S3Failed(Exception):
    """S3 has not done it, or not all of it. Says which kind of error it was, and no more."""


@contextmanager
def _quoting_no_key() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise S3Failed(f"{error.operation_name}: {error.response['Error'].get('Code')}") from None
    except BotoCoreError as error:
        raise S3Failed(type(error).__name__) from None


def _mask(parsed: dict[str, Any], **_: object) -> None:
    """Leave of an error its code: X-Ray notes all that S3 says, before anybody could catch it."""
    if "Error" in parsed:
        code = parsed["Error"].get("Code", "Unknown")
        for said in parsed.keys() - {"ResponseMetadata"}:
            del parsed[said]
        parsed["Error"] = {"Code": code, "Message": ""}
