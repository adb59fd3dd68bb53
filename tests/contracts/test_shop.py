"""The wiring delivers as AWS does: by pattern, again after a failure, and at last to nobody."""

import copy
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tools import gateway
from tools.services import Service, find
from tools.shop import Delivery, Shop
from tools.wiring import NotWired

TOY = {
    "sku": "KITE",
    "name": "Kite",
    "category": "Outdoor",
    "brand": "Brand",
    "price": 1500,
    "currency": "EUR",
    "stock": 3,
}

INBOX = "tbs-app-toys-local-Inbox"


@pytest.fixture
def shop() -> Iterator[Shop]:
    with Shop([service for service in find() if service.name == "toys"]) as opened:
        yield opened


def reserve(shop: Shop, *lines: dict[str, Any]) -> None:
    at = shop.now()
    metadata = {
        "id": "o:1:ReserveStock",
        "correlationId": "o",
        "causationId": None,
        "occurredAt": at,
        "version": 1,
    }
    data = {"orderId": "o", "currency": "EUR", "lines": lines}
    shop.put("tbs.orders", "ReserveStock", {"metadata": metadata, "data": data})


def create(shop: Shop, label: str, sku: str = "KITE") -> str:
    answer = shop.call("toys", "POST", "/toys", label=label, body=TOY | {"sku": sku}).answer
    return str(json.loads(answer["body"])["toyId"])


def take(shop: Shop, door: str) -> Delivery:
    return next(delivery for delivery in shop.pending if delivery.door.name == door)


def change(shop: Shop) -> Delivery:
    """The change that puts a toy into the table, with nothing beside it left to be told."""
    for other in [delivery for delivery in shop.pending if not delivery.key.startswith("TOY#")]:
        shop.deliver(other)
    return take(shop, "outbox")


def test_rules_let_in_by_pattern_only(shop: Shop) -> None:
    shop.put("tbs.orders", "SellEverything", {"data": {}})
    assert shop.pending == []
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    assert [delivery.door.name for delivery in shop.pending] == ["inbox"]
    shop.deliver(take(shop, "inbox"))
    sent = shop.deliver(take(shop, "outbox")).sent
    assert [(one["source"], one["detail-type"]) for one in sent] == [
        ("tbs.toys", "StockReservationFailed"),
        ("tbs.toys", "ErrorRaised"),
    ]


