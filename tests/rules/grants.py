"""What roles may do: which door does what, on what, and why. What is not said here is refused."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.rules.tree import Holder, Member, listed, taken
from tools.services import Service

READS = frozenset({"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"})
WRITES = frozenset({"dynamodb:PutItem", "dynamodb:UpdateItem"})
TURNS_DOWN = frozenset({"sqs:SendMessage", "sqs:ChangeMessageVisibility"})
"""What a function does with a message that it cannot handle: bury it, or put it off."""

COMMON = {
    "api": READS | WRITES,
    "inbox": READS | WRITES | TURNS_DOWN,
    "webhook": READS | WRITES | TURNS_DOWN,
    "sweep": READS | WRITES,
    "carrier": frozenset({"dynamodb:PutItem"}),
    "outbox": frozenset({"events:PutEvents"}),
    "republisher": frozenset({"dynamodb:Scan", "dynamodb:UpdateItem", "events:PutEvents"}),
    "uploads": READS | WRITES | TURNS_DOWN,
    "feedback": READS | WRITES | TURNS_DOWN,
    "watch": READS,
    "reconcile": READS | WRITES,
}
"""What a door may do in any service, by its name."""

SPECIAL = {
    ("file-manager", "api", "s3:GetObject"): "the links that it makes may do what it may",
    ("file-manager", "api", "s3:PutObject"): "the forms that it makes may do what it may",
    ("file-manager", "cleaner", "cloudfront:CreateInvalidation"): "no copy outlives a file",
    ("file-manager", "cleaner", "s3:DeleteObject"): "it takes away what no record names",
    ("file-manager", "cleaner", "s3:ListBucket"): "it finds what lies there of a file",
    ("file-manager", "cleaner", "dynamodb:GetItem"): "the shares of a file that is deleted",
    ("file-manager", "cleaner", "dynamodb:PutItem"): "it ends them",
    ("file-manager", "cleaner", "dynamodb:Query"): "it finds them",
    ("file-manager", "inbox", "dynamodb:ConditionCheckItem"): "nothing is shared of what is gone",
    ("file-manager", "inbox", "s3:DeleteObject"): "what another has stored or shared meanwhile",
    ("file-manager", "inbox", "s3:GetObject"): "what it copies to where it is shared",
    ("file-manager", "inbox", "s3:PutObject"): "it keeps the receipts, and what is shared",
    ("file-manager", "uploads", "cloudfront:CreateInvalidation"): "what it wrote too late",
    ("file-manager", "uploads", "s3:DeleteObject"): "what it wrote for a file that is not stored",
    ("file-manager", "uploads", "s3:GetObject"): "it judges what was uploaded",
    ("file-manager", "uploads", "s3:ListBucket"): "without it, S3 does not say that one is gone",
    ("file-manager", "uploads", "s3:PutObject"): "it makes the files that are served",
    ("fulfilment", "WebhookRole", "sqs:SendMessage"): "API Gateway fills the webhook's queue",
    ("fulfilment", "api", "secretsmanager:GetSecretValue"): "what its cursors are sealed with",
    ("fulfilment", "webhook", "secretsmanager:GetSecretValue"): "what carriers sign with",
    ("notification", "api", "ses:DeleteSuppressedDestination"): "the account's list knows it, too",
    ("notification", "inbox", "ses:SendEmail"): "it sends the mails",
    ("orders", "api", "secretsmanager:GetSecretValue"): "what its cursors are sealed with",
    ("payments", "inbox", "secretsmanager:GetSecretValue"): "the key of Stripe's API",
    ("payments", "reconcile", "secretsmanager:GetSecretValue"): "the key of Stripe's API",
    ("payments", "webhook", "secretsmanager:GetSecretValue"): "what Stripe signs with",
    ("payments", "WebhookRole", "sqs:SendMessage"): "API Gateway fills the webhook's queue",
    ("public-api", "accounts", "cognito-idp:AdminAddUserToGroup"): "who signed up is a customer",
    ("public-api", "indexer", "dynamodb:BatchGetItem"): "the toys as they are now",
    ("public-api", "indexer", "dynamodb:BatchWriteItem"): "it writes the lists of toys",
    ("public-api", "rebuild", "dynamodb:PutItem"): "it keeps that a rebuild was asked for",
    ("reports", "api", "rds-db:connect"): "it reads in the database",
    ("reports", "inbox", "rds-db:connect"): "it writes into the database",
    ("reports", "outbox", "lambda:InvokeFunction"): "it has the report made, in another network",
    ("reports", "reporter", "rds-db:connect"): "it counts in the database",
    ("reports", "users", "rds-data:ExecuteStatement"): "it makes the inbox's user there",
    ("reports", "users", "secretsmanager:GetSecretValue"): "as the owner of the database",
    ("toys", "api", "dynamodb:DeleteItem"): "the SKU of a toy that is deleted, or has another",
    ("toys", "api", "secretsmanager:GetSecretValue"): "what its cursors are sealed with",
}
"""What one door or role of one service may do beside that, and why."""

_HERE = "${AWS::Region}:${AWS::AccountId}"

TABLE = "${<AWS::DynamoDB::Table>.Arn}"
SHOPPERS = "${Table.Arn}"
CATALOGUE = "${Catalogue.Arn}"
INDEX = "${<AWS::DynamoDB::Table>.Arn}/index/<index>"
QUEUE = "${<AWS::SQS::Queue>.Arn}"
BUCKET = "${<AWS::S3::Bucket>.Arn}"
UPLOADED = "${<AWS::S3::Bucket>.Arn}/incoming/*"
PUBLIC_FILES = "${<AWS::S3::Bucket>.Arn}/public/*"
PRIVATE_FILES = "${<AWS::S3::Bucket>.Arn}/private/*"
SHARED_FILES = "${<AWS::S3::Bucket>.Arn}/shared/*"
PAGES = "${<AWS::S3::Bucket>.Arn}/*"
FILES = [UPLOADED, PUBLIC_FILES, PRIVATE_FILES, SHARED_FILES]
MAIL_SET = (
    "arn:${AWS::Partition}:ses:${AWS::Region}:${AWS::AccountId}:configuration-set/"
    "${<AWS::SES::ConfigurationSet>}"
)
DISTRIBUTION = (
    "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/"
    "${<AWS::CloudFront::Distribution>}"
)
FUNCTION = "${<AWS::Serverless::Function>.Arn}"
POOLS = f"arn:${{AWS::Partition}}:cognito-idp:{_HERE}:userpool/*"
OWN_SECRET = "${<AWS::SecretsManager::Secret>.Id}"
BUS = f"arn:${{AWS::Partition}}:events:{_HERE}:event-bus/${{EventBusName}}"
CLUSTER = "${<AWS::RDS::DBCluster>.DBClusterArn}"
OWNER = "${<AWS::RDS::DBCluster>.MasterUserSecret.SecretArn}"
SECRET = f"arn:${{AWS::Partition}}:secretsmanager:{_HERE}:secret:${{<parameter>}}-??????"
_USERS = f"arn:${{AWS::Partition}}:rds-db:{_HERE}:dbuser:"
OWN_USER = _USERS + "${<AWS::RDS::DBCluster>.DBClusterResourceId}/${<parameter>}"
GIVEN_USER = _USERS + "*/${<parameter>}"

FORMS = {
    "cloudfront:CreateInvalidation": [DISTRIBUTION],
    "cognito-idp:AdminAddUserToGroup": [POOLS],
    "dynamodb:GetItem": [TABLE],
    "dynamodb:BatchGetItem": [TABLE],
    "dynamodb:BatchWriteItem": [TABLE],
    "dynamodb:ConditionCheckItem": [TABLE],
    "dynamodb:PutItem": [TABLE],
    "dynamodb:UpdateItem": [TABLE],
    "dynamodb:DeleteItem": [TABLE],
    "dynamodb:Query": [INDEX],
    "dynamodb:Scan": [TABLE],
    "events:PutEvents": [BUS],
    "lambda:InvokeFunction": [FUNCTION],
    "rds-data:ExecuteStatement": [CLUSTER],
    "rds-db:connect": [OWN_USER, GIVEN_USER],
    "s3:DeleteObject": FILES,
    "s3:GetObject": FILES,
    "s3:ListBucket": [BUCKET],
    "s3:PutObject": FILES,
    "secretsmanager:GetSecretValue": [SECRET, OWNER, OWN_SECRET],
    "ses:DeleteSuppressedDestination": ["*"],
    "ses:SendEmail": ["*"],
    "sqs:ChangeMessageVisibility": [QUEUE],
    "sqs:SendMessage": [QUEUE],
}
"""The resources that an action may be granted on, as `written` puts them.

