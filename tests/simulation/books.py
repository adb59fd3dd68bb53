"""What must hold of the shop's books: at every moment, and when everything has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from psycopg import Connection

from local.stripe.ledger import Ledger
from tests.simulation.aws import Aws, Change
from tests.simulation.managers import Manager
from tests.simulation.network import Network
from tests.simulation.people import Shopper
from tests.simulation.shelves import FilesWatch, Shelves
from tests.simulation.violation import Violation

Item = Mapping[str, Any]

FINAL = {"DELIVERED", "CANCELLED"}


def table(service: str, name: str = "Table") -> str:
    """The physical name of a service's table."""
    return f"tbs-app-{service}-local-{name}"


class Watch:
    """Looks at every change of a table as it happens."""

    def __init__(self, ledger: Ledger, aws: Aws) -> None:
        self.violations: list[Violation] = []
        self.files = FilesWatch(aws)
        self.collected: set[str] = set()
        """Orders whose payment was COLLECTED at some time."""
        self._dispatched: Counter[str] = Counter()
        self._ledger = ledger

    def see(self, change: Change) -> None:
        """Take note of a change."""
        old, new = change.old or {}, change.new
        if new is None:
            return
        match change.table:
            case name if name == table("toys"):
                self._toy(new)
            case name if name == table("file-manager"):
                self.files.see(change)
            case name if name == table("orders"):
                self._order(old, new)
            case name if name == table("payments"):
                if new.get("status") == "COLLECTED":
                    self.collected.add(new["orderId"])
            case name if name == table("fulfilment"):
                self._shipment(old, new)

    def _toy(self, new: Item) -> None:
        if new.get("stock", 0) < 0:
            self._wrong("stock below zero", new["toyId"], f"has {new['stock']}")

    def _order(self, old: Item, new: Item) -> None:
        if old.get("history") and old.get("status") in FINAL:
            changed = {k for k in new.keys() | old.keys() if new.get(k) != old.get(k)}
            if extra := changed - {"refund", "version", "updatedAt", "causationId"}:
                self._wrong("a final order never changes", new["orderId"], f"changed {extra}")

    def _shipment(self, old: Item, new: Item) -> None:
        order_id = new["orderId"]
        if new["status"] == "DISPATCHED" and old.get("status") != "DISPATCHED":
            self._dispatched[order_id] += 1
            if self._dispatched[order_id] > 1:
                self._wrong("a parcel leaves once", order_id, "has left again")
            charges = [c for c in charges_of(self._ledger, order_id) if not c.failure]
            if sum(c.amount - c.amount_refunded for c in charges) <= 0:
                self._wrong("a parcel leaves only when it is paid", order_id, "has left unpaid")

    def _wrong(self, rule: str, about: str, what: str) -> None:
        self.violations.append(Violation(rule, about, what))


def charges_of(ledger: Ledger, order_id: str) -> list[Any]:
    """An order's charges at Stripe, declined ones too."""
    return [c for c in ledger.books.charges if c.metadata.get("orderId") == order_id]


