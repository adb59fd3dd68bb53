"""A game day: what is broken is written down before, shows, and is put right whatever happens."""

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from local import __main__ as command
from local import letters, processes, servers, webhooks
from local.account import Account
from local.errors import LocalError
from local.gameday import faults, game, notebook, orders, stories
from local.gameday.faults import FAULTS, Fault, Wound
from local.gameday.ground import Ground
from local.gameday.orders import Customers
from local.progress import Progress, console
from local.services import FOLDERS, Service, select
from local.settings import ROOT, Settings

NAMES = [fault.name for fault in FAULTS]


class Lambda:
    """Event source mappings, and whether they are on."""

    def __init__(self) -> None:
        self.enabled = {"m-1": True, "m-2": True}

    def list_event_source_mappings(self, *, FunctionName: str) -> dict[str, Any]:  # noqa: N803
        return {"EventSourceMappings": [{"UUID": uuid} for uuid in self.enabled]}

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:  # noqa: N803
        self.enabled[UUID] = Enabled


@pytest.fixture
def functions() -> Lambda:
    return Lambda()


@pytest.fixture
def ground(
    settings: Settings, functions: Lambda, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    """Queues and roles as the stacks have them, on moto."""
    settings.home.mkdir(parents=True)
    monkeypatch.setattr(faults, "SETTLES", 0.3)
    monkeypatch.setattr(faults, "REST", 0)
    monkeypatch.setattr(faults, "_POLL", 0.01)
    monkeypatch.setattr(letters, "_PATIENCE", 0)
    with mock_aws():
        clients: dict[str, Any] = {"lambda": functions}
        for name in ("sqs", "iam"):
            clients[name] = boto3.session.Session(region_name="eu-west-1").client(name)
        monkeypatch.setattr(Account, "client", lambda _, name, region=None: clients[name])
        clients["iam"].create_role(RoleName="role", AssumeRolePolicyDocument="{}")
        inboxes = {
            name: clients["sqs"].create_queue(QueueName=f"tbs-app-{name}")["QueueUrl"]
            for name in ("Inbox", "InboxDeadLetters")
        }
        monkeypatch.setattr(Ground, "instance", property(lambda _: "cloud-1"))
        monkeypatch.setattr(Ground, "resource", lambda _, service, name: inboxes.get(name, "role"))
        yield Ground(settings)


def fault(name: str) -> Fault:
    found = faults.named(name)
    assert found is not None
    return found


def inflicted(ground: Ground, name: str, seed: int = 1) -> tuple[Fault, Wound]:
    """A fault that is planned, written down and struck."""
    broken = fault(name)
    wound = broken.plan(ground, random.Random(seed))
    notebook.strike(ground, broken, wound)
    return broken, wound


# Each fault


def test_functions_are_called_no_more_and_again(ground: Ground, functions: Lambda) -> None:
    broken, wound = inflicted(ground, "standstill")
    assert not any(functions.enabled.values())
    broken.mend(ground, wound)
    broken.mend(ground, wound)
    assert all(functions.enabled.values())


def test_a_function_may_not_write_and_may_again(ground: Ground) -> None:
    broken, wound = inflicted(ground, "denied")
    iam = ground.client("iam")
    document = iam.get_role_policy(RoleName="role", PolicyName="gameday")["PolicyDocument"]
    (statement,) = document["Statement"]
    assert statement["Effect"] == "Deny"
    assert {"dynamodb:PutItem", "dynamodb:UpdateItem"} <= set(statement["Action"])
    broken.mend(ground, wound)
    broken.mend(ground, wound)
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == []


def test_poison_comes_to_an_inbox_and_its_letter_goes(ground: Ground) -> None:
    broken, wound = inflicted(ground, "poison")
    sqs = ground.client("sqs")
    inbox, dead = (ground.resource("", name) for name in ("Inbox", "InboxDeadLetters"))
    (message,) = sqs.receive_message(QueueUrl=inbox)["Messages"]
    body = json.loads(message["Body"])
    assert body["detail-type"] == wound["message"] == faults.COMMANDS[wound["service"]]
    assert body["detail"]["data"] == {"orderId": wound["order"]}
    sqs.send_message(QueueUrl=dead, MessageBody=message["Body"])
    sqs.send_message(QueueUrl=dead, MessageBody='{"another": "letter"}')
    with console.capture() as captured:
        broken.mend(ground, wound)
    assert captured.get() == ""
    left = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["All"])["Attributes"]
    assert left["ApproximateNumberOfMessages"] == "1"
    with console.capture() as captured:
        broken.mend(ground, wound)  # it is gone already
    told = captured.get().replace("\n", " ")
    assert wound["order"] in told
    assert f"make dlq SERVICE={wound['service']}" in told