def test_a_message_that_fails_comes_again_until_it_is_a_dead_letter(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ConnectionError("no table")

    monkeypatch.setattr(shop.module("toys", "inbox").table, "reserve", fail)
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    times = shop.wiring().queues[INBOX].max_receive
    assert times
    for attempt in range(1, times + 1):
        waiting = take(shop, "inbox")
        assert waiting.record["attributes"]["ApproximateReceiveCount"] == str(attempt)
        assert shop.deliver(waiting).failed == [waiting.record["messageId"]]
    (told,) = shop.deliver(take(shop, "outbox")).sent
    assert (told["detail-type"], told["detail"]["data"]["code"]) == (
        "ErrorRaised",
        "MESSAGE_FAILED",
    )
    assert shop.pending == []
    ((queue, (letter,)),) = shop.dead_letters().items()
    assert queue == "tbs-app-toys-local-InboxDeadLetters"
    assert json.loads(letter.body)["detail-type"] == "ReserveStock"
    assert letter.reason is None


def test_a_message_that_a_door_puts_off_says_for_how_long(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.module("toys", "inbox").table, "reserve", None)
    monkeypatch.setattr(shop.module("toys", "delivery"), "wait", lambda tries: 7 * tries)
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    assert take(shop, "inbox").delay == 0
    shop.deliver(take(shop, "inbox"))
    assert take(shop, "inbox").delay == 7
    shop.advance(timedelta(hours=1))
    shop.deliver(take(shop, "inbox"))
    assert take(shop, "inbox").delay == 14


def test_a_message_that_nobody_puts_off_waits_as_its_queue_says(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shop.module("toys", "inbox"), "process_partial_response", None)
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    assert shop.deliver(take(shop, "inbox")).error
    again = take(shop, "inbox")
    assert again.delay == shop.wiring().queues[INBOX].visibility
    assert again.attempts == 1


def test_anything_may_lie_in_a_queue(shop: Shop) -> None:
    shop.send(INBOX, "not JSON", {"note": "by hand"})
    record = take(shop, "inbox").record
    assert record["messageAttributes"]["note"]["stringValue"] == "by hand"
    assert shop.deliver(take(shop, "inbox")).failed == []
    (told,) = shop.deliver(take(shop, "outbox")).sent
    assert told["detail"]["data"]["code"] == "POISON_MESSAGE"
    assert shop.pending == []
    ((_, (letter,)),) = shop.dead_letters().items()
    assert letter.body == "not JSON"
    assert letter.reason
    assert shop.dead_letters() == {}


def test_a_message_that_came_twice_is_in_flight_until_both_are_done(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    reserve(shop, {"toyId": "t", "quantity": 1, "price": 1})
    shop.pending.append(copy.copy(take(shop, "inbox")))
    assert shop.deliver(take(shop, "inbox")).failed == []
    monkeypatch.setattr(shop.module("toys", "inbox").table, "reserve", None)
    second = take(shop, "inbox")
    assert shop.deliver(second).failed == [second.record["messageId"]]
    assert take(shop, "inbox").delay > 0


def test_a_change_comes_again_until_it_is_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    create(shop, "a kite")
    with monkeypatch.context() as broken:
        broken.setattr(shop.module("toys", "outbox").events, "put_events", None)
        assert shop.deliver(change(shop)).error
    again = take(shop, "outbox")
    assert again.attempts == 1
    assert [event["detail-type"] for event in shop.deliver(again).sent] == ["ToyCreated"]
    assert shop.pending == []


def test_a_transaction_that_was_taken_back_is_no_change(shop: Shop) -> None:
    many, few = create(shop, "many", "MANY"), create(shop, "few", "FEW")
    while shop.pending:
        shop.deliver(shop.pending[0])
    reserve(
        shop,
        {"toyId": many, "quantity": 1, "price": 1500},
        {"toyId": few, "quantity": 4, "price": 1500},
    )
    shop.deliver(take(shop, "inbox"))
    (change,) = shop.pending
    assert change.record["dynamodb"]["NewImage"]["status"] == {"S": "REFUSED"}


def test_a_copy_of_a_delivery_is_one_of_its_own(shop: Shop) -> None:
    create(shop, "a kite")
    again = copy.copy(change(shop))
    shop.pending.append(again)
    first, second = shop.deliver(shop.pending[0]), shop.deliver(shop.pending[0])
    assert [e["detail"] for e in first.sent] == [e["detail"] for e in second.sent] != []


def test_a_batch_is_handled_as_one(shop: Shop) -> None:
    create(shop, "one", "ONE"), create(shop, "two", "TWO")
    sent = shop.deliver(*shop.pending).sent
    assert [event["detail-type"] for event in sent] == ["ToyCreated", "ToyCreated"]
    assert shop.pending == []


def test_the_label_and_the_seed_make_the_ids() -> None:
    toys = [service for service in find() if service.name == "toys"]
    made = []
    for seed in (0, 0, 1):
        with Shop(toys, seed=seed) as shop:
            made.append((create(shop, "kite", "ONE"), create(shop, "kite", "TWO")))
    assert made[0] == made[1]
    assert len({*made[0], *made[2]}) == 4


def test_the_wiring_is_what_the_template_says(shop: Shop) -> None:
    wiring = shop.wiring()
    assert [door.name for door in wiring.doors] == ["api", "inbox", "outbox", "republisher"]
    source = wiring.source("toys", "Inbox")
    assert (source.kind, source.name) == ("SQS", INBOX)
    ((door, properties),) = source.feeds
    assert door.name == "inbox"
    assert properties["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    queue = wiring.queues[INBOX]
    assert queue.dead_letters == "tbs-app-toys-local-InboxDeadLetters"
    assert wiring.variables["toys", "inbox"]["DEAD_LETTER_QUEUE_URL"].endswith(queue.dead_letters)
    assert {(rule.bus, rule.queue, *rule.pattern["detail-type"]) for rule in wiring.rules} == {
        ("default", INBOX, "ReserveStock", "ReleaseStock", "RepublishToys"),
        ("default", INBOX, "FileStored", "FileRejected", "FileDeleted"),
    }
    (table,) = wiring.tables.values()
    assert table["GlobalSecondaryIndexes"][0]["IndexName"] == "allByName"
    assert table["DeletionProtectionEnabled"] is False


def test_a_door_behind_a_condition_that_does_not_hold_is_not_there() -> None:
    fulfilment = [service for service in find() if service.name == "fulfilment"]
    for carrier in ("on", "off"):
        with Shop(fulfilment, {"fulfilment": {"SimulatedCarrier": carrier}}) as shop:
            doors = [door.name for door in shop.wiring().doors]
            (stream,) = [s for s in shop.wiring().sources if s.kind == "DynamoDB"]
            fed = [feed.door.name for feed in stream.feeds]
            queues = shop.wiring().queues
        assert ("carrier" in doors) == ("carrier" in fed) == (carrier == "on")
        assert ("tbs-app-fulfilment-local-CarrierDeadLetters" in queues) == (carrier == "on")


def test_what_is_posted_to_a_queue_comes_as_it_was_sent() -> None:
    body = json.dumps({"id": "evt_1", "type": 'a & b = 100 % + "c"\n é'}, ensure_ascii=False)
    headers = {"Content-Type": "application/json", "Stripe-Signature": "t=1,v1=2"}
    with Shop([service for service in find() if service.name == "payments"]) as shop:
        shop.post("payments", "/webhooks/stripe", body, headers)
        (delivery,) = shop.pending
        now = int(datetime.now(UTC).timestamp() * 1000)
        with pytest.raises(LookupError, match="/webhooks/other"):
            shop.post("payments", "/webhooks/other", body, headers)
    assert (delivery.door.name, delivery.key) == ("webhook", "evt_1")
    assert delivery.record["body"] == body
    attributes = delivery.record["messageAttributes"]
    assert attributes["signature"]["stringValue"].strip() == "t=1,v1=2"
    assert attributes["received"]["stringValue"] == f"at={now}"
    assert attributes["received"]["dataType"] == "String"


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, []),
        ({"Stripe-Signature": ""}, []),
        ({"stripe-signature": ""}, []),
        ({"Stripe-Signature": "t=1,v1=2"}, ["t=1,v1=2"]),
        ({"stripe-signature": "t=1,v1=2"}, ["t=1,v1=2"]),
    ],
)
def test_a_webhook_is_taken_with_any_signature_and_with_none(
    headers: dict[str, str], words: list[str]
) -> None:
    """SQS gets an attribute that is not empty, be it a blank: Stripe's sender gets its 200."""
    with Shop([service for service in find() if service.name == "payments"]) as shop:
        shop.post("payments", "/webhooks/stripe", '{"id": "evt_1"}', headers)
        (delivery,) = shop.pending
    given = delivery.record["messageAttributes"]["signature"]["stringValue"]
    assert given
    assert given.split() == words


