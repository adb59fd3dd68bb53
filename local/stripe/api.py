"""Stripe's HTTP API over the ledger, and the stand-in's own controls under `/test`."""

import asyncio
import base64
import html
import json
import secrets
import string
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from local.stripe import form, params
from local.stripe.errors import (
    StripeError,
    api_error,
    idempotency_error,
    invalid_request,
    unauthorized,
)
from local.stripe.faults import Fault, Faults
from local.stripe.ledger import Ledger, Origin
from local.stripe.records import Endpoint, Json, SavedAnswer
from local.stripe.render import API_VERSION, Renderer, check_expand, page
from local.stripe.store import Store
from local.stripe.webhooks import STRIPES_BACKOFF, Backoff, Courier

_ID_LETTERS = string.ascii_letters + string.digits
_NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, "
    "using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
)
_NOT_A_FORM = (
    "Invalid request (check that your POST content type is application/x-www-form-urlencoded)."
)


def random_id(prefix: str) -> str:
    """An id nobody can guess, for example `pi_3NxJ…`."""
    return f"{prefix}_" + "".join(secrets.choice(_ID_LETTERS) for _ in range(24))


@dataclass(frozen=True, slots=True)
class Call:
    """A request to `/v1` that has passed every check."""

    ledger: Ledger
    params: Any
    row_id: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Operation:
    """One of Stripe's API calls: which parameters it takes, and what it does.

    Attributes:
        kind: the object it answers, which says what `expand` may name.
        act: does it and gives the answer's JSON.
    """

    method: Literal["GET", "POST"]
    path: str
    kind: str
    params: type[params.Params]
    act: Callable[[Call], Json]

    @property
    def listed(self) -> bool:
        return issubclass(self.params, params.Page)


def _listed(call: Call, kind: Literal["payment_intent", "charge", "refund", "event"]) -> Json:
    ledger, render = call.ledger, call.ledger.render
    match kind:
        case "payment_intent":
            intents, more = ledger.list_intents(call.params)
            return page(
                "/v1/payment_intents", [*map(render.payment_intent, intents)], has_more=more
            )
        case "charge":
            charges, more = ledger.list_charges(call.params)
            return page("/v1/charges", [*map(render.charge, charges)], has_more=more)
        case "refund":
            refunds, more = ledger.list_refunds(call.params)
            return page("/v1/refunds", [*map(render.refund, refunds)], has_more=more)
        case "event":
            events, more = ledger.list_events(call.params)
            return page("/v1/events", [*map(render.event, events)], has_more=more)


def _create_intent(call: Call) -> Json:
    return call.ledger.render.payment_intent(call.ledger.create_intent(call.params, call.origin))


def _retrieve_intent(call: Call) -> Json:
    return call.ledger.render.payment_intent(call.ledger.intent(call.row_id))


def _confirm_intent(call: Call) -> Json:
    intent = call.ledger.confirm_intent(call.row_id, call.params, call.origin)
    return call.ledger.render.payment_intent(intent)


def _cancel_intent(call: Call) -> Json:
    intent = call.ledger.cancel_intent(call.row_id, call.params, call.origin)
    return call.ledger.render.payment_intent(intent)


def _create_refund(call: Call) -> Json:
    return call.ledger.render.refund(call.ledger.create_refund(call.params, call.origin))


OPERATIONS = (
    Operation("POST", "/v1/payment_intents", "payment_intent", params.CreateIntent, _create_intent),
    Operation(
        "GET",
        "/v1/payment_intents",
        "payment_intent",
        params.ListIntents,
        lambda call: _listed(call, "payment_intent"),
    ),
    Operation(
        "GET",
        "/v1/payment_intents/{id}",
        "payment_intent",
        params.RetrieveIntent,
        _retrieve_intent,
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/confirm",
        "payment_intent",
        params.ConfirmIntent,
        _confirm_intent,
    ),
    Operation(
        "POST",
        "/v1/payment_intents/{id}/cancel",
        "payment_intent",
        params.CancelIntent,
        _cancel_intent,
    ),
    Operation(
        "GET",
        "/v1/payment_methods/{id}",
        "payment_method",
        params.Params,
        lambda call: call.ledger.render.payment_method(call.ledger.payment_method(call.row_id)),
    ),
    Operation(
        "GET",
        "/v1/charges",
        "charge",
        params.ListCharges,
        lambda call: _listed(call, "charge"),
    ),
    Operation(
        "GET",
        "/v1/charges/{id}",
        "charge",
        params.Params,
        lambda call: call.ledger.render.charge(call.ledger.charge(call.row_id)),
    ),
    Operation("POST", "/v1/refunds", "refund", params.CreateRefund, _create_refund),
    Operation(
        "GET",
        "/v1/refunds",
        "refund",
        params.ListRefunds,
        lambda call: _listed(call, "refund"),
    ),
    Operation(
        "GET",
        "/v1/refunds/{id}",
        "refund",
        params.Params,
        lambda call: call.ledger.render.refund(call.ledger.refund(call.row_id)),
    ),
    Operation("GET", "/v1/events", "event", params.ListEvents, lambda call: _listed(call, "event")),
    Operation(
        "GET",
        "/v1/events/{id}",
        "event",
        params.Params,
        lambda call: call.ledger.render.event(call.ledger.event(call.row_id)),
    ),
)
"""Every call of Stripe's that the stand-in keeps."""