@pytest.mark.parametrize("service", faults.COMMANDS)
def test_poison_is_named_as_a_command_that_the_service_obeys(service: str) -> None:
    (one,) = select([service])
    assert (one.folder / "events" / f"inbox-{faults.COMMANDS[service]}.json").exists()


def test_stripe_fails_and_answers_again(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(httpx, "post", lambda url, json: _heard(sent, json))
    broken, wound = inflicted(ground, "stripe")
    broken.mend(ground, wound)
    assert [one["mode"] for one in sent] == ["down", "none"]


def test_events_that_were_refused_are_sent_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets: list[str] = []
    sent: list[str] = []
    monkeypatch.setattr(webhooks, "register", lambda _, secret="right": secrets.append(secret))
    monkeypatch.setattr(httpx, "post", lambda url: _heard(sent, url))
    broken, wound = inflicted(ground, "secret")
    since = int(wound["since"])
    events = [{"id": "evt_old", "created": since - 1}, {"id": "evt_new", "created": since}]
    monkeypatch.setattr(httpx, "get", lambda _: _Fine({"events": events}))
    broken.mend(ground, wound)
    assert secrets == ["whsec_rolled", "right"]
    assert [url.split("/test/")[1] for url in sent] == ["events/evt_new/resend"]


class _Fine:
    """An answer of the Stripe stand-in."""

    def __init__(self, body: Any = None) -> None:
        self._body = body

    def raise_for_status(self) -> "_Fine":
        return self

    def json(self) -> Any:
        return self._body


def _heard(calls: list[Any], what: Any) -> _Fine:
    calls.append(what)
    return _Fine()


def test_the_database_ends_and_starts_again(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [True]
    did: list[str] = []

    def end(*_: Any) -> None:
        did.append("end")
        runs.clear()

    def start(*_: Any) -> None:
        did.append("start")
        runs.append(True)

    monkeypatch.setattr(processes, "stop", end)
    monkeypatch.setattr(processes, "running", lambda *_: runs or None)
    monkeypatch.setattr(processes, "start", start)
    monkeypatch.setattr(processes, "await_answer", lambda *_: None)
    monkeypatch.setattr(servers, "postgres", lambda _: None)
    sqs, inbox = ground.client("sqs"), ground.resource("reports", "Inbox")

    def hidden() -> str:
        found = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["VisibilityTimeout"])
        return str(found["Attributes"]["VisibilityTimeout"])

    before = hidden()
    broken, wound = inflicted(ground, "database")
    assert hidden() == faults.SOON
    broken.mend(ground, wound)
    broken.mend(ground, wound)
    assert did == ["end", "start"]
    assert hidden() == before


def test_a_seed_breaks_the_same_again(ground: Ground) -> None:
    for name in ("standstill", "poison", "denied"):
        plans = [fault(name).plan(ground, random.Random(7)) for _ in range(2)]
        assert plans[0] == plans[1]
    drawn = {fault("poison").plan(ground, random.Random(seed))["service"] for seed in range(40)}
    assert drawn == set(faults.COMMANDS)


# What is written down


def test_it_is_written_down_before_it_is_broken(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[notebook.Note | None] = []

    def strike(ground: Ground, wound: Wound) -> None:
        seen.append(notebook.read(ground.settings))
        raise KeyboardInterrupt

    broken = Fault("poison", (), lambda *_: {}, strike, lambda *_: None)
    with pytest.raises(KeyboardInterrupt):
        notebook.strike(ground, broken, {"service": "toys"})
    assert seen == [notebook.Note("poison", {"service": "toys"}, "cloud-1")]


def test_what_is_left_broken_is_mended_once(ground: Ground, functions: Lambda) -> None:
    inflicted(ground, "standstill")
    with Progress() as progress:
        assert notebook.mend_left_over(ground.settings, progress) == "standstill"
        assert all(functions.enabled.values())
        assert notebook.mend_left_over(ground.settings, progress) is None


def test_what_was_broken_on_another_cloud_is_forgotten(
    ground: Ground, functions: Lambda, monkeypatch: pytest.MonkeyPatch
) -> None:
    inflicted(ground, "standstill")
    monkeypatch.setattr(Ground, "instance", property(lambda _: "cloud-2"))
    with Progress() as progress:
        assert notebook.mend_left_over(ground.settings, progress) is None
    assert not any(functions.enabled.values())
    assert notebook.read(ground.settings) is None


def test_a_note_that_nobody_can_read_is_none(ground: Ground) -> None:
    notebook.path(ground.settings).write_text("{")
    assert notebook.read(ground.settings) is None


# What is told


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_has_its_story(name: str, settings: Settings) -> None:
    wound = {"service": "toys", "door": "Outbox", "mappings": "m-1", "role": "r", "right": "{}"}
    told = stories.answer(fault(name), wound | {"message": "M", "order": "O"}, settings)
    assert "{" not in told
    assert ("aws " in told) == (settings.aws_url in told)  # else it would be the reader's account
    assert len(stories.hints(fault(name))) == 3


def test_the_answer_names_the_alarm_of_the_door(settings: Settings) -> None:
    for door, alarm in (("Inbox", "InboxAgeAlarm"), ("Outbox", "OutboxLagAlarm")):
        wound = {"service": "toys", "door": door, "mappings": "m-1"}
        assert f"{alarm} of toys" in stories.answer(fault("standstill"), wound, settings)


def test_every_alarm_that_a_story_names_is_in_the_runbook() -> None:
    runbook = (ROOT / "docs" / "operations.md").read_text()
    for story in stories.STORIES.values():
        for word in story.alarm.replace(",", " ").replace(";", " ").split():
            if word.endswith("Alarm"):
                assert f"### {word}\n" in runbook, word


@pytest.mark.parametrize(
    ("guess", "right"),
    [
        ("the mapping is off", True),
        ("Toys!", True),
        ("the toys service", True),
        ("toys-service", True),
        ("the toys are sold out", False),
        ("all but toys and payments", False),
        ("payments", False),
        ("stripe?", False),
        ("the service", False),
    ],
)
def test_a_guess_is_right_by_its_service_or_its_kind(guess: str, right: bool) -> None:
    assert stories.hit(fault("standstill"), {"service": "toys"}, guess) is right


# The game


class Shopper:
    """Someone whose orders are delivered after so many looks."""

    def __init__(self, looks: int) -> None:
        self.looks = looks
        self.ordered: list[str] = []

    def request(self, *_: Any, **__: Any) -> "Shopper":
        return self

    def json(self) -> dict[str, Any]:
        return {"items": [{"toyId": "book", "fulfilment": "digital"}, {"toyId": "top"}]}

    def order(self, lines: list[Mapping[str, Any]], card: str) -> dict[str, str]:
        assert lines == [{"toyId": "top", "quantity": 1}]
        self.ordered.append(card)
        return {"orderId": f"o-{len(self.ordered)}"}

    def get_order(self, order_id: str) -> dict[str, str]:
        self.looks -= 1
        return {"status": "DELIVERED" if self.looks < 0 else "PLACED"}


@pytest.fixture
def customers(monkeypatch: pytest.MonkeyPatch) -> Customers:
    intents = {"payment_intents": []}  # type: ignore[var-annotated]
    monkeypatch.setattr(httpx, "get", lambda _: _Fine(intents))
    monkeypatch.setattr(letters, "queues", lambda *_: [])
    return Customers(Shopper(5), "http://stripe", patience=1, poll=0.001)  # type: ignore[arg-type]


def test_a_reader_gets_hints_until_they_find_it(
    ground: Ground, functions: Lambda, customers: Customers
) -> None:
    said = iter(["", "stripe", "", "is the mapping disabled?", ""])
    broken = fault("standstill")
    wound = broken.plan(ground, random.Random(1))
    state: list[bool] = []

    def ask(_: str) -> str:
        state.append(any(functions.enabled.values()))
        return next(said)

    with console.capture() as captured:
        ends = game.play(ground, broken, wound, customers, ask)
    told = captured.get()
    assert state == [False] * 5
    assert all(functions.enabled.values())
    first, second, third = stories.hints(broken)
    assert first in told.replace("\n", " ")
    assert second[:30] in told
    assert third[:30] not in told
    assert "That works as it should" in told
    assert "Found after" in told
    assert set(ends.values()) == {"DELIVERED"}
    assert len(ends) == game.AT_FIRST + 2
    assert notebook.read(ground.settings) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), LocalError("the shop is away")])
