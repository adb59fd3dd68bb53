"""What breaks the rules of who watches."""

from tests.rules.plant import Plant

ORDERS = "orders-service/template.yaml"
PAYMENTS = "payments-service/template.yaml"
BOARD = "orders-service/dashboard.json"

AGE = "      MetricName: ApproximateAgeOfOldestMessage\n"
MONEY = "      MetricName: RefundsOverdue\n"
LAG = "Dimensions: [{Name: FunctionName, Value: !Ref OutboxFunction}]\n      Statistic: Maximum"

PLANTS = [
    Plant(
        "alarms_tell_the_stacks_topic_and_what_to_do",
        ORDERS,
        "      AlarmActions: [!Ref Alarms]\n",
        "",
        "Let it tell the stack's topic Alarms",
    ),
    Plant(
        "alarms_tell_the_stacks_topic_and_what_to_do",
        ORDERS,
        "#moneyalarm",
        "#money",
        "MoneyAlarm: end its description with ${RunbookUrl}#moneyalarm",
    ),
    Plant(
        "alarms_tell_the_stacks_topic_and_what_to_do",
        "docs/operations.md",
        "MoneyAlarm",
        "Money",
        "says nothing of MoneyAlarm (orders)",
    ),
    Plant(
        "alarms_tell_the_stacks_topic_and_what_to_do",
        ORDERS,
        "      TreatMissingData: notBreaching\n",
        "",
        "say TreatMissingData",
    ),
    Plant(
        "alarms_tell_the_stacks_topic_and_what_to_do",
        ORDERS,
        "      ExtendedStatistic: p99\n",
        "      ExtendedStatistic: p99\n      EvaluateLowSampleCountPercentile: ignore\n",
        "waits for a thousand samples",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        MONEY,
        "      MetricName: RefundsLate\n",
        "orders never counts RefundsLate",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        PAYMENTS,
        "        - {Name: service, Value: payments}\n",
        "",
        "payments counts RefundsFailed by",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        AGE,
        "      MetricName: AgeOfOldestMessage\n",
        "AWS/SQS AgeOfOldestMessage is no metric",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        "Value: !GetAtt Inbox.QueueName",
        "Value: !Ref Inbox",
        "ApproximateAgeOfOldestMessage is of {'QueueName': {'Ref': 'Inbox'}}",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        LAG,
        LAG.replace("OutboxFunction", "ApiFunction"),
        "ApiFunction reads no DynamoDB",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        LAG,
        LAG.replace("Maximum", "SampleCount"),
        "SampleCount of IteratorAge says nothing",
    ),
    Plant(
        "alarms_watch_what_their_stack_makes",
        ORDERS,
        "        - {Name: Stage, Value: live}\n      Statistic: Average",
        "        - {Name: Stage, Value: prod}\n      Statistic: Average",
        "5XXError is of",
    ),
    Plant(
        "everything_that_may_fail_has_its_alarm",
        ORDERS,
        AGE,
        "      MetricName: NumberOfMessagesSent\n",
        "no alarm watches ApproximateAgeOfOldestMessage of Inbox",
    ),
    Plant(
        "everything_that_may_fail_has_its_alarm",
        ORDERS,
        "              MetricName: Throttles\n",
        "              MetricName: Invocations\n",
        "no alarm watches Throttles of SweepFunction",
    ),
    Plant(
        "everything_that_may_fail_has_its_alarm",
        ORDERS,
        "      MetricName: 5XXError\n",
        "      MetricName: 4XXError\n",
        "no alarm watches 5XXError of Api",
    ),
    Plant(
        "dashboards_are_as_their_files_say",
        BOARD,
        '"title": "Orders"',
        '"title": "All orders"',
        "Dashboard is not what dashboard.json says",
    ),
    Plant(
        "dashboards_are_as_their_files_say",
        ORDERS,
        "    Type: AWS::CloudWatch::Dashboard\n",
        "    Type: AWS::SNS::Topic\n",
        "give it a Dashboard",
    ),
    Plant(
        "dashboards_show_what_their_stack_makes",
        BOARD,
        "OrdersPlaced",
        "OrdersMade",
        "orders never counts OrdersMade",
    ),
    Plant(
        "dashboards_show_what_their_stack_makes",
        BOARD,
        "${SweepFunction}",
        "${ApiFunction}",
        "dashboard.json does not show SweepFunction",
    ),
    Plant(
        "dashboards_show_what_their_stack_makes",
        BOARD,
        "${MoneyAlarm.Arn}",
        "${OutboxLagAlarm.Arn}",
        "does not show the alarm MoneyAlarm",
    ),
    Plant(
        "dashboards_show_what_their_stack_makes",
        BOARD,
        '"width": 6',
        '"width": 25',
        "wider than the screen",
    ),
    Plant(
        "dashboards_show_what_their_stack_makes",
        "public-api/shop-dashboard.json",
        'MetricName=\\"OrdersPlaced\\"',
        'MetricName=\\"OrdersMade\\"',
        "searches for TheBetterStore OrdersMade, which nobody counts",
    ),
    Plant(
        "logs_can_be_turned_down_and_asked",
        ORDERS,
        "SystemLogLevel: !Ref PlatformLogLevel",
        "SystemLogLevel: INFO",
        "set LoggingConfig.SystemLogLevel to !Ref PlatformLogLevel",
    ),
    Plant(
        "logs_can_be_turned_down_and_asked",
        ORDERS,
        "[!Ref ApiLogs, !Ref InboxLogs, ",
        "[!Ref InboxLogs, ",
        "does not ask ApiLogs",
    ),
    Plant(
        "how_much_is_traced_is_a_parameter",
        ORDERS,
        "FixedRate: !Ref TracingRate",
        "FixedRate: 0.5",
        "FixedRate !Ref TracingRate",
    ),
    Plant(
        "errors_are_told_to_managers_alone",
        "reports-service/asyncapi.yaml",
        "OrderPlaced",
        "ErrorRaised",
        "reports hears ErrorRaised",
    ),
    Plant(
        "errors_are_told_to_managers_alone",
        "public-api/asyncapi.yaml",
        "tbs.fulfilment",
        "tbs.reports",
        "public-api does not hear the ErrorRaised of tbs.fulfilment",
    ),
]
