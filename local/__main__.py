"""The cloud on your machine: `python -m local <command>`; `make` lists the commands."""

import argparse
import os
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType

import httpx
import psycopg
from botocore.exceptions import BotoCoreError, ClientError

from local import (
    cloud,
    database,
    gateway,
    letters,
    logs,
    managers,
    processes,
    replay,
    report,
    sam,
    seed,
    servers,
    smoke,
    status,
    tools,
)
from local.boards import show as boards
from local.errors import LocalError
from local.flow import watching
from local.flow.service import FLOW
from local.progress import Progress, console, fail
from local.services import select
from local.settings import ROOT, Settings
from local.shopper import Shopper

MADE = (
    *("build", "dashboards", "flow.jsonl.gz", "gameday.json", "lock", "logs", "mail-preview"),
    *("ministack", "run", "sample", "state"),
)
"""What commands leave in the cloud's folder, beside its database."""


def main(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _run(options, Settings.from_environment())
    except LocalError as error:
        fail(error.report())
        return 1
    except (BotoCoreError, ClientError, httpx.TransportError, psycopg.Error) as error:
        fail(f"{_silent(options)} {error}")
        return 1
    except KeyboardInterrupt:
        fail("interrupted")
        return 130


def _silent(options: argparse.Namespace) -> str:
    """What to say when nobody answers: the local cloud, or an environment on AWS."""
    environment = getattr(options, "env", "local")
    if environment == "local":
        return "The local cloud does not answer as it should; `make status` says what runs."
    return f"{environment} does not answer as it should: is the network there?"


def _run(options: argparse.Namespace, settings: Settings) -> int:
    match options.command:
        case "up":
            services = select(options.only.split(","))
            with Progress() as progress:
                cloud.up(
                    settings, services, progress, options.order_seed, flow=not options.without_flow
                )
            console.print(f"\nUp in {progress.elapsed:.0f} s.")
            for what, address in gateway.directory(settings).items():
                console.print(f"  {address:48}{what}", soft_wrap=True)
        case "down":
            ended = cloud.down(settings)
            console.print(f"Ended: {', '.join(ended)}" if ended else "Nothing was running.")
        case "status":
            return 0 if status.show(settings) else 1
        case "logs":
            logs.show(settings, select([options.service])[0], options.follow)
        case "build":
            with Progress() as progress:
                cloud.build(settings, select(options.only.split(",")), progress)
        case "deploy":
            one = options.service
            for service in [FLOW] if one == FLOW.name else select([one]):
                console.print(f"[bold]{service.stack(options.env)}[/]")
                sam.deploy_to_aws(service, settings, options.env)
        case "dlq":
            letters.show(settings, select(options.only.split(",")), options.env)
        case "redrive":
            service = select([options.service])[0]
            with Progress() as progress:
                moved = letters.redrive(settings, service, options.env, options.queue, progress)
            console.print(f"Sent back: {moved} letter{'s' if moved != 1 else ''}.")
        case "seed":
            return 0 if seed.seed(settings, options.env, options.file) else 1
        case "report":
            report.show(settings, options.env)
        case "dashboards":
            boards.show(settings)
        case "replay":
            replay.show(settings, options.env)
        case "flow":
            watching.watch(settings, options.env, options.file)
        case "record":
            watching.record(settings, options.file, options.orders)
        case "token":
            print(Shopper.sign_up(settings).token)
        case "manager":
            managers.appoint(settings, options.env, options.email)
            console.print(f"{options.email} is a manager: from the next log-in on.")
        case "demo":
            from local import demo

            return demo.main(settings)
        case "smoke":
            console.print(smoke.show(settings, options.env, options.card, options.patience))
        case "gameday":
            from local.gameday import game

            return game.main(settings, options.seed, options.fault, options.answers)
        case "clean":
            _clean(settings)
    return 0


def _clean(settings: Settings) -> None:
    """Delete what this cloud made and, for the usual one, caches and tools. uv itself stays."""
    if alive := [name for name in servers.NAMES if processes.running(settings, name)]:
        raise LocalError(f"{', '.join(alive)} still runs: `make down` first.")
    caches = [ROOT / ".mypy_cache", ROOT / ".ruff_cache"]
    for pattern in (".aws-sam", ".pytest_cache", ".hypothesis"):
        caches += [ROOT / pattern, *ROOT.glob(f"*/{pattern}")]
    made = [settings.home / name for name in MADE]
    if settings.home == ROOT / ".local":
        made += [tools.ENVIRONMENTS, *caches]
    for path in (database.folder(settings), *made):
        if path.is_dir():
            shutil.rmtree(path)
        elif path.is_file():
            path.unlink()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    only = argparse.ArgumentParser(add_help=False)
    only.add_argument("--only", default="", metavar="A,B", help="these services, not all eight")
    up = commands.add_parser("up", parents=[only], help="start the cloud, deploy what changed")
    up.add_argument("--order-seed", type=int, metavar="N", help="deploy in a shuffled order")
    up.add_argument("--without-flow", action="store_true", help="leave the flow page out")
    commands.add_parser("down", help="end all that runs")
    commands.add_parser("status", help="what runs, where; the stacks and their state")
    show = commands.add_parser("logs", help="a service's log lines")
    show.add_argument("service")
    show.add_argument("--follow", action="store_true", help="go on as lines come")
    commands.add_parser("build", parents=[only], help="build what changed, deploy nothing")
    deploy = commands.add_parser("deploy", help="build and deploy to AWS")
    deploy.add_argument("--env", required=True, help="an environment of samconfig.toml")
    deploy.add_argument("--service", default="", help="this service, not all eight")
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--env", default="local", help="local, or an environment of samconfig.toml")
    commands.add_parser("dlq", parents=[only, where], help="every dead letter, and why it is one")
    back = commands.add_parser("redrive", parents=[where], help="send dead letters back")
    back.add_argument("service")
    back.add_argument(
        "--queue", default="InboxDeadLetters", help="whose letters: its name in the template"
    )
    toys = commands.add_parser("seed", parents=[where], help="put the toys of a CSV into the shop")
    toys.add_argument("file", nargs="?", type=Path, help="a CSV of toys; none: the sample")
    manager = commands.add_parser("manager", parents=[where], help="make an account a manager's")
    manager.add_argument("email", help="what they signed up with")
    commands.add_parser("dashboards", help="draw the dashboards, as far as they can be here")
    commands.add_parser("report", parents=[where], help="count the sales, and tell them")
    commands.add_parser("replay", parents=[where], help="have toys and orders told of again")
    commands.add_parser("clean", help="delete what was built, logged and stored here")
    watch = commands.add_parser("flow", parents=[where], help="show every message on its way")
    watch.add_argument("--file", type=Path, help="a recording, to play again")
    record = commands.add_parser("record", help="write what the flow page has got to a file")
    record.add_argument("file", type=Path)
    record.add_argument("--orders", default="", metavar="A,B", help="these orders, not all")
    commands.add_parser("token", help="sign a shopper up, and print their token")
    commands.add_parser("demo", help="buy something, step by step")
    test = commands.add_parser("smoke", parents=[where], help="place an order, and follow it")
    test.add_argument("--card", default=smoke.CARD, help="Stripe's id of a payment method")
    test.add_argument(
        "--patience", type=float, default=smoke.PATIENCE, metavar="SECONDS", help="for each step"
    )
    game = commands.add_parser("gameday", help="break something, and let you find it")
    game.add_argument("--seed", type=int, metavar="N", help="break the same again")
    game.add_argument("--fault", default="", metavar="NAME", help="break this, whatever is drawn")
    game.add_argument("--answers", action="store_true", help="tell all at once, and ask nothing")
    return parser


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    # Ctrl-C in a shell's background job is ignored unless asked for.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(ROOT)
    sys.exit(main(sys.argv[1:]))
