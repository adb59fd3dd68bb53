"""Outbox: has the report of the sales made and stored, then tells it to the bus.

It is outside of the database's network, from which nothing leads to the bus.
"""

import json
import os
from typing import Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from reports.messages import SOURCE, sales_reported
from reports.report import KeptReport

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
events = boto3.client("events")
functions = boto3.client(
    "lambda",
    # The reporter waits for a database that sleeps. Whoever invoked this tries again, not botocore.
    config=Config(read_timeout=80, retries={"total_max_attempts": 1}),
)

BUS = os.environ["EVENT_BUS_NAME"]
REPORTER = os.environ["REPORTER_FUNCTION"]


class NotReported(Exception):
    """The report could not be made. The reporter's log says why."""


class NotPublished(Exception):
    """The bus did not take the report."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Report the sales up to now, whatever the event says. Returns the message that was told.

    A report that says nothing new is told again, as the same message. Raises NotReported or
    NotPublished when there is a need to try again.
    """
    message = sales_reported(stored())
    name = type(message).__name__
    logger.info(
        "sending",
        message_id=message.metadata.id,
        message_name=name,
        correlation_id=message.metadata.correlation_id,
    )
    tracer.put_annotation("message", name)
    tracer.put_annotation("message_id", message.metadata.id)
    answer = events.put_events(
        Entries=[
            {
                "Source": SOURCE,
                "DetailType": name,
                "Detail": message.model_dump_json(),
                "EventBusName": BUS,
            }
        ]
    )
    if answer["FailedEntryCount"]:
        raise NotPublished([entry.get("ErrorCode") for entry in answer["Entries"]])
    return message.model_dump(mode="json")


@tracer.capture_method(capture_response=False, capture_error=False)
def stored() -> KeptReport:
    """The report that the reporter has stored by now. Raises NotReported when it failed."""
    answer = functions.invoke(FunctionName=REPORTER, Payload=b"{}")
    payload = answer["Payload"].read()
    if "FunctionError" in answer:
        raise NotReported(json.loads(payload).get("errorType", answer["FunctionError"]))
    return KeptReport.model_validate_json(payload)
