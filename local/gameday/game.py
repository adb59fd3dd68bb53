"""The game day itself: break, let look, tell, mend, and see that all orders end."""

import random
import time
from collections.abc import Callable

from local import cloud, letters, processes
from local.errors import LocalError
from local.gameday import faults, notebook, stories
from local.gameday.faults import FAULTS, Fault, Wound
from local.gameday.ground import Ground
from local.gameday.orders import Customers, await_quiet
from local.progress import Progress, console
from local.services import select
from local.settings import Settings
from local.shopper import Shopper

Ask = Callable[[str], str]
"""Shows a prompt, and gives what the reader answers."""

CARD = "pm_card_visa"
"""A card that pays at once."""

_BANK = 15.0
"""Seconds after which the bank has asked whoever it asks."""

AT_FIRST = 3
"""Orders that are placed as soon as something is broken. With each hint comes one more."""


def main(settings: Settings, seed: int | None, name: str, answers: bool) -> int:
    """Play a game day. Returns the exit code: 0 when all was mended and every order ended.

    `seed` draws the same again, `name` chooses the fault, `answers` waits for nobody.
    """
    chosen = _choose(name)
    seed = random.SystemRandom().randrange(10_000) if seed is None else seed
    with Progress() as progress:
        ground = _ready(settings, progress)
        with progress.step("A shopper, and an order that goes well"):
            customers = Customers(Shopper.sign_up(settings), settings.stripe_url)
            customers.order(CARD)
        customers.await_end(progress)
    draw = random.Random(seed)
    fault = chosen or draw.choice(FAULTS)
    wound = fault.plan(ground, draw)
    console.print(f"\nSEED={seed}{f' FAULT={name}' if name else ''} plays this game again.")
    _address(settings)
    ends = play(ground, fault, wound, customers, (lambda _: "") if answers else asked)
    console.print("\nHow the orders ended: " + ", ".join(f"{o} {s}" for o, s in ends.items()))
    return 0


def play(
    ground: Ground, fault: Fault, wound: Wound, customers: Customers, ask: Ask
) -> dict[str, str]:
    """Break something, let the reader look for it, tell, mend. How each order ended.

    It is mended whatever happens. Raises LocalError when orders do not end even so.
    """
    began = time.monotonic()
    try:
        notebook.strike(ground, fault, wound)
        customers.order(fault.card, AT_FIRST)
        _confirm(fault, customers)
        console.print(
            f"\n[bold]Something is broken, and {AT_FIRST} orders were placed since.[/] Find out "
            "what: docs/operations.md says where to begin.\n"
            "Type what you think it is, or a service's name alone, or press Enter for a hint."
        )
        found = _let_look(fault, wound, customers, ask)
        took = time.monotonic() - began
        console.print(f"\n{'Found' if found else 'Told'} after {took:.0f} s.\n")
        told = stories.answer(fault, wound, ground.settings)
        console.print(told, soft_wrap=True, markup=False)
        ask("\nLook at it once more, or mend it yourself; with Enter it is mended. ")
    finally:
        with Progress() as progress, progress.step("Putting it right"):
            notebook.mend(ground, fault, wound)
    with Progress() as progress:
        progress.note("What failed comes again by itself: the oftener it failed, the later.")
        _redrive(ground, fault, wound, progress)
        ends = customers.await_end(progress)
        await_quiet(ground, progress)
    return ends


def asked(prompt: str) -> str:
    """What the reader answers; where nobody can, that is Enter."""
    try:
        return console.input(prompt)
    except EOFError:
        return ""


def _let_look(fault: Fault, wound: Wound, customers: Customers, ask: Ask) -> bool:
    """Give a hint whenever the reader wants one. Whether they found it."""
    left = list(stories.hints(fault))
    while True:
        guess = ask("> ").strip()
        if guess and stories.hit(fault, wound, guess):
            console.print("That is it.")
            return True
        if guess:
            console.print("That works as it should. Go on, or press Enter for a hint.")
            continue
        if not left:
            return False
        customers.order(fault.card)
        customers.confirm()
        console.print(left.pop(0), soft_wrap=True, markup=False)


def _confirm(fault: Fault, customers: Customers) -> None:
    """Have the shoppers go to their bank, where the fault is about that."""
    deadline = time.monotonic() + _BANK if fault.card != CARD else 0.0
    with console.status("the shoppers confirm their payments at their bank"):
        while time.monotonic() < deadline:
            customers.confirm()
            time.sleep(1)


def _ready(settings: Settings, progress: Progress) -> Ground:
    """The local cloud, up, with nothing broken that an earlier game left."""
    ground = Ground(settings)
    if ground.instance is not None:
        notebook.mend_left_over(settings, progress)
    if not ground.is_up:
        cloud.up(settings, select(), progress, None, flow=True)
    return ground


def _choose(name: str) -> Fault | None:
    if not name:
        return None
    if chosen := faults.named(name):
        return chosen
    known = ", ".join(fault.name for fault in FAULTS)
    raise LocalError(f"There is no fault {name!r}: there are {known}.")


def _address(settings: Settings) -> None:
    if processes.running(settings, "flow"):
        console.print(f"The flow page shows every message: {settings.flow_url}/")
    console.print(f"The shop is at {settings.url}/; make status, make logs and make dlq tell more.")


def _redrive(ground: Ground, fault: Fault, wound: Wound, progress: Progress) -> None:
    """Send back what became a dead letter meanwhile. Poison would only be refused again."""
    (service,) = select([wound["service"]])
    for queue in letters.queues(ground.account, service) or []:
        sqs = ground.client("sqs")
        if fault.name != "poison" and queue.source and letters.depth(sqs, queue).waiting:
            moved = letters.move_by_hand(sqs, queue)
            progress.note(f"{moved} of {queue.name} of {service.name} sent back")
