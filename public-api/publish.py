"""Put the storefront's files into the bucket that CloudFront shows them from.

    python publish.py --stack tbs-app-public-api-dev [--region eu-west-1]

It asks AWS for what a stack put out, uploads what is new or has changed, deletes what is gone and
has CloudFront forget its copies. It may be run again at any time, also after it was stopped half
way.
"""

import argparse
import hashlib
import mimetypes
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

STOREFRONT = Path(__file__).parent / "storefront"

CACHE_CONTROL = "public, max-age=0, must-revalidate, s-maxage=31536000"
"""A browser asks each time whether a file is still the same, and most often hears that it is: the
modules of a page fit together. CloudFront keeps it until it is told to forget it."""

MARK = ".published"
"""The object that says what was published and told to CloudFront."""

mimetypes.add_type("application/manifest+json", ".webmanifest")
mimetypes.add_type("text/javascript", ".js")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the storefront, as it lies in the bucket."""

    key: str
    body: bytes
    content_type: str

    @property
    def etag(self) -> str:
        """What S3 calls an object with this content."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


@dataclass(frozen=True, slots=True)
class Published:
    """What a run did: the keys that it wrote and deleted, and whether CloudFront was told."""

    uploaded: list[str]
    deleted: list[str]
    invalidated: bool


def files(folder: Path) -> Iterator[File]:
    """The files of a folder, what pages need before the pages that need it.

    A page's key has no ending: `toy.html` is `toy`. `index.html` stays what it is.
    """
    paths = [path for path in folder.rglob("*") if path.is_file()]
    for path in sorted(paths, key=lambda path: (path.suffix == ".html", str(path))):
        name = path.relative_to(folder)
        if any(part.startswith(".") for part in name.parts):
            continue
        page = path.suffix == ".html" and name.name != "index.html"
        key = (name.with_suffix("") if page else name).as_posix()
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        text = kind.startswith("text/") or kind.endswith(("json", "xml"))
        yield File(key, path.read_bytes(), f"{kind}; charset=utf-8" if text else kind)


def publish(stack: str, region: str | None = None, folder: Path = STOREFRONT) -> Published:
    """Bring a stack's storefront to what is in the folder.

    Raises botocore's ClientError for what AWS refuses, LookupError for a stack without a
    storefront.
    """
    session = boto3.Session(region_name=region)
    outputs = _outputs(session, stack)
    s3, bucket = session.client("s3"), outputs["SiteBucketName"]
    wanted = {file.key: file for file in files(folder)}
    there = {
        item["Key"]: item["ETag"]
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for item in page.get("Contents", [])
    }
    mark = there.pop(MARK, None)
    uploaded = []
    for key, file in wanted.items():
        if there.get(key) == file.etag and _described(s3.head_object(Bucket=bucket, Key=key), file):
            continue
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=file.body,
            ContentType=file.content_type,
            CacheControl=CACHE_CONTROL,
        )
        uploaded.append(key)
    deleted = sorted(there.keys() - wanted.keys())
    for key in deleted:
        s3.delete_object(Bucket=bucket, Key=key)
    told = File(MARK, _summary(wanted.values()), "text/plain")
    stale = bool(uploaded or deleted) or mark != told.etag
    if stale:
        session.client("cloudfront").create_invalidation(
            DistributionId=outputs["DistributionId"],
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": f"{stack} {time.time_ns()}",
            },
        )
        # Last: whoever was stopped before finds another mark, and tells CloudFront again.
        s3.put_object(Bucket=bucket, Key=MARK, Body=told.body, ContentType=told.content_type)
    return Published(uploaded, deleted, stale)


def _outputs(session: boto3.Session, stack: str) -> Mapping[str, str]:
    found = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
    if missing := {"SiteBucketName", "DistributionId"} - outputs.keys():
        raise LookupError(f"The stack {stack} does not put out {', '.join(sorted(missing))}")
    return outputs


def _described(head: Mapping[str, object], file: File) -> bool:
    """Whether an object is served as the file is to be."""
    given = (head.get("ContentType"), head.get("CacheControl"))
    return given == (file.content_type, CACHE_CONTROL)


def _summary(published: Iterable[File]) -> bytes:
    """What tells one state of the whole storefront from another."""
    lines = [f"{file.etag} {file.content_type} {file.key}\n" for file in published]
    return hashlib.sha256("".join([CACHE_CONTROL, *sorted(lines)]).encode()).hexdigest().encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--stack", required=True, help="the stack's name")
    parser.add_argument("--region", help="where it is; none: where your configuration says")
    options = parser.parse_args(arguments)
    try:
        done = publish(options.stack, options.region)
    except (BotoCoreError, ClientError, LookupError) as error:
        print(f"The storefront was not published: {error}", file=sys.stderr)
        return 1
    print(f"{options.stack}: {len(done.uploaded)} files uploaded, {len(done.deleted)} deleted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