class Audit:
    """Looks through all the books when everything has come to rest."""

    def __init__(
        self,
        aws: Aws,
        network: Network,
        ledger: Ledger,
        watch: Watch,
        database: Connection,
        shoppers: list[Shopper],
        managers: list[Manager],
        poison: list[tuple[str, str]],
        availability: Callable[[Item], str],
    ) -> None:
        self._aws = aws
        self._network = network
        self._ledger = ledger
        self._watch = watch
        self._shoppers = shoppers
        self._managers = managers
        self._poison = poison
        self._availability = availability
        self.orders = self._orders = {
            item["orderId"]: item
            for item in aws.tables[table("orders")].items.values()
            if "history" in item
        }
        self._payments = self._by_order("payments")
        self._shipments = self._by_order("fulfilment")
        self._reservations: dict[str, Item] = {}
        self._toys: dict[str, Item] = {}
        for item in aws.tables[table("toys")].items.values():
            if str(item["pk"]).startswith("TOY#"):
                self._toys[item["toyId"]] = item
            elif str(item["pk"]).startswith("RESERVATION#"):
                self._reservations[item["orderId"]] = item
        self._copies: dict[str, Item] = {}
        self._toy_copies: dict[str, Item] = {}
        for item in aws.tables[table("public-api")].items.values():
            if str(item["sk"]).startswith("ORDER#"):
                self._copies[str(item["sk"]).removeprefix("ORDER#")] = item
        for item in aws.tables[table("public-api", "Catalogue")].items.values():
            if str(item["pk"]).startswith("TOY#"):
                self._toy_copies[str(item["pk"]).removeprefix("TOY#")] = item
        self._charges: dict[str, list[Any]] = defaultdict(list)
        for charge in ledger.books.charges:
            self._charges[charge.metadata.get("orderId", "")].append(charge)
        columns = ("order_id", "status", "version", "reason", "gross", "refund_amount")
        rows = database.execute(
            "select order_id, status, version, reason, gross, refund_amount, refund_status"
            " from orders"
        )
        self._reported = {
            row[0]: dict(zip((*columns, "refund_status"), row, strict=True)) for row in rows
        }
        lines = "select order_id, toy_id, price, quantity from order_lines order by order_id, line"
        for order_id, *line in database.execute(lines):
            self._reported[order_id].setdefault("lines", []).append(tuple(line))

    def violations(self) -> Iterator[Violation]:
        """Everything that is wrong."""
        yield from self._watch.violations
        yield from self._network.violations
        for label in self._network.waiting:
            yield Violation("nothing waits", label, "is still there")
        yield from self._dead_letters()
        yield from self._orders_are_there()
        mails = self._mails()
        files = self._files()
        for order_id, order in self._orders.items():
            yield from self._ends(order_id, order)
            yield from self._money(order_id, order)
            yield from self._goods(order_id, order)
            yield from self._letters(order_id, order, mails, files)
            yield from self._same_everywhere(order_id, order)
        for (label, to), _ in mails.items():
            yield Violation("one mail per message", label, f"went to {to}, who did not order it")
        shelves = Shelves(
            self._aws, self._watch.files, self._managers, self._sold(), self._toy_copies
        )
        yield from shelves.violations()
        yield from self._catalogue()

    def _by_order(self, service: str) -> dict[str, Item]:
        items = self._aws.tables[table(service)].items.values()
        return {item["orderId"]: item for item in items if "orderId" in item}

    def _dead_letters(self) -> Iterator[Violation]:
        letters = [
            (queue.name, message)
            for queue in self._network.queues.values()
            if queue.feed is None
            for message in queue.messages.values()
        ]
        for name, message in letters:
            reason = message.attributes.get("reason", {}).get("StringValue", "")
            if not any(text in message.body for where, text in self._poison if where == name):
                yield Violation("only poison is a dead letter", name, f"{message.title} {reason}")
        for name, text in self._poison:
            reasons = [
                message.attributes.get("reason", {}).get("StringValue")
                for where, message in letters
                if where == name and text in message.body
            ]
            if not reasons or not all(reasons):
                yield Violation("poison is a dead letter, and says why", name, f"{text}: {reasons}")

    def _orders_are_there(self) -> Iterator[Violation]:
        for shopper in self._shoppers:
            if shopper.order_id and shopper.order_id not in self._orders:
                yield Violation("no order is lost", shopper.order_id, "was accepted and is gone")
            order = self._orders.get(shopper.order_id or "", {})
            if shopper.expected is not None and order and order["gross"] != shopper.expected:
                told = f"costs {order['gross']}, not {shopper.expected}"
                yield Violation("nobody pays what they did not expect", order["orderId"], told)
        ordered = Counter(order["customerId"] for order in self._orders.values())
        for customer, times in ordered.items():
            if times > 1:
                yield Violation("the same key makes one order", customer, f"has {times}")
        for order_id, copy in self._copies.items():
            if "submission" in copy and order_id not in self._orders:
                yield Violation("no order is lost", order_id, "was submitted and is gone")

    def _ends(self, order_id: str, order: Item) -> Iterator[Violation]:
        if order["status"] not in FINAL:
            yield Violation("every order ends", order_id, f"is {order['status']}")

    def _money(self, order_id: str, order: Item) -> Iterator[Violation]:
        paid = [c for c in self._charges[order_id] if not c.failure]
        if len(paid) > 1:
            yield Violation("one charge at most", order_id, f"has {len(paid)}")
        kept = sum(c.amount - c.amount_refunded for c in paid)
        due = order["gross"] if order["status"] == "DELIVERED" else 0
        if kept != due:
            yield Violation("money balances", order_id, f"kept {kept} of it, {due} is due")
        refund = order.get("refund")
        if order["status"] == "CANCELLED":
            given_back = sum(c.amount_refunded for c in paid)
            told = (refund or {}).get("amount", 0), (refund or {}).get("status", "REFUNDED")
            if told != (given_back, "REFUNDED"):
                yield Violation(
                    "refunds show on the order", order_id, f"says {refund}, {given_back} was paid"
                )
        elif refund:
            yield Violation("refunds show on the order", order_id, f"is delivered with {refund}")
        payment = self._payments.get(order_id, {}).get("status")
        wanted = {"COLLECTED"} if due else {None, "FAILED", "VOIDED", "REFUNDED"}
        if payment not in wanted:
            yield Violation("payments know how it ended", order_id, f"has a payment {payment}")

    def _goods(self, order_id: str, order: Item) -> Iterator[Violation]:
        delivered = order["status"] == "DELIVERED"
        reservation = self._reservations.get(order_id, {}).get("status")
        if (reservation == "RESERVED") != delivered:
            yield Violation("stock follows the order", order_id, f"has it {reservation}")
        shipment = self._shipments.get(order_id, {}).get("status")
        wanted = {"DELIVERED"} if delivered else {None, "CANCELLED", "FAILED"}
        if shipment not in wanted:
            yield Violation("parcels follow the order", order_id, f"has a shipment {shipment}")

    def _sold(self) -> Counter[str]:
        """How many of each toy went out with orders."""
        sold: Counter[str] = Counter()
        for order in self._orders.values():
            if order["status"] == "DELIVERED":
                for line in order["lines"]:
                    sold[line["toyId"]] += int(line["quantity"])
        return sold

    def _mails(self) -> Counter[tuple[str, str]]:
        return Counter((mail.label, mail.to) for mail in self._aws.mails)

    def _files(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for item in self._aws.tables[table("file-manager")].items.values():
            if item["status"] == "STORED":
                found[item["owner"]] += 1
        return found

    def _letters(
        self,
        order_id: str,
        order: Item,
        mails: Counter[tuple[str, str]],
        files: Counter[str],
    ) -> Iterator[Violation]:
        entered = {entry["status"] for entry in order["history"]}
        collected = order_id in self._watch.collected
        due = {
            "order-dispatched": "DISPATCHED" in entered,
            "order-delivered": "DELIVERED" in entered,
            "order-cancelled": "CANCELLED" in entered,
            "receipt": collected,
        }
        for template, wanted in due.items():
            label = f"{template} {order_id}"
            most = int(wanted) + self._network.mails_again[label]
            sent = mails.pop((label, order["email"]), 0)
            if not int(wanted) <= sent <= most:
                yield Violation("one mail per message", order_id, f"{sent} x {template}")
        receipts = files[f"urn:tbs:payment:{order_id}"]
        if receipts != int(collected):
            yield Violation("one receipt per payment", order_id, f"{receipts} are stored")

    def _same_everywhere(self, order_id: str, order: Item) -> Iterator[Violation]:
        copy = dict(self._copies.get(order_id, {}).get("projection", {}))
        copy["history"] = [entry["status"] for entry in copy.get("history", ())]
        own = dict(order) | {"history": [entry["status"] for entry in order["history"]]}
        for field in copy.keys() | {"status", "reason", "version", "gross", "refund", "carrier"}:
            if copy.get(field) != own.get(field):
                yield Violation(
                    "the public copy is true",
                    order_id,
                    f"{field} is {copy.get(field)}, not {own.get(field)}",
                )
        row = self._reported.get(order_id, {})
        refund = order.get("refund") or {}
        told = {
            "status": order["status"],
            "version": order["version"],
            "reason": order.get("reason"),
            "gross": order["gross"],
            "refund_amount": refund.get("amount"),
            "refund_status": refund.get("status"),
            "lines": [(n["toyId"], n["price"], n["quantity"]) for n in order["lines"]],
        }
        for field, wanted in told.items():
            if row.get(field) != wanted:
                yield Violation(
                    "the reports are true", order_id, f"{field} is {row.get(field)}, not {wanted}"
                )

    def _catalogue(self) -> Iterator[Violation]:
        """The toys as shoppers see them are the toys."""
        for toy_id, toy in self._toys.items():
            copy = self._toy_copies.get(toy_id, {})
            gone = "deletedAt" in toy
            if gone != ("deletedAt" in copy):
                yield Violation("the catalogue is true", toy_id, f"gone: {gone}, shown: {copy}")
            shown = {
                "name": toy["name"],
                "price": toy["price"],
                "currency": toy["currency"],
                "availability": self._availability(toy),
                "attributes": toy["attributes"],
            }
            for field, wanted in () if gone else shown.items():
                if copy.get(field) != wanted:
                    yield Violation(
                        "the catalogue is true",
                        toy_id,
                        f"{field} is {copy.get(field)}, not {wanted}",
                    )
