"""Writes each service's openapi.json, asyncapi.yaml and events/ from its running code.

The generated parts of the documents at the top come from the same.

python -m tools.contracts [--check]
"""

import argparse
import inspect
import json
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn
from openapi_spec_validator import validate
from pydantic import BaseModel, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema

from tools import docs, drift, samples, story
from tools.services import ROOT, Service, find
from tools.shop import Invocation, Shop

Json = dict[str, Any]

OPENAPI, ASYNCAPI = "openapi.json", "asyncapi.yaml"
SIGNED = "sigv4"
SCHEMA = "#/components/schemas/{model}"
BUS = "bus"


class Untitled(GenerateJsonSchema):
    """JSON Schema without titles made up from names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


class Problem(BaseModel):
    """What went wrong."""

    code: str = Field(description="For programs: OUT_OF_BOUNDS, NOT_FOUND, …")
    message: str = Field(description="For people: what is wrong, and what is allowed")
    details: list[Any]


class ErrorAnswer(BaseModel):
    """Every error has this form."""

    error: Problem


class Refusal(BaseModel):
    """What API Gateway itself answers of a private API: no function was asked."""

    message: str


def main(arguments: list[str] | None = None) -> int:
    """Write the contracts and samples, or say with --check where they differ from the code."""
    parser = argparse.ArgumentParser(prog="python -m tools.contracts", description=__doc__)
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 with a diff when they differ"
    )
    check = parser.parse_args(arguments).check
    generated = generate(find(ROOT))
    stale = samples.stale(generated.services, generated.files)
    if check:
        return drift.report(drift.differences(generated.files, stale))
    drift.write(generated.files, stale)
    return 0


@dataclass(frozen=True)
class Generated:
    """What the running code says of itself."""

    services: list[Service]
    files: Mapping[Path, str]
    """The contracts and samples, by path."""
    documents: Mapping[Path, Json]
    """The contracts as they were before they were written."""
    told: Sequence[Invocation]
    """The story that the samples are from."""
    messages: Mapping[str, ModuleType]
    """Each service's messages module, by service."""


def generate(services: list[Service]) -> Generated:
    """Run the services, and write down their contracts and what happened."""
    with story.opened(services) as teller:
        shop = teller.shop
        made = documents(shop)
        messages = {service.name: shop.module(service.name, "messages") for service in services}
        grids = {
            service.folder: shop.module(service.name, docs.GRIDS[service.name]).grid()
            for service in services
            if service.name in docs.GRIDS
        }
        told = story.play(teller)
    files = {path: text(document) for path, document in made.items()}
    files |= samples.files(told, operations(made))
    root = services[0].folder.parent
    told_of = {service.folder: messages[service.name] for service in services}
    files |= docs.files(root, told_of, grids, files)
    return Generated(services, files, made, told, messages)


def documents(shop: Shop) -> dict[Path, Json]:
    """Every service's openapi.json and asyncapi.yaml, by path."""
    made: dict[Path, Json] = {}
    for service in shop.services.values():
        if service.door("api"):
            made[service.folder / OPENAPI] = openapi(service, shop.module(service.name, "api"))
        messages = shop.module(service.name, "messages")
        made[service.folder / ASYNCAPI] = asyncapi(service, messages)
    for path, document in made.items():
        if path.name == OPENAPI:
            validate(document)
    return made


def text(document: Json) -> str:
    """A document as it is written."""
    if "openapi" in document:
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100)


def operations(made: Mapping[Path, Json]) -> dict[tuple[str, str, str], str]:
    """The operation ids of all APIs by service, method and path."""
    return {
        (Service(path.parent).name, method.upper(), route): operation["operationId"]
        for path, document in made.items()
        for route, operations in document.get("paths", {}).items()
        for method, operation in operations.items()
    }


# openapi.json


