"""Serves the flow page: `python -m local.flow [--env prod] [--file run.jsonl.gz]`.

Its port, and that of its cloud, come from the environment (local.settings).
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import uvicorn

from local.account import Account
from local.errors import LocalError
from local.flow import recording
from local.flow.collector import AWS, LOCAL, Collector
from local.flow.journal import Journal
from local.flow.readers import rules
from local.flow.server import Live, Recorded, application
from local.flow.service import FLOW
from local.flow.sources import Cloud
from local.flow.tracing import Segments, UdpSegments, XRaySegments
from local.services import require_environment, select
from local.settings import HOST, Settings


def serve(settings: Settings, environment: str, file: Path | None, port: int) -> None:
    """Serve the page until told to end: of an environment, or of a recording.

    Raises LocalError when there is no such environment, and when the file holds no recording.
    """
    journal = Journal()
    services = select()
    about: dict[str, Any] = {
        "mode": "live",
        "environment": environment,
        "services": [service.name for service in services],
        "started": time.time() * 1000,  # of what was before, no segment was heard
    }
    shown: Live
    if file is not None:
        records = recording.load(file)
        about |= next((one for one in records if one["k"] == "about"), {})
        about |= {"mode": "replay", "file": file.name}
        journal = Journal(most=len(records))
        journal.add(one for one in records if one["k"] not in {"about", "segments"})
        shown = Recorded(records)
    else:
        account = Account(settings, environment)
        segments: Segments
        if account.is_local:
            segments = UdpSegments(settings.flow_port)
        else:
            require_environment(FLOW, environment)
            segments = XRaySegments(account, services)
            about["started"] = 0
        cloud = Cloud(settings, account, services, rules(services), segments)
        pace = LOCAL if account.is_local else AWS
        shown = Live(cloud, Collector(cloud, journal, pace))
    uvicorn.run(
        application(about, journal, shown),
        host=HOST,
        port=port,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=1,
    )


def main(arguments: list[str]) -> int:
    """Serve until told to end; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m local.flow", description=__doc__)
    parser.add_argument("--env", default="local")
    parser.add_argument("--file", type=Path)
    options = parser.parse_args(arguments)
    settings = Settings.from_environment()
    try:
        serve(settings, options.env, options.file, settings.flow_port)
    except LocalError as error:
        print(f"error: {error.report()}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