MAPPING = """Action=SendMessage##
&MessageBody=$util.urlEncode($input.body)##
&MessageAttribute.1.Name=signature##
&MessageAttribute.1.Value.DataType=String##
&MessageAttribute.1.Value.StringValue=$util.urlEncode($input.params('Signature'))"""


def test_what_sqs_refuses_of_a_mapping_is_refused() -> None:
    headers = {"Signature": "t=1 & 2"}
    assert gateway.message(MAPPING, "b", headers) == ("b", {"signature": "t=1 & 2"})
    assert gateway.message(MAPPING, " ", {"Signature": " "}) == (" ", {"signature": " "})
    for given in ({}, {"Signature": ""}, {"signature": "t=1"}):
        with pytest.raises(ValueError, match="no empty attribute: signature"):
            gateway.message(MAPPING, "b", given)
    for line in ("DataType=String", "StringValue=$util.urlEncode($input.params('Signature'))"):
        with pytest.raises(ValueError, match="no empty attribute: signature"):
            gateway.message(MAPPING.replace(f"&MessageAttribute.1.Value.{line}", ""), "b", headers)
    with pytest.raises(ValueError, match="no empty message"):
        gateway.message(MAPPING, "", headers)
    with pytest.raises(ValueError, match="no attribute without a name"):
        gateway.message(MAPPING.replace("=signature", "="), "b", headers)


@pytest.mark.parametrize("action", ["Action=DeleteQueue&", "Action=&", ""])
def test_a_mapping_that_sends_no_message_is_refused(action: str) -> None:
    with pytest.raises(ValueError, match="does not send a message"):
        gateway.message(f"{action}MessageBody=$util.urlEncode($input.body)", "b", {})


def test_a_door_that_is_opened_in_an_unknown_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text("""
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: other.inbox.handler
      Environment: {Variables: {}}
      Events: {Uploads: {Type: S3, Properties: {Bucket: b}}}
""")
    (tmp_path / "samconfig.toml").write_text("")
    with pytest.raises(NotWired, match="Function is invoked by S3"), Shop([Service(tmp_path)]):
        pass


