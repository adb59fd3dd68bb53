"""The AWS that the services call, in memory: fast enough for hundreds of thousands of orders.

DynamoDB (see `dynamodb`), S3, SES and Secrets Manager are played here, and what CloudFront is to
forget; everything else by whoever fills `Aws.handlers`. `installed` puts it in the place of every
call that a boto3 client makes.
Answers and refusals are those of AWS as far as the services can tell; whatever is not played
raises NotImplementedError, and never pretends to have worked.
"""

import hashlib
import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from io import BytesIO
from typing import Any
from unittest.mock import patch

from botocore.client import BaseClient
from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from tests.simulation.dynamodb import ACCOUNT, Change, DynamoDB, Refused, Table
from tools import objects
from tools.shop import bucket_of

__all__ = ["Around", "Aws", "Change", "Mail", "Table", "installed"]

Json = dict[str, Any]
Handler = Callable[[Json], Json]
Around = Callable[[str, str, Json, Callable[[], Json]], Json]

MAX_KEY = 1024
"""Bytes of an object's key."""
MAX_TOGETHER = 1000
"""Objects of one list, or of one deletion."""

_KEPT = {"ContentType", "CacheControl", "ContentDisposition", "Metadata"}
"""What S3 keeps of an object beside its content."""
_ORDER_ID = re.compile(r"\b[0-9A-HJKMNP-TV-Z]{26}\b")
_LOCAL_PART = re.compile(r"[!-~]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]+"
)
_TAG = re.compile(r"[A-Za-z0-9_.@-]{1,256}")


@dataclass(frozen=True, slots=True)
class Mail:
    """An e-mail that SES took."""

    message_id: str
    sender: str
    to: str
    subject: str
    text: str | None
    html: str | None
    tags: Mapping[str, str]
    configuration_set: str | None

    @property
    def template(self) -> str | None:
        """The tag of that name."""
        return self.tags.get("template")

    @property
    def label(self) -> str:
        """What it is about: its template, and the first order id in its text, if there is one."""
        found = _ORDER_ID.search(self.text or "")
        return f"{self.template} {found[0] if found else ''}".rstrip()


@dataclass(frozen=True, slots=True)
class _Stored:
    """What is known of an object beside its content."""

    body: bytes
    at: float
    headers: Mapping[str, Any]


