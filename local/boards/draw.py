"""Draws CloudWatch's dashboards, as near as can be, into one page of HTML each."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from local.boards.series import Metrics, Point, bars

Json = Mapping[str, Any]

COLUMNS, ROW = 24, 60
"""CloudWatch's grid: so many columns, and pixels for each row."""

COLOURS = (
    *("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd"),
    *("#8c564b", "#e377c2", "#7f7f7f", "#bcbd22", "#17becf"),
)

SEARCH = re.compile(r"SEARCH\('(?P<what>.+)',\s*'(?P<statistic>\w+(?:\.\d+)?)'")
METRIC = re.compile(r'MetricName="(\w+)"')
NAMESPACE = re.compile(r'Namespace="([^"]+)"|\{([\w/]+)')
WORD = re.compile(r"(?<!NOT )\b(?!MetricName|Namespace)\w+=(\w+)")
UNWANTED = re.compile(r"NOT \w+=(\w+)")


@dataclass(frozen=True)
class Window:
    """What a page shows: from when to when (seconds since 1970), and how finely (seconds)."""

    since: float
    until: float
    period: int


@dataclass(frozen=True)
class Line:
    """One line of a widget."""

    label: str
    points: Sequence[Point]


def page(title: str, body: Json, metrics: Metrics, alarms: Mapping[str, str], at: Window) -> str:
    """A dashboard as a page.

    Args:
        alarms: the state of each alarm, by its name.
    """
    widgets = "".join(_widget(widget, metrics, alarms, at) for widget in body["widgets"])
    rows = max(widget["y"] + widget["height"] for widget in body["widgets"])
    return _PAGE.format(title=escape(title), widgets=widgets, height=rows * ROW, row=ROW)


def _widget(widget: Json, metrics: Metrics, alarms: Mapping[str, str], at: Window) -> str:
    properties = widget["properties"]
    place = (
        f"grid-column:{widget['x'] + 1}/span {widget['width']};"
        f"grid-row:{widget['y'] + 1}/span {widget['height']}"
    )
    title = escape(str(properties.get("title", "")))
    height = widget["height"] * ROW - 74
    match widget["type"]:
        case "alarm":
            inside = _alarms(properties, alarms)
        case "text":
            inside = f"<p>{escape(str(properties.get('markdown', '')))}</p>"
        case _:
            lines = list(_lines(properties, metrics, at))
            inside = _chart(lines, bool(properties.get("stacked")), height, at)
    return f'<section style="{place}"><h2>{title}</h2>{inside}</section>'


def _alarms(properties: Json, alarms: Mapping[str, str]) -> str:
    names = [str(arn).rpartition(":alarm:")[2] for arn in properties["alarms"]]
    items = (
        f'<li class="{alarms.get(name, "OK")}"><b>{escape(_short(name))}</b>'
        f"<span>{alarms.get(name, 'OK')}</span></li>"
        for name in names
    )
    return f"<ul>{''.join(items)}</ul>"


def _short(name: str) -> str:
    """The part of an alarm's name that its stack's name does not say."""
    return next((part for part in name.split("-") if part.endswith("Alarm")), name)


def _lines(properties: Json, metrics: Metrics, at: Window) -> Iterator[Line]:
    row: list[str] = []
    for written in properties.get("metrics", []):
        options = next((part for part in written if isinstance(part, dict)), {})
        if "expression" in options:
            yield from _searched(
                str(options["expression"]), str(options.get("label", "")), metrics, at
            )
            continue
        row = full([part for part in written if not isinstance(part, dict)], row)
        statistic = str(options.get("stat", properties.get("stat", "Average")))
        dimensions = dict(zip(row[2::2], row[3::2], strict=True))
        label = str(options.get("label") or row[-1])
        points = metrics.of(row[0], row[1], dimensions)
        yield Line(label, bars(points, statistic, at.period, at.since, at.until))


def full(parts: Sequence[str], row: Sequence[str]) -> list[str]:
    """A metric with CloudWatch's shorthands for what the row before it says."""
    filled: list[str] = []
    for place, part in enumerate(parts):
        if part == "...":
            filled += row[len(filled) : len(row) - (len(parts) - place - 1)]
        else:
            filled.append(row[len(filled)] if part == "." else part)
    return filled


def _searched(expression: str, label: str, metrics: Metrics, at: Window) -> Iterator[Line]:
    """What a SEARCH finds, as far as it is understood here: words that are in the dimensions."""
    search = SEARCH.search(expression)
    metric, namespace = METRIC.search(expression), NAMESPACE.search(expression)
    if not (search and metric and namespace):
        return
    unwanted = UNWANTED.findall(expression)
    found = metrics.found(namespace[1] or namespace[2], metric[1], WORD.findall(expression))
    for name, points in found:
        if any(word in name for word in unwanted):
            continue
        drawn = bars(points, search["statistic"], at.period, at.since, at.until)
        yield Line(f"{label} {name}".strip(), drawn)


