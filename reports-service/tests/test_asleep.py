"""A database that wakes late, or never: the batch is written, or comes again."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from reports import api, inbox

Sample = Callable[[str], dict[str, Any]]


@contextmanager
def sleeping(wakes_after: float | None, port: int) -> Iterator[int]:
    """A port that takes connections at once, and leads to the server after so many seconds.

    None: never. It is as Aurora's own is while it resumes.
    """
    ended = threading.Event()
    opened: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                opened.append(client)
                if wakes_after is None or ended.wait(wakes_after):
                    continue
                server = socket.create_connection(("127.0.0.1", port))
                opened.append(server)
                for ends in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=ends, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            ended.set()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for one in opened:
                one.close()


def test_a_batch_waits_for_a_database_that_wakes(
    server: Any, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sleeping(1.0, int(server.port)) as port:
        monkeypatch.setattr(inbox, "database", replace(inbox.database, port=port))
        began = time.monotonic()
        assert inbox.handler(sample("inbox-OrderPlaced"), context) == {"batchItemFailures": []}
    assert time.monotonic() - began >= 1
    assert len(server.rows("select * from orders")) == 1


def test_a_batch_comes_again_from_a_database_that_does_not_wake(
    server: Any, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = sample("inbox-OrderPlaced")
    with sleeping(None, int(server.port)) as port:
        # The least that libpq waits.
        given = replace(inbox.database, port=port, connect_seconds=2)
        with monkeypatch.context() as asleep:
            asleep.setattr(inbox, "database", given)
            began = time.monotonic()
            answer: Any = inbox.handler(event, context)
            assert 1 < time.monotonic() - began < 10
    assert answer["batchItemFailures"] == [{"itemIdentifier": event["Records"][0]["messageId"]}]
    assert inbox.handler(event, context) == {"batchItemFailures": []}
    assert len(server.rows("select * from orders")) == 1


def test_who_asks_a_database_that_does_not_wake_is_told_so(
    server: Any, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sleeping(None, int(server.port)) as port:
        given = replace(api.database, port=port, connect_seconds=2)
        monkeypatch.setattr(api, "database", given)
        answer = api.handler({"httpMethod": "GET", "path": "/sales", "headers": {}}, context)
    assert answer["statusCode"] == 503
    assert "waking" in json.loads(answer["body"])["error"]["message"]


def test_it_is_waited_for_as_long_as_waking_takes_and_no_longer_than_the_function_has() -> None:
    assert 30 <= inbox.database.connect_seconds < 60 - inbox.database.statement_seconds
    assert api.database.connect_seconds + 10 < api.ANSWER_SECONDS < 29
