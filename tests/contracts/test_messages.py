"""What is said is understood: real output of each outbox, read by each reader's own model."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from pydantic import BaseModel

from tests.contracts.fit import gaps
from tests.contracts.played import played
from tools import oncall, stand_ins, story
from tools.contracts import ASYNCAPI, generate
from tools.services import Service, find

Json = Mapping[str, Any]

SERVICES = [service.name for service in find()]

REFERENCE = "$ref"


def contract(service: str) -> Json:
    """The service's AsyncAPI document."""
    documents = played().documents
    return next(
        document
        for path, document in documents.items()
        if path.name == ASYNCAPI and path.parent.name.removesuffix("-service") == service
    )


def messages(service: str, action: str) -> dict[str, Json]:
    """The messages that a service's contract says it sends or receives, by name."""
    document = contract(service)
    return {
        reference[REFERENCE].rpartition("/")[2]: document["components"]["messages"][
            reference[REFERENCE].rpartition("/")[2]
        ]
        for operation in document["operations"].values()
        if operation["action"] == action
        for reference in operation["messages"]
    }


def said() -> Iterator[Json]:
    """Every event that an outbox put on the bus in the story."""
    for invocation in played().told:
        yield from invocation.sent


def received(service: str) -> Iterator[Json]:
    """Every message that the service's inbox was handed in the story, those put by hand too.

    Not what is broken, nor what AWS says.
    """
    for invocation in played().told:
        if (invocation.door.service.name, invocation.door.name) == (service, "inbox"):
            for record in invocation.event["Records"]:
                event = json.loads(record["body"])
                if event["source"] != oncall.NOBODY and not event["source"].startswith("aws."):
                    yield event


def unread(model: object, where: str) -> Iterator[str]:
    """The fields of a model that were not in what it was made of."""
    match model:
        case BaseModel():
            for name in type(model).model_fields.keys() - model.model_fields_set:
                yield f"{where}.{name}"
            for name, value in model:
                yield from unread(value, f"{where}.{name}")
        case list() | tuple():
            for part in model:
                yield from unread(part, where)


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_sent_is_read_by_every_reader(service: str) -> None:
    heard = played().messages[service].HEARS
    seen = {event["detail-type"] for event in said()}
    assert seen >= heard.keys(), f"The story sends no {heard.keys() - seen}: let it"
    missing: dict[str, set[str]] = {}
    for event in received(service):
        name = event["detail-type"]
        left_out = set(unread(heard[name].model_validate(event["detail"]), name))
        missing[name] = missing.get(name, left_out) & left_out
    assert missing.keys() == heard.keys()
    for name, fields in missing.items():
        assert not fields, f"{service} reads of {name} what nobody sends: {sorted(fields)}"


@pytest.mark.parametrize("service", find(), ids=lambda service: service.name)
def test_every_operation_is_called_and_every_door_opened(service: Service) -> None:
    told = [i for i in played().told if i.door.service.name == service.name]
    called = {
        (i.event["httpMethod"], i.event["resource"])
        for i in told
        if i.door.name == "api" and i.answer["statusCode"] < 300
    }
    routes = {(route.method, route.path) for door in service.doors for route in door.routes}
    assert called == routes, f"The story calls no {routes - called}: let it"
    custom = {
        properties["ServiceToken"]["Fn::GetAtt"][0]
        for properties in service.of_type("AWS::CloudFormation::CustomResource").values()
    }
    opened = {door.name for door in service.doors if door.logical_id not in custom}
    assert {i.door.name for i in told} == opened


def test_all_that_stripe_tells_is_heard() -> None:
    heard = {
        json.loads(i.event["Records"][0]["body"])["type"]
        for i in played().told
        if (i.door.service.name, i.door.name) == ("payments", "webhook")
    }
    assert heard == set(stand_ins.WEBHOOK_EVENTS)


