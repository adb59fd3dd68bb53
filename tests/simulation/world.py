"""The whole shop in one process, opened once; each run in it begins anew."""

import json
import logging
import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Literal, Self
from unittest.mock import patch
from zlib import crc32

import psycopg
import stripe
import time_machine
from aws_lambda_powertools import Tracer
from aws_lambda_powertools.utilities.parameters import base as providers
from moto import mock_aws

from local.stripe.records import Event
from tests.simulation import managers, people, staff
from tests.simulation.aws import Aws, Mail, installed
from tests.simulation.books import Audit, Watch, table
from tests.simulation.chaos import KINDS, Chaos
from tests.simulation.hub import Hub
from tests.simulation.network import MAX_SECONDS, Invocation, Network
from tests.simulation.stripe_at_hand import API_KEY, WEBHOOK_SECRET, Client, StripeAtHand
from tests.simulation.violation import Violation
from tests.simulation.windows import Windows
from tests.simulation.workers import Code
from tools import carriers, catalogue, gateway, mail_reports, stand_ins, wiring
from tools.objects import FormRefused
from tools.services import Door, environment, find
from tools.shop import PROCESS, path_arguments, proxy_event
from tools.wiring import Intake, Wiring

START = datetime(2026, 1, 5, 10, tzinfo=UTC).timestamp()
MINUTE = 60.0
QUIET_MINUTES = 18
"""After so many minutes in which nothing is left to do, the orders' deadlines and all, people are
gone."""

NEXT_DAY = 30 * 60
"""The minute at which time goes on then: what people left undone a day ago comes to its end."""

LAST_HOURS = 2
"""After so many hours in which nothing is left to do then, a run is over."""

LOOKS = 60
"""The items that a page of a republication looks at."""

MOST_INVOCATIONS = 200
"""For each order: a run that takes more has no end."""

DIGITAL_TOYS = 2
"""Those of the first toys that are sold as files."""

REPORTED: dict[str, mail_reports.Kind] = {
    "bounces": "Permanent",
    "complains": "Complaint",
    "full": "Transient",
}
"""What SES reports of mails, by what their addresses begin with."""

STRIPE_MISHAPS = ("Stripe refuses", "Stripe keeps a 500", "Stripe's answer lost")


@dataclass(frozen=True)
class Plan:
    """A run: the same plan makes the same run."""

    seed: int
    orders: int = 40
    without: frozenset[int] = frozenset()
    """Shoppers who stay at home."""
    alone: bool = False
    """Whether nobody comes but shoppers."""
    kinds: frozenset[str] = KINDS
    """The mishaps that may happen."""
    muted: frozenset[str] = frozenset()
    """Those that do not, by their labels."""
    fault: str | None = None
    """The fault that is put into the services (see `plants`)."""


@dataclass
class Outcome:
    """What came of a run."""

    plan: Plan
    violations: list[Violation]
    orders: int
    """That were accepted."""
    ended: dict[str, int]
    """How many orders came to each end."""
    delivered: dict[str, int]
    """Messages given to functions, by what they are."""
    invocations: int
    struck: dict[str, str]
    """The mishaps: label -> kind."""
    simulated: float
    """Seconds from the first order until all had settled; the day after is not counted."""
    story: list[str] = field(default_factory=list)
    """Everything that happened, where that was asked for."""