<AWS::…> is a resource of that type in the same template, <index> an index of its table, <parameter>
a parameter.
"""

NARROWER = {
    ("file-manager", "api", "s3:GetObject"): [PRIVATE_FILES],
    ("file-manager", "api", "s3:PutObject"): [UPLOADED],
    ("file-manager", "inbox", "s3:DeleteObject"): [PRIVATE_FILES, SHARED_FILES],
    ("file-manager", "inbox", "s3:GetObject"): [PRIVATE_FILES],
    ("file-manager", "inbox", "s3:PutObject"): [PRIVATE_FILES, SHARED_FILES],
    ("file-manager", "uploads", "s3:GetObject"): [UPLOADED],
    ("file-manager", "uploads", "s3:PutObject"): [PUBLIC_FILES, PRIVATE_FILES],
    ("public-api", "api", "dynamodb:PutItem"): [SHOPPERS],
    ("public-api", "api", "dynamodb:UpdateItem"): [SHOPPERS],
    ("public-api", "api", "dynamodb:Query"): [INDEX, CATALOGUE],
    ("public-api", "indexer", "dynamodb:BatchWriteItem"): [CATALOGUE],
    ("public-api", "rebuild", "dynamodb:PutItem"): [SHOPPERS],
}
"""The same for one door of one service, where it may do that on less, or on something else. What
judges uploads makes none: it would be told of its own, and of that again. A request never writes
the catalogue, whose lists are read by their keys."""

PUBLISHED = {"file-manager": [PUBLIC_FILES, SHARED_FILES], "public-api": [PAGES]}
"""What CloudFront may read of a service's bucket for everybody: beside what is public what is
shared, by an address that holds a secret; of the storefront's bucket all, which is its pages."""