def test_it_is_mended_whatever_happens(
    ground: Ground, functions: Lambda, customers: Customers, error: BaseException
) -> None:
    def ask(_: str) -> str:
        raise error

    broken = fault("standstill")
    with console.capture(), pytest.raises(type(error)):
        game.play(ground, broken, broken.plan(ground, random.Random(1)), customers, ask)
    assert all(functions.enabled.values())
    assert notebook.read(ground.settings) is None


def test_orders_that_do_not_end_are_named(customers: Customers) -> None:
    never = Customers(Shopper(10**6), "http://stripe", 0.01, 0.001)  # type: ignore[arg-type]
    never.order("pm_card_visa")
    with Progress() as progress, pytest.raises(LocalError, match="o-1: PLACED"):
        never.await_end(progress)


def test_queues_that_do_not_get_empty_are_named(ground: Ground) -> None:
    sqs = ground.client("sqs")
    sqs.send_message(QueueUrl=ground.resource("", "InboxDeadLetters"), MessageBody="{}")
    with Progress() as progress:
        orders.await_quiet(ground, progress, 0.01, 0.001)
        sqs.send_message(QueueUrl=ground.resource("", "Inbox"), MessageBody="{}")
        with pytest.raises(LocalError, match="tbs-app-Inbox: 1"):
            orders.await_quiet(ground, progress, 0.01, 0.001)
    assert ground.waiting(letters=True) == {"tbs-app-InboxDeadLetters": 1}


