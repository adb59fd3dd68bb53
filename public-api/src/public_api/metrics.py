"""Puts figures into the log, from which CloudWatch makes metrics (embedded metric format)."""

import os
from collections.abc import Iterable
from itertools import groupby

from aws_lambda_powertools.metrics import EphemeralMetrics

from public_api.figures import Figure


def emit(figures: Iterable[Figure]) -> None:
    """Log the figures, those of the same dimensions in one line. No figures: no line."""
    told = sorted(figures, key=lambda figure: figure.by or ("", ""))
    for by, group in groupby(told, key=lambda figure: figure.by):
        metrics = EphemeralMetrics()
        metrics.add_dimension("stack", os.environ["STACK_NAME"])
        if by:
            metrics.add_dimension(*by)
        for figure in group:
            metrics.add_metric(figure.name, figure.unit, figure.value)
        if metrics.metric_set:  # a hundred values are flushed by themselves
            metrics.flush_metrics()
