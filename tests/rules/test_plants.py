"""Every rule finds what breaks it: a check that cannot fail is worth nothing."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.rules import RULES
from tests.rules.tree import Tree

TOYS = "toys-service/template.yaml"
FULFILMENT = "fulfilment-service/template.yaml"


@dataclass(frozen=True)
class Plant:
    """One way to break a rule: in this file, `old` becomes `new`.

    Without `old`, `new` is added at the end, or is a new file. `also` is another old and new in
    the same file. The complaint has to say `told`.
    """

    rule: str
    file: str
    old: str
    new: str
    told: str
    also: tuple[str, str] = ("", "")

    def put(self, root: Path) -> None:
        """Break the copy under `root`."""
        path = root / self.file
        text = path.read_text() if path.exists() else ""
        assert self.old in text, f"{self.file} has no {self.old!r}: plant something else"
        broken = text.replace(self.old, self.new) if self.old else text + self.new
        path.write_text(broken.replace(*self.also) if self.also[0] else broken)


ROLE = "            - Effect: Allow\n              Action: sqs:SendMessage"

PLANTS = [
    Plant(
        "no_stack_names_another",
        TOYS,
        "  TableName:\n    Value: !Ref Table",
        "  TableName:\n    Value: !Ref Table\n    Export: {Name: ToysTable}",
        "TableName is exported",
    ),
    Plant(
        "no_stack_names_another",
        TOYS,
        "TABLE_NAME: !Ref Table",
        "TABLE_NAME: !ImportValue Table",
        "Fn::ImportValue",
    ),
    Plant(
        "no_stack_names_another",
        TOYS,
        "TABLE_NAME: !Ref Table",
        "TABLE_NAME: tbs-app-orders-prod-Table",
        "names another stack",
    ),
    Plant(
        "no_stack_names_another",
        TOYS,
        "TABLE_NAME: !Ref Table",
        'TABLE_NAME: "arn:aws:dynamodb:eu-west-1:123456789012:table/x"',
        "names an account",
    ),
    Plant(
        "no_import_crosses_folders",
        "toys-service/src/toys/toy.py",
        "",
        "\nfrom orders.order import Order\n",
        "imports orders",
    ),
    Plant(
        "no_import_crosses_folders",
        "orders-service/tests/conftest.py",
        "",
        "\nimport tools.services\n",
        "imports tools",
    ),
    Plant(
        "no_text_names_another_folder",
        "toys-service/README.md",
        "",
        "\nSee orders-service.\n",
        "names orders-service",
    ),
    Plant(
        "no_text_names_another_folder",
        "toys-service/samconfig.toml",
        "",
        '\n# "../orders"\n',
        "leads out of the folder",
    ),
    Plant(
        "no_service_calls_another",
        TOYS,
        ROLE,
        "            - {Effect: Allow, Action: 'execute-api:Invoke', Resource: 'a'}\n" + ROLE,
        "execute-api:Invoke",
    ),
    Plant(
        "no_service_calls_another",
        TOYS,
        ROLE + "\n              Resource: !GetAtt InboxDeadLetters.Arn",
        ROLE + "\n              Resource: !Ref SomeQueueArn",
        "not its own queue",
    ),
    Plant(
        "only_one_faces_the_internet",
        TOYS,
        "        DefaultAuthorizer: AWS_IAM\n",
        "",
        "open to everybody",
    ),
    Plant(
        "every_message_has_one_owner",
        "toys-service/asyncapi.yaml",
        "ToyCreated",
        "OrderPlaced",
        "OrderPlaced has several senders",
    ),
    Plant(
        "every_message_has_one_owner",
        "toys-service/asyncapi.yaml",
        "ReserveStock",
        "ShipOrder",
        "The command ShipOrder is obeyed by",
    ),
    Plant(
        "every_message_has_one_owner",
        "orders-service/asyncapi.yaml",
        "x-source: tbs.fulfilment",
        "x-source: tbs.toys",
        "Put that into `sender`",
    ),
    Plant(
        "every_message_has_one_owner",
        "toys-service/asyncapi.yaml",
        "summary: 'Event: a toy came",
        "summary: 'a toy came",
        "start every docstring",
    ),
    Plant(
        "no_dependency_goes_in_a_circle",
        "toys-service/asyncapi.yaml",
        "ReserveStock",
        "OrderPlaced",
        "in a circle",
        also=("Command: hold", "Event: hold"),
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [ReserveStock, ReleaseStock]",
        "detail-type: [ReserveStock]",
        "no rule lets in ReleaseStock",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [ReserveStock, ReleaseStock]",
        "source: [tbs.orders]\n        detail-type: [ReserveStock, ReleaseStock]",
        "lets in ReserveStock of tbs.orders",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [ReserveStock, ReleaseStock]",
        "detail-type: [ReserveStock, ReleaseStock]\n        detail: {data: {orderId: [a]}}",
        "matches on {'detail'}",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        "                    - ToyDeleted\n",
        "",
        "may not send ToyDeleted",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        "                    - ToyDeleted\n",
        "                    - ToyDeleted\n                    - OrderPlaced\n",
        "may send OrderPlaced",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        "events:source: tbs.toys",
        "events:source: tbs.orders",
        "has to be tbs.toys",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        ROLE,
        "            - {Effect: Allow, Action: 'events:PutEvents', Resource: 'a'}\n" + ROLE,
        "Only an outbox may",
    ),
    Plant(
        "every_queue_is_encrypted_and_gives_up",
        TOYS,
        "SqsManagedSseEnabled: true",
        "SqsManagedSseEnabled: false",
        "is not encrypted",
    ),
    Plant(
        "every_queue_is_encrypted_and_gives_up",
        TOYS,
        "maxReceiveCount: 5",
        "maxReceiveCount: 1",
        "set maxReceiveCount: 5",
    ),
    Plant(
        "every_queue_is_encrypted_and_gives_up",
        TOYS,
        "deadLetterTargetArn: !GetAtt InboxDeadLetters.Arn",
        "deadLetterTargetArn: !GetAtt Inbox.Arn",
        "no dead-letter queue",
    ),
    Plant(
        "every_queue_is_encrypted_and_gives_up",
        TOYS,
        "MessageRetentionPeriod: 1209600",
        "MessageRetentionPeriod: 60",
        "is to keep its messages",
    ),
    Plant(
        "every_dead_letter_queue_has_an_alarm",
        TOYS,
        "Value: !GetAtt OutboxDeadLetters.QueueName",
        "Value: !GetAtt Inbox.QueueName",
        "no alarm watches OutboxDeadLetters",
    ),
    Plant(
        "every_dead_letter_queue_has_an_alarm",
        TOYS,
        "ApproximateNumberOfMessagesVisible",
        "NumberOfMessagesSent",
        "no alarm watches InboxDeadLetters",
    ),
    Plant(
        "queues_wait_long_enough_for_their_function",
        TOYS,
        "VisibilityTimeout: 60",
        "VisibilityTimeout: 59",
        "set VisibilityTimeout to 60",
    ),
    Plant(
        "queues_wait_long_enough_for_their_function",
        TOYS,
        "            BatchSize: 10\n",
        "            BatchSize: 10\n            MaximumBatchingWindowInSeconds: 30\n",
        "set VisibilityTimeout to 90",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "aws:SourceArn: !GetAtt Commands.Arn",
        "aws:SourceArn: !GetAtt Table.Arn",
        "lets in ['Table']",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "            Condition: {ArnEquals: {aws:SourceArn: !GetAtt Commands.Arn}}\n",
        "",
        "lets in others",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "          DeadLetterConfig: {Arn: !GetAtt InboxDeadLetters.Arn}\n",
        "",
        "give its target a DeadLetterConfig",
    ),
    Plant(
        "every_function_can_be_watched",
        TOYS,
        "Runtime: python3.13",
        "Runtime: python3.12",
        "set Runtime",
    ),
    Plant("every_function_can_be_watched", TOYS, "    Tracing: Active\n", "", "set Tracing"),
    Plant(
        "every_function_can_be_watched",
        TOYS,
        "LogGroup: !Ref OutboxLogs",
        "LogGroup: !Ref InboxLogs",
        "several functions log to InboxLogs",
    ),
    Plant(
        "every_function_can_be_watched",
        TOYS,
        "      RetentionInDays: !Ref LogRetentionDays\n",
        "",
        "RetentionInDays",
    ),
    Plant(
        "every_function_can_be_watched",
        TOYS,
        "LogFormat: JSON",
        "LogFormat: Text",
        "LogFormat: JSON",
    ),
    Plant(
        "no_event_source_retries_for_ever",
        TOYS,
        "            FunctionResponseTypes: [ReportBatchItemFailures]\n",
        "",
        "set FunctionResponseTypes",
    ),
    Plant(
        "no_event_source_retries_for_ever",
        TOYS,
        "            MaximumRecordAgeInSeconds: 21600",
        "            TumblingWindowInSeconds: 0",
        "set MaximumRecordAgeInSeconds",
    ),
    Plant(
        "every_stream_has_an_alarm_on_its_lag",
        TOYS,
        "      MetricName: IteratorAge\n",
        "      MetricName: Duration\n",
        "no alarm watches how far OutboxFunction is behind",
    ),
    Plant(
        "alarms_can_tell_someone",
        TOYS,
        "      AlarmActions: !If [HasAlarmTopic, [!Ref AlarmTopicArn], !Ref AWS::NoValue]\n",
        "",
        "has no AlarmActions",
    ),
    Plant(
        "an_api_has_one_stage",
        TOYS,
        "      OpenApiVersion: 3.0.1",
        "      Description: two",
        "set OpenApiVersion",
    ),
    Plant(
        "no_event_source_retries_for_ever",
        TOYS,
        "            DestinationConfig: {OnFailure: {Type: SQS, "
        "Destination: !GetAtt OutboxDeadLetters.Arn}}\n",
        "",
        "OnFailure destination",
    ),
    Plant(
        "no_role_may_do_everything",
        TOYS,
        "Action: dynamodb:Query",
        'Action: "dynamodb:*"',
        "Name the actions",
    ),
    Plant(
        "no_role_may_do_everything",
        TOYS,
        'Resource: !Sub "${Table.Arn}/index/byListing"',
        'Resource: "*"',
        "on every resource",
    ),
    Plant(
        "no_role_may_do_everything",
        TOYS,
        "      Policies:\n",
        "      Policies:\n        - AmazonDynamoDBFullAccess\n",
        "AmazonDynamoDBFullAccess",
    ),
    Plant(
        "no_two_functions_share_a_role",
        TOYS,
        "      Handler: toys.api.handler\n",
        "      Handler: toys.api.handler\n      Role: !GetAtt SharedRole.Arn\n",
        "names a Role",
    ),
    Plant(
        "tables_are_safe_and_tell_of_changes",
        TOYS,
        "PAY_PER_REQUEST",
        "PROVISIONED",
        "set BillingMode",
    ),
    Plant(
        "tables_are_safe_and_tell_of_changes",
        TOYS,
        "NEW_AND_OLD_IMAGES",
        "NEW_IMAGE",
        "set StreamViewType",
    ),
    Plant(
        "tables_are_safe_and_tell_of_changes",
        TOYS,
        "PointInTimeRecoveryEnabled: !If [ProtectsData, true, false]",
        "PointInTimeRecoveryEnabled: false",
        "PointInTimeRecoveryEnabled is to follow",
    ),
    Plant(
        "tables_are_safe_and_tell_of_changes",
        TOYS,
        "DeletionProtectionEnabled: !If [ProtectsData, true, false]",
        "DeletionProtectionEnabled: !If [ProtectsData, false, true]",
        "DeletionProtectionEnabled is to follow",
    ),
    Plant(
        "tables_are_safe_and_tell_of_changes",
        TOYS,
        "SSESpecification: {SSEEnabled: true}",
        "SSESpecification: {SSEEnabled: false}",
        "is not encrypted",
    ),
    Plant(
        "routes_are_what_the_contract_says",
        TOYS,
        "Method: DELETE",
        "Method: PATCH",
        "PATCH /toys/{toy_id} is not in openapi.json",
    ),
    Plant(
        "routes_are_what_the_contract_says",
        "toys-service/openapi.json",
        '"delete": {',
        '"head": {',
        "no event lets HEAD /toys/{toy_id} through",
    ),
    Plant(
        "generated_files_are_up_to_date",
        "toys-service/asyncapi.yaml",
        "a toy left the catalogue",
        "a toy went",
        "Event: a toy went",
    ),
    Plant(
        "generated_files_are_up_to_date",
        "toys-service/openapi.json",
        '"create_toy"',
        '"make_toy"',
        '-        "operationId": "make_toy"',
    ),
    Plant(
        "generated_files_are_up_to_date",
        "toys-service/events/inbox-ReserveStock.json",
        "quantity",
        "amount",
        "inbox-ReserveStock.json",
    ),
    Plant(
        "generated_files_are_up_to_date",
        "toys-service/events/inbox-ByHand.json",
        "",
        "{}\n",
        "inbox-ByHand.json",
    ),
    Plant(
        "links_lead_to_files_of_the_folder",
        "toys-service/README.md",
        "(events/inbox-ReserveStock.json)",
        "(events/inbox-Reserve.json)",
        "links to events/inbox-Reserve.json",
    ),
    Plant(
        "deployments_are_named_alike",
        "toys-service/samconfig.toml",
        'stack_name = "tbs-app-toys-prod"',
        'stack_name = "toys"',
        "stack_name tbs-app-toys-prod",
    ),
    Plant(
        "deployments_are_named_alike",
        "toys-service/samconfig.toml",
        "DataProtection=on",
        "DataProtection=off",
        "DataProtection=on",
    ),
    Plant(
        "deployments_are_named_alike",
        "toys-service/samconfig.toml",
        "LogRetentionDays=90",
        "LogRetention=90",
        "which the template does not have",
    ),
    Plant(
        "requirements_are_what_is_locked",
        "toys-service/src/requirements.txt",
        "pydantic==",
        "pydantic==1.",
        "toys-service/src/requirements.txt is not",
    ),
    Plant(
        "parameters_mean_the_same_everywhere",
        TOYS,
        "    Default: 30\n",
        "    Default: 31\n",
        "parameter LogRetentionDays",
    ),
    Plant(
        "parameters_mean_the_same_everywhere",
        FULFILMENT,
        "VpcEndpointId",
        "EndpointId",
        "add the parameter VpcEndpointId",
    ),
]


@pytest.mark.parametrize(
    "plant", PLANTS, ids=[f"{plant.rule}-{number}" for number, plant in enumerate(PLANTS)]
)
def test_a_rule_finds_what_breaks_it(tree: Tree, copied: Path, plant: Plant) -> None:
    assert plant.told not in "\n".join(RULES[plant.rule](tree))
    plant.put(copied)
    assert plant.told in "\n".join(RULES[plant.rule](Tree(copied, tree.generated)))


def test_every_rule_is_put_to_the_test() -> None:
    assert RULES.keys() == {plant.rule for plant in PLANTS}
