"""What becomes of a message that fails: a dead letter at once, or another try, later each time."""

import os
import random
import time
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

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


class Letter(NamedTuple):
    """A message that becomes a dead letter: its id and body in the queue, and why it does.

    It is poison, or it failed as often as the queue gives it out.
    """

    message_id: str
    body: str
    code: Literal["POISON_MESSAGE", "MESSAGE_FAILED"]
    reason: str


class QueueProcessor(BatchProcessor):
    """Takes a batch off a queue, each message for itself.

    Poison becomes a dead letter at once, with its reason as a message attribute. What failed
    otherwise may succeed later: it comes again, after a longer wait each time, until the queue has
    given it out maxReceiveCount times. So does what there is no time left for, untouched.

    Where the queue itself does not answer, the message is reported as failed, poison too, and
    comes again after the queue's own VisibilityTimeout. The others of its batch never notice.

    `raised` is told of each message before it becomes a dead letter, maybe more than once. Whether
    it fails or there is no time for it, the message goes its way.
    """

    def __init__(
        self,
        queue_url: str,
        dead_letters_url: str,
        logger: Logger,
        raised: Callable[[Letter], None] | None = None,
    ) -> None:
        super().__init__(
            EventType.SQS,
            raise_on_entire_batch_failure=False,
            logger=logger,  # type: ignore[arg-type]
        )
        self._queue_url = queue_url
        self._dead_letters_url = dead_letters_url
        self._logger = logger
        self._raised = raised
        self._most = int(os.environ["MAX_RECEIVES"])
        self._sqs = boto3.client("sqs")

    def _process_record(self, record: dict[str, Any]) -> Any:
        """Handle a message, if there is time for it. No line of the log has the last one's keys."""
        self._logger.append_keys(correlation_id=None, message_id=None, message_name=None)
        left = self._left()
        if left >= SPARE:
            return super()._process_record(record)
        message = SQSRecord(record)
        self._logger.warning("out of time", left=left, sqs_message_id=message.message_id)
        late = OutOfTime(f"{left} ms are left")
        return self.failure_handler(message, (OutOfTime, late, None))

    def failure_handler(self, record: Any, exception: Any) -> Any:
        """Bury poison, which is thereby done with; put off what failed, and report it."""
        error = exception[1]
        try:
            if isinstance(error, Poison):
                reason = printable(str(error))[:MAX_REASON] or type(error).__name__
                self._raise(Letter(record.message_id, record.body, "POISON_MESSAGE", reason))
                self._bury(record, reason)
                return self.success_handler(record, None)
            self._count_age(record)
            if _tries(record) >= self._most:
                self._raise(Letter(record.message_id, record.body, "MESSAGE_FAILED", _kind(error)))
            self._put_off(record)
        except (BotoCoreError, ClientError):
            self._logger.exception("the queue did not answer", sqs_message_id=record.message_id)
        return super().failure_handler(record, exception)

    def _left(self) -> int:
        """Milliseconds until the function is ended."""
        return self.lambda_context.get_remaining_time_in_millis()

    def _raise(self, letter: Letter) -> None:
        if self._raised is None or self._left() < SPARE:
            return
        try:
            self._raised(letter)
        except Exception:
            self._logger.exception("error not raised", sqs_message_id=letter.message_id)

    def _bury(self, record: SQSRecord, reason: str) -> None:
        self._logger.error("refused", reason=reason, sqs_message_id=record.message_id)
        self._sqs.send_message(
            QueueUrl=self._dead_letters_url,
            MessageBody=record.body,
            MessageAttributes=_texts(record)
            | {"reason": {"DataType": "String", "StringValue": reason}},
        )
        _count("PoisonMessages", MetricUnit.Count, 1)

    def _count_age(self, record: SQSRecord) -> None:
        """Tell how long the message has failed: SQS does not, once it was given out three times."""
        sent = int(record.attributes.get("SentTimestamp") or 0) / 1000
        _count("FailingMessageAge", MetricUnit.Seconds, max(0.0, time.time() - sent))

    def _put_off(self, record: SQSRecord) -> None:
        self._sqs.change_message_visibility(
            QueueUrl=self._queue_url,
            ReceiptHandle=record.receipt_handle,
            VisibilityTimeout=wait(_tries(record)),
        )


def _count(name: str, unit: MetricUnit, value: float) -> None:
    """Count something, as this service in this stack."""
    with single_metric(name, unit, value, namespace="TheBetterStore") as metric:
        metric.add_dimension("service", os.environ["POWERTOOLS_SERVICE_NAME"])
        metric.add_dimension("stack", os.environ["STACK_NAME"])


def _tries(record: SQSRecord) -> int:
    """How often the queue gave the message out."""
    return int(record.attributes.approximate_receive_count or 1)


def _kind(error: BaseException) -> str:
    """What kind of error it is: AWS's code, or its class. It quotes nobody's data."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", type(error).__name__)
    return type(error).__name__


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