STORE = """
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration: {EventBridgeConfiguration: {EventBridgeEnabled: true}}
  Silent: {Type: AWS::S3::Bucket}
  Uploads: {Type: AWS::SQS::Queue}
  Came:
    Type: AWS::Events::Rule
    Properties:
      EventPattern:
        source: [aws.s3]
        detail-type: [Object Created]
        detail: {bucket: {name: [!Ref Bucket]}, object: {key: [{prefix: incoming/}]}}
      Targets: [{Id: uploads, Arn: !GetAtt Uploads.Arn}]
  Key:
    Type: AWS::SecretsManager::Secret
    Properties: {GenerateSecretString: {PasswordLength: 64, ExcludePunctuation: true}}
  Distribution: {Type: AWS::CloudFront::Distribution, Properties: {}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: store.uploads.handler
      Environment:
        Variables: {BUCKET: !Ref Bucket, KEY: !Ref Key, DISTRIBUTION: !Ref Distribution}
      Events: {Uploads: {Type: SQS, Properties: {Queue: !GetAtt Uploads.Arn}}}
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Shop]:
    """A service that hears of what comes into its bucket, and says what it was told."""
    folder = tmp_path / "store"
    code = folder / "src" / "store"
    code.mkdir(parents=True)
    (folder / "template.yaml").write_text(STORE)
    (folder / "samconfig.toml").write_text("")
    (code / "uploads.py").write_text("def handler(event, context):\n    return event\n")
    with Shop([Service(folder)]) as opened:
        yield opened


def form(shop: Shop, key: str, size: int) -> dict[str, Any]:
    s3 = boto3.client("s3", config=Config(signature_version="s3v4"))
    return s3.generate_presigned_post(
        bucket(shop),
        key,
        Fields={"Content-Type": "image/png"},
        Conditions=[{"Content-Type": "image/png"}, ["content-length-range", size, size]],
        ExpiresIn=900,
    )


def bucket(shop: Shop) -> str:
    return next(bucket.name for bucket in shop.wiring().buckets if bucket.tells)


def test_a_bucket_tells_of_what_comes_and_a_rule_picks(store: Shop) -> None:
    assert store.upload(form(store, "incoming/1", 3), b"abc", label="1") == 204
    s3 = boto3.client("s3")
    s3.put_object(Bucket=bucket(store), Key="public/1", Body=b"abc")
    s3.put_object(Bucket=bucket(store).replace("bucket", "silent"), Key="incoming/2", Body=b"abc")
    s3.delete_object(Bucket=bucket(store), Key="incoming/1")
    store.advance(timedelta(seconds=1))
    s3.put_object(Bucket=bucket(store), Key="incoming/3", Body=b"abc")
    store.put("tbs.other", "Other", {})
    first, second = (json.loads(delivery.record["body"]) for delivery in store.pending)
    assert list(first) == [
        "version",
        "id",
        "detail-type",
        "source",
        "account",
        "time",
        "region",
        "resources",
        "detail",
    ]
    assert (first["source"], first["detail-type"]) == ("aws.s3", "Object Created")
    assert first["resources"] == [f"arn:aws:s3:::{bucket(store)}"]
    assert first["detail"]["object"] == {
        "key": "incoming/1",
        "size": 3,
        "etag": "900150983cd24fb0d6963f7d28e17f72",
        "sequencer": first["detail"]["object"]["sequencer"],
    }
    assert [one["detail"]["reason"] for one in (first, second)] == ["POST Object", "PutObject"]
    assert first["detail"]["object"]["sequencer"] < second["detail"]["object"]["sequencer"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("change", "body", "status"),
    [
        ({}, b"abcd", 400),
        ({}, b"ab", 400),
        ({"key": "incoming/2"}, b"abc", 403),
        ({"Content-Type": "text/html"}, b"abc", 403),
        ({"Cache-Control": "no-store"}, b"abc", 403),
        ({"x-amz-signature": "0" * 64}, b"abc", 403),
        ({"x-amz-date": "20200101T000000Z"}, b"abc", 403),
        ({"x-amz-algorithm": "AWS2"}, b"abc", 400),
    ],
)
def test_a_form_that_is_not_as_it_was_handed_out_is_refused(
    store: Shop, change: dict[str, str], body: bytes, status: int
) -> None:
    upload = form(store, "incoming/1", 3)
    assert store.upload({**upload, "fields": upload["fields"] | change}, body, label="1") == status
    assert store.upload({**upload, "fields": {"key": "incoming/1"}}, b"abc", label="1") == 403
    store.advance(timedelta(minutes=14, seconds=59))
    assert store.upload(upload, b"abc", label="1") == 204
    store.advance(timedelta(seconds=1))
    assert store.upload(upload, b"abc", label="1") == 403
    assert len(store.pending) == 1


def test_a_form_goes_to_its_own_bucket_only(store: Shop) -> None:
    upload = form(store, "incoming/1", 3)
    elsewhere = upload["url"].replace(bucket(store), bucket(store).replace("bucket", "silent"))
    assert store.upload({**upload, "url": elsewhere}, b"abc", label="1") == 403
    with pytest.raises(LookupError, match="is no bucket's address"):
        store.upload({**upload, "url": "https://example.com/"}, b"abc", label="1")


def test_secrets_and_distributions_are_there_by_what_a_function_knows_of_them(store: Shop) -> None:
    variables = store.wiring().variables["store", "uploads"]
    secret = boto3.client("secretsmanager").get_secret_value(SecretId=variables["KEY"])
    assert len(secret["SecretString"]) == 64
    batch: Any = {"CallerReference": "1", "Paths": {"Quantity": 1, "Items": ["/public/1/*"]}}
    answer = boto3.client("cloudfront").create_invalidation(
        DistributionId=variables["DISTRIBUTION"], InvalidationBatch=batch
    )
    assert answer["Invalidation"]["Id"]


def test_a_schedule_starts_its_door_with_the_time() -> None:
    with Shop([service for service in find() if service.name == "orders"]) as shop:
        invocation = shop.run_schedule("orders", "sweep", "a minute later")
    assert invocation.error is None
    event = invocation.event
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    assert event["time"] == "2026-01-05T10:00:00Z"


def test_nothing_is_started_that_no_schedule_starts(shop: Shop) -> None:
    with pytest.raises(LookupError, match="inbox"):
        shop.run_schedule("toys", "inbox", "now")


ASKING = """
Resources:
  Distribution: {Type: AWS::CloudFront::Distribution, Properties: {}}
  Told:
    Type: AWS::Serverless::Function
    Properties:
      Handler: asking.told.handler
      Environment: {Variables: {}}
  Asks:
    Type: AWS::Serverless::Function
    Properties:
      Handler: asking.asks.handler
      Environment: {Variables: {TOLD: !Ref Told}}
