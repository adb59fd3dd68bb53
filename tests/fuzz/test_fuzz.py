"""What the fuzzing finds in an API that lies, and what is meant to be is still there."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import Field, TypeAdapter, ValidationError

from local.services import select
from tests.fuzz.apis import Api, operations
from tests.fuzz.meant import MEANT, Meant, meant
from tests.fuzz.run import Outcome, fuzz
from tests.fuzz.things import Things

TOY = "6a8f0fd6-1f2e-4c7e-9d4b-0f0f0f0f0f0f"
OTHER = "00000000-1f2e-4c7e-9d4b-0f0f0f0f0f0f"
PROBLEM = {"error": {"code": "MALFORMED", "message": "Bad", "details": []}}
BODY = {
    "type": "object",
    "properties": {"count": {"type": "integer", "minimum": 1, "maximum": 9}},
    "required": ["count"],
    "additionalProperties": False,
}
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Liar", "version": "1"},
    "paths": {
        "/toys/{toy_id}": {
            "post": {
                "parameters": [
                    {"name": "toy_id", "in": "path", "required": True, "schema": {"type": "string"}}
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": BODY}},
                },
                "responses": {
                    "200": {
                        "description": "Done",
                        "content": {"application/json": {"schema": BODY}},
                    },
                    "400": {
                        "description": "Bad",
                        "content": {"application/json": {"schema": {"type": "object"}}},
                    },
                },
            }
        }
    },
}


class Liar(BaseHTTPRequestHandler):
    """Answers as its server's `lie` says, or else as the document does."""

    lie = ""
    seen: list[str]

    def do_POST(self) -> None:
        """One request."""
        sent = self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.seen.append(self.path)
        try:
            body = json.loads(sent)
            good = body.keys() == {"count"} and type(body["count"]) in (int, float)
            good = good and body["count"] in range(1, 10)
        except (ValueError, AttributeError):
            good = False
        status, kind = (200 if good else 400), "application/json"
        content: dict[str, Any] = {"count": 1} if good else PROBLEM
        match self.lie:
            case "it breaks" if not good:
                status = 500
            case "a status of its own" if good:
                status = 207
            case "another type":
                kind = "text/plain"
            case "another form" if good:
                content = {"count": "one"}
            case "takes all":
                status, content = 200, {"count": 1}
            case "takes nothing":
                status, content = 400, PROBLEM
        answer = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class Server(ThreadingHTTPServer):
    """A liar on a port of its own."""

    def __init__(self, lie: str) -> None:
        self.seen: list[str] = []
        handler = type("Handler", (Liar,), {"lie": lie, "seen": self.seen})
        super().__init__(("127.0.0.1", 0), handler)


@pytest.fixture
def things() -> Things:
    return Things("token", toys=[TOY, OTHER], own={TOY})


def look(lie: str, things: Things, folder: Path) -> tuple[Outcome, list[str]]:
    """Fuzz a liar: what was found, and what it was asked."""
    document = folder / "openapi.json"
    document.write_text(json.dumps(DOCUMENT))
    with Server(lie) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        api = Api("toys", document, url, lambda request: request, "--user me")
        try:
            return fuzz(api, things, 20), server.seen
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("lie", "check"),
    [
        ("it breaks", "not_a_server_error"),
        ("it breaks", "status_code_conformance"),
        ("a status of its own", "status_code_conformance"),
        ("another type", "content_type_conformance"),
        ("another form", "response_schema_conformance"),
        ("takes all", "negative_data_rejection"),
        ("takes nothing", "positive_data_acceptance"),
    ],
)
def test_a_lie_is_found(lie: str, check: str, things: Things, tmp_path: Path) -> None:
    outcome, _ = look(lie, things, tmp_path)
    found = [finding for finding in outcome.findings if finding.check == check]
    assert found
    assert found[0].operation == "POST /toys/{toy_id}"
    assert found[0].curl.startswith("curl --user me -X POST ")


def test_the_truth_is_no_finding(things: Things, tmp_path: Path) -> None:
    outcome, asked = look("", things, tmp_path)
    assert outcome.findings == []
    assert outcome.requests == len(asked) > 20
    assert {200, 400} <= outcome.statuses["POST /toys/{toy_id}"].keys()


def test_what_is_not_its_own_is_not_touched(things: Things, tmp_path: Path) -> None:
    _, asked = look("", things, tmp_path)
    assert f"/toys/{TOY}" in asked
    assert f"/toys/{OTHER}" not in asked


def test_what_is_for_sale_is_ordered_and_not_changed() -> None:
    things = Things("token", toys=[TOY], goods=[OTHER], own={TOY})
    assert things.spares("public-api", f"a line of {OTHER}")
    assert things.spares("toys", f"the stock of {TOY}")
    assert not things.spares("toys", f"{TOY}, and {OTHER}")
    things.made(f"an order: {'0' * 26}")
    assert things.spares("fulfilment", f"that order, {'0' * 26}")
    assert not things.spares("fulfilment", f"another order, {'1' * 26}")


@pytest.mark.parametrize("one", MEANT, ids=lambda one: f"{one.service} {one.operation}")
def test_what_is_meant_is_documented(one: Meant) -> None:
    (service,) = select([one.service])
    told = operations(service.folder / "openapi.json")[one.operation]
    assert str(one.status) in told["responses"]


def out_of_bounds() -> str:
    """What pydantic says of values that are too small and too great."""
    told = []
    for number in (0, 2):
        with pytest.raises(ValidationError) as refused:
            TypeAdapter(Annotated[int, Field(ge=1, le=1)]).validate_python(number)
        told += [error["msg"] for error in refused.value.errors()]
    return "\n".join(told)


@pytest.mark.parametrize(
    "one", [one for one in MEANT if one.status >= 400], ids=lambda one: one.told
)
def test_what_is_meant_is_still_said(one: Meant) -> None:
    (service,) = select([one.service])
    code = "".join(path.read_text() for path in service.folder.glob("src/*/*.py"))
    assert one.told in code + out_of_bounds()


def test_only_that_answer_is_meant() -> None:
    one = MEANT[0]
    place = (one.check, one.service, one.operation, one.status)
    assert meant(*place, f"Sorry. {one.told} this API's") is one
    assert meant(*place, "Something else") is None
    assert meant("not_a_server_error", *place[1:], one.told) is None
    assert meant(*place[:3], 422, one.told) is None