def test_shoppers_confirm_what_their_bank_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    customers = Customers(Shopper(0), "http://stripe")  # type: ignore[arg-type]
    customers.order("pm_card_authenticationRequired")
    intents = [
        {"id": "pi_1", "status": "requires_action", "metadata": {"orderId": "o-1"}},
        {"id": "pi_2", "status": "requires_action", "metadata": {"orderId": "another's"}},
        {"id": "pi_3", "status": "succeeded", "metadata": {"orderId": "o-1"}},
    ]
    sent: list[str] = []
    monkeypatch.setattr(httpx, "get", lambda _: _Fine({"payment_intents": intents}))
    monkeypatch.setattr(httpx, "post", lambda url, json: _heard(sent, url))
    customers.confirm()
    assert sent == ["http://stripe/test/payment_intents/pi_1/authenticate"]


def test_a_fault_that_is_not_there_is_told_before_anything_starts(settings: Settings) -> None:
    with pytest.raises(LocalError, match="there are standstill, stripe"):
        game.main(settings, None, "earthquake", answers=True)


def test_every_service_that_is_struck_is_there() -> None:
    names = {Service(ROOT / folder).name for folder in FOLDERS}
    assert {*faults.ON_THE_WAY, *faults.COMMANDS} <= names


def test_a_terminal_that_is_closed_presses_enter(
    ground: Ground, functions: Lambda, customers: Customers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", closed)
    broken = fault("standstill")
    with console.capture() as captured:
        game.play(ground, broken, broken.plan(ground, random.Random(1)), customers, game.asked)
    assert "Told after" in captured.get()
    assert all(functions.enabled.values())


@pytest.mark.parametrize(
    ("name", "again"), [("", "SEED=7 plays"), ("poison", "SEED=7 FAULT=poison plays")]
)
def test_it_says_how_it_is_played_again(
    ground: Ground,
    customers: Customers,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    again: str,
) -> None:
    monkeypatch.setattr(game, "_ready", lambda *_: ground)
    monkeypatch.setattr(game, "Customers", lambda *_: customers)
    monkeypatch.setattr("local.gameday.game.Shopper.sign_up", lambda _: None)
    monkeypatch.setattr(game, "play", lambda *_: {})
    with console.capture() as captured:
        assert game.main(ground.settings, 7, name, answers=True) == 0
    assert again in captured.get()


def test_what_a_game_left_goes_with_the_cloud(settings: Settings) -> None:
    settings.home.mkdir()
    notebook.write(settings, notebook.Note("stripe", {}, None))
    (settings.home / "flow.jsonl.gz").touch()
    (settings.home / "dashboards").mkdir()
    (settings.home / "mine.txt").touch()
    command._clean(settings)
    assert [path.name for path in settings.home.iterdir()] == ["mine.txt"]