def openapi(service: Service, api: ModuleType) -> Json:
    """The OpenAPI document of a service's API.

    Powertools makes it. What it cannot know is put in: the form of errors, and who may call, which
    is the template's to say.
    """
    named = {_scheme_name(name): _scheme(service, name) for name in _schemes(service)}
    written = api.app.get_openapi_json_schema(
        title=f"The Better Store: {service.name}",
        version=_project(service)["version"],
        description=inspect.getdoc(api) or "",
        security_schemes=named or None,
    )
    document: Json = json.loads(written)
    guards = {
        (route.method, route.path): route.authorizer
        for door in service.doors
        for route in door.routes
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            # Powertools makes the id of function, path and method: the function says it all.
            suffix = re.sub(r"\W", "_", path) + f"_{method}"
            operation["operationId"] = operation["operationId"].removesuffix(suffix)
            told = inspect.getdoc(getattr(api, operation["operationId"]))
            operation["summary"], _, rest = (told or "").partition("\n\n")
            if rest:
                operation["description"] = rest
            guard = guards.get((method.upper(), path))
            operation["security"] = [{_scheme_name(guard): []}] if guard else []
            tell_media(operation)
            _tell_errors(operation, guard)
    document["paths"] = dict(sorted(document["paths"].items()))
    components = document.setdefault("components", {})
    schemas = _tidy(components.get("schemas", {}))
    for unused in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        schemas.pop(unused, None)
    forms: dict[str, type[BaseModel]] = {"Error": ErrorAnswer}
    if "AWS_IAM" in guards.values():
        forms["Refusal"] = Refusal
    for model in forms.values():
        answer = model.model_json_schema(ref_template=SCHEMA, schema_generator=Untitled)
        schemas |= answer.pop("$defs", {}) | {model.__name__: answer}
    components["schemas"] = dict(sorted(schemas.items()))
    components["responses"] = {
        name: {
            "description": inspect.getdoc(model),
            "content": {
                "application/json": {"schema": {"$ref": SCHEMA.format(model=model.__name__)}}
            },
        }
        for name, model in forms.items()
    }
    document["paths"] = _tidy(document["paths"])
    return document


def _tidy(part: Any) -> Any:
    """Without the titles made up from names, and with whole numbers written as such."""
    match part:
        case dict():
            return {
                key: _tidy(value)
                for key, value in part.items()
                if not (key == "title" and isinstance(value, str))
            }
        case list():
            return [_tidy(value) for value in part]
        case float() if part.is_integer():
            return int(part)
        case _:
            return part


def tell_media(operation: Json) -> None:
    """Say that what is JSON by another name, a merge patch, is taken by the name of JSON, too."""
    content = operation.get("requestBody", {}).get("content", {})
    for media, told in list(content.items()):
        if media.endswith("+json"):
            content["application/json"] = told


def _tell_errors(operation: Json, guard: str | None) -> None:
    """Say which errors an operation answers: those that its route declares, and those of all.

    The latter follow from what it takes, and from who guards it. API Gateway's own have the form of
    the others where the template gives them that, which only a public API does.
    """
    responses = operation["responses"]
    responses.pop("422", None)  # Powertools' own form, which no service answers
    responses.get("204", {}).pop("content", None)
    declared = {status: responses.pop(status) for status in list(responses) if status[0] in "45"}
    if not responses:
        raise ValueError(
            f"{operation['operationId']}: `responses` takes the place of the good answer, too: "
            "name it there"
        )
    places = {parameter["in"] for parameter in operation.get("parameters", [])}
    takes_body = "requestBody" in operation
    told = {"400", "500", *declared}
    if places or takes_body:
        told.add("422")
    if takes_body:
        told.add("413")
    if "path" in places:
        told.add("404")
    conditions = [p for p in operation.get("parameters", []) if p["name"].lower() == "if-match"]
    if conditions:
        told.add("412")
    if "428" in json.dumps(conditions):  # it says so where it may not be missing
        told.add("428")
    own = {"429", "5XX"}
    if guard:
        own.add("403" if guard == "AWS_IAM" else "401")
    refusal = "Refusal" if guard == "AWS_IAM" else "Error"
    for status in sorted(told | own):
        form = refusal if status in own else "Error"
        responses[status] = {"$ref": f"#/components/responses/{form}"}
        if described := declared.get(status, {}).get("description"):
            responses[status]["description"] = described


def _schemes(service: Service) -> list[str]:
    """The authorizers that the template's operations use."""
    used = {route.authorizer for door in service.doors for route in door.routes}
    return sorted(name for name in used if name)


def _scheme_name(authorizer: str) -> str:
    # A plain string: the template's are of a class of cfn-lint's.
    return SIGNED if authorizer == "AWS_IAM" else str(authorizer)


def _scheme(service: Service, authorizer: str) -> Any:
    if authorizer == "AWS_IAM":
        told = "AWS Signature Version 4, by someone whose policy allows execute-api:Invoke"
    elif "UserPoolArn" in service.authorizers[authorizer]:
        told = "The ID token that the user pool gave at sign-in"
    else:
        raise ValueError(f"{service.folder.name}: what kind of authorizer is {authorizer}?")
    return APIKey(name="Authorization", in_=APIKeyIn.header, description=told)


# asyncapi.yaml


def asyncapi(service: Service, messages: ModuleType) -> Json:
    """The AsyncAPI 3.0 document of the messages that a service hears and sends.

    A payload is the `detail` of an EventBridge event; the message's name is its `detail-type`.
    `x-source` is the event's `source`: for an event that is heard, the one who alone may send it,
    or all those who may.
    """
    heard, sent = dict(messages.HEARS), {model.__name__: model for model in messages.SENDS}
    modes: list[tuple[type[BaseModel], JsonSchemaMode]] = [
        *((model, "validation") for model in heard.values()),
        *((model, "serialization") for model in sent.values()),
    ]
    places, definitions = models_json_schema(modes, ref_template=SCHEMA, schema_generator=Untitled)
    told: Json = {}
    for (model, _), reference in places.items():
        name = model.__name__
        source = messages.SOURCE if name in sent else getattr(model, "sender", None)
        source = list(source) if isinstance(source, tuple) else source
        told[name] = {
            "name": name,
            "summary": inspect.getdoc(model),
            "contentType": "application/json",
            **(
                {"x-source": list(source) if isinstance(source, tuple) else source}
                if source
                else {}
            ),
            "payload": reference,
        }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"The Better Store: {service.name}",
            "version": _project(service)["version"],
            "description": inspect.getdoc(messages) or "",
        },
        "defaultContentType": "application/json",
        "channels": {
            BUS: {
                "address": "{eventBusName}",
                "description": "The EventBridge bus that the services of one environment share",
                "parameters": {"eventBusName": {"default": "default"}},
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in told},
            }
        },
        "operations": {
            **dict(_operations("receive", heard)),
            **dict(_operations("send", sent)),
        },
        "components": {
            "messages": told,
            "schemas": dict(sorted(definitions.get("$defs", {}).items())),
        },
    }


def _operations(action: str, models: dict[str, type[BaseModel]]) -> Iterator[tuple[str, Json]]:
    for name in models:
        yield (
            f"{action}{name}",
            {
                "action": action,
                "channel": {"$ref": f"#/channels/{BUS}"},
                "messages": [{"$ref": f"#/channels/{BUS}/messages/{name}"}],
            },
        )


def _project(service: Service) -> Json:
    project: Json = tomllib.loads((service.folder / "pyproject.toml").read_text())["project"]
    return project


if __name__ == "__main__":
    sys.exit(main())
