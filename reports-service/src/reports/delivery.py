"""What becomes of a message that fails: a dead letter at once, or another try, later each time."""

import os
import random
import time
from collections.abc import Mapping, Sequence
from itertools import batched

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

FIRST_WAIT = 2
"""Seconds until the second try, at most. Each wait is four times as long as the one before."""

LONGEST_WAIT = 900
"""Seconds that no wait is longer than."""

MAX_REASON = 1000
"""Characters of a reason that go with a dead letter."""

ENTRIES_PER_CALL = 10
"""The most messages that SQS puts off at once."""

PATIENCE = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})
"""How long SQS is waited for. From a network with no way to it, it would be for minutes."""


class Poison(Exception):
    """The message can never be handled, however often it comes. Says why."""


class Queue:
    """Where batches come from, and where what can never be handled goes.

    Poison becomes a dead letter at once, with its reason as a message attribute. What failed
    otherwise may succeed later: it comes again, after a longer wait each time, until the queue has
    given it out maxReceiveCount times.

    Both addresses are "" where the network leads to no queue. Poison is then reported as failed
    like the rest, and all of it comes again after the queue's own VisibilityTimeout.
    """

    def __init__(self, queue_url: str, dead_letters_url: str, logger: Logger) -> None:
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._logger = logger
        self._sqs = boto3.client("sqs", config=PATIENCE)

    def settle(
        self, records: Sequence[SQSRecord], poison: Mapping[str, Poison], failed: set[str]
    ) -> PartialItemFailureResponse:
        """Bury the poison of a batch, put off what failed, and say what is to come again.

        `poison` and `failed` are of message ids. Poison that could not be buried comes again, too.
        """
        again = failed | poison.keys()
        if self._queue_url and again:
            try:
                for record in records:
                    if record.message_id in poison and self._buried(
                        record, poison[record.message_id]
                    ):
                        again.remove(record.message_id)
                left = [record for record in records if record.message_id in again]
                for some in batched(left, ENTRIES_PER_CALL):
                    self._put_off(some)
            except BotoCoreError:  # nor would the others get through
                self._logger.exception("the queues were not reached")
        failing = [record for record in records if record.message_id in again]
        _count_age(failing)
        ids = [record.message_id for record in failing]
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in ids]}

    def _buried(self, record: SQSRecord, poison: Poison) -> bool:
        """Put a message among the dead letters. False: the queue does not take it."""
        reason = printable(str(poison))[:MAX_REASON] or type(poison).__name__
        try:
            self._sqs.send_message(
                QueueUrl=self._dead_letters_url,
                MessageBody=record.body,
                MessageAttributes={"reason": {"DataType": "String", "StringValue": reason}},
            )
        except ClientError:
            self._logger.exception("not buried", sqs_message_id=record.message_id)
            return False
        _count("PoisonMessages", MetricUnit.Count, 1)
        return True

    def _put_off(self, records: Sequence[SQSRecord]) -> None:
        """Have up to ten messages wait before they come again, each for itself."""
        try:
            answer = self._sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(number),
                        "ReceiptHandle": record.receipt_handle,
                        "VisibilityTimeout": wait(
                            int(record.attributes.approximate_receive_count or 1)
                        ),
                    }
                    for number, record in enumerate(records)
                ],
            )
        except ClientError:
            self._logger.exception("none was put off", count=len(records))
            return
        for failure in answer.get("Failed", []):
            self._logger.error(
                "not put off",
                reason=failure["Code"],
                sqs_message_id=records[int(failure["Id"])].message_id,
            )


def _count_age(failing: Sequence[SQSRecord]) -> None:
    """Tell how long messages have failed: SQS does not, of what was given out three times."""
    sent = [int(record.attributes.get("SentTimestamp") or 0) / 1000 for record in failing]
    if sent:
        _count("FailingMessageAge", MetricUnit.Seconds, max(0.0, time.time() - min(sent)))


def _count(name: str, unit: MetricUnit, value: float) -> None:
    """Count something, as this service in this stack."""
    with single_metric(name, unit, value, namespace="TheBetterStore") as metric:
        metric.add_dimension("service", os.environ["POWERTOOLS_SERVICE_NAME"])
        metric.add_dimension("stack", os.environ["STACK_NAME"])


def wait(tries: int) -> int:
    """Whole seconds until the next try, after so many: at least half of the longest there may be.

    It is drawn at random, so that messages that failed together do not come back together.
    """
    longest = min(FIRST_WAIT * 4 ** (tries - 1), LONGEST_WAIT)
    return random.randint(max(1, longest // 2), longest)


def printable(text: str) -> str:
    """The text as one line, without what SQS refuses in an attribute: a reason may quote that."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
