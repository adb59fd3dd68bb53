"""Counts the mails that nobody will read. An alarm tells of those whose content was paid for."""

import os

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit

from notification.mail import Mail


def count(before: Mail, after: Mail) -> None:
    """Count a mail that is lost by this change, to be called before the change is saved.

    Saved first, a mail whose function then dies would never be counted. So it may be counted twice.
    """
    if before.is_lost or not after.is_lost:
        return
    with single_metric(
        "MailsNotDelivered", MetricUnit.Count, 1, namespace="TheBetterStore"
    ) as metric:
        metric.add_dimension("service", os.environ["POWERTOOLS_SERVICE_NAME"])
        metric.add_dimension("template", after.template)