class Api:
    """The HTTP side: keys, faults, idempotency, answers in Stripe's form."""

    def __init__(self, ledger: Ledger, store: Store, courier: Courier) -> None:
        self.ledger = ledger
        self.store = store
        self.courier = courier
        self.faults = Faults.none()
        self._keys_in_use: set[str] = set()

    def commit(self) -> None:
        """Keep what changed, and send the events that came of it."""
        events = list(self.ledger.books.events.changed)
        self.store.save(self.ledger.books)
        self.courier.send(events)

    def route(self, operation: Operation) -> Route:
        async def serve(request: Request) -> Response:
            request_id = self.ledger.new_id("req")
            try:
                answer = await self._serve(operation, request, request_id)
            except StripeError as error:
                answer = self.refusal(error, request_id)
            answer.headers["Request-Id"] = request_id
            answer.headers["Stripe-Version"] = request.headers.get("stripe-version", API_VERSION)
            return answer

        return Route(operation.path, serve, methods=[operation.method])

    def refusal(self, error: StripeError, request_id: str) -> Response:
        return JSONResponse(self.ledger.render.error(error, request_id), error.status)

    async def _serve(self, operation: Operation, request: Request, request_id: str) -> Response:
        _authenticate(request)
        asked = await _form(request)
        fault = self.faults.strike()
        if fault.mode == "down":
            raise api_error(503)
        key = request.headers.get("idempotency-key") if operation.method == "POST" else None
        origin = Origin(request_id, key)
        try:
            if key is None:
                answer = _json(*self._act(operation, request, asked, origin, fault))
                self.commit()
            else:
                answer = self._once(key, operation, request, asked, origin, fault)
        except StripeError as error:
            answer = self.refusal(error, request_id)
        if fault.mode == "late":
            await self._linger(key, fault.delay)
        if fault.mode == "lose_answer":
            raise api_error()
        return answer

    def _once(
        self,
        key: str,
        operation: Operation,
        request: Request,
        asked: form.Form,
        origin: Origin,
        fault: Fault,
    ) -> Response:
        """Do what is asked, or give the answer kept under its idempotency key."""
        if not 1 <= len(key) <= 255:
            raise invalid_request("Idempotency keys can be up to 255 characters long.")
        if key in self._keys_in_use:
            raise idempotency_error(
                "There is currently another in-progress request using this Idempotent Key (that "
                "probably means you submitted twice, and the other request is still going "
                f"through): {key}. Please try again later.",
                status=409,
                code="idempotency_key_in_use",
            )
        endpoint = f"{request.method} {request.url.path}"
        fingerprint = form.fingerprint(asked)
        saved = self.ledger.saved_answer(key, endpoint, fingerprint)
        replayed = saved is not None
        if saved is None:
            status, body = self._act(operation, request, asked, origin, fault)
            saved = SavedAnswer(
                key=key,
                endpoint=endpoint,
                fingerprint=fingerprint,
                created=self.ledger.clock(),
                request_id=origin.request_id or "",
                status=status,
                body=body,
            )
            # In one transaction with what was done: a key without its charge, or a charge
            # without its key, can never be found after a crash.
            self.ledger.save_answer(saved)
            self.commit()
        answer = _json(saved.status, saved.body)
        answer.headers["Idempotency-Key"] = key
        answer.headers["Original-Request"] = saved.request_id
        if replayed:
            answer.headers["Idempotent-Replayed"] = "true"
        if saved.status >= 500:
            # Stripe says so, for it would only give the same answer again.
            answer.headers["Stripe-Should-Retry"] = "false"
        return answer

    def _act(
        self,
        operation: Operation,
        request: Request,
        asked: form.Form,
        origin: Origin,
        fault: Fault,
    ) -> tuple[int, str]:
        """Check the parameters and do it: the answer's status and body.

        Raises:
            StripeError: the parameters are wrong; nothing was done, and nothing is to be kept.
                What is refused later is an answer like any other.
        """
        checked = params.read(operation.params, asked)
        check_expand(operation.kind, checked.expand, listed=operation.listed)
        call = Call(self.ledger, checked, request.path_params.get("id", ""), origin)
        refusal: StripeError | None = None
        try:
            if fault.mode == "in_vain":
                raise api_error()
            rendered = operation.act(call)
        except StripeError as error:
            refusal = error
        if fault.mode == "broken":
            refusal = api_error()
        if refusal:
            request_id = origin.request_id or ""
            return refusal.status, json.dumps(self.ledger.render.error(refusal, request_id))
        return 200, json.dumps(self.ledger.render.expand(rendered, checked.expand))

    async def _linger(self, key: str | None, delay: float) -> None:
        """Hold an answer back; its idempotency key stays in use meanwhile."""
        held = {key} if key and key not in self._keys_in_use else set()
        self._keys_in_use |= held
        try:
            await asyncio.sleep(delay)
        finally:
            self._keys_in_use -= held


