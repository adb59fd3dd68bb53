"""What the template promises of the buckets, and of what CloudFront shows of them."""

from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml
from file_manager import places
from file_manager.share import MOST_DAYS, SHARED
from file_manager.table import REMEMBERED
from file_manager.upload import FORM_LIFE, PATIENCE

TEMPLATE: Any = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
RESOURCES = TEMPLATE["Resources"]
BUCKETS = {n: r["Properties"] for n, r in RESOURCES.items() if r["Type"] == "AWS::S3::Bucket"}


def rules(bucket: str) -> dict[str, Any]:
    return {rule["Id"]: rule for rule in BUCKETS[bucket]["LifecycleConfiguration"]["Rules"]}


def test_both_buckets_are_closed_and_encrypted() -> None:
    assert set(BUCKETS) == {"Bucket", "Receipts"}
    for bucket in BUCKETS.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["BucketEncryption"]


def test_cloudfront_may_read_what_is_public_or_shared_and_nobody_may_read_anything_else() -> None:
    allowed = []
    for resource in RESOURCES.values():
        if resource["Type"] == "AWS::S3::BucketPolicy":
            for statement in resource["Properties"]["PolicyDocument"]["Statement"]:
                if statement.get("Effect") == "Allow":
                    allowed.append(statement)
    (statement,) = allowed
    assert statement["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert (statement["Action"], statement["Resource"]) == (
        "s3:GetObject",
        [{"Fn::Sub": f"${{Bucket.Arn}}/{prefix}/*"} for prefix in ("public", "shared")],
    )
    (source,) = statement["Condition"]["StringEquals"].values()
    assert source["Fn::Sub"].endswith(":distribution/${Distribution}")


def test_what_is_public_is_served_as_nothing_that_runs() -> None:
    policy = RESOURCES["PublicHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    assert security["ContentTypeOptions"]["Override"]
    assert "sandbox" in security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    settings = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
    assert settings["HttpVersion"] == "http2and3"
    behaviour = settings["DefaultCacheBehavior"]
    assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "PublicHeaders"}
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["AllowedMethods"] == ["GET", "HEAD"]
    assert behaviour["Compress"]
    assert settings["Origins"][0]["OriginAccessControlId"]


def test_what_is_shared_is_kept_and_found_by_nobody() -> None:
    settings = RESOURCES["Distribution"]["Properties"]["DistributionConfig"]
    (behaviour,) = settings["CacheBehaviors"]
    assert behaviour["PathPattern"] == f"/{SHARED}*"
    assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
    assert behaviour["ResponseHeadersPolicyId"] == {"Ref": "SharedHeaders"}
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["AllowedMethods"] == ["GET", "HEAD"]
    policy = RESOURCES["SharedHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    custom = {one["Header"]: one["Value"] for one in policy["CustomHeadersConfig"]["Items"]}
    assert custom == {"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"}
    security = policy["SecurityHeadersConfig"]
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == "no-referrer"
    assert "sandbox" in security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert "Logging" not in settings  # its lines would hold the links


def test_no_share_is_gone_before_its_days_are_over() -> None:
    rule = rules("Bucket")["shared"]
    assert rule["Prefix"] == SHARED
    assert rule["ExpirationInDays"] >= MOST_DAYS


def test_s3_tells_of_uploads_and_of_nothing_else() -> None:
    pattern = RESOURCES["Arrivals"]["Properties"]["EventPattern"]
    assert pattern["source"] == ["aws.s3"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"] == {
        "bucket": {"name": [{"Ref": "Bucket"}]},
        "object": {"key": [{"prefix": places.INCOMING}]},
    }
    assert "EventBusName" not in RESOURCES["Arrivals"]["Properties"]
    assert BUCKETS["Bucket"]["NotificationConfiguration"]["EventBridgeConfiguration"]


def test_no_upload_is_gone_before_it_is_given_up() -> None:
    rule = rules("Bucket")["never-judged"]
    assert rule["Prefix"] == places.INCOMING
    assert rule["ExpirationInDays"] > PATIENCE.days
    assert FORM_LIFE < PATIENCE < REMEMBERED
    assert RESOURCES["Table"]["Properties"]["TimeToLiveSpecification"] == {
        "AttributeName": "forgetAt",
        "Enabled": True,
    }


def test_receipts_go_to_colder_storage_and_stay_readable_at_once() -> None:
    (move,) = rules("Receipts")["rarely-read"]["Transitions"]
    assert move == {"StorageClass": "GLACIER_IR", "TransitionInDays": 90}


def test_receipts_are_versioned_or_locked_as_it_is_asked_for() -> None:
    bucket = BUCKETS["Receipts"]
    assert bucket["VersioningConfiguration"]["Status"]["Fn::If"][0] == "KeepsReceipts"
    condition, lock, otherwise = bucket["ObjectLockConfiguration"]["Fn::If"]
    assert (condition, otherwise) == ("LocksReceipts", {"Ref": "AWS::NoValue"})
    assert lock["Rule"]["DefaultRetention"]["Years"] == {"Ref": "ReceiptLockYears"}
    assert bucket["ObjectLockEnabled"]["Fn::If"][0] == "LocksReceipts"
    for name in BUCKETS:
        assert RESOURCES[name]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_who_reads_a_queue_knows_how_often_it_gives_a_message_out() -> None:
    for name in ("Inbox", "Uploads"):
        given = RESOURCES[f"{name}Function"]["Properties"]["Environment"]["Variables"]
        policy = RESOURCES[name]["Properties"]["RedrivePolicy"]
        assert given["MAX_RECEIVES"] == str(policy["maxReceiveCount"])
