"""What must hold of any set of orders once all is quiet, whatever happened on the way."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from local import aws, mailbox, stacks
from local.bus import Seen
from local.shopper import FINAL, Shopper
from tests.e2e.shop import Shop


@dataclass(frozen=True, slots=True)
class Run:
    """Orders of one shopper, the stock their toys began with, and what the bus carried."""

    shopper: Shopper
    orders: Collection[str]
    stock: Mapping[str, int]
    seen: Collection[Seen]

    def kept(self, shop: Shop) -> dict[str, dict[str, Any]]:
        """What orders keeps of them."""
        told = (item for item in shop.items("orders") if "orderId" in item and "status" in item)
        kept = {item["orderId"]: item for item in told}
        return {order_id: kept[order_id] for order_id in self.orders if order_id in kept}

    def ends(self, shop: Shop) -> Counter[tuple[str, str | None]]:
        """How many orders ended how: their state, and why they were cancelled."""
        return Counter((one["status"], one.get("reason")) for one in self.kept(shop).values())

    def broken(self, shop: Shop) -> list[str]:
        """What does not hold, in words; empty when all is as it should be."""
        own = self.kept(shop)
        missing = [f"{order_id} was never placed" for order_id in self.orders - own.keys()]
        return [
            *missing,
            *self._not_final(own),
            *self._money(shop, own),
            *self._stock(shop, own),
            *self._shipments(shop, own),
            *self._papers(shop, own),
            *self._copies(shop, own),
            *(f"{queue} holds {count}" for queue, count in shop.dead_letters().items()),
        ]

    def _not_final(self, own: Mapping[str, Any]) -> list[str]:
        return [
            f"{order_id} is {order['status']}"
            for order_id, order in own.items()
            if order["status"] not in FINAL
        ]

    def _money(self, shop: Shop, own: Mapping[str, Any]) -> list[str]:
        state = shop.stripe()
        payer = {
            intent["id"]: intent["metadata"].get("orderId") for intent in state["payment_intents"]
        }
        charges, kept = Counter[str](), Counter[str]()
        for charge in state["charges"]:
            if charge["paid"]:
                charges[payer[charge["payment_intent"]]] += 1
                kept[payer[charge["payment_intent"]]] += charge["amount"]
        for refund in state["refunds"]:
            kept[payer[refund["payment_intent"]]] -= refund["amount"]
        wrong = [
            f"{order_id} was charged {n} times" for order_id in own if (n := charges[order_id]) > 1
        ]
        for order_id, order in own.items():
            refunded = int(order.get("refunded", 0))
            due = order["gross"] - refunded if order["status"] == "DELIVERED" else 0
            if kept[order_id] != due:
                wrong.append(f"{order_id}, {order['status']}, paid {kept[order_id]}, not {due}")
            if order["status"] == "CANCELLED" and charges[order_id] and refunded != order["gross"]:
                wrong.append(f"{order_id} says that {refunded} went back of {order['gross']}")
        return wrong

    def _stock(self, shop: Shop, own: Mapping[str, Any]) -> list[str]:
        sold = Counter[str]()
        for order in own.values():
            if order["status"] == "DELIVERED":
                for line in order["lines"]:
                    sold[line["toyId"]] += int(line["quantity"])
        return [
            f"of {toy}, {began} at first, {sold[toy]} were sold, and {left} are left"
            for toy, began in self.stock.items()
            if (left := shop.toy(toy)["stock"]) != began - sold[toy]
        ]

    def _shipments(self, shop: Shop, own: Mapping[str, Any]) -> list[str]:
        shipments = {item["orderId"]: item["status"] for item in shop.items("fulfilment")}
        wrong = []
        for order_id, order in own.items():
            found = shipments.get(order_id)
            right: tuple[str | None, ...] = (None, "CANCELLED")
            if order["status"] == "DELIVERED":
                right = ("DELIVERED",)
            elif order.get("reason") == "UNDELIVERABLE":
                right = ("FAILED",)
            if found not in right:
                wrong.append(f"{order_id}, {order['status']}, has a shipment {found}")
        return wrong

    def _papers(self, shop: Shop, own: Mapping[str, Any]) -> list[str]:
        """One mail for each that was asked for, one receipt, mailed and stored, per payment."""
        asked = {
            (message.sender, message.metadata["id"]): message.metadata["correlationId"]
            for message in self.seen
            if message.name == "SendEmail"
        }
        paid = {m.data["orderId"] for m in self.seen if m.name == "PaymentCollected"}
        mails = mailbox.mails(shop.settings, self.shopper.email)
        stored = self._stored(shop)
        wrong = []
        for order_id in own:
            about = [mail for mail in mails if order_id in mail.subject + mail.text]
            found = {
                "mails": len(about),
                "receipts mailed": sum("eceipt" in mail.subject for mail in about),
                "receipts stored": sum(order_id.encode() in body for body in stored),
            }
            right = {
                "mails": sum(order == order_id for order in asked.values()),
                "receipts mailed": int(order_id in paid),
                "receipts stored": int(order_id in paid),
            }
            if found != right:
                wrong.append(f"{order_id} has {found}, not {right}")
        return wrong

    def _stored(self, shop: Shop) -> list[bytes]:
        bucket = stacks.outputs(shop.settings, "file-manager")["ReceiptsBucketName"]
        s3 = aws.client("s3", shop.settings)
        return [
            s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
            for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            for entry in page.get("Contents", [])
        ]

    def _copies(self, shop: Shop, own: Mapping[str, Any]) -> list[str]:
        """The shopper and the reports know the state that orders has."""
        wrong = []
        rows = shop.reports()
        for order_id, order in own.items():
            back = int(order.get("refunded", 0))
            right = order["status"], order.get("reason"), "REFUNDED" if back else None
            shown = self.shopper.get_order(order_id)
            seen = shown["status"], shown["reason"], (shown["refund"] or {}).get("status")
            if seen != right:
                wrong.append(f"the shopper sees {seen} of {order_id}, which is {right}")
            row = rows.get(order_id, {})
            reported = row.get("status"), row.get("reason"), row.get("refund_status")
            if reported != right or row.get("version") != order["version"]:
                wrong.append(f"the reports have {row} of {order_id}, which is {right}")
        return wrong