class Aws:
    """One account in memory.

    Args:
        now: the time, in epoch seconds.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._dynamodb = DynamoDB()
        self.tables: dict[str, Table] = self._dynamodb.tables
        self.buckets: dict[str, dict[str, bytes]] = {}
        """The content of every object, by bucket and key."""
        self.mails: list[Mail] = []
        """What SES took, oldest first."""
        self.handlers: dict[tuple[str, str], Handler] = {}
        """By service, as boto3 names it, and operation: what carries it out instead."""
        self.secrets: dict[str, str] = {}
        """Secret strings, by name."""
        self.came: Callable[[Json], None] = lambda detail: None
        """Told of each object that comes into a bucket that tells: the detail of S3's event."""
        self.mailed: Callable[[Mail], None] = lambda mail: None
        """Told of each mail that SES takes."""
        self.distributions: set[str] = set()
        """The ids of CloudFront's distributions."""
        self.invalidated: dict[tuple[str, str], tuple[str, ...]] = {}
        """The paths that CloudFront was to forget, by distribution and the caller's reference."""
        self._telling: set[str] = set()
        self._stored: dict[tuple[str, str], _Stored] = {}
        self._calls = 0

    def add_table(self, name: str, properties: Mapping[str, Any]) -> None:
        """Make a table, of the properties that CloudFormation would make it of."""
        self.tables[name] = Table(name, properties, self._now)

    def add_bucket(self, name: str, *, tells: bool = False) -> None:
        """Make a bucket.

        Args:
            tells: whether EventBridge is told of the objects that come into it.
        """
        self.buckets[name] = {}
        if tells:
            self._telling.add(name)

    def reset(self) -> None:
        """Empty everything but secrets and handlers. What was deployed stays."""
        for table in self.tables.values():
            table.clear()
        for bucket in self.buckets.values():
            bucket.clear()
        self.mails.clear()
        self.invalidated.clear()
        self._stored.clear()
        self._calls = 0

    def call(self, service: str, operation: str, params: Json) -> Json:
        """Carry out one call.

        Args:
            service: as boto3 names it, such as "sesv2".
            params: as the client was given them, and for DynamoDB as its Table was.

        Raises botocore's ClientError for what AWS refuses. A client makes it the one of its own
        `exceptions`. Raises NotImplementedError for what is not played.
        """
        self._calls += 1
        try:
            if handler := self.handlers.get((service, operation)):
                answer = handler(params)
            elif service == "dynamodb":
                answer = self._dynamodb.call(operation, params)
            else:
                answer = self._other(service, operation)(params)
        except Refused as refused:
            raise self._error(refused, operation) from None
        answer.setdefault("ResponseMetadata", self._metadata(200))
        return answer

    def _metadata(self, status: int) -> Json:
        return {
            "RequestId": f"{self._calls:032d}",
            "HTTPStatusCode": status,
            "HTTPHeaders": {},
            "RetryAttempts": 0,
        }

    def _error(self, refused: Refused, operation: str) -> ClientError:
        response: Any = {
            "Error": {"Code": refused.code, "Message": refused.message},
            "ResponseMetadata": self._metadata(refused.status),
            **refused.more,
        }
        return ClientError(response, operation)

    def _other(self, service: str, operation: str) -> Handler:
        match service, operation:
            case "s3", "PutObject":
                return self._put_object
            case "s3", "CopyObject":
                return self._copy_object
            case "s3", "GetObject":
                return self._get_object
            case "s3", "HeadObject":
                return self._head_object
            case "s3", "DeleteObject":
                return self._delete_object
            case "s3", "DeleteObjects":
                return self._delete_objects
            case "s3", "ListObjectsV2":
                return self._list_objects
            case "cloudfront", "CreateInvalidation":
                return self._create_invalidation
            case "sesv2", "SendEmail":
                return self._send_email
            case "sesv2", "DeleteSuppressedDestination":
                return self._delete_suppressed
            case "secretsmanager", "GetSecretValue":
                return self._get_secret_value
        raise NotImplementedError(f"{service} {operation}")

    # S3

    def _put_object(self, params: Json) -> Json:
        known = {"Bucket", "Key", "Body", "ChecksumSHA256", *_KEPT}
        _refuse_unknown("s3 PutObject", params, known)
        self._bucket(params)
        key = params["Key"]
        if not key:
            raise NotImplementedError("s3 PutObject without a key")
        if len(key.encode()) > MAX_KEY:
            raise Refused("KeyTooLongError", "Your key is too long")
        body = _content(params.get("Body", b""))
        digest = hashlib.sha256(body).digest()
        checksum = params.get("ChecksumSHA256")
        if checksum is not None:
            if len(_decoded(checksum)) != len(digest):
                raise Refused(
                    "InvalidRequest", "Value for x-amz-checksum-sha256 header is invalid."
                )
            if _decoded(checksum) != digest:
                raise Refused(
                    "BadDigest", "The SHA256 you specified did not match the calculated checksum."
                )
        headers = {name: params[name] for name in _KEPT & params.keys()}
        headers.setdefault("ContentType", "binary/octet-stream")
        headers.setdefault("Metadata", {})
        self._keep(params["Bucket"], key, body, headers, objects.PUT)
        answer = {"ETag": _etag(body)}
        if checksum is not None:
            answer["ChecksumSHA256"] = b64encode(digest).decode()
        return answer

    def post(self, url: str, fields: Mapping[str, str], body: bytes, secret: str) -> None:
        """Take a form with a file in it, as who has one posts it to a bucket.

        Args:
            url: that it is posted to.
            fields: all but the file.
            body: the file.
            secret: of the key that has signed the form.

        Raises FormRefused for what S3 refuses.
        """
        bucket = bucket_of(url, list(self.buckets))
        objects.judge(bucket, fields, len(body), self._now(), secret)
        headers = {"ContentType": fields.get("Content-Type", "binary/octet-stream")}
        key = fields["key"]
        self._keep(bucket, key, body, {**headers, "Metadata": {}}, objects.POSTED)

    def _keep(self, bucket: str, key: str, body: bytes, headers: Json, reason: str) -> None:
        at = self._now()
        self.buckets[bucket][key] = body
        self._stored[bucket, key] = _Stored(body, at, headers)
        if bucket in self._telling:
            etag = _etag(body)
            self.came(objects.created(bucket, key, len(body), etag, reason, at, ACCOUNT))

    def _get_object(self, params: Json) -> Json:
        _refuse_unknown("s3 GetObject", params, {"Bucket", "Key"})
        body = self._bucket(params).get(params["Key"])
        if body is None:
            more = {"Key": params["Key"]}
            raise Refused("NoSuchKey", "The specified key does not exist.", status=404, more=more)
        return {**self._described(params, body), "Body": StreamingBody(BytesIO(body), len(body))}

    def _copy_object(self, params: Json) -> Json:
        known = {"Bucket", "Key", "CopySource", "MetadataDirective", *_KEPT}
        _refuse_unknown("s3 CopyObject", params, known)
        source = params["CopySource"]
        _refuse_unknown("s3 CopyObject CopySource", source, {"Bucket", "Key"})
        if params.get("MetadataDirective") != "REPLACE":
            raise NotImplementedError("s3 CopyObject that keeps what was said of the object")
        self._bucket(params)
        body = self._bucket(source).get(source["Key"])
        if body is None:
            more = {"Key": source["Key"]}
            raise Refused("NoSuchKey", "The specified key does not exist.", status=404, more=more)
        headers = {name: params[name] for name in _KEPT & params.keys()}
        headers.setdefault("ContentType", "binary/octet-stream")
        headers.setdefault("Metadata", {})
        self._keep(params["Bucket"], params["Key"], body, headers, objects.COPIED)
        at = datetime.fromtimestamp(int(self._now()), UTC)
        return {"CopyObjectResult": {"ETag": _etag(body), "LastModified": at}}

    def _head_object(self, params: Json) -> Json:
        _refuse_unknown("s3 HeadObject", params, {"Bucket", "Key"})
        # The answer to a HEAD has no body, so an error has no code but its status.
        body = self.buckets.get(params["Bucket"], {}).get(params["Key"])
        if body is None:
            raise Refused("404", "Not Found", status=404)
        return self._described(params, body)

    def _delete_object(self, params: Json) -> Json:
        _refuse_unknown("s3 DeleteObject", params, {"Bucket", "Key"})
        self._bucket(params).pop(params["Key"], None)
        self._stored.pop((params["Bucket"], params["Key"]), None)
        return {}

    def _delete_objects(self, params: Json) -> Json:
        _refuse_unknown("s3 DeleteObjects", params, {"Bucket", "Delete"})
        _refuse_unknown("s3 DeleteObjects Delete", params["Delete"], {"Objects", "Quiet"})
        named = params["Delete"]["Objects"]
        if not 1 <= len(named) <= MAX_TOGETHER:
            raise Refused("MalformedXML", "The XML you provided was not well-formed")
        for each in named:
            _refuse_unknown("s3 DeleteObjects Objects", each, {"Key"})
            self._delete_object({"Bucket": params["Bucket"], "Key": each["Key"]})
        if params["Delete"].get("Quiet"):
            return {}
        return {"Deleted": [{"Key": each["Key"]} for each in named]}

    def _list_objects(self, params: Json) -> Json:
        known = {"Bucket", "Prefix", "MaxKeys", "ContinuationToken"}
        _refuse_unknown("s3 ListObjectsV2", params, known)
        bucket, prefix = self._bucket(params), params.get("Prefix", "")
        most = min(params.get("MaxKeys", MAX_TOGETHER), MAX_TOGETHER)
        after = params.get("ContinuationToken", "")
        keys = sorted(key for key in bucket if key.startswith(prefix) and key > after)
        page = keys[:most]
        answer: Json = {
            "Name": params["Bucket"],
            "Prefix": prefix,
            "MaxKeys": most,
            "KeyCount": len(page),
            "IsTruncated": len(keys) > most,
        }
        if page:
            answer["Contents"] = [
                {
                    "Key": key,
                    "Size": len(bucket[key]),
                    "ETag": _etag(bucket[key]),
                    "LastModified": self._described({**params, "Key": key}, bucket[key])[
                        "LastModified"
                    ],
                    "StorageClass": "STANDARD",
                }
                for key in page
            ]
        if len(keys) > most:
            answer["NextContinuationToken"] = page[-1] if page else after
        return answer

    def _bucket(self, params: Json) -> dict[str, bytes]:
        try:
            return self.buckets[params["Bucket"]]
        except KeyError:
            raise Refused(
                "NoSuchBucket",
                "The specified bucket does not exist",
                status=404,
                more={"BucketName": params["Bucket"]},
            ) from None

    def _described(self, params: Json, body: bytes) -> Json:
        stored = self._stored.get((params["Bucket"], params["Key"]))
        if stored is None or stored.body is not body:
            raise NotImplementedError(f"s3: {params['Key']} did not come by PutObject")
        return {
            "ContentLength": len(body),
            "ETag": _etag(body),
            "LastModified": datetime.fromtimestamp(int(stored.at), UTC),
            **stored.headers,
        }

    # CloudFront

    def _create_invalidation(self, params: Json) -> Json:
        known = {"DistributionId", "InvalidationBatch"}
        _refuse_unknown("cloudfront CreateInvalidation", params, known)
        distribution, batch = params["DistributionId"], params["InvalidationBatch"]
        _refuse_unknown("cloudfront InvalidationBatch", batch, {"Paths", "CallerReference"})
        if distribution not in self.distributions:
            told = "The specified distribution does not exist."
            raise Refused("NoSuchDistribution", told, status=404)
        paths = tuple(batch["Paths"].get("Items", ()))
        if batch["Paths"]["Quantity"] != len(paths):
            raise Refused("InconsistentQuantities", "Quantity is not the number of Items")
        if not paths or not all(path.startswith("/") for path in paths):
            raise Refused("InvalidArgument", "Your request contains one or more invalid paths")
        reference = distribution, batch["CallerReference"]
        if self.invalidated.setdefault(reference, paths) != paths:
            raise Refused("InvalidArgument", "The caller reference is that of another batch")
        made = hashlib.sha256(repr(reference).encode()).hexdigest()[:13].upper()
        return {
            "Location": f"https://cloudfront.amazonaws.com/2020-05-31/distribution/{distribution}"
            f"/invalidation/I{made}",
            "Invalidation": {
                "Id": f"I{made}",
                "Status": "InProgress",
                "CreateTime": datetime.fromtimestamp(int(self._now()), UTC),
                "InvalidationBatch": batch,
            },
        }

    # SES

    def _send_email(self, params: Json) -> Json:
        known = {"FromEmailAddress", "Destination", "Content", "EmailTags", "ConfigurationSetName"}
        _refuse_unknown("sesv2 SendEmail", params, known)
        destination, content = params["Destination"], params["Content"]
        _refuse_unknown("sesv2 SendEmail Destination", destination, {"ToAddresses"})
        _refuse_unknown("sesv2 SendEmail Content", content, {"Simple"})
        simple = content["Simple"]
        _refuse_unknown("sesv2 SendEmail Simple", simple, {"Subject", "Body"})
        _refuse_unknown("sesv2 SendEmail Body", simple["Body"], {"Text", "Html"})
        match destination.get("ToAddresses"):
            case [str() as to]:
                pass
            case None | []:
                raise _bad_request("Destination has no recipients")
            case _:
                raise NotImplementedError("sesv2 SendEmail to several at once")
        sender = params["FromEmailAddress"]
        for address in (sender, to):
            _refuse_address(address)
        tags = {tag["Name"]: tag["Value"] for tag in params.get("EmailTags", ())}
        for word in (*tags, *tags.values()):
            if not _TAG.fullmatch(word):
                raise _bad_request(f"Invalid tag: {word}")
        mail = Mail(
            message_id=f"{self._calls:016x}-00000000",
            sender=sender,
            to=to,
            subject=simple["Subject"]["Data"],
            text=_part(simple["Body"], "Text"),
            html=_part(simple["Body"], "Html"),
            tags=tags,
            configuration_set=params.get("ConfigurationSetName"),
        )
        self.mails.append(mail)
        self.mailed(mail)
        return {"MessageId": mail.message_id}

    def _delete_suppressed(self, params: Json) -> Json:
        """The account's own list: SES itself never puts anybody on it here."""
        _refuse_unknown("sesv2 DeleteSuppressedDestination", params, {"EmailAddress"})
        _refuse_address(params["EmailAddress"])
        raise Refused("NotFoundException", "Email address is not suppressed", status=404)

    # Secrets Manager

    def _get_secret_value(self, params: Json) -> Json:
        _refuse_unknown("secretsmanager GetSecretValue", params, {"SecretId"})
        name = params["SecretId"]
        if (secret := self.secrets.get(name)) is None:
            raise Refused(
                "ResourceNotFoundException",
                "Secrets Manager can't find the specified secret.",
            )
        return {
            "ARN": f"arn:aws:secretsmanager:eu-west-1:123456789012:secret:{name}-abcdef",
            "Name": name,
            "VersionId": "00000000-0000-4000-8000-000000000000",
            "SecretString": secret,
            "VersionStages": ["AWSCURRENT"],
            "CreatedDate": datetime.fromtimestamp(0, UTC),
        }


