"""`make smoke`: a test order is placed, followed to its end, and leaves no shopper behind."""

import contextlib
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import httpx
import pytest
from moto import mock_aws

from local import __main__ as command
from local import guest, smoke, stops
from local.account import Account
from local.errors import LocalError
from local.progress import Progress
from local.services import select
from local.settings import Settings
from local.smoke import Late, Run

ORDER = "7H3KZ9V1QZ8N4M2C5X6B7D8E9F"


class Shop:
    """public-api, as far as it is asked. The order's states come one by one, the last stays."""

    def __init__(self, *states: Mapping[str, Any]) -> None:
        self.states = list(states)
        self.toys = [
            {"toyId": "book", "name": "A book to load", "fulfilment": "digital"},
            {"toyId": "top", "name": "Top", "fulfilment": "parcel"},
        ]
        self.key: str | None = None
        self.cancelled: Mapping[str, Any] | None = None
        self.asked: list[str] = []
        self.keys: list[str] = []
        self.ordered: list[Any] = []
        self.lost = 0
        """How many answers to an order are lost."""
        self.refusals: list[int | BaseException] = []
        """What wishes to cancel come to, one by one, before they are taken."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api")
        self.asked.append(f"{request.method} {path}")
        match request.method, path:
            case "GET", "/shop":
                return httpx.Response(200, json={"stripePublishableKey": self.key})
            case "GET", "/toys":
                assert request.url.params["availability"] == "IN_STOCK"
                return httpx.Response(200, json={"items": self.toys})
            case "POST", "/orders":
                self.keys.append(request.headers["Idempotency-Key"])
                self.ordered.append(json.loads(request.content))
                if self.lost:
                    self.lost -= 1
                    raise httpx.ReadTimeout("lost")
                return httpx.Response(202, json=self.order("SUBMITTED"))
            case "POST", _:
                if self.refusals:
                    refusal = self.refusals.pop(0)
                    if isinstance(refusal, BaseException):
                        raise refusal
                    return httpx.Response(refusal)
                if self.cancelled is None:
                    return httpx.Response(409, json={"error": {"code": "TOO_LATE"}})
                return httpx.Response(202, json=self.cancelled)
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        if "fails" in state:
            return httpx.Response(state["fails"])
        return httpx.Response(200, json=state)

    @staticmethod
    def order(status: str, **more: Any) -> dict[str, Any]:
        history = [{"status": status}]
        return {"orderId": ORDER, "status": status, "history": history} | more

    def client(self) -> httpx.Client:
        transport = httpx.MockTransport(self.answer)
        return httpx.Client(base_url="https://shop.example/api", transport=transport)

    def run(self, patience: float = 1) -> Run:
        return Run(self.client(), Progress(), patience, poll=0.001)


order = Shop.order
WISH = f"POST /orders/{ORDER}/cancellation"
ASKED = order("CONFIRMED", cancellation={"outcome": "REQUESTED"})
BACK = order("CANCELLED", cancellation={"outcome": "CANCELLED"}, refund={"status": "REFUNDED"})


def test_an_order_is_paid_cancelled_and_paid_back() -> None:
    pending = BACK | {"refund": {"status": "PENDING"}}
    shop = Shop(
        order("PLACED"), {"fails": 502}, {"fails": 429}, order("CONFIRMED"), ASKED, pending, BACK
    )
    shop.cancelled = ASKED
    assert shop.run().play() == f"{ORDER} was paid, cancelled and paid back."
    (body,) = shop.ordered
    assert body["lines"] == [{"toyId": "top", "quantity": 1}]
    assert body["paymentMethodId"] == "pm_card_visa"
    assert shop.asked.count(WISH) == 1


def test_an_answer_that_is_lost_makes_no_second_order() -> None:
    shop = Shop(order("CONFIRMED"), BACK)
    shop.lost, shop.cancelled = 1, ASKED
    shop.run().play()
    first, second = shop.keys
    assert first == second


@pytest.mark.parametrize("refused", [True, False])
def test_a_parcel_that_has_left_is_told_and_no_failure(refused: bool) -> None:
    left = order("DISPATCHED", cancellation={"outcome": "TOO_LATE"})
    shop = Shop(order("CONFIRMED"), left, order("DELIVERED"))
    shop.cancelled = None if refused else ASKED
    assert "has left" in shop.run().play()


def test_a_declined_card_is_a_failure_with_test_keys() -> None:
    shop = Shop(order("CANCELLED", reason="PAYMENT_DECLINED"))
    shop.key = "pk_test_1"
    with pytest.raises(LocalError, match=r"Live keys of Stripe refuse pm_card_visa"):
        shop.run().play()


def test_a_declined_card_is_a_good_end_with_live_keys() -> None:
    shop = Shop(order("CANCELLED", reason="PAYMENT_DECLINED"))
    shop.key = "pk_live_1"
    assert "as it should be" in shop.run().play()


def test_an_order_that_is_cancelled_for_another_reason_is_a_failure() -> None:
    shop = Shop(order("CANCELLED", reason="OUT_OF_STOCK"))
    shop.key = "pk_live_1"
    with pytest.raises(LocalError, match="OUT_OF_STOCK"):
        shop.run().play()


def test_a_shop_without_toys_is_told() -> None:
    shop = Shop(order("PLACED"))
    shop.toys = shop.toys[:1]
    with pytest.raises(LocalError, match="make seed"):
        shop.run().play()


@pytest.mark.parametrize(
    ("states", "what"),
    [
        ([order("PLACED")], "not paid"),
        ([order("CONFIRMED"), ASKED], "not cancelled"),
        ([order("CONFIRMED"), BACK | {"refund": {"status": "PENDING"}}], "not paid back"),
    ],
)
def test_what_takes_too_long_is_told_with_the_order(
    states: list[dict[str, Any]], what: str
) -> None:
    shop = Shop(*states)
    shop.cancelled = ASKED
    with pytest.raises(Late, match=what) as late:
        shop.run(patience=0.02).play()
    assert late.value.order == states[-1]


# An order that is left behind is a parcel that somebody packs


@pytest.mark.parametrize(
    ("states", "refusals", "wishes"),
    [
        ([order("PLACED")], [], 1),  # it takes too long
        ([{"fails": 403}], [], 1),  # the shop refuses to show it
        ([order("CONFIRMED")], [502], 2),  # the first wish is lost
        ([order("CONFIRMED")], [httpx.ReadTimeout("lost")], 2),
        ([order("CONFIRMED")], [KeyboardInterrupt()], 2),
    ],
)
def test_whatever_goes_wrong_the_order_is_cancelled(
    states: list[dict[str, Any]],
    refusals: list[int | BaseException],
    wishes: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shop = Shop(*states)
    shop.cancelled, shop.refusals = ASKED, refusals
    run = shop.run(patience=0.02)
    with pytest.raises((Late, LocalError, httpx.ReadTimeout, KeyboardInterrupt)), run.undone():
        run.play()
    assert shop.asked.count(WISH) == wishes
    assert f"{ORDER} is asked to be cancelled" in capsys.readouterr().out


@pytest.mark.parametrize("refusal", [409, 500, httpx.ConnectError("away")])
def test_an_order_that_cannot_be_cancelled_is_named(
    refusal: int | BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(order("PLACED"))
    shop.refusals = [refusal]
    run = shop.run(patience=0.02)
    with pytest.raises(Late), run.undone():
        run.play()
    assert f"{ORDER} is NOT cancelled" in capsys.readouterr().out


@pytest.mark.parametrize(
    "states",
    [
        [order("CANCELLED", reason="OUT_OF_STOCK")],
        [order("CONFIRMED"), BACK | {"refund": {"status": "PENDING"}}],
    ],
)
def test_an_order_that_is_cancelled_already_is_let_be(states: list[dict[str, Any]]) -> None:
    shop = Shop(*states)
    shop.cancelled = ASKED
    run = shop.run(patience=0.02)
    with pytest.raises((Late, LocalError)), run.undone():
        run.play()
    assert shop.asked.count(WISH) == len(states) - 1


def test_without_an_order_there_is_nothing_to_cancel() -> None:
    shop = Shop(order("PLACED"))
    shop.toys = []
    run = shop.run()
    with pytest.raises(LocalError, match="make seed"), run.undone():
        run.play()
    assert WISH not in shop.asked


def test_it_is_looked_at_where_it_stands_before_it_is_cancelled(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(order("PLACED"))
    shop.cancelled = ASKED
    client = shop.client()
    wished: list[bool] = []

    def find(_: Account, late: Mapping[str, Any]) -> stops.Stop:
        wished.append(WISH in shop.asked)
        return stops.Stop(ORDER, "PLACED", late["status"], "toys", "it is asked for the stock")

    monkeypatch.setattr(Account, "outputs", lambda *_: {})
    monkeypatch.setattr(httpx, "Client", lambda **_: client)
    monkeypatch.setattr(
        guest, "invited", lambda *_: contextlib.nullcontext(guest.Guest("ann@example.com", "token"))
    )
    monkeypatch.setattr(stops, "find", find)
    with pytest.raises(LocalError, match="Look at toys"):
        smoke.show(settings, "local", patience=0.02)
    assert wished == [False]
    assert shop.asked.count(WISH) == 1


@pytest.mark.parametrize(
    ("status", "shown", "refund", "service"),
    [
        ("SUBMITTED", "SUBMITTED", None, "orders"),
        ("PLACED", "PLACED", None, "toys"),
        ("RESERVED", "PLACED", None, "payments"),
        ("RESERVED", "RESERVED", None, "payments"),
        ("CONFIRMED", "CONFIRMED", None, "fulfilment"),
        ("CANCELLING", "CANCELLING", None, "fulfilment"),
        ("CANCELLED", "CANCELLED", "PENDING", "payments"),
        ("CONFIRMED", "SUBMITTED", None, "public-api"),
        ("PLACED", "SUBMITTED", None, "public-api"),
        ("CANCELLED", "CANCELLING", None, "public-api"),
        ("CONFIRMED", "PLACED", None, "public-api"),  # it was told of that, or orders did not tell
        ("DISPATCHED", "PLACED", None, "public-api"),
    ],
)
def test_whose_turn_it_is(status: str, shown: str, refund: str | None, service: str) -> None:
    assert stops.whose(status, shown, refund)[0] == service


# The shopper, in an account of AWS


@pytest.fixture
def account(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with a user pool, and the dev stacks' environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield Account(settings, "default")


@pytest.fixture
def pool(account: Account) -> dict[str, str]:
    cognito = account.client("cognito-idp", None)
    pool = cognito.create_user_pool(PoolName="shop", UsernameAttributes=["email"])
    pool_id = pool["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool_id,
        ClientName="storefront",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
    )
    return {"UserPoolId": pool_id, "UserPoolClientId": client["UserPoolClient"]["ClientId"]}


def users(pool: Mapping[str, str]) -> list[Any]:
    found: list[Any] = boto3.client("cognito-idp").list_users(UserPoolId=pool["UserPoolId"])[
        "Users"
    ]
    return found


def fail() -> None:
    raise LocalError("it went wrong")


@pytest.mark.parametrize("then", [lambda: None, fail])
def test_a_shopper_is_made_and_removed(
    account: Account, pool: dict[str, str], then: Callable[[], None]
) -> None:
    (shop,) = select(["public-api"])
    with (
        contextlib.suppress(LocalError),
        guest.invited(account, shop, pool, Progress()) as someone,
    ):
        assert someone.token
        assert someone.email.endswith("@simulator.amazonses.com")
        assert len(users(pool)) == 1
        then()
    assert users(pool) == []


def test_a_shopper_who_cannot_log_in_is_removed_too(account: Account, pool: dict[str, str]) -> None:
    (shop,) = select(["public-api"])
    wrong = pool | {"UserPoolClientId": "another"}
    with (
        pytest.raises(LocalError, match="AWS refused"),
        guest.invited(account, shop, wrong, Progress()),
    ):
        pytest.fail("logged in")
    assert users(pool) == []


def test_a_stack_without_a_pool_is_told(account: Account) -> None:
    (shop,) = select(["public-api"])
    with (
        pytest.raises(LocalError, match="no UserPoolId"),
        guest.invited(account, shop, {}, Progress()),
    ):
        pytest.fail("logged in")


def test_no_mail_goes_to_an_address_of_somebodys() -> None:
    assert guest.address(is_local=True).endswith("@example.com")
    assert guest.address(is_local=False).startswith("success+")


# Where an order stands, seen from outside


def test_a_stop_names_what_is_wrong_at_the_service(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    template = {
        "Resources": {
            "Inbox": {"Type": "AWS::SQS::Queue"},
            "InboxDeadLetters": {"Type": "AWS::SQS::Queue"},
        }
    }
    (toys,) = select(["toys"])
    stack, region = account.placed(toys)
    account.client("cloudformation", region).create_stack(
        StackName=stack, TemplateBody=json.dumps(template)
    )
    sqs = account.client("sqs", region)
    url = next(url for url in sqs.list_queues()["QueueUrls"] if "DeadLetters" not in url)
    sqs.send_message(QueueUrl=url, MessageBody="{}")
    monkeypatch.setattr(stops, "_status", lambda *_: "PLACED")
    stop = stops.find(account, order("PLACED"))
    assert (stop.service, stop.facts) == (
        "toys",
        ("Inbox: 1 wait, 0 are being handled or put off",),
    )
    told = stop.told("prod")
    assert "make dlq SERVICE=toys ENV=prod" in told
    assert ORDER in told


def test_where_an_answer_is_late_both_ends_are_looked_at(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "_status", lambda *_: "CONFIRMED")
    monkeypatch.setattr(stops, "_facts", lambda _, service: (f"a fact of {service.name}",))
    stop = stops.find(account, order("PLACED"))
    assert stop.service == "public-api"
    assert stop.facts == ("a fact of public-api", "orders: a fact of orders")


def test_a_mapping_that_is_off_is_named() -> None:
    class Lambda:
        def get_event_source_mapping(self, *, UUID: str) -> dict[str, str]:  # noqa: N803
            return {"State": "Disabled" if UUID == "1" else "Enabled"}

    resources = {
        f"Mapping{number}": {
            "ResourceType": "AWS::Lambda::EventSourceMapping",
            "PhysicalResourceId": str(number),
        }
        for number in (1, 2)
    }
    (told,) = stops._readers(Lambda(), resources)
    assert told.startswith("Mapping1: nothing is read")


def test_a_service_that_cannot_be_looked_at_hides_nothing(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "_status", lambda *_: None)
    stop = stops.find(account, order("PLACED"))
    assert stop.service == "toys"
    assert "could not be looked at" in stop.facts[0]


# What the command says when nobody answers


@pytest.mark.parametrize(
    ("environment", "said"),
    [(["--env", "prod"], "prod does not answer"), ([], "The local cloud does not answer")],
)
def test_a_network_error_names_the_environment(
    environment: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def away(*_: Any) -> str:
        raise httpx.ConnectError("no route to host")

    monkeypatch.setattr(smoke, "show", away)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert command.main(["smoke", *environment]) == 1
    told = capsys.readouterr().err
    assert said in told
    assert "no route to host" in told