STARS = {
    UPLOADED: "one of the uploads: which one, the code or the form says",
    PUBLIC_FILES: "one of the public files: which one, the code says",
    PRIVATE_FILES: "one of the private files: which one, the code says",
    SHARED_FILES: "one of the shared files: which one, the code says",
    POOLS: "the pool names the function, whose role can therefore not name the pool",
    SECRET: "Secrets Manager ends each ARN with six characters of its own",
    GIVEN_USER: "nobody tells the resource id of a database that is given; its user is named",
    "*": "SES asks for the recipients' identities too: ses:FromAddress limits it; and its list of"
    " suppressed addresses is the account's",
}
"""The forms with a star or question mark in them, and why."""

CONDITIONS: dict[str, Mapping[str, Any] | None] = {
    "ses:SendEmail": {"StringEqualsIfExists": {"ses:FromAddress": {"Ref": "SenderAddress"}}},
    "events:PutEvents": None,
}
"""The condition that an action is granted under; None: the rule on outboxes says which.

No other action is granted under one, so that who counts what is granted may leave them out.
"""


def faults(member: Member) -> Iterator[tuple[Holder, str]]:
    """What the roles of a service may do and should not, and what is wrong in their statements."""
    for holder, statement in member.statements():
        if statement.get("Effect") != "Allow":
            yield holder, f"has a {statement.get('Effect')}. Allow what it needs, and no more"
            continue
        for negation in sorted({"NotAction", "NotResource"} & statement.keys()):
            yield holder, f"has {negation}. Name what it may, not what it may not"
        for action in map(str, listed(statement.get("Action"))):
            special = (member.name, holder.name, action) in SPECIAL
            if action not in COMMON.get(holder.name, ()) and not special:
                yield holder, f"may {action}. Name an action that is in COMMON or SPECIAL"
            else:
                forms = NARROWER.get((member.name, holder.name, action), FORMS[action])
                faults_ = _misplaced(member, action, statement, forms)
                yield from ((holder, fault) for fault in faults_)


def unneeded(member: Member) -> Iterator[tuple[str, str]]:
    """The entries of SPECIAL that a service has no use for: who, and the action."""
    granted = {
        (member.name, holder.name, action)
        for holder, statement in member.grants()
        for action in listed(statement.get("Action"))
    }
    for name, who, action in sorted(SPECIAL.keys() - granted):
        if name == member.name:
            yield who, action


def _misplaced(
    member: Member, action: str, statement: Mapping[str, Any], forms: list[str]
) -> Iterator[str]:
    for text in written(statement.get("Resource")):
        if not any(fits(form, text, member.service) for form in forms):
            yield f"may {action} on {text}. Grant it on {' or '.join(forms)}"
    wanted, given = CONDITIONS.get(action, {}), statement.get("Condition", {})
    if wanted is not None and given != wanted:
        yield f"may {action} under the condition {given}. It is to be {wanted}"


def written(value: Any) -> list[str]:
    """A resource of a statement as one would write it in an Fn::Sub; each, where there are more."""
    match value:
        case list():
            return [text for one in value for text in written(one)]
        case {"Fn::If": [_, yes, no]}:
            return [*written(yes), *written(no)]
        case {"Ref": "AWS::NoValue"}:
            return []
        case {"Ref": str(name)}:
            return [f"${{{name}}}"]
        case {"Fn::GetAtt": [str(resource), str(name)]}:
            return [f"${{{resource}.{name}}}"]
        case {"Fn::Sub": [str(text), dict(named)]}:
            texts = [text]
            for name, one in named.items():
                texts = [t.replace(f"${{{name}}}", w) for t in texts for w in written(one)]
            return texts
        case {"Fn::Sub": str(text)} | str(text):
            return [text]
    return [str(value)]


def fits(form: str, text: str, service: Service) -> bool:
    """Whether a resource has that form, and what it names is the service's own."""
    parts = re.split(r"<([\w:]+)>", form)
    pattern = "".join(r"([\w-]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
    found = re.fullmatch(pattern, text)
    if not found:
        return False
    return all(
        name in _named(kind, service)
        for kind, name in zip(parts[1::2], found.groups(), strict=True)
    )


def _named(kind: str, service: Service) -> set[str]:
    match kind:
        case "parameter":
            return set(service.template["Parameters"])
        case "index":
            return {
                index["IndexName"]
                for table in service.of_type("AWS::DynamoDB::Table").values()
                for more in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
                for each in table.get(more, [])
                for index in taken(each)
            }
    return set(service.of_type(kind))
