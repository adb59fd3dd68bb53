"""The demo: four shoppers' stories, played over HTTP and shown message by message."""

import json
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local import aws, cloud, mailbox, stacks
from local.bus import BusWatch, Seen
from local.progress import Progress, fail
from local.services import select
from local.settings import Settings
from local.shopper import ADDRESS, FINAL, Shopper

COLOURS = {
    "public-api": "bright_magenta",
    "orders": "bright_blue",
    "toys": "bright_green",
    "payments": "bright_yellow",
    "file-manager": "cyan",
    "notification": "bright_cyan",
    "fulfilment": "bright_red",
    "reports": "white",
}


@dataclass(slots=True)
class Story:
    """An order on its way: what the bus carried, and when the shopper saw it change."""

    order_id: str
    began: datetime
    answered: float
    """Seconds from the request to its answer, the 202."""
    order: dict[str, Any]
    seen: list[Seen] = field(default_factory=list)


class Demo:
    """Plays stories on a local cloud that runs, and tells them on a console."""

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console

    def play(self) -> None:
        """All four stories. Raises AssertionError when one does not end as it should."""
        console = self.console
        console.rule("[bold]A shopper comes to the shop")
        shopper = Shopper.sign_up(self.settings)
        console.print(f"Signed up as {shopper.email}, confirmed by the code in the mailbox.")
        toys = self._catalogue(shopper)
        console.print(f"GET /api/toys answered with {len(toys)} toys.")
        self._picture(toys)
        first, second = [toy for toy in toys if toy["availability"] == "IN_STOCK"][:2]
        both = [
            {"toyId": first["toyId"], "quantity": 1},
            {"toyId": second["toyId"], "quantity": 2},
        ]
        with BusWatch(self.settings) as bus:
            self._delivered(shopper, bus, both)
            self._declined(shopper, bus, both)
            self._sold_out(shopper, bus, first)
            self._changed_mind(shopper, bus, both)
        self._addresses(second)

    def _catalogue(self, shopper: Shopper) -> list[dict[str, Any]]:
        """The toys on the first page, once the toys service's messages about them are through."""
        deadline = time.monotonic() + 60
        toys: list[dict[str, Any]] = []
        with self.console.status("waiting for the toys to reach the public catalogue"):
            while time.monotonic() < deadline:
                before, toys = toys, shopper.toys()
                if toys and toys == before and {"IN_STOCK", "LOW"} <= availabilities(toys):
                    return toys
                time.sleep(1)
        raise AssertionError(
            f"the public catalogue has {len(toys)} toys after a minute: "
            "look at `make logs SERVICE=public-api`"
        )

    def _picture(self, toys: list[dict[str, Any]]) -> None:
        """The address of a picture, which anybody may open."""
        shown = next((toy for toy in toys if toy.get("pictures")), None)
        if shown is None:
            return
        url = shown["pictures"][0]["card"]
        picture = httpx.get(url, timeout=30).raise_for_status()
        told = f"{picture.headers['content-type']}, {len(picture.content) / 1024:.0f} KB"
        self.console.print(f"{shown['name']} looks like this: {url} ({told})", soft_wrap=True)

    def _delivered(self, shopper: Shopper, bus: BusWatch, lines: list[dict[str, Any]]) -> None:
        self.console.rule("[bold]1. Two toys, and a card that pays")
        story = self._tell(shopper, bus, lines, "pm_card_visa", {"FileStored"})
        self._expect(story, "DELIVERED", None)
        self._timeline(story.order)
        self._mails(shopper.email, story.order_id)
        self._receipt(story.order_id)
        self._report(story.order_id)

    def _declined(self, shopper: Shopper, bus: BusWatch, lines: list[dict[str, Any]]) -> None:
        self.console.rule("[bold]2. The same toys, and a card that is declined")
        story = self._tell(shopper, bus, lines, "pm_card_visa_chargeDeclined", {"StockReleased"})
        self._expect(story, "CANCELLED", "PAYMENT_DECLINED")
        self._timeline(story.order)
        self._mails(shopper.email, story.order_id)

    def _sold_out(self, shopper: Shopper, bus: BusWatch, toy: dict[str, Any]) -> None:
        self.console.rule("[bold]3. More than there is")
        # Nobody sees how many there are; 99 is the most that an order takes.
        stock = aws.signed_request(
            "GET", f"{stacks.api_url(self.settings, 'toys')}/toys/{toy['toyId']}", self.settings
        ).json()["stock"]
        scarce = toy if stock < 99 else self._scarce(shopper)
        story = self._tell(
            shopper,
            bus,
            [{"toyId": scarce["toyId"], "quantity": 99}],
            "pm_card_visa",
            {"OrderCancelled"},
        )
        self._expect(story, "CANCELLED", "OUT_OF_STOCK")
        self._timeline(story.order)
        self._mails(shopper.email, story.order_id)
        charges = [seen for seen in story.seen if seen.name == "CollectPayment"]
        if charges:
            raise AssertionError("a payment was asked for")
        self.console.print("No payment was asked for, so nothing was charged.")

    def _changed_mind(self, shopper: Shopper, bus: BusWatch, lines: list[dict[str, Any]]) -> None:
        self.console.rule(
            "[bold]4. A card that asks for 3-D Secure, and a shopper who thinks twice"
        )
        story = self._tell(
            shopper,
            bus,
            lines,
            "pm_card_authenticationRequired",
            {"OrderCancelled", "StockReleased"},
            cancel_at_3d_secure=True,
        )
        self._expect(story, "CANCELLED", "CUSTOMER")
        self._timeline(story.order)
        self._mails(shopper.email, story.order_id)
        if any(seen.name == "PaymentCollected" for seen in story.seen):
            raise AssertionError("the payment was collected")
        self.console.print("Nothing was charged, and the toys are back on the shelf.")

    def _scarce(self, shopper: Shopper) -> dict[str, Any]:
        for toy in shopper.toys():
            if toy["availability"] == "LOW":
                return toy
        raise AssertionError("every toy on the first page is plentiful")

    def _tell(
        self,
        shopper: Shopper,
        bus: BusWatch,
        lines: list[dict[str, Any]],
        card: str,
        last: set[str],
        *,
        cancel_at_3d_secure: bool = False,
    ) -> Story:
        """Order, and print each message as it comes, until all that belongs to it has come.

        `cancel_at_3d_secure` has the shopper cancel when they are asked to confirm the payment.
        """
        console = self.console
        bus.read()
        began, clock = datetime.now(UTC), time.monotonic()
        order = shopper.order(lines, card)
        answered = time.monotonic() - clock
        story = Story(order["orderId"], began, answered, order)
        for line in order["lines"]:
            console.print(f"  {line['quantity']} x {line['name']} at {money(line['price'], order)}")
        console.print(
            f"  shipping {money(order['shipping'], order)}, tax {money(order['tax'], order)}, "
            f"[bold]total {money(order['gross'], order)}[/bold], paid with {card}"
        )
        console.print(
            f"POST /api/orders answered 202 in {answered:.2f} s: "
            f"order [bold]{story.order_id}[/bold]"
        )
        console.print()
        quiet_since, ended = time.monotonic(), False
        with console.status("") as status:
            while True:
                for seen in bus.read():
                    if (
                        seen.metadata["correlationId"] == story.order_id
                        or seen.data.get("orderId") == story.order_id
                    ):
                        story.seen.append(seen)
                        console.print(self._line(story, seen))
                        quiet_since = time.monotonic()
                story.order = shopper.get_order(story.order_id)
                ended = story.order["status"] in FINAL and last <= {s.name for s in story.seen}
                if cancel_at_3d_secure and story.order.get("paymentAction"):
                    cancel_at_3d_secure = False
                    self._cancel(shopper, story)
                waited = time.monotonic() - clock
                status.update(
                    f"the shopper sees [bold]{story.order['status']}[/bold] {waited:.1f} s"
                )
                if ended and time.monotonic() - quiet_since > 0.5:
                    break
                if time.monotonic() - quiet_since > 60:
                    raise AssertionError(
                        f"the order {story.order_id} stands still at {story.order['status']}: "
                        "look at `make logs SERVICE=orders`"
                    )
                time.sleep(0.1)
        console.print()
        return story

    def _cancel(self, shopper: Shopper, story: Story) -> None:
        console, address = self.console, story.order["paymentAction"]["url"]
        console.print(f"  the bank asks the shopper to confirm at {address}", soft_wrap=True)
        shopper.cancel(story.order_id)
        console.print(f"  POST /api/orders/{story.order_id}/cancellation answered 202")

    def _line(self, story: Story, seen: Seen) -> Text:
        passed = (seen.at - story.began).total_seconds()
        line = Text(f"  {passed:6.2f} s  ")
        line.append(f"{seen.sender:>12}", COLOURS.get(seen.sender, ""))
        line.append(f"  {seen.name:<24}", "bold")
        line.append(" -> ", "dim")
        for number, reader in enumerate(seen.readers):
            line.append(", " if number else "")
            line.append(reader, COLOURS.get(reader, ""))
        if not seen.readers:
            line.append("nobody yet", "dim")
        return line

    def _expect(self, story: Story, status: str, reason: str | None) -> None:
        found = (story.order["status"], story.order.get("reason"))
        if found != (status, reason):
            raise AssertionError(f"the order ended {found}, not {(status, reason)}")

    def _timeline(self, order: dict[str, Any]) -> None:
        table = Table("what the shopper sees", "when", title=None, box=None, pad_edge=False)
        for entry in order["history"]:
            at = datetime.fromisoformat(entry["at"]).astimezone(UTC)
            table.add_row(
                entry["status"], at.strftime("%H:%M:%S.") + f"{at.microsecond // 1000:03}"
            )
        self.console.print(table)
        if order.get("reason"):
            self.console.print(f"Reason: {order['reason']}")
        if order.get("trackingNumber"):
            self.console.print(f"Parcel: {order['carrier']} {order['trackingNumber']}")
        self.console.print()

    def _mails(self, email: str, order_id: str) -> None:
        """The mails about an order, the first one in full."""
        deadline = time.monotonic() + 20
        while True:
            sent = mailbox.mails(self.settings, email)
            found = [mail for mail in sent if order_id in mail.text + mail.subject]
            if found or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        if not found:
            raise AssertionError(f"no mail about {order_id} came")
        shown = next((m for m in found if "eceipt" in m.subject), found[0])
        self.console.print(Panel(shown.text.strip(), title=shown.subject, expand=False))
        for mail in found:
            if mail is not shown:
                self.console.print(f"Also mailed: {mail.subject}")
        self.console.print()

    def _receipt(self, order_id: str) -> None:
        """The receipt that file-manager keeps, by its API and the link that this gives."""
        files = f"{stacks.api_url(self.settings, 'file-manager')}/files"
        owner = f"urn:tbs:payment:{order_id}"
        found = aws.signed_request("GET", f"{files}?owner={owner}", self.settings).json()["items"]
        if not found:
            raise AssertionError("no receipt is stored")
        file = aws.signed_request("GET", f"{files}/{found[0]['fileId']}", self.settings).json()
        receipt = httpx.get(file["link"]["url"]).raise_for_status().text
        if order_id not in receipt:
            raise AssertionError(f"{file['name']} is not the receipt of {order_id}")
        self.console.print(f"Stored receipt: {file['name']} ({file['size']} bytes)")

    def _report(self, order_id: str) -> None:
        """The order's row in the reports' database, which is written in batches."""
        deadline = time.monotonic() + 30
        with (
            self.console.status("waiting for the reports' next batch"),
            psycopg.connect(self.settings.database_url, autocommit=True) as database,
        ):
            while True:
                row = database.execute(
                    "select status, gross, currency, delivered_at from orders where order_id = %s",
                    [order_id],
                ).fetchone()
                if row and row[0] == "DELIVERED":
                    break
                if time.monotonic() > deadline:
                    raise AssertionError(f"the reports have {row} of order {order_id}")
                time.sleep(0.2)
        lines = "select name, quantity, price from order_lines where order_id = %s"
        with psycopg.connect(self.settings.database_url) as database:
            table = Table("toy", "quantity", "price", title="PostgreSQL: order_lines", box=None)
            for line in database.execute(lines, [order_id]):
                table.add_row(*map(str, line))
        self.console.print(f"PostgreSQL: orders has {order_id}: {row[0]}, {row[1]} {row[2]}")
        self.console.print(table)
        self.console.print()

    def _addresses(self, toy: dict[str, Any]) -> None:
        settings = self.settings
        self.console.rule("[bold]Your turn")
        for title, address in (
            ("the shop", f"{settings.url}/"),
            ("its toys, as the API has them", f"{settings.url}/api/toys"),
            *(("a picture", p["full"]) for p in toy.get("pictures", ())[:1]),
            ("every message on its way", f"{settings.flow_url}/"),
            ("every mail that was sent", f"{settings.aws_url}/_ministack/ses/messages"),
            ("what Stripe's stand-in holds", f"{settings.stripe_url}/test/state"),
            ("the reports", settings.database_url),
        ):
            self.console.print(f"  {title:<30} {address}", soft_wrap=True)
        self.console.print("  a token for the API            make -s token")
        self.console.print("  what a service logged          make logs SERVICE=orders")
        self.console.print("  stop it all                    make down")
        self.console.print("\nAn order of your own:\n")
        body = {
            "lines": [{"toyId": toy["toyId"], "quantity": 1}],
            "shippingAddress": ADDRESS,
            "paymentMethodId": "pm_card_visa",
        }
        self.console.print(
            f"  TOKEN=$(make -s token)\n"
            f'  curl {settings.url}/api/orders -H "Authorization: $TOKEN" \\\n'
            f"    -H 'Content-Type: application/json' -H 'Idempotency-Key: my-first' \\\n"
            f"    -d '{json.dumps(body)}'\n"
            f'  curl {settings.url}/api/orders -H "Authorization: $TOKEN"',
            soft_wrap=True,
            markup=False,
        )


def availabilities(toys: list[dict[str, Any]]) -> set[str]:
    """What the toys are said to be: IN_STOCK, LOW, SOLD_OUT."""
    return {toy["availability"] for toy in toys}


def money(amount: int, order: dict[str, Any]) -> str:
    """Minor units as people write them."""
    return f"{amount / 100:.2f} {order['currency']}"


def main(settings: Settings) -> int:
    """Bring the cloud up where it is not, and play the demo on it. Returns the exit code."""
    with Progress() as progress:
        cloud.up(settings, select(), progress, None, flow=True)
    console = Console(highlight=False)
    try:
        Demo(settings, console).play()
    except (AssertionError, TimeoutError) as error:
        fail(f"The demo went wrong: {error}")
        return 1
    return 0