class World:
    """The services' code, an AWS and a Stripe in memory, and a real PostgreSQL.

    A context manager; within it, clock, randomness and AWS are the world's.

    Args:
        database_port: where an empty PostgreSQL answers on 127.0.0.1.
        database: the name of the database there.
    """

    def __init__(self, database_port: int, database: str = stand_ins.DATABASE) -> None:
        self._parameters = {
            "file-manager": {"PublicUrl": catalogue.PICTURES_URL},
            "orders": {"DownloadDays": "1"},  # so that they end within a run
            "payments": {"StripeApiBase": "https://stripe.example"},
            "reports": {
                "DatabaseHost": stand_ins.HOST,
                "DatabasePort": str(database_port),
                "DatabaseName": database,
                "DatabaseUser": stand_ins.DATABASE_USER,
                "DatabaseAuthentication": "none",
            },
        }
        self._database_url = (
            f"postgresql://{stand_ins.DATABASE_USER}@{stand_ins.HOST}:{database_port}/{database}"
        )
        self._open = ExitStack()
        self.aws = Aws(now=lambda: self._hub.now)
        self.stripe = StripeAtHand(lambda: int(self._hub.now), self._told_by_stripe)
        self._run: _Run | None = None
        self.tamper: Callable[[str, str, dict[str, Any]], None] = lambda *_: None
        """Has what the services ask of AWS, before AWS has it: service, operation, parameters."""
        self.answered: Callable[[dict[str, Any]], dict[str, Any]] = lambda answer: answer
        """Has what PutEvents answers, before the services have it."""

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            opening.enter_context(environment(PROCESS | {"POWERTOOLS_METRICS_DISABLED": "true"}))
            self._clock = opening.enter_context(
                time_machine.travel(datetime.fromtimestamp(START, UTC), tick=False)
            )
            self._hub = Hub(START, self._clock.move_to)
            with mock_aws():
                self.wiring = Wiring()
                for service in find():
                    given = {
                        **service.parameters("local"),
                        **self._parameters.get(service.name, {}),
                    }
                    wiring.deploy(service, given, self.wiring)
            for variables in self.wiring.variables.values():
                variables["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
            opening.enter_context(environment({"POWERTOOLS_SERVICE_NAME": "simulation"}))
            with _untraced():
                self.code = Code(self.wiring.doors, self.wiring.variables)
            for name, properties in self.wiring.tables.items():
                self.aws.add_table(name, properties)
            for bucket in self.wiring.buckets:
                self.aws.add_bucket(bucket.name, tells=bucket.tells)
            self.aws.distributions.update(self.wiring.distributions)
            self.aws.secrets.update(self.wiring.secrets)
            self.aws.secrets["tbs/stripe"] = json.dumps(
                {"apiKey": API_KEY, "webhookSecret": WEBHOOK_SECRET}
            )
            self.aws.secrets["tbs/carrier"] = json.dumps({"webhookSecret": staff.CARRIER_SECRET})
            self.aws.mailed = self._mailed
            opening.enter_context(installed(self.aws, self._call))
            self._connect_stripe(opening)
            self._connect_database(opening)
            opening.enter_context(patch.object(time, "sleep", self._sleep))
            opening.enter_context(patch.object(os, "urandom", self._randbytes))
            opening.enter_context(patch.object(random, "_urandom", self._randbytes))  # of secrets
            self._dice(opening)
            for owner in ("toys", "orders"):  # so that a rebuild takes several pages
                for module in self.code.modules[owner, "republisher"]:
                    opening.enter_context(patch.object(module, "LOOKS", LOOKS))
            logging.disable(logging.CRITICAL)
            opening.callback(logging.disable, logging.NOTSET)
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def run(self, plan: Plan, notice: Callable[[str], None] | None = None) -> Outcome:
        """Play a plan to its end, and look through the books."""
        self._reset()
        run = self._run = _Run(self, plan, notice)
        try:
            return run.play()
        finally:
            self._run = None

    # What the services find instead of what is outside

    def _reset(self) -> None:
        self.aws.reset()
        self.stripe.reset()
        self._hub = Hub(START, self._clock.move_to)
        self._clock.move_to(START)
        for provider in providers.DEFAULT_PROVIDERS.values():  # type: ignore[attr-defined]
            provider.clear_cache()
        for workers in self.code.workers.values():
            workers.idle = list(range(len(workers.handlers)))
            workers.waiting.clear()
        if self._database.execute("select to_regclass('orders')").fetchone() != (None,):
            self._database.execute("truncate orders, order_lines, refunds, reports")

    def _connect_stripe(self, opening: ExitStack) -> None:
        client = Client(lambda *request: self._run.ask_stripe(*request) if self._run else _none())
        for module in self.code.modules["payments", "gateway"]:
            opening.enter_context(patch.object(module, "_http", lambda: client))

    def _connect_database(self, opening: ExitStack) -> None:
        self._database = opening.enter_context(psycopg.connect(self._database_url, autocommit=True))
        world = self

        @contextmanager
        def open_database(_: object) -> Iterator[psycopg.Connection]:
            assert world._run
            with world._run.at_database():
                yield world._database

        for module in self.code.modules["reports", "database"]:
            opening.enter_context(patch.object(module.Database, "open", open_database))

    def _dice(self, opening: ExitStack) -> None:
        """The services' own randomness follows from the run and from the invocation."""
        for modules in self.code.modules.values():
            for module in modules:
                if hasattr(module, "random"):
                    opening.enter_context(patch.object(module, "random", _Dice(self)))
                if hasattr(module, "sleep"):
                    opening.enter_context(patch.object(module, "sleep", self._sleep))

    def _call(
        self, service: str, operation: str, params: dict[str, Any], go: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        self.tamper(service, operation, params)
        answer = self._run.network.call(service, operation, params, go) if self._run else go()
        return self.answered(answer) if operation == "PutEvents" else answer

    def _sleep(self, seconds: float) -> None:
        self._hub.sleep(seconds)

    def _randbytes(self, size: int) -> bytes:
        return self._run.draw().randbytes(size) if self._run else bytes(size)

    def _mailed(self, mail: Mail) -> None:
        if self._run:
            self._run.mailed(mail)

    def _told_by_stripe(self, event: Event) -> None:
        if self._run:
            self._run.told_by_stripe(event)


class _Dice:
    """Stands for the module `random` in the services."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        run = self._world._run
        assert run
        return getattr(run.draw(), name)


class _Run:
    """One run in a world."""

    def __init__(self, world: World, plan: Plan, notice: Callable[[str], None] | None) -> None:
        self.world = world
        self.plan = plan
        self.hub = world._hub
        self.stripe = world.stripe
        self.chaos = Chaos(plan.seed, plan.kinds, plan.muted)
        self.network = Network(world.wiring, self.hub, world.aws, world.code, self.chaos)
        self.rush = self.chaos.random("rush").choice(people.RUSHES)
        self.watch = Watch(self.stripe.ledger, world.aws)
        self.network.changed.append(self.watch.see)
        self.network.down = self._down
        if notice:
            self.network.notice = lambda line: notice(f"{self._time()} {line}")
            self.chaos.notice = lambda label: notice(f"{self._time()} !! {label}")
        self._webhooks = world.wiring.intake("payments", "/webhooks/stripe")
        (self._reports,) = world.wiring.outlets
        self._outages = dict(self._drawn_outages())
        self._events: dict[str, int] = {}
        self._ticked = -1
        """The last minute in which schedules were looked at."""
        self._rested = self.hub.now
        """When people were gone, and all had settled."""

    def play(self) -> Outcome:
        """From the first toy to the last entry in the books."""
        toys: list[managers.Toy] = []
        keepers = [managers.Manager(n, self.plan.seed, self.rush, toys) for n in range(2)]
        self._stock(toys, keepers[0])
        opened = self.hub.now
        first = [toy.toy_id for toy in toys]
        shoppers = self._shoppers(first)
        clerk = staff.Staff(self.plan.seed, self.rush, first)
        carrier = staff.Carriers(self.plan.seed, self.rush)
        operator = people.Operator(self.plan.seed, self.rush)
        everybody: list[people.Person] = [
            *shoppers,
            *keepers,
            people.Warehouse(self.plan.seed, self.rush),
            clerk,
            carrier,
            operator,
        ]
        for person in shoppers if self.plan.alone else everybody:
            for arrives, script in person.scripts(self):
                self.hub.spawn(script, after=arrives)
        poison = self._poison()
        stuck = self._to_the_end()
        counted = self._report_at_last()
        audit = Audit(
            self.world.aws,
            self.network,
            self.stripe.ledger,
            self.watch,
            self.world._database,
            [*shoppers, *clerk.callers],
            keepers,
            clerk,
            [*poison, *self._doubted(carrier)],
            self._availability,
            self._told,
        )
        windows = Windows(
            self.world.aws, self.world._database, operator, audit.told, self._entries, counted
        )
        violations = [*audit.violations(), *windows.violations()]
        if stuck:
            violations.append(Violation("a run ends", "the shop", stuck))
        ended: dict[str, int] = {}
        for order in audit.orders.values():
            end = str(order.get("reason") or order.get("status"))
            ended[end] = ended.get(end, 0) + 1
        return Outcome(
            plan=self.plan,
            violations=violations,
            orders=sum(ended.values()),
            ended=ended,
            delivered=dict(self.network.delivered),
            invocations=self.network.invocations,
            struck=self.chaos.struck,
            simulated=self._rested - opened,
        )

    def _stock(self, found: list[managers.Toy], keeper: managers.Manager) -> None:
        """Put toys on the shelf, before anything goes wrong."""
        draw = self.chaos.random("stock")

        def create(number: int, stock: int, digital: bool) -> None:
            parity = managers.PARITIES[number % 2]
            draft = managers.draft(str(number), 500 + 700 * number, stock, parity, digital)
            status, toy, _ = self.request(
                "toys", "POST", "/toys", label=f"create {number}", body=draft
            )
            assert status == 201, toy
            found.append(managers.Toy(toy["toyId"], parity, digital))
            if digital:
                assert keeper.publish(self, found[-1], f"publish {number}")

        with self.chaos.quiet():
            for number in range(people.TOYS + DIGITAL_TOYS):
                stock = draw.choice((4, *(self.plan.orders // n for n in (4, 2, 1, 1, 1))))
                self.hub.spawn(partial(create, number, stock, number >= people.TOYS))
                self.hub.run()

    def _shoppers(self, toys: list[str]) -> list[people.Shopper]:
        return [
            people.Shopper(
                number,
                self.plan.seed,
                self.rush,
                toys,
                twice=self.chaos.strikes("ordered twice", f"shopper {number}"),
            )
            for number in range(self.plan.orders)
            if number not in self.plan.without
        ]

    def _poison(self) -> list[tuple[str, str]]:
        """Have rubbish put on the bus and into queues.

        Gives where it has to end, a dead-letter queue each, and what tells it from the rest.
        """
        put: list[tuple[str, str]] = []
        for n, (source, name, detail) in enumerate(people.rubbish(self.plan.seed)):
            if self.chaos.strikes("poison", f"{n}"):
                takers = self.network.takers(source, name, detail)
                put += [(taker.dead_letters, detail) for taker in takers if taker.dead_letters]
                at = self.chaos.between(0, self.rush, f"poison {n}")
                self.hub.later(at, partial(self.network.put, source, name, detail))
        for queue in self.network.queues.values():
            if queue.dead_letters and self.chaos.strikes("poison", queue.name):
                at = self.chaos.between(0, self.rush, f"poison {queue.name}")
                if queue.name == self._webhooks.queue:
                    self.hub.later(at, self._forge)  # nobody is to see that again
                    continue
                if queue.name == self.world.wiring.intake("fulfilment", carriers.PATH).queue:
                    continue  # carriers are forged by people
                body = f"no JSON {self.plan.seed}"
                put.append((queue.dead_letters, body))
                self.hub.later(at, partial(self.network.send, queue, body, "no JSON"))
        return put

    def _forge(self) -> None:
        """Somebody says that an order is paid."""
        body = json.dumps({"type": "payment_intent.succeeded", "data": {}})
        signature = _signed(f"t={int(self.hub.now)},v1={'0' * 64}")
        self._post(self._webhooks, body, signature, "forged")

    def _doubted(self, carrier: staff.Carriers) -> list[tuple[str, str]]:
        """What carriers told of parcels that went another way: it may be a dead letter."""
        queue = self.world.wiring.intake("fulfilment", carriers.PATH).queue
        letters = self.network.queues[queue].dead_letters
        assert letters
        dead = {message.body for message in self.network.queues[letters].messages.values()}
        return [(letters, body) for body in carrier.told & dead]

    def _to_the_end(self) -> str | None:
        """Let everything happen, and what a day without anybody leads to.

        Gives what stands still, if the end never comes.
        """
        stuck = self._until_quiet(0, QUIET_MINUTES)
        self._rested = self.hub.now
        if stuck:
            return stuck
        self.hub.skip_to(START + NEXT_DAY * MINUTE)
        return self._until_quiet(NEXT_DAY, LAST_HOURS, step=60)

    def _until_quiet(self, minute: int, times: int, step: int = 1) -> str | None:
        """Let so many minutes pass at once, until nothing was left to do so many times."""
        quiet = 0
        while quiet < times:
            before, failed = self.network.invocations, self.network.schedules_failed
            due = self.network.tick(minute, self._ticked)
            self._ticked = minute
            minute += step
            end = START + minute * MINUTE
            self.hub.run(until=end)
            self.hub.skip_to(end)
            alone = self.network.invocations - before <= 2 * due
            done = self.network.schedules_failed == failed
            quiet = quiet + 1 if self.hub.idle and alone and done else 0
            if self.hub.now - START > MAX_SECONDS:
                return f"stands still: {self.network.waiting[:5]}"
            if self.network.invocations > MOST_INVOCATIONS * (20 + self.plan.orders):
                return f"goes round and round: {self.network.waiting[:5]}"
        return None

    # What people can do (people.Counter)

    def request(
        self,
        service: str,
        method: str,
        path: str,
        *,
        label: str,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        claims: Mapping[str, str] | None = None,
    ) -> people.Answer:
        """Call an operation, as API Gateway would. Status 503 and no body without an answer."""
        if self._down(service, self.hub.now) > self.hub.now:
            self.sleep(1)
            return people.Answer(503, None, None)
        door, event = self._event(
            service, method, path, label, body, query or {}, headers or {}, claims
        )

        def invoke(back: Callable[[Invocation], None]) -> None:
            self.network.invoke(door, event, label, back)

        done = self.hub.wait(invoke)
        if done.error:
            return people.Answer(503, None, None)
        answer = done.answer
        headers = {n.lower(): v[0] for n, v in answer.get("multiValueHeaders", {}).items()}
        body = answer.get("body") or None
        if body and "json" in headers.get("content-type", "json"):
            body = json.loads(body)
        return people.Answer(answer["statusCode"], body, headers.get("etag"))

    def _event(
        self, service: str, method: str, path: str, label: str, *given: Any
    ) -> tuple[Door, dict[str, Any]]:
        for door in self.world.wiring.doors:
            for route in door.routes if door.service.name == service else ():
                arguments = path_arguments(route.path, path)
                if route.method == method and arguments is not None:
                    sent = (*given, door.service.stage)
                    return door, proxy_event(route, path, arguments, label, *sent)
        raise LookupError(f"{service} has no {method} {path}")

    def invoke(self, service: str, door: str, event: dict[str, Any], label: str) -> Any:
        """Invoke a function by hand. Gives its answer, None where it failed."""
        found = next(
            each
            for each in self.world.wiring.doors
            if (each.service.name, each.name) == (service, door)
        )

        def invoke(back: Callable[[Invocation], None]) -> None:
            self.network.invoke(found, event, label, back)

        done = self.hub.wait(invoke)
        return None if done.error else done.answer

    def lose_copies(self) -> None:
        """Lose the catalogue, and all that orders have told. What shoppers said stays untold."""
        for name, part in (
            (table("public-api", "Catalogue"), "pk"),
            (table("public-api"), "projection"),
        ):
            own = self.world.aws.tables[name]
            for item in [item for item in own.items.values() if part in item]:
                key = {"pk": item["pk"], "sk": item["sk"]}
                self.world.aws.call("dynamodb", "DeleteItem", {"TableName": name, "Key": key})
        if self.network.notice:
            self.network.notice("public-api loses its copies")
        self.network.collect()
        if self.world._database.execute("select to_regclass('orders')").fetchone() != (None,):
            self.world._database.execute("truncate orders, order_lines, refunds")

    def _report_at_last(self) -> people.Json:
        """The sales are reported once more, when all is over, and nothing goes wrong.

        Gives what the reports' API then says of the year, by toy.
        """
        found: list[people.Answer] = []

        def ask() -> None:
            self.invoke("reports", "outbox", {}, "the last report")
            query = {"by": "toy", "from": "2026-01-01", "to": "2026-12-31", "currency": "EUR"}
            found.append(self.request("reports", "GET", "/sales", label="count", query=query))

        with self.chaos.quiet():
            self.hub.spawn(ask)
            self.hub.run()
        return dict(found[0].body or {})

    def sleep(self, seconds: float) -> None:
        """Wait."""
        self.hub.sleep(seconds)

    def upload(self, upload: Mapping[str, Any], body: bytes, label: str) -> int:
        """Post a form with a file in it to S3. Gives the answer's status."""
        self.sleep(self.chaos.between(0.05, 3, f"upload: {label}"))
        secret = os.environ["AWS_SECRET_ACCESS_KEY"]
        try:
            self.world.aws.post(upload["url"], upload["fields"], body, secret)
        except FormRefused as refused:
            return refused.status
        return 204

    def authenticate(self, intent_id: str, outcome: Literal["succeed", "fail"]) -> bool:
        """Go through 3-D Secure."""
        if self.network.notice:
            self.network.notice(f"3-D Secure of {intent_id}: {outcome}")
        return self.stripe.authenticate(intent_id, outcome)

    def refund_by_hand(self, order_id: str, amount: int) -> None:
        """Give money back in Stripe's Dashboard, as much of the amount as is left."""
        given = self.stripe.refund_by_hand(order_id, amount)
        if self.network.notice and given:
            self.network.notice(f"{given} of {order_id} is given back by hand")

    def mailed(self, mail: Mail) -> None:
        """SES took a mail. What becomes of it, it reports sooner or later."""
        self.watch.mailed(mail, self.hub.now)
        kind = next((kind for name, kind in REPORTED.items() if mail.to.startswith(name)), None)
        if kind is None:
            return
        body = mail_reports.report(kind, mail.message_id, mail.to, mail.tags, self.hub.now)
        queue = self.network.queues[self._reports.queue]
        label = f"{kind} {mail.label}"
        delay = self.chaos.between(0.5, 60, f"report: {label}")
        self.hub.later(delay, partial(self.network.send, queue, body, label))

    # Stripe

    def ask_stripe(
        self, method: str, url: str, headers: Mapping[str, str], body: str
    ) -> tuple[str, int, dict[str, str]]:
        """A request of the payments service to Stripe, with whatever goes wrong."""
        task = self.hub.current
        assert task
        assert isinstance(task.about, Invocation)
        what = f"Stripe {method.upper()} {url.partition('/v1/')[2]}"
        about = self.network.enter(task.about, what)
        self.hub.sleep(self.chaos.between(0.05, 0.6, f"Stripe: {about}"))
        if self._stripe_is_down():
            raise _no_answer()
        mishap = self.chaos.one_of(STRIPE_MISHAPS, f"{what} {about}")
        mode: Literal["none", "down", "broken"] = "none"
        match mishap:
            case "Stripe refuses":
                mode = "down"
            case "Stripe keeps a 500":
                mode = "broken"
        answer = self.stripe.request(method, url, headers, body, mode)
        self.network.leave(task.about, what)
        if self._is_deaf_to(what) or mishap == "Stripe's answer lost":
            raise _no_answer()
        return answer

    def _is_deaf_to(self, what: str) -> bool:
        """Whether Stripe never lets the shop know how it went: one has to look, or be told."""
        return what.endswith(("/confirm", "/cancel")) and self.chaos.strikes(
            "Stripe never answers", what
        )

    def told_by_stripe(self, event: Event) -> None:
        """Something happened at Stripe: it is posted to the shop, sooner or later."""
        order_id = event.data["object"].get("metadata", {}).get("orderId", "")
        name = f"{event.type} {order_id}"
        self._events[name] = self._events.get(name, 0) + 1
        label = f"{name}/{self._events[name]}"
        if self.chaos.strikes("webhook lost", label):
            return
        delay = self.chaos.between(0.05, 2, f"webhook: {label}")
        if self.chaos.strikes("webhook late", label):
            delay = self.chaos.between(2, 1800, f"webhook: {label}")
        self.hub.later(delay, lambda: self._deliver(event, label, 1))
        if self.chaos.strikes("webhook twice", label):
            self.hub.later(delay * 2, lambda: self._deliver(event, f"{label} again", 1))

    def _deliver(self, event: Event, label: str, attempt: int) -> None:
        if self.chaos.strikes("webhook not taken", f"{label} {attempt}"):
            wait = 2.0**attempt
            self.hub.later(wait, lambda: self._deliver(event, label, attempt + 1))
            return
        body, signature = self.stripe.webhook(event)
        self._post(self._webhooks, body, _signed(signature), label)

    def post(self, service: str, path: str, body: str, headers: dict[str, str]) -> None:
        """Post something to where nobody waits for an answer."""
        self._post(
            self.world.wiring.intake(service, path), body, headers, f"{crc32(body.encode())}"
        )

    def _post(self, intake: Intake, body: str, headers: Mapping[str, str], label: str) -> None:
        """What API Gateway makes of what is posted into a queue."""
        message, texts = gateway.message(intake.template, body, headers)
        attributes = {
            name: {"DataType": "String", "StringValue": text} for name, text in texts.items()
        }
        queue = self.network.queues[intake.queue]
        self.network.send(queue, message, f"webhook {label}", attributes)

    # What stands still for a while

    def _drawn_outages(self) -> Iterator[tuple[str, tuple[float, float]]]:
        for service in {door.service.name for door in self.world.wiring.doors}:
            if self.chaos.strikes("service down", service):
                begins = START + self.chaos.between(60, self.rush, f"down: {service}")
                lasts = self.chaos.between(60, 1800, f"down for: {service}")
                yield service, (begins, begins + lasts)
        if self.chaos.strikes("Stripe down", "today"):
            begins = START + self.chaos.between(60, self.rush, "down: Stripe")
            yield "Stripe", (begins, begins + self.chaos.between(60, 1200, "down for: Stripe"))

    def _down(self, service: str, now: float) -> float:
        begins, ends = self._outages.get(service, (0.0, 0.0))
        return ends if begins <= now < ends else now

    def _stripe_is_down(self) -> bool:
        return self._down("Stripe", self.hub.now) > self.hub.now

    # The reports' database

    @contextmanager
    def at_database(self) -> Iterator[None]:
        """A connection of the invocation whose turn it is."""
        task = self.hub.current
        assert task
        assert isinstance(task.about, Invocation)
        about = self.network.enter(task.about, "PostgreSQL")
        if self.chaos.strikes("database asleep", about):
            raise psycopg.OperationalError("the database does not answer")
        yield
        self.network.leave(task.about, "PostgreSQL")

    def draw(self) -> Any:
        """Randomness for a service: it follows from the invocation, and from how often it asked."""
        task = self.hub.current
        if not task or not isinstance(task.about, Invocation):
            return self.chaos.random("draw: outside")
        task.about.draws += 1
        return self.chaos.random(f"draw: {task.about.label} {task.about.draws}")

    def _availability(self, toy: Mapping[str, Any]) -> str:
        """What shoppers are to be told of a toy's stock, by the toys service's own rule."""
        model = self.world.code.modules["toys", "toy"][0].Toy
        return str(model.model_validate(toy).availability)

    def _told(self, item: Mapping[str, Any]) -> people.Json:
        """What is told of an order, by the orders service's own rule."""
        own = self.world.code.modules
        order = own["orders", "table"][0].kept_in(item)
        facts = own["orders", "messages"][0].facts_of(order)
        data = own["orders", "sent"][0].OrderData.model_validate(facts)
        told: people.Json = data.model_dump(mode="json")
        return told

    def _entries(self, toy: Mapping[str, Any]) -> Mapping[Any, Mapping[str, Any]]:
        """The entries that a toy of the catalogue is to have, by public-api's own rule."""
        own = self.world.code.modules
        model = own["public-api", "catalogue"][0].toy_of(toy)
        entries: Mapping[Any, Mapping[str, Any]] = own["public-api", "lists"][0].entries(model)
        return entries

    def _time(self) -> str:
        return datetime.fromtimestamp(self.hub.now, UTC).strftime("%H:%M:%S.%f")[:-3]


@contextmanager
def _untraced() -> Iterator[None]:
    """What is decorated within is not traced: nobody looks at the traces, and they take time."""

    def bare(_: Tracer, function: Any = None, **__: Any) -> Any:
        return function or (lambda later: later)

    with (
        patch.object(Tracer, "capture_lambda_handler", bare),
        patch.object(Tracer, "capture_method", bare),
    ):
        yield


def _signed(signature: str) -> dict[str, str]:
    return {"Stripe-Signature": signature, "Content-Type": "application/json"}


def _no_answer() -> stripe.APIConnectionError:
    return stripe.APIConnectionError("no answer", should_retry=True)  # type: ignore[no-untyped-call]


def _none() -> Any:
    raise RuntimeError("Stripe is asked outside of a run")