def _refuse_unknown(what: str, params: Mapping[str, Any], known: set[str]) -> None:
    if unknown := params.keys() - known:
        raise NotImplementedError(f"{what}: {', '.join(sorted(unknown))}")


def _content(body: Any) -> bytes:
    if isinstance(body, str):
        return body.encode()
    return bytes(body.read() if hasattr(body, "read") else body)


def _decoded(checksum: str) -> bytes:
    """The checksum's bytes, or none when it is not base64."""
    try:
        return b64decode(checksum, validate=True)
    except ValueError:
        return b""


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _part(body: Mapping[str, Any], name: str) -> str | None:
    data: str | None = body.get(name, {}).get("Data")
    return data


def _bad_request(message: str) -> Refused:
    return Refused("BadRequestException", message)


def _refuse_address(given: str) -> None:
    """Refuse what SES does not take for an address: `local@domain.tld` or `Name <...>`, ASCII."""
    address = parseaddr(given)[1] if given.endswith(">") else given
    local, at, domain = address.rpartition("@")
    if not at:
        raise _bad_request("Missing final '@domain'")
    if not local:
        raise _bad_request("User name is missing")
    if "@" in local or not _LOCAL_PART.fullmatch(local):
        raise _bad_request("Local address contains control or whitespace")
    if not _DOMAIN.fullmatch(domain):
        raise _bad_request("Domain contains illegal character")


