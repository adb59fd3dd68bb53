"""The dashboards of the local cloud, filled with what can be known of its metrics here."""

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from local import aws
from local.boards.draw import Window, page
from local.boards.series import Metrics
from local.errors import LocalError
from local.progress import Progress, console
from local.settings import Settings

FINE = (10, 30, 60, 300, 900)
"""Seconds that a point may stand for: the least with which there are not too many of them."""

MOST_POINTS = 120

REPORT = re.compile(r"REPORT RequestId: \S+\s+Duration: ([\d.]+) ms")


def show(settings: Settings) -> None:
    """Write every dashboard as a page, and say where they are.

    Raises LocalError when there are none.
    """
    with Progress() as progress, progress.step("Reading what was counted"):
        dashboards = dict(_dashboards(settings))
        if not dashboards:
            raise LocalError("There are no dashboards on the local cloud: `make up` makes them.")
        metrics = gathered(settings)
        alarms = {
            alarm["AlarmName"]: _state(metrics, alarm)
            for alarm in _pages(settings, "cloudwatch", "describe_alarms", "MetricAlarms")
        }
    at = _window(metrics)
    folder = settings.home / "dashboards"
    folder.mkdir(parents=True, exist_ok=True)
    for name, body in sorted(dashboards.items()):
        path = folder / f"{name}.html"
        path.write_text(page(name, body, metrics, alarms, at))
        console.print(f"  {path.resolve().as_uri()}", soft_wrap=True)


def gathered(settings: Settings) -> Metrics:
    """All that is counted: by the functions' own lines, by Lambda of them, and in queues now."""
    metrics = Metrics()
    functions = {
        str(found.get("LoggingConfig", {}).get("LogGroup")): str(found["FunctionName"])
        for found in _pages(settings, "lambda", "list_functions", "Functions")
    }
    for group in _pages(settings, "logs", "describe_log_groups", "logGroups"):
        name = str(group["logGroupName"])
        function = {"FunctionName": functions.get(name, name)}
        for event in _pages(settings, "logs", "filter_log_events", "events", logGroupName=name):
            at, text = event["timestamp"] / 1000, str(event["message"])
            metrics.read(text)
            metrics.add("AWS/Logs", "IncomingBytes", {"LogGroupName": name}, (at, len(text) + 26))
            if report := REPORT.match(text):
                metrics.add("AWS/Lambda", "Invocations", function, (at, 1))
                metrics.add("AWS/Lambda", "Errors", function, (at, 0))
                metrics.add("AWS/Lambda", "Duration", function, (at, float(report[1])))
            elif '"errorType"' in text and '"log_level"' in text:
                metrics.add("AWS/Lambda", "Errors", function, (at, 1))
    sqs = aws.client("sqs", settings)
    for url in _pages(settings, "sqs", "list_queues", "QueueUrls"):
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        queue = {"QueueName": str(url).rpartition("/")[2]}
        waiting = float(told["ApproximateNumberOfMessages"])
        metrics.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", queue, (time.time(), waiting))
    return metrics


def _state(metrics: Metrics, alarm: dict[str, Any]) -> str:
    """OK or ALARM, by the newest point: CloudWatch would look at more."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", [])}
    points = metrics.of(alarm.get("Namespace", ""), alarm.get("MetricName", ""), dimensions)
    newest = max(points, default=(0.0, 0.0))[1]
    return "ALARM" if points and newest > alarm.get("Threshold", 0) else "OK"


def _window(metrics: Metrics) -> Window:
    """All of the time in which something was counted."""
    times = [at for points in metrics.points.values() for at, _ in points]
    since, until = min(times, default=time.time() - 60), max(times, default=time.time()) + 1
    period = next((fine for fine in FINE if (until - since) / fine <= MOST_POINTS), FINE[-1])
    return Window(since - since % period, until + period, period)


def _dashboards(settings: Settings) -> Iterator[tuple[str, Any]]:
    client = aws.client("cloudwatch", settings)
    for entry in _pages(settings, "cloudwatch", "list_dashboards", "DashboardEntries"):
        name = str(entry["DashboardName"])
        yield name, json.loads(client.get_dashboard(DashboardName=name)["DashboardBody"])


def _pages(
    settings: Settings, service: str, operation: str, key: str, **given: Any
) -> Iterator[Any]:
    pages = aws.client(service, settings).get_paginator(operation).paginate(**given)
    for found in pages:
        yield from found.get(key, [])