def _json(status: int, body: str) -> Response:
    return Response(body, status, media_type="application/json")


def _authenticate(request: Request) -> None:
    """Take any secret test key, as a bearer token or as the user of basic authentication."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
        except ValueError as error:
            raise unauthorized("Invalid API Key provided") from error
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise unauthorized(_NO_KEY)
    if not key.startswith(("sk_test_", "rk_test_")):
        raise unauthorized(f"Invalid API Key provided: {key[:8]}{'*' * 8}")


async def _form(request: Request) -> form.Form:
    if request.method == "GET":
        return form.parse(request.url.query)
    body = await request.body()
    content_type = request.headers.get("content-type", "").partition(";")[0].strip()
    if body and content_type != "application/x-www-form-urlencoded":
        raise invalid_request(_NOT_A_FORM)
    try:
        return form.parse(body.decode())
    except UnicodeDecodeError as error:
        raise invalid_request(_NOT_A_FORM) from error


class Authentication(BaseModel):
    """How the customer's 3-D Secure ends."""

    model_config = ConfigDict(extra="forbid")

    outcome: Literal["succeed", "fail"]


class WebhookEndpoint(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern="^https?://")
    secret: str = Field(pattern="^whsec_.")
    enabled_events: tuple[str, ...] = ("*",)


class Webhooks(BaseModel):
    model_config = ConfigDict(extra="forbid")

    endpoints: tuple[WebhookEndpoint, ...]


