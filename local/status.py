"""What runs on this machine, where, and in what state the stacks are."""

from botocore.exceptions import BotoCoreError, ClientError
from rich.table import Table

from local import processes, servers, stacks
from local.errors import LocalError
from local.progress import console
from local.services import FOLDERS, Service
from local.settings import ROOT, Settings


def show(settings: Settings) -> bool:
    """Print the servers and the stacks. True when all servers run and all stacks are complete."""
    addresses = {
        "gateway": settings.url,
        "ministack": settings.aws_url,
        "stripe": settings.stripe_url,
        "postgres": settings.database_url,
        "flow": settings.flow_url,
    }
    table = Table("server", "state", "pid", "address", box=None, pad_edge=False)
    found = {name: processes.running(settings, name) for name in servers.NAMES}
    for name, process in found.items():
        table.add_row(
            servers.NAMES[name],
            "[green]runs[/]" if process else "[red]down[/]",
            str(process.pid) if process else "",
            addresses[name] if process else "",
        )
    console.print(table)
    console.print(f"logs: {settings.logs}", soft_wrap=True)
    if not found["ministack"]:
        return False
    try:
        states = stacks.statuses(settings)
    except (BotoCoreError, ClientError) as error:
        raise LocalError(f"MiniStack does not tell its stacks: {error}") from error
    table = Table("stack", "state", box=None, pad_edge=False)
    expected = [Service(ROOT / folder).stack() for folder in FOLDERS]
    for name in dict.fromkeys([*expected, *states]):
        state = states.get(name, "missing")
        table.add_row(name, f"[green]{state}[/]" if _complete(state) else f"[red]{state}[/]")
    console.print()
    console.print(table)
    shop = [process for name, process in found.items() if name != "flow"]
    return all(shop) and all(_complete(states.get(name, "")) for name in expected)


def _complete(state: str) -> bool:
    return state in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
