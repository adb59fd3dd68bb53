"""The command, and what is kept over a restart."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from local.stripe.__main__ import main
from local.stripe.records import Endpoint
from local.stripe.tests.support import PATIENCE, SECRET, Receiver, serving, until
from local.stripe.tests.test_idempotency import INTENTS, PAYMENT
from local.stripe.tests.test_payment_intents import pay


@contextmanager
def command(*arguments: str) -> Iterator[str]:
    """Run `python -m local.stripe`, give the address it says, and kill it in the end."""
    line = [sys.executable, "-m", "local.stripe", "--port", "0", *arguments]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[-1]
        finally:
            process.kill()
            process.wait(PATIENCE)


def test_the_command_serves_and_a_killed_server_forgets_nothing(
    tmp_path: Path, receiver: Receiver
) -> None:
    state = ("--state", str(tmp_path / "stripe.db"))
    webhook = ("--webhook-url", receiver.url, "--webhook-secret", SECRET)
    headers = {"Authorization": "Bearer sk_test_123", "Idempotency-Key": "key-1"}
    with command(*state, *webhook) as url:
        assert url.startswith("http://127.0.0.1:")
        first = httpx.post(url + INTENTS, data=PAYMENT, headers=headers)
        assert first.json()["status"] == "succeeded"
        assert "payment_intent.succeeded" in {each.type for each in receiver.wait_for(3)}
    with command(*state) as url:
        again = httpx.post(url + INTENTS, data=PAYMENT, headers=headers)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.content == first.content
        assert len(httpx.get(f"{url}/test/state").json()["charges"]) == 1


def test_all_kinds_of_records_come_back(tmp_path: Path) -> None:
    state = tmp_path / "stripe.db"
    with serving(state) as server:
        paid = pay(server, "pm_card_visa", metadata={"orderId": "o-1"})
        server.sdk.v1.refunds.create({"payment_intent": paid.id, "amount": 100})
        server.post(INTENTS, PAYMENT | {"payment_method": "pm_card_visa_chargeDeclined"})
        waiting = pay(server, "pm_card_threeDSecure2Required")
        before = server.state()
    with serving(state) as server:
        after = server.state()
        assert {name: len(rows) for name, rows in after.items()} == {
            "payment_intents": 3,
            "charges": 2,
            "refunds": 1,
            "events": 10,
        }
        # Only the address of 3-D Secure differs: it names the server's own port.
        for rows in (*before.values(), *after.values()):
            for row in rows:
                row.pop("next_action", None)
        assert after == before
        assert server.authenticate(waiting.id, "succeed")["status"] == "succeeded"
        server.http.post("/test/reset").raise_for_status()
    with serving(state) as server:
        assert server.state()["payment_intents"] == []


def test_events_not_taken_are_sent_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    state = tmp_path / "stripe.db"
    endpoints = (Endpoint(url=receiver.url, secret=SECRET),)
    receiver.statuses = [500] * 1000
    with serving(state, endpoints) as server:
        server.sdk.v1.payment_intents.create({"amount": 2500, "currency": "eur"})
        receiver.wait_for(2)
    receiver.statuses.clear()
    with serving(state) as server:
        until(lambda: server.sdk.v1.events.list({"delivery_success": True}).data)
    assert len({event.id for event in receiver.events()}) == 1


def test_the_command_refuses_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["--port", str(taken.getsockname()[1])]) == 1
    assert "choose another with --port" in capsys.readouterr().err


def test_the_command_refuses_a_file_that_is_not_its_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("Dear Ann,\n" * 1000)
    assert main(["--port", "0", "--state", str(other)]) == 1
    assert "name another with --state" in capsys.readouterr().err
    assert other.read_text().startswith("Dear Ann")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--webhook-url", "http://127.0.0.1:1/"),
        ("--webhook-url", "http://127.0.0.1:1/", "--webhook-secret", "plain"),
    ],
)
def test_the_command_refuses_a_webhook_without_its_secret(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--port", "0", *arguments])
    assert caught.value.code == 2
    assert "--webhook-secret" in capsys.readouterr().err