@contextmanager
def installed(aws: Aws, around: Around | None = None) -> Iterator[None]:
    """Every API call of every boto3 client in the process goes to `aws`.

    Args:
        around: has each call: its service, operation and parameters, and what carries it out. It
            may act before and after that, leave it out, answer by itself or raise. A ClientError
            that it raises becomes the one of the client's own `exceptions`, as AWS's do.
    """

    def make(client: Any, operation: str, params: Json) -> Json:
        service: str = client.meta.service_model.service_name
        try:
            if around is None:
                return aws.call(service, operation, params)
            return around(service, operation, params, lambda: aws.call(service, operation, params))
        except ClientError as error:
            raise _modelled(client, service, error) from error.__cause__

    with patch.object(BaseClient, "_make_api_call", make):
        yield


def _modelled(client: Any, service: str, error: ClientError) -> ClientError:
    """The error as the client itself would raise it, with its handlers having seen it.

    DynamoDB's are left out: they turn answers into Python's values, which these are.
    """
    response: Any = error.response
    if service != "dynamodb":
        model = client.meta.service_model.operation_model(error.operation_name)
        client.meta.events.emit(
            f"after-call.{client.meta.service_model.service_id.hyphenize()}.{error.operation_name}",
            http_response=None,
            parsed=response,
            model=model,
            context={},
        )
    kind = client.exceptions.from_code(response["Error"]["Code"])
    modelled: ClientError = kind(response, error.operation_name)
    return modelled