"""

ASKS = """
import json, os
import boto3

def handler(event, context):
    answer = boto3.client("lambda").invoke(
        FunctionName=os.environ["TOLD"], Payload=json.dumps(event).encode()
    )
    return {"answer": json.loads(answer["Payload"].read()), "error": answer.get("FunctionError")}
"""

TOLD = """
def handler(event, context):
    print("I am told")
    return event["number"] + 1
"""


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Shop]:
    """A service with a door that invokes another; and a second service with a distribution."""
    for name in ("asking", "other"):
        code = tmp_path / name / "src" / name
        code.mkdir(parents=True)
        (tmp_path / name / "template.yaml").write_text(ASKING.replace("asking", name))
        (tmp_path / name / "samconfig.toml").write_text("")
        (code / "asks.py").write_text(ASKS)
        (code / "told.py").write_text(TOLD)
    with Shop([Service(tmp_path / name) for name in ("asking", "other")]) as opened:
        yield opened


def test_a_door_may_invoke_another_and_both_are_told_of(asking: Shop) -> None:
    done = asking.invoke("asking", "asks", {"number": 1}, "first")
    assert done.answer == {"answer": 2, "error": None}
    (inner,) = done.inner
    assert (inner.door.name, inner.event, inner.answer) == ("told", {"number": 1}, 2)
    assert inner.log == done.log == "I am told\n"
    assert asking.invoke("asking", "told", {"number": 2}, "alone").inner == ()


def test_a_door_that_another_has_invoked_may_fail(asking: Shop) -> None:
    done = asking.invoke("asking", "asks", {}, "wrong")
    assert done.answer["error"] == "Unhandled"
    assert done.answer["answer"]["errorType"] == "KeyError"
    assert done.error is None


def test_what_is_not_there_is_not_invoked(asking: Shop) -> None:
    with pytest.raises(LookupError, match="no inbox in asking"):
        asking.invoke("asking", "inbox", {}, "never")


def test_each_service_may_have_a_distribution(asking: Shop) -> None:
    assert len(asking.wiring().distributions) == 2


def test_a_request_comes_through_the_stage_of_its_api() -> None:
    named = [service for service in find() if service.name == "public-api"]
    with Shop(named) as shop:
        context = shop.call("public-api", "GET", "/categories", label="all").event["requestContext"]
    assert (context["stage"], context["path"]) == ("api", "/api/categories")


def test_what_the_template_does_not_route_is_not_there(shop: Shop) -> None:
    with pytest.raises(LookupError, match="PATCH"):
        shop.call("toys", "PATCH", "/toys", label="patch")
