"""Every rule finds what breaks it: a check that cannot fail is worth nothing."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.rules.grants import FORMS, STARS
from tests.rules.rules import RULES
from tests.rules.tree import Tree

TOYS = "toys-service/template.yaml"
FILES = "file-manager-service/template.yaml"
FULFILMENT = "fulfilment-service/template.yaml"
NOTIFICATION = "notification-service/template.yaml"
ORDERS = "orders-service/template.yaml"
PAYMENTS = "payments-service/template.yaml"
PUBLIC_API = "public-api/template.yaml"
REPORTS = "reports-service/template.yaml"


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
        "only_one_faces_the_internet",
        PAYMENTS,
        "PathPart: stripe",
        "PathPart: anybody",
        "POST /webhooks/anybody is open",
    ),
    Plant(
        "only_one_faces_the_internet",
        PAYMENTS,
        "AuthorizationType: NONE",
        "AuthorizationType: AWS_IAM",
        "has no open POST /webhooks/stripe",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        TOYS,
        "      Handler: toys.api.handler\n",
        "      Handler: toys.api.handler\n      FunctionUrlConfig: {AuthType: NONE}\n",
        "ApiFunction has an address of its own",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "      HttpMethod: POST\n",
        "      HttpMethod: ANY\n",
        "only POST into a queue may be open",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "        Type: AWS\n        IntegrationHttpMethod",
        "        Type: HTTP\n        IntegrationHttpMethod",
        "leads into a queue of its own",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        ":sqs:path/",
        ":sns:path/",
        "leads into a queue of its own",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "        Credentials: !GetAtt WebhookRole.Arn\n",
        "",
        "its Credentials are to be a role",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "Principal: {Service: apigateway.amazonaws.com}",
        "Principal: {Service: [apigateway.amazonaws.com, lambda.amazonaws.com]}",
        "taken on by apigateway.amazonaws.com alone",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "Action: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        "Action: [sqs:SendMessage, sqs:ReceiveMessage]\n"
        "                Resource: !GetAtt WebhookInbox.Arn",
        "It needs sqs:SendMessage to WebhookInbox and nothing else",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "Action: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        "Action: sqs:SendMessage\n                Resource: !GetAtt Inbox.Arn",
        "It needs sqs:SendMessage to WebhookInbox and nothing else",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        "      TracingEnabled: true\n      MethodSettings",
        "      MethodSettings",
        "WebhookStage: set TracingEnabled",
    ),
    Plant(
        "what_anybody_may_call_is_a_function_or_a_queue",
        PAYMENTS,
        ", ThrottlingBurstLimit: 200",
        "",
        "the throttling limits",
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
        "detail-type: [ReserveStock, ReleaseStock, RepublishToys]",
        "detail-type: [ReserveStock, RepublishToys]",
        "no rule lets in ReleaseStock",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [ReserveStock, ReleaseStock, RepublishToys]",
        "source: [tbs.orders]\n        detail-type: [ReserveStock, ReleaseStock, RepublishToys]",
        "lets in ReserveStock of tbs.orders",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [ReserveStock, ReleaseStock, RepublishToys]",
        "detail-type: [ReserveStock, ReleaseStock, RepublishToys]\n"
        "        detail: {data: {orderId: [a]}}",
        "matches on {'detail'}",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        'detail: {data: {owner: [{prefix: "urn:tbs:toy:"}]}}',
        'detail: {data: {owner: [{prefix: "urn:tbs:toy:"}], size: [1]}}',
        "matches on {'detail'}",
    ),
    Plant(
        "rules_let_in_what_is_heard",
        TOYS,
        "detail-type: [FileStored, FileRejected, FileDeleted]",
        "detail-type: [FileStored, FileRejected]",
        "no rule lets in FileDeleted of tbs.file-manager",
    ),
    Plant(
        "what_aws_tells_is_of_the_services_own",
        FILES,
        "bucket: {name: [!Ref Bucket]}",
        "bucket: {name: [anybodys]}",
        "hears of the bucket {'name': ['anybodys']}",
    ),
    Plant(
        "what_aws_tells_is_of_the_services_own",
        FILES,
        "bucket: {name: [!Ref Bucket]}",
        "bucket: {name: [!Ref Receipts]}",
        "Receipts tells nobody",
    ),
    Plant(
        "what_aws_tells_is_of_the_services_own",
        FILES,
        "source: [aws.s3]",
        "source: [aws.s3, tbs.toys]",
        "Only S3 is heard, in a rule of its own",
    ),
    Plant(
        "what_aws_tells_is_of_the_services_own",
        FILES,
        "      EventPattern:\n        source: [aws.s3]",
        "      EventBusName: !Ref EventBusName\n      EventPattern:\n        source: [aws.s3]",
        "Arrivals is to be on the default bus",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        "BlockPublicPolicy: true",
        "BlockPublicPolicy: false",
        "Receipts: set BlockPublicPolicy",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        "ObjectOwnership: BucketOwnerEnforced",
        "ObjectOwnership: ObjectWriter",
        "Bucket knows access lists",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        "BucketEncryption:",
        "Tags:",
        "Bucket is not encrypted",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        "Principal: {Service: cloudfront.amazonaws.com}",
        'Principal: "*"',
        "BucketPolicy lets in *",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        'Action: s3:GetObject\n            Resource: !Sub "${Bucket.Arn}/public/*"',
        'Action: s3:*\n            Resource: !Sub "${Bucket.Arn}/public/*"',
        "BucketPolicy allows s3:*",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        'Action: s3:GetObject\n            Resource: !Sub "${Bucket.Arn}/public/*"',
        'Action: s3:GetObject\n            Resource: !Sub "${Bucket.Arn}/*"',
        "BucketPolicy opens ${Bucket.Arn}/*",
    ),
    Plant(
        "buckets_are_closed",
        FILES,
        ':distribution/${Distribution}"\n          - !If',
        ':distribution/*"\n          - !If',
        "It is to be this template's own",
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
        "outbox_may_send_what_is_sent",
        TOYS,
        "events:detail-type: ToyRepublished",
        "events:detail-type: [ToyRepublished, ToyUpdated]",
        "RepublisherFunction may send ToyUpdated. It tells what is there",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        "                    - ToyDeleted\n",
        "                    - ToyDeleted\n                    - ToyRepublished\n",
        "OutboxFunction may send ToyRepublished. It tells what changed",
    ),
    Plant(
        "no_service_calls_another",
        REPORTS,
        "Resource: !GetAtt ReporterFunction.Arn",
        "Resource: !Ref SomeFunctionArn",
        "OutboxFunction may lambda:InvokeFunction on",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "        ApiKeyRequired: true\n",
        "",
        "Api: set Auth.ApiKeyRequired: true",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "Method: GET, Path: /categories}",
        "Method: GET, Path: /categories, Auth: {ApiKeyRequired: false}}",
        "ApiFunction: /categories asks for no key",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "              - HeaderName: x-api-key\n",
        "              - HeaderName: x-key\n",
        "no origin of a distribution sends x-api-key out of a secret",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        'HeaderValue: !Sub "{{resolve:secretsmanager:${StorefrontKeyValue}:SecretString}}"',
        "HeaderValue: !Ref StripePublishableKey",
        "no origin of a distribution sends x-api-key out of a secret",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "        RateLimit: !Ref ThrottlingRate\n",
        "",
        "StorefrontPlan has no Throttle",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "Stage: !Ref Api.Stage}\n      Throttle",
        "Stage: !Ref Api.Stage}\n        - {ApiId: other, Stage: api}\n      Throttle",
        "StorefrontPlan is not of this API alone",
    ),
    Plant(
        "what_faces_the_internet_asks_for_a_key",
        PUBLIC_API,
        "      UsagePlanId: !Ref StorefrontPlan\n",
        "      UsagePlanId: given\n",
        "StorefrontPlan has 0 keys",
    ),
    Plant(
        "distributions_are_encrypted_and_closed",
        PUBLIC_API,
        "ViewerProtocolPolicy: redirect-to-https",
        "ViewerProtocolPolicy: allow-all",
        "Distribution: *: set ViewerProtocolPolicy",
    ),
    Plant(
        "distributions_are_encrypted_and_closed",
        PUBLIC_API,
        "OriginProtocolPolicy: https-only",
        "OriginProtocolPolicy: match-viewer",
        "Distribution: api: set OriginProtocolPolicy: https-only",
    ),
    Plant(
        "distributions_are_encrypted_and_closed",
        FILES,
        "            OriginAccessControlId: !GetAtt OriginAccess.Id\n",
        "",
        "Distribution: bucket is read by everybody",
    ),
    Plant(
        "answers_have_security_headers",
        PUBLIC_API,
        "            ResponseHeadersPolicyId: !Ref SecurityHeaders\n",
        "",
        "Distribution: /api/* has no ResponseHeadersPolicyId",
    ),
    Plant(
        "answers_have_security_headers",
        PUBLIC_API,
        "default-src 'none'",
        "default-src 'self'",
        "is to begin with default-src 'none'",
    ),
    Plant(
        "answers_have_security_headers",
        PUBLIC_API,
        "style-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "lets in what it is to keep out",
    ),
    Plant(
        "answers_have_security_headers",
        FILES,
        "ContentTypeOptions: {Override: true}",
        "ContentTypeOptions: {Override: false}",
        "PublicHeaders: set ContentTypeOptions",
    ),
    Plant(
        "nothing_of_one_shopper_is_kept_at_the_edge",
        PUBLIC_API,
        "CachePolicyId: 4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
        "CachePolicyId: !Ref PublicAnswers",
        "GET /orders/{order_id} takes a log-in, and may be kept",
    ),
    Plant(
        "nothing_of_one_shopper_is_kept_at_the_edge",
        PUBLIC_API,
        "PathPattern: /api/categories",
        "PathPattern: /api/pr*",
        "GET /profile takes a log-in, and may be kept",
    ),
    Plant(
        "the_firewall_counts_by_who_asks",
        PUBLIC_API,
        "AggregateKeyType: FORWARDED_IP",
        "AggregateKeyType: IP",
        "give it one RateBasedStatement, by FORWARDED_IP",
    ),
    Plant(
        "the_firewall_counts_by_who_asks",
        PUBLIC_API,
        "HeaderName: x-viewer-ip",
        "HeaderName: x-forwarded-for",
        "counts by x-forwarded-for, which no function at the edge sets",
    ),
    Plant(
        "the_firewall_counts_by_who_asks",
        PUBLIC_API,
        "WebACLArn: !GetAtt WebAcl.Arn",
        "WebACLArn: !Ref FirewallLimit",
        "WebAcl guards nothing",
    ),
    Plant(
        "the_firewall_counts_by_who_asks",
        PUBLIC_API,
        "    Type: AWS::WAFv2::WebACL\n    Condition: HasFirewall\n",
        "    Type: AWS::WAFv2::WebACL\n",
        "WebAcl is to follow the condition HasFirewall",
    ),
    Plant(
        "the_firewall_counts_by_who_asks",
        PUBLIC_API,
        "Type: AWS::WAFv2::WebACL\n",
        "Type: AWS::WAFv2::IPSet\n",
        "public-api/template.yaml has no WebACL for its API",
    ),
    Plant(
        "buckets_are_closed",
        PUBLIC_API,
        'Resource: !Sub "${StorefrontBucket.Arn}/*"\n',
        'Resource: "*"\n',
        "StorefrontBucketPolicy opens *. Only",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PUBLIC_API,
        "Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Query]\n",
        "Action: [dynamodb:GetItem, dynamodb:BatchGetItem, dynamodb:Query, dynamodb:PutItem]\n",
        "ApiFunction may dynamodb:PutItem on ${Catalogue.Arn}. Grant it on ${Table.Arn}",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PUBLIC_API,
        "Action: [dynamodb:BatchGetItem, dynamodb:BatchWriteItem]\n"
        "              Resource: !GetAtt Catalogue.Arn",
        "Action: [dynamodb:BatchGetItem, dynamodb:BatchWriteItem]\n"
        "              Resource: [!GetAtt Catalogue.Arn, !GetAtt Table.Arn]",
        "IndexerFunction may dynamodb:BatchWriteItem on ${Table.Arn}. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PUBLIC_API,
        "${AWS::AccountId}:userpool/*",
        "*:userpool/*",
        "AccountsFunction may cognito-idp:AdminAddUserToGroup on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PUBLIC_API,
        "Action: cognito-idp:AdminAddUserToGroup",
        "Action: cognito-idp:AdminDeleteUser",
        "AccountsFunction may cognito-idp:AdminDeleteUser. Name an action",
    ),
    Plant(
        "outbox_may_send_what_is_sent",
        TOYS,
        "            - Effect: Allow\n              Action: events:PutEvents",
        "            - Effect: Deny\n              Action: events:PutEvents",
        "may not send ToyDeleted",
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
        "maxReceiveCount: 10",
        "maxReceiveCount: 5",
        "set maxReceiveCount: 10",
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
        "          Type: SQS\n          Properties:\n",
        "          Type: SQS\n          Properties:\n"
        "            MaximumBatchingWindowInSeconds: 30\n",
        "set VisibilityTimeout to 90",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        TOYS,
        "        QUEUE_URL: !Ref Inbox\n",
        "",
        "InboxFunction: set QUEUE_URL to the address of Inbox",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        TOYS,
        "DEAD_LETTER_QUEUE_URL: !GetAtt InboxDeadLetters.QueueUrl",
        "DEAD_LETTER_QUEUE_URL: !GetAtt OutboxDeadLetters.QueueUrl",
        "set DEAD_LETTER_QUEUE_URL to the address of InboxDeadLetters",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        TOYS,
        "sqs:ChangeMessageVisibility",
        "sqs:GetQueueAttributes",
        "InboxFunction may not sqs:ChangeMessageVisibility. Allow it on Inbox",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        TOYS,
        ROLE + "\n              Resource: !GetAtt InboxDeadLetters.Arn",
        ROLE + "\n              Resource: [!GetAtt InboxDeadLetters.Arn, !GetAtt Inbox.Arn]",
        "InboxFunction may sqs:SendMessage on Inbox. It needs InboxDeadLetters alone",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        TOYS,
        ROLE,
        ROLE.replace("Allow", "Deny"),
        "InboxFunction may not sqs:SendMessage. Allow it on InboxDeadLetters",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        REPORTS,
        "          - ReachesQueues\n          - Statement:",
        "          - SignsIn\n          - Statement:",
        "InboxFunction may not sqs:SendMessage. Allow it on InboxDeadLetters",
    ),
    Plant(
        "who_reads_a_queue_can_bury_and_put_off",
        PAYMENTS,
        "QUEUE_URL: !Ref WebhookInbox",
        "QUEUE_URL: !Ref Inbox",
        "WebhookFunction: set QUEUE_URL to the address of WebhookInbox",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "Principal: {Service: events.amazonaws.com}",
        "Principal: {Service: apigateway.amazonaws.com}",
        "lets in others",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "aws:SourceArn: [!GetAtt Commands.Arn, !GetAtt Files.Arn]",
        "aws:SourceArn: !GetAtt Table.Arn",
        "lets in ['Table']",
    ),
    Plant(
        "queues_let_in_their_rules_only",
        TOYS,
        "            Condition: {ArnEquals: "
        "{aws:SourceArn: [!GetAtt Commands.Arn, !GetAtt Files.Arn]}}\n",
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
        "calls_of_aws_fail_before_the_function_does",
        TOYS,
        "        AWS_DEFAULTS_MODE: in-region\n",
        "",
        'toys-service/template.yaml: ApiFunction: set AWS_DEFAULTS_MODE: "in-region"',
    ),
    Plant(
        "calls_of_aws_fail_before_the_function_does",
        TOYS,
        "      Handler: toys.inbox.handler\n",
        "      Handler: toys.inbox.handler\n"
        '      Environment: {Variables: {AWS_MAX_ATTEMPTS: "10"}}\n',
        'toys-service/template.yaml: InboxFunction: set AWS_MAX_ATTEMPTS: "2"',
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
        "every_stream_has_an_alarm_on_its_lag",
        FILES,
        "Value: !Ref CleanerFunction",
        "Value: !Ref OutboxFunction",
        "no alarm watches how far CleanerFunction is behind",
    ),
    Plant(
        "no_event_source_retries_for_ever",
        FILES,
        "            DestinationConfig: {OnFailure: {Type: SQS, "
        "Destination: !GetAtt CleanerDeadLetters.Arn}}\n",
        "",
        "CleanerFunction: give its stream an OnFailure destination",
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
        "every_schedule_gives_up",
        ORDERS,
        "            RetryPolicy: {MaximumRetryAttempts: 2, MaximumEventAgeInSeconds: 300}\n",
        "            RetryPolicy: {MaximumRetryAttempts: 2}\n",
        "SweepFunction: its schedule: set MaximumEventAgeInSeconds",
    ),
    Plant(
        "every_schedule_gives_up",
        ORDERS,
        "            DeadLetterConfig: {Arn: !GetAtt SweepDeadLetters.Arn}\n",
        "",
        "SweepFunction: its schedule: give it a dead-letter queue",
    ),
    Plant(
        "every_schedule_gives_up",
        ORDERS,
        "        MaximumRetryAttempts: 1\n",
        "",
        "its EventInvokeConfig (OnFailure): set MaximumRetryAttempts",
    ),
    Plant(
        "every_schedule_gives_up",
        ORDERS,
        "        DestinationConfig: "
        "{OnFailure: {Type: SQS, Destination: !GetAtt SweepDeadLetters.Arn}}\n",
        "",
        "its EventInvokeConfig (OnFailure): give it a dead-letter queue",
    ),
    Plant(
        "every_schedule_gives_up",
        TOYS,
        "\nOutputs:\n",
        "\n  Nightly:\n    Type: AWS::Scheduler::Schedule\n    Properties:\n"
        "      Target: {Arn: !GetAtt ApiFunction.Arn}\n\nOutputs:\n",
        "Nightly: set MaximumRetryAttempts",
    ),
    Plant(
        "every_schedule_gives_up",
        TOYS,
        "      EventPattern:\n",
        "      ScheduleExpression: rate(1 day)\n      EventPattern:\n",
        "Commands is a schedule",
    ),
    Plant(
        "every_dead_letter_queue_has_an_alarm",
        ORDERS,
        "Value: !GetAtt SweepDeadLetters.QueueName",
        "Value: !GetAtt Inbox.QueueName",
        "no alarm watches SweepDeadLetters",
    ),
    Plant(
        "no_function_reads_a_whole_table",
        TOYS,
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, dynamodb:Scan]",
        "ApiFunction may dynamodb:Scan",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PAYMENTS,
        "Action: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        'Action: "sqs:*"\n                Resource: !GetAtt WebhookInbox.Arn',
        "WebhookRole may sqs:*. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PAYMENTS,
        "Action: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        'Action: sqs:SendMessage\n                Resource: "*"',
        "WebhookRole may sqs:SendMessage on *. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PAYMENTS,
        "      AssumeRolePolicyDocument:\n",
        "      ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonSQSFullAccess']\n"
        "      AssumeRolePolicyDocument:\n",
        "WebhookRole has AWS's policy arn:aws:iam::aws:policy/AmazonSQSFullAccess",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PAYMENTS,
        "Action: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        "NotAction: sqs:SendMessage\n                Resource: !GetAtt WebhookInbox.Arn",
        "WebhookRole has NotAction",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "\nOutputs:\n",
        "\n  More:\n    Type: AWS::IAM::Policy\n    Properties: {}\n\nOutputs:\n",
        "More: write the statements into the role",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FILES,
        'Resource: [!Sub "${Bucket.Arn}/public/*", !Sub "${Bucket.Arn}/private/*"]',
        'Resource: [!Sub "${Bucket.Arn}/public/*", !Sub "${Bucket.Arn}/incoming/*"]',
        "UploadsFunction may s3:PutObject on ${Bucket.Arn}/incoming/*. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FILES,
        "Action: cloudfront:CreateInvalidation",
        "Action: cloudfront:DeleteDistribution",
        "CleanerFunction may cloudfront:DeleteDistribution. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "Action: dynamodb:Query",
        'Action: "dynamodb:*"',
        "ApiFunction may dynamodb:*. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "- !Sub ${Table.Arn}/index/byToy",
        '- "*"',
        "ApiFunction may dynamodb:Query on *. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "      Policies:\n",
        "      Policies:\n        - AmazonDynamoDBFullAccess\n",
        "AmazonDynamoDBFullAccess",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, lambda:UpdateFunctionCode]",
        "ApiFunction may lambda:UpdateFunctionCode. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, dynamodb:DescribeTable]",
        "ApiFunction may dynamodb:DescribeTable. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "Action: dynamodb:Query",
        "Action: [dynamodb:Query, sqs:SendMessage]",
        "ApiFunction may sqs:SendMessage. Name an action",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "${Table.Arn}/index/byToy",
        "${Table.Arn}/index/*",
        "ApiFunction may dynamodb:Query on ${Table.Arn}/index/*. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "${Table.Arn}/index/byToy",
        "${Table.Arn}/index/byPrice",
        "ApiFunction may dynamodb:Query on ${Table.Arn}/index/byPrice. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FULFILMENT,
        "Action: [dynamodb:GetItem, dynamodb:PutItem]\n              Resource: !GetAtt Table.Arn",
        "Action: [dynamodb:GetItem, dynamodb:PutItem]\n              Resource: !Ref TableArn",
        "ApiFunction may dynamodb:PutItem on ${TableArn}. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FULFILMENT,
        "Action: [dynamodb:GetItem, dynamodb:PutItem]\n              Resource: !GetAtt Table.Arn",
        "Action: [dynamodb:GetItem, dynamodb:PutItem]\n"
        "              Resource: !Sub arn:${AWS::Partition}:dynamodb:*:${AWS::AccountId}:table/*",
        ":table/*. Grant it on ${<AWS::DynamoDB::Table>.Arn}",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "event-bus/${EventBusName}",
        "event-bus/*",
        "OutboxFunction may events:PutEvents on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "event-bus/${EventBusName}",
        "event-bus/${LogLevel}",
        "event-bus/${LogLevel}. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        ROLE + "\n              Resource: !GetAtt InboxDeadLetters.Arn",
        ROLE + "\n              Resource: !Sub arn:${AWS::Partition}:sqs:*:${AWS::AccountId}:*",
        "InboxFunction may sqs:SendMessage on arn:",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        ROLE,
        ROLE.replace("Allow", "Deny"),
        "InboxFunction has a Deny",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        ROLE,
        "            - Effect: Allow\n"
        "              Condition: {Bool: {aws:SecureTransport: 'false'}}\n"
        "              Action: sqs:SendMessage",
        "InboxFunction may sqs:SendMessage under the condition",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        NOTIFICATION,
        "              Condition: {StringEqualsIfExists: {ses:FromAddress: !Ref SenderAddress}}\n",
        "",
        "InboxFunction may ses:SendEmail under the condition {}",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FILES,
        "Action: [s3:PutObject, s3:DeleteObject]\n"
        '              Resource: !Sub "${Receipts.Arn}/private/*"',
        'Action: [s3:PutObject, s3:DeleteObject]\n              Resource: !Sub "${Receipts.Arn}/*"',
        "InboxFunction may s3:PutObject on ${Receipts.Arn}/*. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        FILES,
        "Action: s3:GetObject",
        "Action: dynamodb:GetItem",
        "api has no s3:GetObject. Take it out of SPECIAL",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        PAYMENTS,
        "secret:${StripeSecretName}-??????",
        "secret:${StripeSecretName}*",
        "WebhookFunction may secretsmanager:GetSecretValue on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        REPORTS,
        "dbuser:${Id}/${DatabaseUser}",
        "dbuser:${Id}/*",
        "dbuser:*/*. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        REPORTS,
        "Resource: !GetAtt Cluster.DBClusterArn",
        'Resource: !If [OwnsDatabase, !GetAtt Cluster.DBClusterArn, "*"]',
        "UsersFunction may rds-data:ExecuteStatement on *. Grant it on",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "      Handler: toys.api.handler\n",
        "      Handler: toys.api.handler\n      Connectors: {}\n",
        "ApiFunction has Connectors",
    ),
    Plant(
        "roles_may_do_what_their_door_is_for",
        TOYS,
        "\nOutputs:\n",
        "\n  Open:\n    Type: AWS::Lambda::Permission\n    Properties: {}\n\nOutputs:\n",
        "Open: make it an AWS::Serverless::Function",
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
        "Method: HEAD",
        "HEAD /toys/{toy_id} is not in openapi.json",
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
        "generated_files_are_up_to_date",
        "orders-service/README.md",
        "<!-- generated: grid -->\n",
        "<!-- generated: grid -->\nby hand\n",
        "-by hand",
    ),
    Plant(
        "links_lead_somewhere",
        "toys-service/README.md",
        "(events/inbox-ReserveStock.json)",
        "(events/inbox-Reserve.json)",
        "links to events/inbox-Reserve.json",
    ),
    Plant(
        "links_lead_somewhere",
        "payments-service/README.md",
        "## When Stripe gives no answer",
        "## When Stripe is silent",
        "docs/operations.md links to ../payments-service/README.md#when-stripe-gives-no-answer",
    ),
    Plant(
        "links_lead_somewhere",
        "docs/architecture.md",
        "(#the-shoppers-bank-wants-to-know)",
        "(#the-bank-wants-to-know)",
        "docs/architecture.md links to #the-bank-wants-to-know",
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
        "plumbing_is_the_same_everywhere",
        "orders-service/src/orders/delivery.py",
        "LONGEST_WAIT = 900",
        "LONGEST_WAIT = 600",
        "delivery.py of orders is not that of",
    ),
    Plant(
        "plumbing_is_the_same_everywhere",
        "toys-service/src/toys/errors.py",
        "64 * 1024",
        "65 * 1024",
        "errors.py of toys is not that of",
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


def test_who_reads_a_queue_has_the_plumbing_for_it(tree: Tree, copied: Path) -> None:
    (copied / "toys-service/src/toys/delivery.py").unlink()
    told = "\n".join(RULES["plumbing_is_the_same_everywhere"](Tree(copied, tree.generated)))
    assert "toys-service/src/toys/delivery.py is missing" in told


def test_every_rule_is_put_to_the_test() -> None:
    assert RULES.keys() == {plant.rule for plant in PLANTS}


def test_every_star_in_a_grant_has_a_reason() -> None:
    allowed = {form for forms in FORMS.values() for form in forms}
    assert STARS.keys() == {form for form in allowed if {"*", "?"} & set(form)}
