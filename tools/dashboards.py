"""Puts each service's dashboards into its template, which can hold them as one line of text only.

`dashboard.json` becomes the DashboardBody of the resource `Dashboard`, `shop-dashboard.json` that
of `ShopDashboard`. Names in them stand as CloudFormation's Fn::Sub takes them: ${Table}.

python -m tools.dashboards [--check] [folder ...]
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools import drift
from tools.services import ROOT, Service, find

DASHBOARD = "AWS::CloudWatch::Dashboard"

MOST = 500
"""Metrics that a dashboard may show, all in all. CloudWatch refuses more."""


class NoPlace(Exception):
    """The template has no line for a dashboard."""


def file_name(logical_id: str) -> str:
    """The file of a dashboard: shop-dashboard.json of ShopDashboard."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", logical_id).lower() + ".json"


def body(path: Path) -> str:
    """A dashboard as its resource has it: its JSON, in one line."""
    return json.dumps(json.loads(path.read_text()), separators=(",", ":"), ensure_ascii=False)


def template(service: Service) -> str:
    """The template's text with the dashboards as their files say. Raises NoPlace."""
    text = (service.folder / "template.yaml").read_text()
    for logical_id in service.of_type(DASHBOARD):
        line = "'" + body(service.folder / file_name(logical_id)).replace("'", "''") + "'"
        place = re.compile(
            rf"^(  {logical_id}:\n(?:    .*\n)*?      DashboardBody: !Sub ).*$", re.MULTILINE
        )
        text, found = place.subn(lambda match, line=line: match[1] + line, text)  # type: ignore[misc]
        if not found:
            raise NoPlace(f"{service.folder.name}: {logical_id} has no line `DashboardBody: !Sub`")
    return text


def generate(services: Sequence[Service]) -> Mapping[Path, str]:
    """The templates as they should be, by path."""
    return {service.folder / "template.yaml": template(service) for service in services}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the templates, or say which are out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.dashboards")
    parser.add_argument("folders", nargs="*", help="all, where none is given")
    parser.add_argument("--check", action="store_true", help="write nothing, tell what differs")
    given = parser.parse_args(arguments)
    wanted = {(ROOT / folder).resolve() for folder in given.folders}
    files = generate([one for one in find() if not wanted or one.folder in wanted])
    if given.check:
        return drift.report(drift.differences(files))
    drift.write(files)
    return 0


if __name__ == "__main__":
    sys.exit(main())
