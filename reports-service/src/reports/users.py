"""Custom resource: the functions' two users, in the database that the stack made.

The database is in a network of its own, so it is reached by RDS's Data API, as its owner.
"""

import json
import time
import urllib.request
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_rds_data.type_defs import SqlParameterTypeDef

logger = Logger()
tracer = Tracer(patch_modules=("botocore",))
rds_data = boto3.client(
    "rds-data", config=Config(read_timeout=50, retries={"total_max_attempts": 1})
)

TRY_AGAIN = (
    rds_data.exceptions.DatabaseResumingException,
    rds_data.exceptions.DatabaseUnavailableException,
    rds_data.exceptions.ServiceUnavailableError,
    rds_data.exceptions.InternalServerErrorException,
)
"""What the Data API says while the database wakes, or when it stumbles itself."""
PAUSE = 3.0
"""Seconds between two tries."""
WRITING = ("grant usage, create on schema public to {role}",)
"""The statements that let a user own tables."""
READING = (
    # By itself, whoever connects may make temporary tables.
    "revoke temporary on database {database} from public",
    "grant usage on schema public to {role}",
    "alter role {role} set default_transaction_read_only = on",
)
"""The statements for one that only reads. Who owns a table says whether it is let see that one."""
RESERVE = 60_000
"""Milliseconds kept for one more try and the answer: CloudFormation waits long for one."""


@logger.inject_lambda_context
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
def handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Do what CloudFormation asks, and answer it, whatever happens.

    ResourceProperties: ClusterArn, SecretArn (of the owner's password), Database, User (who writes)
    and Reader.
    """
    status, reason = "SUCCESS", "Done"
    try:
        if event["RequestType"] != "Delete":  # the users go with the database
            asked = event["ResourceProperties"]
            named = (asked["ClusterArn"], asked["SecretArn"], asked["Database"])
            # The reader first: once the writer is there, it makes tables and lets the reader in.
            grant(*named, asked["Reader"], READING, context)
            grant(*named, asked["User"], WRITING, context)
    except Exception as error:
        logger.exception("failed")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    answer(event, status, reason)


def grant(
    cluster: str,
    secret: str,
    database: str,
    user: str,
    rights: Sequence[str],
    context: LambdaContext,
) -> None:
    """Create the user unless it is there, let it sign in by IAM, and give it its rights.

    Every statement may run twice. Raises botocore's ClientError when one fails, or when the
    database does not wake in the function's time.
    """

    def run(sql: str, *parameters: "SqlParameterTypeDef") -> list[Any]:
        while True:
            try:
                done = rds_data.execute_statement(
                    resourceArn=cluster,
                    secretArn=secret,
                    database=database,
                    sql=sql,
                    parameters=list(parameters),
                )
            except TRY_AGAIN:
                if context.get_remaining_time_in_millis() < RESERVE:
                    raise
                logger.info("waiting for the database to wake")
                time.sleep(PAUSE)
            else:
                return done.get("records", [])

    role = quoted(user)
    known = run(
        "select 1 from pg_roles where rolname = :user",
        {"name": "user", "value": {"stringValue": user}},
    )
    if not known:
        run(f"create role {role} login")
    run(f"grant rds_iam to {role}")
    run(f"grant connect on database {quoted(database)} to {role}")
    for right in rights:
        run(right.format(role=role, database=quoted(database)))
    logger.info("granted", database_user=user)


def quoted(name: str) -> str:
    """The name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def answer(event: dict[str, Any], status: str, reason: str) -> None:
    """Tell CloudFormation how it went. Raises URLError when it cannot be reached."""
    told = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event["LogicalResourceId"],
        **{key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")},
    }
    request = urllib.request.Request(
        event["ResponseURL"],
        data=json.dumps(told).encode(),
        headers={"Content-Type": ""},  # as it was signed
        method="PUT",
    )
    urllib.request.urlopen(request, timeout=10).close()
