"""A catalogue to begin with, and more toys for one that there is: out of CSV files."""

from collections.abc import Iterable
from pathlib import Path

from local import importer, stacks
from local.account import Account
from local.errors import LocalError
from local.gallery import Gallery
from local.importer import Report, bring_in
from local.progress import Progress, console, escape
from local.sample import draw
from local.services import select
from local.settings import Settings
from local.toyfile import Refusal, read

SAMPLE = Path(__file__).parent / "sample" / "toys.csv"


def fill(settings: Settings, progress: Progress) -> Report | None:
    """Put the sample into an empty catalogue of the local cloud, with its files.

    None when there are toys already. Toys stay without files where nobody keeps them. Raises
    LocalError when a toy or a picture is refused.
    """
    account = Account(settings, "local")
    (toys,) = select(["toys"])
    with account.api(toys) as api:
        found = importer.expected(importer.send(api, "GET", "/toys", params={"limit": 1}), 200)
    if found["items"]:
        return None
    report = _seeded(settings, account, SAMPLE, progress, pictures=_keeps_files(settings))
    if report.refusals:
        raise LocalError("The sample was refused:\n" + _told(report.refusals))
    return report


def seed(settings: Settings, environment: str, file: Path | None) -> bool:
    """Put the toys of a file, or the sample, into a catalogue, and print what became of them.

    True when all of it is in. Raises LocalError when it cannot be read, when an API does not
    answer, and when the sample would go anywhere but into the local cloud.
    """
    if file is None and environment != "local":
        raise LocalError(
            f"The sample is for the local cloud. Name the toys for {environment}: "
            f"make seed FILE=toys.csv ENV={environment}"
        )
    with Progress() as progress:
        account = Account(settings, environment)
        report = _seeded(settings, account, file or SAMPLE, progress, pictures=True)
    if report.refusals:
        console.print(f"[red]Refused:[/]\n{escape(_told(report.refusals))}", soft_wrap=True)
    rows = report.added + report.there
    rate = f" in {report.seconds:.1f} s ({rows / report.seconds:.0f} rows/s)" if rows else ""
    console.print(
        f"Toys: {report.added} added, {report.there} there already{rate}. "
        f"Pictures: {report.pictures} on their toys. Downloads: {report.downloads}. "
        f"Refused: {len(report.refusals)}."
    )
    return not report.refusals


def _seeded(
    settings: Settings, account: Account, file: Path, progress: Progress, *, pictures: bool
) -> Report:
    is_sample = file == SAMPLE
    drawn = settings.home / "sample" / draw.fingerprint()
    rows, refusals = read(file, drawn if is_sample else None)
    (toys,) = select(["toys"])
    with account.api(toys) as api:
        report = bring_in(api, rows, progress)
        if pictures and any(row.pictures or row.download for row in rows):
            (keeper,) = select(["file-manager"])
            with account.api(keeper) as files:
                content = _drawn if is_sample else Path.read_bytes
                Gallery(api, files, content).hang(report, progress)
    report.refusals.extend(refusals)
    report.refusals.sort(key=lambda refusal: refusal.line)
    return report


def _drawn(path: Path) -> bytes:
    """A file of the sample, drawn when it is asked for the first time."""
    return draw.draw(path.name, path.parent).read_bytes()


def _keeps_files(settings: Settings) -> bool:
    """Whether the local cloud has the service that keeps files."""
    return "tbs-app-file-manager-local" in stacks.statuses(settings)


def _told(refusals: Iterable[Refusal]) -> str:
    return "\n".join(f"  {refusal}" for refusal in refusals)
