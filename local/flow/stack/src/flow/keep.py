"""Keeps each message of the bus in the table, in the order in which it keeps them.

An item: `hour` (2026-11-21T20) and `place` (milliseconds since 1970 and the queue's id of the
message) tell when it was kept, `sent` (milliseconds) when it came to the bus; `event` is
EventBridge's envelope with the message in it, as JSON; `expiresAt` is in seconds.

Who reads on from a place misses nothing, however late a message is kept. One that comes again from
the queue is kept again, with the same event and so the same id in it: readers take it once.
"""

import json
import os
import time
from datetime import UTC, datetime
from typing import Any

import boto3

dynamodb = boto3.client("dynamodb")

TABLE = os.environ["TABLE_NAME"]
KEPT_SECONDS = int(os.environ["KEEP_DAYS"]) * 86_400


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Keep a batch of messages. Those that the table did not take come again."""
    now = time.time_ns() // 1_000_000
    items = {record["messageId"]: item(record, now) for record in event["Records"]}
    requests: Any = [{"PutRequest": {"Item": one}} for one in items.values()]
    answer = dynamodb.batch_write_item(RequestItems={TABLE: requests})
    left = answer.get("UnprocessedItems", {}).get(TABLE, [])
    places = {one["PutRequest"]["Item"]["place"]["S"] for one in left}
    failed = [key for key, one in items.items() if one["place"]["S"] in places]
    if failed:
        print(json.dumps({"level": "WARNING", "message": f"{len(failed)} messages come again"}))
    return {"batchItemFailures": [{"itemIdentifier": key} for key in failed]}


def item(record: dict[str, Any], now: int) -> dict[str, Any]:
    """A message of the queue, as the table has it. `now` is in milliseconds since 1970."""
    return {
        "hour": {"S": datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H")},
        "place": {"S": f"{now:013}#{record['messageId']}"},
        "sent": {"N": record["attributes"]["SentTimestamp"]},
        "event": {"S": record["body"]},
        "expiresAt": {"N": str(now // 1000 + KEPT_SECONDS)},
    }