@pytest.mark.parametrize("service", SERVICES)
def test_the_story_sends_every_message_and_each_is_as_the_contract_says(service: str) -> None:
    document = contract(service)
    sends = messages(service, "send")
    seen = set()
    for event in said():
        if event["source"] == f"tbs.{service}":
            payload = sends[event["detail-type"]]["payload"]
            Draft202012Validator({**payload, "components": document["components"]}).validate(
                event["detail"]
            )
            seen.add(event["detail-type"])
    assert seen == sends.keys(), f"The story does not send {sends.keys() - seen}: let it"


@pytest.mark.parametrize("service", SERVICES)
def test_readers_ask_for_no_more_than_is_promised(service: str) -> None:
    """Each field that a reader requires is required of the sender, and of the same type."""
    reader = contract(service)
    for sender in SERVICES:
        promised = messages(sender, "send")
        for name, wanted in messages(service, "receive").items():
            if name in promised:
                found = gaps(
                    wanted["payload"], reader, promised[name]["payload"], contract(sender), name
                )
                assert not found, f"{service} asks more of {sender} than it promises: {found}"


@pytest.mark.parametrize("service", SERVICES)
def test_an_asyncapi_document_is_whole(service: str) -> None:
    """By the parts of AsyncAPI 3.0 that are used: versions, references, schemas."""
    document = contract(service)
    assert document["asyncapi"] == "3.0.0"
    assert document["info"].keys() >= {"title", "version"}
    for reference in references(document):
        assert resolved(document, reference) is not None, f"{reference} leads nowhere"
    for channel in document["channels"].values():
        assert set(channel["parameters"]) == {"eventBusName"}
        assert channel["address"] == "{eventBusName}"
    for operation in document["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = resolved(document, operation["channel"][REFERENCE])
        assert channel
        for message in operation["messages"]:
            assert message[REFERENCE].startswith(operation["channel"][REFERENCE] + "/messages/")
    for message in document["components"]["messages"].values():
        assert message["summary"].startswith(("Event: ", "Command: "))
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_nothing_private_is_logged() -> None:
    """No e-mail address, name, address, card or key is in any line that any door logged."""
    secrets = [
        story.SHOPPER["email"],
        story.ADDRESS["name"],
        story.ADDRESS["line1"],
        story.ADDRESS["postalCode"],
        story.VISA,
        story.THREE_D_SECURE,
        "sk_test",
        "whsec_",
        "_secret_",  # of a payment, for the browser
        "v1=",  # a signature of Stripe's or a carrier's
        "/shared/",  # a link to a file
    ]
    logged = [(i.door, line) for i in played().told for line in i.log.splitlines()]
    assert len(logged) > len(played().told) / 2, "The doors hardly log: is the log captured?"
    for door, line in logged:
        found = [secret for secret in secrets if secret and secret in line]
        assert not found, f"{door.module} logs {found}: {line}"


def test_the_same_story_is_told_the_same_way() -> None:
    assert generate(find()).files == played().files


def references(part: Any) -> Iterator[str]:
    """Every $ref in a document."""
    match part:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for value in part.values():
                yield from references(value)
        case list():
            for value in part:
                yield from references(value)


def resolved(document: Json, reference: str) -> Any:
    """What a reference within the document leads to, or None."""
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def test_samples_are_what_lambda_gets() -> None:
    """A sample of a queue's holds one record: an EventBridge event, or what somebody signed."""
    wanted = ["version", "id", "detail-type", "source", "account", "time", "region", "resources"]
    samples = {path: text for path, text in played().files.items() if path.parent.name == "events"}
    bodies = [
        json.loads(json.loads(text)["Records"][0]["body"])
        for path, text in samples.items()
        if path.name.startswith("inbox-")
    ]
    assert bodies
    for body in bodies:
        assert list(body) == [*wanted, "detail"]
    webhooks = [
        json.loads(text)["Records"][0]
        for path, text in samples.items()
        if path.name.startswith("webhook-")
    ]
    assert webhooks
    for record in webhooks:
        assert json.loads(record["body"]).keys() & {"object", "eventId"}
        assert "v1=" in record["messageAttributes"]["signature"]["stringValue"]
