"""What becomes of a message that fails: a dead letter at once, or another try, later each time."""

import os
import random
from typing import Any

import boto3
from aws_lambda_powertools import Logger, single_metric
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from botocore.exceptions import BotoCoreError, ClientError

FIRST_WAIT = 2
"""Seconds until the second try, at most. Each wait is four times as long as the one before."""

LONGEST_WAIT = 900
"""Seconds that no wait is longer than."""

MAX_REASON = 1000
"""Characters of a reason that go with a dead letter."""

SPARE = 3500
"""Milliseconds before its end in which a function begins no other message.

A call that the table leaves unanswered takes up to three seconds: two tries of a second, and a
pause between. A function that is ended in it could put nothing off.
"""


class Poison(Exception):
    """The message can never be handled, however often it comes. Says why."""


class OutOfTime(Exception):
    """The function has too little time left to begin the message."""


class QueueProcessor(BatchProcessor):
    """Takes a batch off a queue, each message for itself.

    Poison becomes a dead letter at once, with its reason as a message attribute. What failed
    otherwise may succeed later: it comes again, after a longer wait each time, until the queue has
    given it out maxReceiveCount times. So does what there is no time left for, untouched.

    Where the queue itself does not answer, the message is reported as failed, poison too, and
    comes again after the queue's own VisibilityTimeout. The others of its batch never notice.
    """

    def __init__(self, queue_url: str, dead_letters_url: str, logger: Logger) -> None:
        super().__init__(
            EventType.SQS,
            raise_on_entire_batch_failure=False,
            logger=logger,  # type: ignore[arg-type]
        )
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._logger = logger
        self._sqs = boto3.client("sqs")

    def _process_record(self, record: dict[str, Any]) -> Any:
        """Handle a message, if there is time for it."""
        left = self.lambda_context.get_remaining_time_in_millis()
        if left >= SPARE:
            return super()._process_record(record)
        message = SQSRecord(record)
        self._logger.warning("out of time", left=left, sqs_message_id=message.message_id)
        late = OutOfTime(f"{left} ms are left")
        return self.failure_handler(message, (OutOfTime, late, None))

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Bury poison, which is thereby done with; put off what failed, and report it."""
        try:
            match exception[1]:
                case Poison() as poison:
                    self._bury(record, poison)
                    return self.success_handler(record, None)
            self._put_off(record)
        except (BotoCoreError, ClientError):
            self._logger.exception("the queue did not answer", sqs_message_id=record.message_id)
        return super().failure_handler(record, exception)

    def _bury(self, record: SQSRecord, poison: Poison) -> None:
        reason = printable(str(poison))[:MAX_REASON] or type(poison).__name__
        self._logger.error("refused", reason=reason, sqs_message_id=record.message_id)
        self._sqs.send_message(
            QueueUrl=self._dead_letters_url,
            MessageBody=record.body,
            MessageAttributes=_texts(record)
            | {"reason": {"DataType": "String", "StringValue": reason}},
        )
        with single_metric(
            "PoisonMessages", MetricUnit.Count, 1, namespace="TheBetterStore"
        ) as metric:
            metric.add_dimension("service", os.environ["POWERTOOLS_SERVICE_NAME"])

    def _put_off(self, record: SQSRecord) -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=wait(int(record.attributes.approximate_receive_count or 1)),
        )


def _texts(record: SQSRecord) -> dict[str, Any]:
    """The message's attributes, as it has them: sent back from the dead, it is what it was."""
    return {
        name: {"DataType": given["dataType"], "StringValue": given["stringValue"]}
        for name, given in record.raw_event.get("messageAttributes", {}).items()
        if given.get("stringValue") is not None
    }


def printable(text: str) -> str:
    """The text as one line, without what SQS refuses in an attribute: a reason may quote that."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def wait(tries: int) -> int:
    """Whole seconds until the next try, after so many: at least half of the longest there may be.

    It is drawn at random, so that messages that failed together do not come back together.
    """
    longest = min(FIRST_WAIT * 4 ** (tries - 1), LONGEST_WAIT)
    return random.randint(max(1, longest // 2), longest)