def _chart(lines: Sequence[Line], stacked: bool, height: int, at: Window) -> str:
    width = 1000
    shown = [line for line in lines if line.points]
    legend = "".join(
        f'<li><i style="background:{COLOURS[n % len(COLOURS)]}"></i>{escape(line.label)}'
        f"{'' if line.points else ' <em>none</em>'}</li>"
        for n, line in enumerate(lines)
    )
    highest = _highest(shown, stacked) or 1.0
    across = _scale(at.since, at.until, width)
    up = _scale(0, highest * 1.08, height)
    drawn, below = [], dict[float, float]()
    for number, line in enumerate(lines):
        colour = COLOURS[number % len(COLOURS)]
        points = []
        for when, value in line.points:
            bottom = below.get(when, 0.0) if stacked else 0.0
            below[when] = bottom + value
            points.append((across(when), height - up(bottom + value)))
        if len(points) > 1:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            drawn.append(f'<polyline points="{path}" stroke="{colour}"/>')
        drawn += [f'<path d="M{x:.1f} {y:.1f}h0" stroke="{colour}"/>' for x, y in points]
    empty = "" if shown else "<p>Nothing of it is counted on this machine</p>"
    return (
        f'{empty}<svg viewBox="0 0 {width} {height}" height="{height}" '
        f'preserveAspectRatio="none"><line x1="0" x2="{width}" y1="{height}" y2="{height}"/>'
        f"{''.join(drawn)}</svg>"
        f'<div class="scale">{_number(highest) if shown else ""}</div><ol>{legend}</ol>'
    )


def _highest(lines: Sequence[Line], stacked: bool) -> float:
    if not stacked:
        return max((value for line in lines for _, value in line.points), default=0.0)
    sums = dict[float, float]()
    for line in lines:
        for at, value in line.points:
            sums[at] = sums.get(at, 0.0) + value
    return max(sums.values(), default=0.0)


def _scale(low: float, high: float, length: float) -> Callable[[float], float]:
    return lambda value: (value - low) / (high - low) * length


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.3g}"


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
:root {{ color-scheme: light dark; --line: light-dark(#d5dbdb, #414d5c);
  --card: light-dark(#fff, #192534); --ground: light-dark(#f2f3f3, #0f1b2a); }}
* {{ box-sizing: border-box }}
body {{ margin: 0; padding: 16px; background: var(--ground);
  font: 13px/1.35 system-ui, sans-serif }}
h1 {{ font-size: 18px; margin: 0 0 12px }}
main {{ display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: {row}px; gap: 6px;
  min-width: 1100px }}
section {{ background: var(--card); border: 1px solid var(--line); border-radius: 6px;
  padding: 8px 10px; overflow: hidden; position: relative; display: flex;
  flex-direction: column; min-width: 0 }}
h2 {{ font-size: 13px; margin: 0 0 6px }}
svg {{ width: 100%; flex: 1; min-height: 0; overflow: visible }}
svg line {{ stroke: var(--line) }}
polyline, path {{ fill: none; stroke-width: 2; vector-effect: non-scaling-stroke }}
path {{ stroke-width: 6; stroke-linecap: round }}
.scale {{ position: absolute; right: 10px; top: 10px; opacity: .65; font-size: 11px }}
ol {{ list-style: none; display: flex; flex-wrap: wrap; gap: 0 10px; margin: 6px 0 0; padding: 0;
  font-size: 11px; max-height: 30px; overflow: hidden }}
ol i {{ display: inline-block; width: 9px; height: 9px; border-radius: 2px; margin-right: 4px }}
em {{ opacity: .5 }}
p {{ position: absolute; inset: 40% 10px auto; text-align: center; opacity: .55; margin: 0 }}
ul {{ list-style: none; display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr));
  gap: 4px; margin: 0; padding: 0; font-size: 11px }}
ul li {{ border-radius: 4px; padding: 3px 6px; display: flex; justify-content: space-between;
  gap: 6px; background: light-dark(#e9f5ec, #12351f); border-left: 3px solid #1d8102 }}
ul li b {{ overflow: hidden; text-overflow: ellipsis }}
ul li.ALARM {{ background: light-dark(#fdecea, #4a1512); border-left-color: #d13212 }}
</style></head>
<body><h1>{title}</h1><main style="min-height: {height}px">{widgets}</main></body></html>
"""
