"""Fuzz the APIs of the shop on the local cloud: `make fuzz`."""

import argparse
import sys
import time

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.markup import escape

from local.errors import LocalError
from local.progress import console, fail
from local.settings import Settings
from tests.fuzz.apis import api, documented
from tests.fuzz.run import EXAMPLES, SEED, Outcome, fuzz
from tests.fuzz.things import things


def main(arguments: list[str]) -> int:
    """Fuzz; the exit code is 1 when something was found, or when the cloud does not run."""
    options = _parser().parse_args(arguments)
    settings = Settings.from_environment()
    try:
        services = documented(options.service.split(","))
        found = 0
        with things(settings) as made:
            for service in services:
                began = time.monotonic()
                outcome = fuzz(
                    api(settings, service, made.token), made, options.examples, options.seed
                )
                _show(service, outcome, time.monotonic() - began)
                found += len(outcome.findings)
    except LocalError as error:
        fail(error.report())
        return 1
    except (BotoCoreError, ClientError, httpx.TransportError) as error:
        fail(f"The local cloud does not answer as it should; `make status` says what runs. {error}")
        return 1
    except KeyboardInterrupt:
        fail("interrupted")
        return 130
    console.print(f"\n{found} findings. SEED={options.seed} plays the same again." if found else "")
    return 1 if found else 0


def _show(service: str, outcome: Outcome, seconds: float) -> None:
    console.print(f"\n[bold]{service}[/]: {outcome.requests} requests in {seconds:.0f} s")
    for operation, statuses in sorted(outcome.statuses.items()):
        counts = ", ".join(f"{status}: {count}" for status, count in sorted(statuses.items()))
        console.print(f"  {operation:48}{counts}", soft_wrap=True)
    for one, count in outcome.meant.items():
        console.print(f"  meant, {count} times: {one.operation}: {one.why}", soft_wrap=True)
    for key, finding in outcome.found.items():
        times = max(outcome.times[key], 1)
        console.print(f"\n[red]found, {times} times:[/] {escape(str(finding))}", soft_wrap=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--service", default="", metavar="A,B", help="these, not all")
    parser.add_argument("--examples", type=int, default=EXAMPLES, help="of each operation")
    parser.add_argument("--seed", type=int, default=SEED, help="of the requests made up")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
