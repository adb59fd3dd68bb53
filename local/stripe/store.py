"""The books in one SQLite file, so that they outlive the process."""

import sqlite3
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from local.stripe.records import (
    Books,
    Charge,
    Endpoint,
    Event,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SavedAnswer,
)

_SHAPES: dict[str, TypeAdapter[Any]] = {
    "payment_method": TypeAdapter(PaymentMethod),
    "payment_intent": TypeAdapter(PaymentIntent),
    "charge": TypeAdapter(Charge),
    "refund": TypeAdapter(Refund),
    "event": TypeAdapter(Event),
    "answer": TypeAdapter(SavedAnswer),
    "endpoint": TypeAdapter(Endpoint),
}


class Store:
    """Keeps books in a file: one row per record, one transaction per request.

    Args:
        path: the file, made if absent; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        # The server makes and uses it in turn, never two threads at once.
        self._connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS record"
            " (number INTEGER PRIMARY KEY, kind TEXT, id TEXT, json TEXT, UNIQUE (kind, id))"
        )
        self._kept = path is not None

    def load(self) -> Books:
        """All that was saved, each table in the order its records were first put."""
        books = Books()
        tables = {table.name: table for table in books.tables()}
        rows = self._connection.execute("SELECT kind, id, json FROM record ORDER BY number")
        for kind, row_id, json in rows:
            tables[kind].rows[row_id] = _SHAPES[kind].validate_json(json)
        return books

    def save(self, books: Books) -> None:
        """Write what changed since the last call, all of it or nothing."""
        with self._connection:
            for table in books.tables():
                for row_id in table.changed if self._kept else ():
                    self._write(table.name, row_id, table.get(row_id))
        for table in books.tables():
            table.changed.clear()

    def close(self) -> None:
        self._connection.close()

    def _write(self, kind: str, row_id: str, record: Any) -> None:
        if record is None:
            self._connection.execute("DELETE FROM record WHERE kind = ? AND id = ?", (kind, row_id))
            return
        json = _SHAPES[kind].dump_json(record).decode()
        self._connection.execute(
            "INSERT INTO record (kind, id, json) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
            (kind, row_id, json),
        )
