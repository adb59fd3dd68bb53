"""What must hold of the shop's books: at every moment, and when everything has come to rest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from psycopg import Connection

from local.stripe.ledger import Ledger
from tests.simulation.aws import Aws, Change, Mail
from tests.simulation.managers import Manager
from tests.simulation.network import Network
from tests.simulation.people import Shopper
from tests.simulation.shelves import FilesWatch, Shelves
from tests.simulation.staff import FORGED, Caller, Staff
from tests.simulation.violation import Violation

Item = Mapping[str, Any]

FINAL = {"DELIVERED", "CANCELLED"}

GIVEN_BACK = {"refunds", "refunded", "byHand", "byHandAt", "paymentVersion", "collected"}
"""What a final order still learns: what staff give back of it, and what was given back."""

OWED = {"collectedAt", "waiting", "deadline", "confirmBy"}
"""What it has besides, as long as that has not gone back."""

RAISED = "errorId"
"""What the items have that are kept for managers alone, in any table."""

LEFT = {"DISPATCHED", "DELIVERED"}

PATIENCE = 60.0
"""Seconds that a mail may take which was begun before its address was known to be bad."""


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
        self.reported: dict[str, float] = {}
        """When an address was put on the suppression list."""
        self._dispatched: Counter[str] = Counter()
        self._goodwill: set[str] = set()
        """Orders of which staff asked all that was left to be given back."""
        self._ledger = ledger

    def see(self, change: Change) -> None:
        """Take note of a change."""
        old, new = change.old or {}, change.new
        if new is None or RAISED in new:
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
            case name if name == table("notification", "Suppressions"):
                self.reported.setdefault(str(new.get("address")), change.at)

    def mailed(self, mail: Mail, at: float) -> None:
        """Take note of a mail that SES took."""
        if at > self.reported.get(mail.to, at) + PATIENCE:
            rule = "who must not be written to is left alone"
            self._wrong(rule, mail.label.rpartition(" ")[2], f"{mail.label} went to {mail.to}")

    def _toy(self, new: Item) -> None:
        if new.get("stock", 0) < 0:
            self._wrong("stock below zero", new["toyId"], f"has {new['stock']}")

    def _order(self, old: Item, new: Item) -> None:
        if old.get("history") and old.get("status") in FINAL:
            changed = {k for k in new.keys() | old.keys() if new.get(k) != old.get(k)}
            kept = {"version", "updatedAt", "causationId", "trace"}
            if extra := changed - GIVEN_BACK - OWED - kept:
                self._wrong("a final order never changes", new["orderId"], f"changed {extra}")
        if any(part.get("rest") for part in new.get("refunds", ())):
            self._goodwill.add(new["orderId"])

    def _shipment(self, old: Item, new: Item) -> None:
        order_id = new["orderId"]
        moved = old.get("shippingAddress") != new.get("shippingAddress")
        if old.get("status") in LEFT and moved:
            self._wrong("a parcel stays addressed as it left", order_id, "has another address")
        if str(new.get("trackingNumber")).startswith(FORGED):
            self._wrong("nobody obeys a forger", order_id, "was moved by one")
        if new.get("status") == "DISPATCHED" and old.get("status") != "DISPATCHED":
            self._dispatched[order_id] += 1
            if self._dispatched[order_id] > 1:
                self._wrong("a parcel leaves once", order_id, "has left again")
            charges = [c for c in charges_of(self._ledger, order_id) if not c.failure]
            if not charges or self._is_undone(order_id):
                self._wrong("a parcel leaves only when it is paid", order_id, "has left unpaid")

    def _is_undone(self, order_id: str) -> bool:
        """Whether all that was left of its money went back, and not because staff asked for it.

        At Stripe, only what goes back in part names a refundId.
        """
        return order_id not in self._goodwill and any(
            refund.metadata.get("orderId") == order_id and "refundId" not in refund.metadata
            for refund in self._ledger.books.refunds
        )

    def _wrong(self, rule: str, about: str, what: str) -> None:
        self.violations.append(Violation(rule, about, what))


_REPORTED = {"bounces": "BOUNCED", "complains": "COMPLAINED"}
"""What becomes of mails that SES took, by what their addresses begin with."""


def _plain(value: Any) -> Any:
    """A value of any table or message: whole numbers, and nothing where there is null."""
    match value:
        case Decimal():
            return int(value) if value == int(value) else float(value)
        case dict():
            return {name: _plain(part) for name, part in value.items() if part is not None}
        case list() | tuple():
            return [_plain(part) for part in value]
    return value


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
        shoppers: Sequence[Shopper | Caller],
        managers: list[Manager],
        staff: Staff,
        poison: list[tuple[str, str]],
        availability: Callable[[Item], str],
        told: Callable[[Item], Item],
    ) -> None:
        self._aws = aws
        self._network = network
        self._ledger = ledger
        self._watch = watch
        self._shoppers = shoppers
        self._managers = managers
        self._staff = staff
        self._poison = poison
        self._availability = availability
        self.orders = self._orders = {
            item["orderId"]: item
            for item in aws.tables[table("orders")].items.values()
            if "history" in item
        }
        self.told = {order_id: told(order) for order_id, order in self.orders.items()}
        """The orders, as they are told of."""
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
        lines = (
            "select order_id, toy_id, price, quantity, category, fulfilment from order_lines"
            " order by order_id, line"
        )
        for order_id, *line in database.execute(lines):
            self._reported[order_id].setdefault("lines", []).append(tuple(line))
        backs = "select order_id, sum(amount)::bigint from refunds group by order_id"
        for order_id, amount in database.execute(backs):
            self._reported[order_id]["backs"] = amount
        self._kept_mails = [
            item
            for item in aws.tables[table("notification")].items.values()
            if "orderId" in item and RAISED not in item
        ]
        self._shares = {
            str(item["fileId"]).removeprefix("SHARE#"): item
            for item in aws.tables[table("file-manager")].items.values()
            if str(item["fileId"]).startswith("SHARE#")
        }

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
            yield from self._refunds(order_id, order)
            yield from self._downloads(order_id, order)
            yield from self._letters(order_id, order, mails, files)
            yield from self._same_everywhere(order_id, order)
        yield from self._promises()
        yield from self._reports()
        for (label, to), _ in mails.items():
            yield Violation("one mail per message", label, f"went to {to}, who did not order it")
        shelves = Shelves(
            self._aws, self._watch.files, self._managers, self._sold(), self._toy_copies
        )
        yield from shelves.violations()
        yield from self._catalogue()

    def _by_order(self, service: str) -> dict[str, Item]:
        items = self._aws.tables[table(service)].items.values()
        return {item["orderId"]: item for item in items if "orderId" in item and RAISED not in item}

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
        if waiting := order.get("waiting"):
            yield Violation("nothing waits", order_id, f"is still found by {waiting}")

    def _money(self, order_id: str, order: Item) -> Iterator[Violation]:
        paid = [c for c in self._charges[order_id] if not c.failure]
        if len(paid) > 1:
            yield Violation("one charge at most", order_id, f"has {len(paid)}")
        kept = sum(c.amount - c.amount_refunded for c in paid)
        delivered = order["status"] == "DELIVERED"
        refund = self.told[order_id]["refund"] or {"amount": 0, "status": "REFUNDED"}
        due = order["gross"] - refund["amount"] if delivered else 0
        if kept != due:
            yield Violation("money balances", order_id, f"kept {kept} of it, {due} is due")
        given_back = sum(c.amount_refunded for c in paid)
        if (refund["amount"], refund["status"]) != (given_back, "REFUNDED"):
            yield Violation(
                "refunds show on the order", order_id, f"says {refund}, {given_back} went back"
            )
        payment = self._payments.get(order_id, {})
        wanted = {None, "FAILED", "VOIDED", "REFUNDED"}
        if delivered:
            wanted = {"REFUNDED"} if given_back == order["gross"] > 0 else {"COLLECTED"}
        if payment.get("status") not in wanted:
            told = f"has a payment {payment.get('status')}"
            yield Violation("payments know how it ended", order_id, told)
        made = [part for part in payment.get("refunds", ()) if part["status"] == "REFUNDED"]
        if sum(int(part["amount"]) for part in made) != given_back:
            told = f"has {made}, and {given_back} went back"
            yield Violation("payments know how it ended", order_id, told)
        waiting = [part for part in payment.get("refunds", ()) if part["status"] == "PENDING"]
        if waiting:
            yield Violation("payments know how it ended", order_id, f"waits for {waiting}")

    def _refunds(self, order_id: str, order: Item) -> Iterator[Violation]:
        """Staff's refunds are those that they asked for, each once, and never above the price."""
        asked = [each for each in self._staff.refunds if each.order_id == order_id]
        kept = [part["refundId"] for part in order.get("refunds", ())]
        accepted = {refund_id for each in asked for refund_id in each.refund_ids}
        rule = "a refund is made once for each key"
        if len(set(kept)) != len(kept) or not accepted <= set(kept) or len(kept) > len(asked):
            yield Violation(rule, order_id, f"keeps {kept}, and {accepted} were accepted")
        for each in asked:
            if len(each.refund_ids) > 1:
                yield Violation(rule, order_id, f"made {each.refund_ids} of {each.key}")
        parts = [part for part in order.get("refunds", ()) if not part.get("covered")]
        if sum(int(part["amount"]) for part in parts) > order["gross"]:
            yield Violation("no more goes back than was paid", order_id, str(order["refunds"]))

    def _downloads(self, order_id: str, order: Item) -> Iterator[Violation]:
        """What an order sold as files is shared once, and it tells where, as long as it is."""
        rule = "downloads follow the order"
        entered = {entry["status"] for entry in order["history"]}
        told = {int(each["line"]): each for each in order.get("downloads", ())}
        for number, line in enumerate(order["lines"], 1):
            share = self._shares.pop(f"{order_id}:{number}", {})
            digital = line.get("fulfilment") == "digital"
            if share and not (digital and "CONFIRMED" in entered):
                yield Violation(rule, order_id, f"shares line {number} without reason")
            if not digital or order["status"] != "DELIVERED":
                continue
            url = str(told.get(number, {}).get("url", ""))
            if share.get("status") in {"EXPIRED", "ENDED", "SHARED"}:
                if f"/{share['token']}/" not in url:
                    yield Violation(rule, order_id, f"tells {url} of line {number}")
            elif share.get("status") != "REFUSED" or "failure" not in told.get(number, {}):
                yield Violation(rule, order_id, f"line {number} is {share.get('status')}")

    def _promises(self) -> Iterator[Violation]:
        """What staff were told is so, and nothing waits for an answer."""
        for label in self._staff.unanswered:
            yield Violation("there is an answer in the end", label, "has no good one")
        for share_id in self._shares:
            yield Violation("downloads follow the order", share_id, "is shared for no order")

    def _reports(self) -> Iterator[Violation]:
        """Who cannot be written to is known: each such mail, and the address."""
        rule = "bounces and complaints are known"
        for mail in self._aws.mails:
            wanted = next((s for name, s in _REPORTED.items() if mail.to.startswith(name)), None)
            if not wanted:
                continue
            if mail.to not in self._watch.reported:
                yield Violation(rule, mail.label, f"{mail.to} is not on the list")
            kept = [
                item["status"]
                for item in self._kept_mails
                if f"{item['template']} {item['orderId']}" == mail.label
            ]
            if wanted not in kept:
                yield Violation(rule, mail.label, f"is {kept}, not {wanted}")

    def _goods(self, order_id: str, order: Item) -> Iterator[Violation]:
        delivered = order["status"] == "DELIVERED"
        reservation = self._reservations.get(order_id, {}).get("status")
        if (reservation == "RESERVED") != delivered:
            yield Violation("stock follows the order", order_id, f"has it {reservation}")
        parcel = self._shipments.get(order_id, {})
        shipment = parcel.get("status")
        packed = [n for n in order["lines"] if n.get("fulfilment", "parcel") == "parcel"]
        wanted: set[str | None] = {None, "CANCELLED", "FAILED"}
        if delivered:
            wanted = {"DELIVERED"} if packed else {None}
        if shipment not in wanted:
            yield Violation("parcels follow the order", order_id, f"has a shipment {shipment}")
        if delivered and packed:
            going = [(n["toyId"], n["quantity"]) for n in parcel.get("lines", ())]
            if going != [(n["toyId"], n["quantity"]) for n in packed]:
                yield Violation("parcels follow the order", order_id, f"was packed {going}")
            if _plain(parcel.get("shippingAddress")) != _plain(order["shippingAddress"]):
                told = f"{order['shippingAddress']}, not {parcel.get('shippingAddress')}"
                yield Violation("the parcel goes where the order says", order_id, told)
        if order["status"] in FINAL and "addressChange" in order:
            told = "has an open change of address"
            yield Violation("the parcel goes where the order says", order_id, told)
        asked = {"1 Example Street", *self._staff.addresses.get(order_id, ())}
        if order["shippingAddress"]["line1"] not in asked:
            told = f"is to go to {order['shippingAddress']}, which nobody asked for"
            yield Violation("the parcel goes where the order says", order_id, told)

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
            if RAISED not in item and item["status"] == "STORED":
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
        parcels = any(n.get("fulfilment", "parcel") == "parcel" for n in order["lines"])
        payment = self._payments.get(order_id, {})
        made = [part for part in payment.get("refunds", ()) if part["status"] == "REFUNDED"]
        due = {
            "order-dispatched": "DISPATCHED" in entered,
            "order-delivered": "DELIVERED" in entered and parcels,
            "order-cancelled": "CANCELLED" in entered,
            "order-downloads": "mailed" in order,
            "receipt": collected,
            "refund": len(made) if "email" in payment else 0,
        }
        if order["status"] == "DELIVERED" and any(d.get("url") for d in order.get("downloads", ())):
            due["order-downloads"] = True
        for template, wanted in due.items():
            label = f"{template} {order_id}"
            most = int(wanted) + self._network.mails_again[label]
            sent = mails.pop((label, order["email"]), 0)
            suppressed = sum(
                (item["orderId"], item["template"], item["status"])
                == (order_id, template, "SUPPRESSED")
                for item in self._kept_mails
            )
            if not int(wanted) <= sent + suppressed <= most:
                told = f"{sent} x {template}, {suppressed} kept back, {int(wanted)} due"
                yield Violation("one mail per message", order_id, told)
        receipts = files[f"urn:tbs:payment:{order_id}"]
        if receipts != int(collected):
            yield Violation("one receipt per payment", order_id, f"{receipts} are stored")

    def _same_everywhere(self, order_id: str, order: Item) -> Iterator[Violation]:
        copy = _plain(self._copies.get(order_id, {}).get("projection", {}))
        own = _plain({**self.told[order_id], "version": order["version"]})
        for field in copy.keys() | {"status", "reason", "version", "gross", "refund", "carrier"}:
            if copy.get(field) != own.get(field):
                yield Violation(
                    "the public copy is true",
                    order_id,
                    f"{field} is {copy.get(field)}, not {own.get(field)}",
                )
        row = self._reported.get(order_id, {})
        refund = own.get("refund") or {}
        told = {
            "status": order["status"],
            "version": order["version"],
            "reason": order.get("reason"),
            "gross": order["gross"],
            "refund_amount": refund.get("amount"),
            "refund_status": refund.get("status"),
            "lines": [
                (n["toyId"], n["price"], n["quantity"], n.get("category"), n["fulfilment"])
                for n in own["lines"]
            ],
            "backs": refund.get("amount") or None,
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
