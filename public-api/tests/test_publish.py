"""The storefront's files come into the bucket, whatever a run before left there."""

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from cfnlint.decode import cfn_yaml

FOLDER = Path(__file__).parent.parent
TEMPLATE = cfn_yaml.load(str(FOLDER / "template.yaml"))
STACK = "shop"
FILES = {
    "index.html": "<h1>Toys</h1>",
    "toy.html": "<h1>One toy</h1>",
    "style.css": "body {}",
    "lib/api.js": "export {}",
    "favicon.svg": "<svg/>",
    ".editorconfig": "no",
}


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", FOLDER / "publish.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    # Its dataclasses look for it there.
    sys.modules["publish"] = module
    spec.loader.exec_module(module)
    return module


publishing = _loaded()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


class Site:
    """What was deployed: the bucket and the distribution."""

    def __init__(self) -> None:
        self.s3 = boto3.client("s3")
        self.bucket = "site-bucket"
        self.s3.create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        origin = {
            "Id": "site",
            "DomainName": "site-bucket.s3.amazonaws.com",
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        self.cloudfront = boto3.client("cloudfront")
        made = self.cloudfront.create_distribution(
            DistributionConfig={
                "CallerReference": "1",
                "Comment": "",
                "Enabled": True,
                "Origins": {"Quantity": 1, "Items": [origin]},
                "DefaultCacheBehavior": {
                    "TargetOriginId": "site",
                    "ViewerProtocolPolicy": "https-only",
                },
            }
        )
        self.distribution = made["Distribution"]["Id"]
        put_out = {"SiteBucketName": self.bucket, "DistributionId": self.distribution}
        stack({name: {"Value": value} for name, value in put_out.items()})

    @property
    def keys(self) -> set[str]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {item["Key"] for item in found} - {publishing.MARK}

    @property
    def invalidations(self) -> int:
        found = self.cloudfront.list_invalidations(DistributionId=self.distribution)
        return int(found["InvalidationList"]["Quantity"])

    def text(self, key: str) -> str:
        return self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read().decode()


def stack(outputs: dict[str, Any]) -> None:
    queue = {"Queue": {"Type": "AWS::SQS::Queue"}}
    body = json.dumps({"Resources": queue, "Outputs": outputs})
    boto3.client("cloudformation").create_stack(StackName=STACK, TemplateBody=body)


@pytest.fixture
def site() -> Site:
    return Site()


def test_pages_have_no_ending_and_modules_come_before_them(folder: Path, site: Site) -> None:
    done = publishing.publish(STACK, folder=folder)
    assert done.uploaded == ["favicon.svg", "lib/api.js", "style.css", "index.html", "toy"]
    assert done.invalidated
    assert site.keys == set(done.uploaded)
    assert site.text("toy") == FILES["toy.html"]


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("index.html", "text/html; charset=utf-8"),
        ("toy", "text/html; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("lib/api.js", "text/javascript; charset=utf-8"),
        ("favicon.svg", "image/svg+xml; charset=utf-8"),
    ],
)
def test_a_file_says_what_it_is_and_how_long_it_holds(
    folder: Path, site: Site, key: str, kind: str
) -> None:
    publishing.publish(STACK, folder=folder)
    head = site.s3.head_object(Bucket=site.bucket, Key=key)
    assert head["ContentType"] == kind
    assert head["CacheControl"] == publishing.CACHE_CONTROL


def test_a_second_run_does_nothing(folder: Path, site: Site) -> None:
    publishing.publish(STACK, folder=folder)
    done = publishing.publish(STACK, folder=folder)
    assert done == publishing.Published([], [], invalidated=False)
    assert site.invalidations == 1


def test_only_what_changed_is_uploaded_and_what_is_gone_goes(folder: Path, site: Site) -> None:
    publishing.publish(STACK, folder=folder)
    (folder / "style.css").write_text("body { margin: 0 }")
    (folder / "favicon.svg").unlink()
    (folder / "cart.html").write_text("<h1>Cart</h1>")
    done = publishing.publish(STACK, folder=folder)
    assert done == publishing.Published(["style.css", "cart"], ["favicon.svg"], invalidated=True)
    assert site.text("style.css") == "body { margin: 0 }"
    assert site.keys == {"lib/api.js", "style.css", "index.html", "toy", "cart"}
    assert site.invalidations == 2


def test_what_another_way_put_there_is_put_right(folder: Path, site: Site) -> None:
    publishing.publish(STACK, folder=folder)
    site.s3.put_object(Bucket=site.bucket, Key="toy", Body=FILES["toy.html"].encode())
    assert publishing.publish(STACK, folder=folder).uploaded == ["toy"]


@pytest.mark.parametrize("step", ["put_object", "delete_object", "create_invalidation"])
def test_a_run_that_died_is_made_up_for(
    folder: Path, site: Site, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publishing.publish(STACK, folder=folder)
    (folder / "style.css").write_text("body { margin: 0 }")
    (folder / "favicon.svg").unlink()
    operation = "".join(part.title() for part in step.split("_"))
    with monkeypatch.context() as patch:
        _dying(patch, operation)
        with pytest.raises(ClientError):
            publishing.publish(STACK, folder=folder)
    before = site.invalidations
    assert publishing.publish(STACK, folder=folder).invalidated
    assert site.keys == {"lib/api.js", "style.css", "index.html", "toy"}
    assert site.text("style.css") == "body { margin: 0 }"
    assert site.invalidations == before + 1
    assert not publishing.publish(STACK, folder=folder).invalidated


def _dying(patch: pytest.MonkeyPatch, operation: str) -> None:
    real = BaseClient._make_api_call  # type: ignore[attr-defined]

    def call(self: BaseClient, name: str, given: dict[str, Any]) -> Any:
        if name == operation:
            raise ClientError({"Error": {"Code": "Unavailable"}}, name)
        return real(self, name, given)

    patch.setattr(BaseClient, "_make_api_call", call)


def test_a_stack_without_a_storefront(folder: Path) -> None:
    stack({})
    with pytest.raises(LookupError, match="DistributionId, SiteBucketName"):
        publishing.publish(STACK, folder=folder)
    assert publishing.main(["--stack", STACK]) == 1
    assert publishing.main(["--stack", "another", "--region", "eu-west-1"]) == 1


def test_cloudfront_lets_through_the_pages_that_there_are() -> None:
    code = TEMPLATE["Resources"]["PagesAtEdge"]["Properties"]["FunctionCode"]
    listed = re.findall(r"'(/[a-z-]*)'", code.partition("];")[0])
    pages = [path.stem for path in publishing.STOREFRONT.glob("*.html")]
    assert listed == sorted("/" if name == "index" else f"/{name}" for name in pages)