class Controls:
    """What Stripe has not: faults, a look at everything, and the customer's side of 3-D Secure."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._ledger = api.ledger

    def routes(self) -> list[Route]:
        authenticate = "/test/payment_intents/{id}/authenticate"
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/test/faults", self.set_fault, methods=["POST"]),
            Route("/test/state", self.state, methods=["GET"]),
            Route("/test/reset", self.reset, methods=["POST"]),
            Route("/test/webhooks", self.set_webhooks, methods=["POST"]),
            Route("/test/events/{id}/resend", self.resend, methods=["POST"]),
            Route("/test/refunds/{id}/fail", self.fail_refund, methods=["POST"]),
            Route(authenticate, self.authentication_page, methods=["GET"]),
            Route(authenticate, self.authenticate, methods=["POST"]),
        ]

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def set_fault(self, request: Request) -> Response:
        fault = await _read(request, Fault)
        self._api.faults.set(fault)
        return JSONResponse(fault.model_dump())

    async def state(self, request: Request) -> Response:
        books, render = self._ledger.books, self._ledger.render
        return JSONResponse(
            {
                "payment_intents": [*map(render.payment_intent, books.payment_intents)],
                "charges": [*map(render.charge, books.charges)],
                "refunds": [*map(render.refund, books.refunds)],
                "events": [*map(render.event, books.events)],
            }
        )

    async def reset(self, request: Request) -> Response:
        self._api.faults.set(Fault(mode="none"))
        self._api.courier.forget()
        self._ledger.reset()
        self._api.commit()
        return JSONResponse({"status": "ok"})

    async def set_webhooks(self, request: Request) -> Response:
        webhooks = await _read(request, Webhooks)
        self._ledger.set_endpoints(
            [
                Endpoint(url=each.url, secret=each.secret, enabled_events=each.enabled_events)
                for each in webhooks.endpoints
            ]
        )
        self._api.commit()
        return JSONResponse({"status": "ok"})

    async def resend(self, request: Request) -> Response:
        event = self._ledger.send_again(request.path_params["id"])
        self._api.commit()
        return JSONResponse(self._ledger.render.event(event))

    async def fail_refund(self, request: Request) -> Response:
        origin = Origin(self._ledger.new_id("req"))
        refund = self._ledger.fail_refund(request.path_params["id"], origin)
        self._api.commit()
        return JSONResponse(self._ledger.render.refund(refund))

    async def authentication_page(self, request: Request) -> Response:
        intent = self._ledger.intent(request.path_params["id"])
        url = html.escape(self._ledger.render.authentication_url(intent))
        return HTMLResponse(
            "<!doctype html><html lang=en><title>3-D Secure test page</title>"
            f"<h1>3-D Secure test page</h1><form method=post action='{url}'>"
            "<button name=outcome value=succeed>Complete</button> "
            "<button name=outcome value=fail>Fail</button></form></html>"
        )

    async def authenticate(self, request: Request) -> Response:
        """JSON is answered with the intent; the page's form with the way back to the shop."""
        by_form = request.headers.get("content-type", "").startswith("application/x-www-form")
        asked = await _read(request, Authentication)
        row_id, origin = request.path_params["id"], Origin(self._ledger.new_id("req"))
        intent = self._ledger.authenticate(row_id, asked.outcome, origin)
        self._api.commit()
        if not by_form or intent.return_url is None:
            return JSONResponse(self._ledger.render.payment_intent(intent))
        back = httpx.URL(intent.return_url).copy_merge_params(
            {
                "payment_intent": intent.id,
                "payment_intent_client_secret": intent.client_secret,
                "redirect_status": "succeeded" if intent.status == "succeeded" else "failed",
            }
        )
        return RedirectResponse(str(back), status_code=303)


async def _read[M: BaseModel](request: Request, model: type[M]) -> M:
    """The body of a control, as JSON or as a form."""
    content_type = request.headers.get("content-type", "")
    try:
        if content_type.startswith("application/x-www-form"):
            return model.model_validate(await _form(request))
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        raise invalid_request(str(error)) from error


def create_app(
    *,
    base_url: str,
    state: Path | None = None,
    endpoints: tuple[Endpoint, ...] = (),
    clock: Callable[[], int] = lambda: int(time.time()),
    new_id: Callable[[str], str] = random_id,
    backoff: Backoff = STRIPES_BACKOFF,
) -> Starlette:
    """The stand-in as an ASGI application.

    Args:
        base_url: its own address, without a slash at the end.
        state: the file that keeps everything over a restart; None forgets.
        endpoints: webhook endpoints, in place of those kept in `state`; none leaves those.
        clock: the time now, in Unix seconds.
        new_id: a fresh id for a prefix.
        backoff: when a webhook that was not taken is sent again.
    """
    store = Store(state)
    books = store.load()
    ledger = Ledger(books, Renderer(books, base_url), clock=clock, new_id=new_id)
    if endpoints:
        ledger.set_endpoints(endpoints)
    courier = Courier(ledger, lambda: store.save(books), backoff)
    api = Api(ledger, store, courier)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        api.commit()
        courier.send([event.id for event in books.events])
        yield
        await courier.stop()
        store.close()

    async def unknown_url(request: Request, error: Exception) -> Response:
        message = f"Unrecognized request URL ({request.method}: {request.url.path})."
        return api.refusal(invalid_request(message, status=404), ledger.new_id("req"))

    async def refused(request: Request, error: Exception) -> Response:
        if not isinstance(error, StripeError):
            raise error
        return api.refusal(error, ledger.new_id("req"))

    routes = [api.route(operation) for operation in OPERATIONS] + Controls(api).routes()
    handlers = {404: unknown_url, 405: unknown_url, StripeError: refused}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=handlers)
