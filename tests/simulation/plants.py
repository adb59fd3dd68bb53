"""Faults put into the services on purpose, such as shops like this are really written with.

A test shows that the simulation finds each of them.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any
from unittest.mock import patch

from tests.simulation.books import table
from tests.simulation.world import World
from tools.wiring import Feed, Source

Json = dict[str, Any]

NEWER = "where (excluded.version, excluded.shape) > (held.version, held.shape)"
"""What keeps the reports from an older version of an order."""

type Planting = Callable[[World, ExitStack], None]


@dataclass(frozen=True)
class Plant:
    """A fault: how it is put in, and the rules that it breaks."""

    put: Planting
    breaks: frozenset[str]
    first: int
    """The seed that the hunt for it begins with."""


PLANTS: dict[str, Plant] = {}


def plant(*breaks: str, first: int = 0) -> Callable[[Planting], Planting]:
    """Register a fault by its function's name, with the rules of which it breaks one at least.

    Args:
        first: for one that few seeds show: a seed that did, when this was written.
    """

    def register(function: Planting) -> Planting:
        PLANTS[function.__name__.replace("_", " ")] = Plant(function, frozenset(breaks), first)
        return function

    return register


@contextmanager
def planted(fault: str, world: World) -> Iterator[None]:
    """The world has the fault within."""
    with ExitStack() as planting:
        PLANTS[fault].put(world, planting)
        yield


def replaced(
    world: World,
    planting: ExitStack,
    service: str,
    path: str,
    make: Callable[[Any, ModuleType], Any],
) -> None:
    """Put something else in the place of a module's function, or of a class's method.

    Args:
        path: "module.function" or "module.Class.method".
        make: given what was there and its module; gives what is there instead.
    """
    module_name, *names = path.split(".")
    for module in world.code.modules[service, module_name]:
        owner: Any = module
        for name in names[:-1]:
            owner = getattr(owner, name)
        planting.enter_context(
            patch.object(owner, names[-1], make(getattr(owner, names[-1]), module))
        )


def tampered(world: World, planting: ExitStack, tamper: Callable[[str, str, Json], None]) -> None:
    """Have what the services ask of AWS changed on its way: service, operation, parameters."""
    planting.enter_context(patch.object(world, "tamper", tamper))


def unconditional(world: World, planting: ExitStack, service: str, operation: str) -> None:
    """Writes of one kind to the service's table have no condition."""

    def tamper(_: str, asked: str, params: Json) -> None:
        if asked == operation and params.get("TableName") == table(service):
            params.pop("ConditionExpression", None)

    tampered(world, planting, tamper)


def without(text: str, part: str) -> str:
    """The text without a part that has to be in it."""
    assert part in text, f"{part!r} is not there: plant something else"
    return text.replace(part, "")


def refed(
    world: World,
    planting: ExitStack,
    wanted: Callable[[Source], bool],
    change: Callable[[Json], Json],
) -> None:
    """Have event sources set up in another way than the templates say."""
    changed = 0
    for source in filter(wanted, world.wiring.sources):
        before = list(source.feeds)
        planting.callback(source.feeds.__setitem__, slice(None), before)
        source.feeds[:] = [Feed(door, change(dict(given))) for door, given in before]
        changed += 1
    assert changed, "no source is like that: plant something else"


def _deaf(handler: Any) -> Any:
    """The function, which no error of its own makes fail."""

    def heard(event: Any, context: Any) -> None:
        with suppress(Exception):
            handler(event, context)

    return heard


def _always(*_: Any) -> bool:
    return True


def _nothing(*_: Any) -> None:
    return None


# orders


@plant(
    "a final order never changes", "money balances", "every order ends", "stock follows the order"
)
def orders_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "orders", "PutItem")


@plant("every order ends")
def the_sweep_never_runs(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "orders", "sweep.expire", lambda was, _: lambda order_id: False)


@plant("money balances", "stock follows the order")
def only_answered_steps_are_undone(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def sends(order: Any) -> Any:
            names = was(order)
            entered = {entry.status for entry in order.history}
            unanswered = {"RESERVED": "ReleaseStock", "CONFIRMED": "RefundPayment"}
            gone = {undo for state, undo in unanswered.items() if state not in entered}
            return tuple(name for name in names if name not in gone)

        return sends

    replaced(world, planting, "orders", "order.Order.sends", make)


@plant("a final order never changes", first=5)
def a_late_answer_revives_a_cancelled_order(world: World, planting: ExitStack) -> None:
    for module in world.code.modules["orders", "saga"]:
        cancelled, confirmed = module.Status.CANCELLED, module.Status.CONFIRMED
        steps = module.SAGA[cancelled] | {"PaymentCollected": (confirmed,)}
        planting.enter_context(patch.dict(module.SAGA, {cancelled: steps}))


@plant("a parcel leaves only when it is paid", "parcels follow the order", first=2)
def a_confirmed_order_is_cancelled_without_asking_the_warehouse(
    world: World, planting: ExitStack
) -> None:
    for module in world.code.modules["orders", "saga"]:
        confirmed, cancelled = module.Status.CONFIRMED, module.Status.CANCELLED
        steps = module.SAGA[confirmed] | {"CancelOrder": (cancelled,)}
        planting.enter_context(patch.dict(module.SAGA, {confirmed: steps}))


# Outboxes and inboxes


@plant(
    "every order ends",
    "the public copy is true",
    "the reports are true",
    "one mail per message",
    "money balances",
    "stock follows the order",
    "the catalogue is true",
    "no order is lost",
)
def an_outbox_swallows_a_refused_entry(world: World, planting: ExitStack) -> None:
    def tamper_with(answer: Json) -> Json:
        return answer | {"FailedEntryCount": 0}

    planting.enter_context(patch.object(world, "answered", tamper_with))


@plant(
    "every order ends",
    "the public copy is true",
    "the reports are true",
    "one mail per message",
    "one receipt per payment",
    "money balances",
    "stock follows the order",
)
def an_outbox_swallows_errors(world: World, planting: ExitStack) -> None:
    for service in ("payments", "orders"):
        workers = world.code.workers[service, "outbox"]
        planting.enter_context(
            patch.object(workers, "handlers", [_deaf(each) for each in workers.handlers])
        )


@plant("no order is lost", "every order ends")
def an_inbox_swallows_errors(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda processor, record, exception: processor.success_handler(record, None)

    replaced(world, planting, "orders", "delivery.QueueProcessor.failure_handler", make)


@plant("one mail per message", "one receipt per payment", first=2)
def message_ids_are_made_up_each_time(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def told(kind: Any, payment: Any, data: Any) -> Any:
            message = was(kind, payment, data)
            random_id = module.uuid4().hex
            metadata = message.metadata.model_copy(update={"id": random_id})
            return message.model_copy(update={"metadata": metadata})

        return told

    for module in world.code.modules["payments", "messages"]:
        planting.enter_context(patch.object(module, "uuid4", uuid.uuid4, create=True))
    replaced(world, planting, "payments", "messages._told", make)


@plant(
    "every order ends",
    "no order is lost",
    "the public copy is true",
    "one mail per message",
    "the reports are true",
    "only poison is a dead letter",
)
def a_stream_gives_up_after_one_try(world: World, planting: ExitStack) -> None:
    refed(
        world,
        planting,
        lambda source: source.kind == "DynamoDB",
        lambda given: given | {"MaximumRetryAttempts": 0},
    )


@plant(
    "no order is lost",
    "every order ends",
    "one mail per message",
    "one receipt per payment",
    "money balances",
    "stock follows the order",
    "the public copy is true",
)
def failures_of_a_batch_are_not_reported(world: World, planting: ExitStack) -> None:
    refed(
        world,
        planting,
        lambda source: source.kind == "SQS",
        lambda given: given | {"FunctionResponseTypes": []},
    )


@plant("poison is a dead letter, and says why")
def poison_vanishes(world: World, planting: ExitStack) -> None:
    replaced(
        world, planting, "toys", "delivery.QueueProcessor._bury", lambda *_: lambda *given: None
    )
    replaced(
        world, planting, "orders", "delivery.QueueProcessor._bury", lambda *_: lambda *given: None
    )


@plant("what failed is put off")
def what_failed_comes_back_at_once(world: World, planting: ExitStack) -> None:
    replaced(
        world,
        planting,
        "orders",
        "delivery.QueueProcessor._put_off",
        lambda *_: lambda *given: None,
    )


# toys


@plant("stock below zero")
def stock_is_taken_without_looking(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for item in params.get("TransactItems", ()):
            update = item.get("Update", {})
            if condition := update.get("ConditionExpression"):
                update["ConditionExpression"] = condition.replace(
                    "stock >= :quantity", "stock >= stock AND :quantity = :quantity"
                )

    tampered(world, planting, tamper)


@plant("stock balances", first=22)
def stock_is_released_twice(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for item in params.get("TransactItems", ()):
            put = item.get("Put", {})
            if ":held" in put.get("ExpressionAttributeValues", {}):
                for name in [key for key in put if key.startswith(("Condition", "Expression"))]:
                    del put[name]

    tampered(world, planting, tamper)


@plant("stock follows the order", first=7)
def a_release_that_comes_first_leaves_no_mark(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def keep(self: Any, reservation: Any) -> None:
            if reservation.status.value != "RELEASED":
                was(self, reservation)

        return keep

    replaced(world, planting, "toys", "table.ToysTable.keep", make)


@plant("no edit is lost", first=35)
def a_toy_is_edited_whatever_its_etag(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda toy_id, if_match: module.existing(toy_id)

    replaced(world, planting, "toys", "api.unchanged", make)


@plant("the audit trail is true", "stock balances")
def an_adjustment_knows_no_idempotency_key(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda toy_id, key: was(toy_id, f"{key} {uuid.uuid4()}" if key else key)

    replaced(world, planting, "toys", "stock_items._adjustment_key", make)


@plant("stock balances")
def an_adjustment_moves_stock_each_time(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for step in params.get("TransactItems", ()):
            put = step.get("Put", {})
            if str(put.get("Item", {}).get("pk")).startswith("ADJUSTMENT#"):
                put.pop("ConditionExpression", None)

    tampered(world, planting, tamper)


@plant("a toy shows its pictures", first=14)
def a_deleted_picture_leaves_no_mark(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def know(self: Any, record: Any, before: Any, toy: Any = None) -> None:
            if record.picture or record.download or before:
                was(self, record, before, toy)

        return know

    replaced(world, planting, "toys", "file_items.FileItems.know", make)


@plant("the pages hold each toy once")
def the_pages_of_a_search_are_counted_off(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def page(self: Any, search: Any, limit: int, position: Any) -> Any:
            skipped = int(position[0]) if position else 0
            found, more = was(self, search, skipped + limit, None)
            return found[skipped:], (str(skipped + limit),) if more else None

        return page

    replaced(world, planting, "toys", "catalogue.Catalogue.page", make)


# file-manager


@plant(
    "what became of a file stays", "every file ends as it should", "a stored file is there", first=3
)
def files_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "file-manager", "PutItem")


@plant("no object without a file", "CloudFront forgets what is deleted")
def the_cleaner_swallows_errors(world: World, planting: ExitStack) -> None:
    workers = world.code.workers["file-manager", "cleaner"]
    planting.enter_context(
        patch.object(workers, "handlers", [_deaf(each) for each in workers.handlers])
    )


@plant("no object without a file", first=3)
def who_comes_second_leaves_what_it_wrote(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "file-manager", "uploads.tidy", lambda *_: _nothing)


@plant("a stored file is there")
def a_file_is_stored_before_its_objects_are(world: World, planting: ExitStack) -> None:
    def settle(was: Any, module: ModuleType) -> Any:
        def settled(file_id: str) -> None:
            late: list[Callable[[], None]] = []
            with patch.object(
                module.buckets, "put_rendition", lambda *given: late.append(partial(put, *given))
            ):
                was(file_id)
            for act in late:
                act()

        put = module.buckets.put_rendition
        return settled

    replaced(world, planting, "file-manager", "uploads.settle", settle)


@plant("a share keeps its link")
def a_share_has_another_link_at_each_try(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def kept(command: Any, table: Any) -> Any:
            found = was(command, table)
            return found.model_copy(update={"token": uuid.uuid4().hex}) if found.is_live else found

        return kept

    replaced(world, planting, "file-manager", "shares._kept", make)


@plant("what is shared is there", "no object without a file")
def a_share_is_told_of_before_its_object_is_there(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def settled(pending: Any, table: Any, shelf: Any) -> Any:
            late: list[Callable[[], None]] = []
            put = shelf.put
            with patch.object(shelf, "put", lambda *given: late.append(partial(put, *given))):
                done = was(pending, table, shelf)
            for act in late:
                act()
            return done

        return settled

    replaced(world, planting, "file-manager", "shares._settled", make)


@plant("what is shared is over in the end")
def what_is_shared_is_shared_for_good(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "file-manager", "sweep.expire_share", lambda *_: _nothing)


@plant("no object without a file")
def the_links_of_a_share_that_is_over_still_work(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "file-manager", "cleaner.withdraw", lambda *_: _nothing)


@plant("downloads follow the order", "every order ends", "one mail per message")
def an_order_is_delivered_before_its_downloads_are(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def awaited(lines: Any, known: Any) -> Any:
            left = was(lines, known)
            return left if len(left) > 1 else frozenset()

        return awaited

    replaced(world, planting, "orders", "order.awaited", make)


# payments


@plant("one charge at most", first=3)
def a_payment_is_confirmed_before_it_is_known(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def create(self: Any, payment: Any) -> Any:
            made = was(self, payment)
            if intent_id := getattr(made, "payment_intent_id", None):
                self._api.payment_intents.confirm(intent_id)
            return made

        return create

    replaced(world, planting, "payments", "gateway.Gateway.create", make)


@plant("one charge at most", first=6)
def each_try_has_an_intent_of_its_own(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda payment, cause: was(
            payment.model_copy(update={"payment_intent_id": None}), cause
        )

    for name in ("cashier.take", "inbox.take"):
        replaced(world, planting, "payments", name, make)
    replaced(world, planting, "payments", "payment.Payment._concerned_by", lambda *_: _always)
    replaced(world, planting, "payments", "payment.Payment.mismatch", lambda *_: _nothing)


@plant("money balances")
def a_voided_intent_is_left_open(world: World, planting: ExitStack) -> None:
    def cancel(was: Any, module: ModuleType) -> Any:
        return lambda self, payment: module.Canceled(payment.payment_intent_id)

    def settle(was: Any, module: ModuleType) -> Any:
        def settled(self: Any, *given: Any) -> Any:
            return self if self.status.value in {"VOIDED", "FAILED"} else was(self, *given)

        return settled

    replaced(world, planting, "payments", "gateway.Gateway.cancel", cancel)
    replaced(world, planting, "payments", "payment.Payment.settle", settle)


@plant("money balances")
def a_refund_that_comes_first_leaves_no_mark(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def add(self: Any, payment: Any) -> None:
            if payment.status.value != "VOIDED":
                was(self, payment)

        return add

    replaced(world, planting, "payments", "table.PaymentsTable.add", make)


@plant("money balances")
def a_refund_of_a_payment_under_way_is_forgotten(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def refund(self: Any, reason: str, cause: str, at: Any) -> Any:
            return self if self.status.value == "PENDING" else was(self, reason, cause, at)

        return refund

    replaced(world, planting, "payments", "payment.Payment.refund", make)


@plant(
    "money balances",
    "one receipt per payment",
    "one mail per message",
    "payments know how it ended",
    first=5,
)
def payments_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "payments", "PutItem")


def _asked_anew(was: Any, module: ModuleType) -> Any:
    return lambda self, payment, part, number: was(self, payment, part, uuid.uuid4().hex)


@plant("money balances", "payments know how it ended", "refunds show on the order", first=3)
def a_part_is_given_back_anew_when_the_answer_is_lost(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "payments", "gateway.Gateway.refunds", lambda *_: lambda *_: [])
    replaced(world, planting, "payments", "gateway.Gateway.refund_part", _asked_anew)


@plant("money balances", "refunds show on the order", "payments know how it ended", first=11)
def nobody_reconciles(world: World, planting: ExitStack) -> None:
    workers = world.code.workers["payments", "reconcile"]
    planting.enter_context(patch.object(workers, "handlers", [_nothing for _ in workers.handlers]))


# Staff


@plant("a refund is made once for each key")
def a_refund_knows_no_idempotency_key(world: World, planting: ExitStack) -> None:
    replaced(
        world, planting, "orders", "staff_api.identify", lambda *_: lambda *_: uuid.uuid4().hex
    )


@plant("only poison is a dead letter", "refunds show on the order")
def staff_give_back_what_is_not_there(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda draft, bought, before, left: 2 * bought[0].price

    replaced(world, planting, "orders", "staff.amount_of", make)


@plant("the parcel goes where the order says")
def an_order_does_not_look_where_its_parcel_went(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def hear(self: Any, message: str, facts: Any, *given: Any) -> Any:
            blind = facts.model_copy(update={"address": None, "address_number": None})
            return was(self, message, blind, *given)

        return hear

    replaced(world, planting, "orders", "order.Order.hear", make)


# fulfilment


@plant("a parcel stays addressed as it left", "the parcel goes where the order says")
def a_parcel_that_has_left_is_readdressed(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def readdress(self: Any, address: Any, number: int, cause: str, at: Any) -> Any:
            change = {"shipping_address": address, "address_number": number}
            return self._moved(self.status, at, **change, causation_id=cause)

        return readdress

    replaced(world, planting, "fulfilment", "shipment.Shipment.readdress", make)


@plant("nobody obeys a forger", first=5)
def a_carriers_signature_is_not_looked_at(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "fulfilment", "webhook.check", lambda *_: _nothing)


@plant("parcels follow the order", "a parcel leaves once", "every order ends")
def shipments_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "fulfilment", "PutItem")


# Who reads


@plant("every order ends", "no order is lost", "only poison is a dead letter")
def reads_may_lag_behind(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        params.pop("ConsistentRead", None)

    tampered(world, planting, tamper)


@plant("who must not be written to is left alone", "bounces and complaints are known")
def who_bounced_is_written_to_all_the_same(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "notification", "table.SuppressionsTable.of", lambda *_: _nothing)


@plant("bounces and complaints are known")
def bounces_are_not_listened_to(world: World, planting: ExitStack) -> None:
    workers = world.code.workers["notification", "feedback"]
    planting.enter_context(patch.object(workers, "handlers", [_nothing for _ in workers.handlers]))


@plant("one mail per message")
def mails_go_to_somebody_else(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        if operation == "SendEmail":
            params["Destination"] = {"ToAddresses": ["stranger@example.com"]}

    tampered(world, planting, tamper)


@plant("the catalogue is true")
def the_catalogue_takes_older_versions(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def newer(self: Any, toy_id: str, version: int, item: Json, category: str | None) -> bool:
            if not was(self, toy_id, version, item, category):
                whole = {**module.toy_key(toy_id), **item, "version": version}
                self._table.put_item(Item=whole)
            return True

        return newer

    replaced(world, planting, "public-api", "catalogue.Catalogue._newer", make)


@plant("categories count their toys", first=13)
def a_category_counts_whatever_the_toy_was_meanwhile(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for step in params.get("TransactItems", ()):
            put = step.get("Put", {})
            if put.get("TableName") == table("public-api", "Catalogue"):
                put.pop("ConditionExpression", None)
                put.pop("ExpressionAttributeValues", None)

    tampered(world, planting, tamper)


@plant("the lists are those of the toys", first=13)
def the_indexer_swallows_errors(world: World, planting: ExitStack) -> None:
    workers = world.code.workers["public-api", "indexer"]
    planting.enter_context(
        patch.object(workers, "handlers", [_deaf(each) for each in workers.handlers])
    )


@plant("the lists are those of the toys")
def the_indexer_leaves_what_a_toy_has_no_more(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda resource, name, puts, deletes: was(resource, name, puts, [])

    replaced(world, planting, "public-api", "lists.write_all", make)


@plant("the catalogue is true", "the public copy is true", first=15)
def a_republication_ends_after_its_first_page(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda self, told, position: was(self, told, None)

    for owner in ("toys", "orders"):
        replaced(world, planting, owner, "republication.Republication.move_on", make)


@plant("the catalogue is true", "the public copy is true", "a rebuild comes to its end")
def the_republisher_swallows_errors(world: World, planting: ExitStack) -> None:
    for owner in ("toys", "orders"):
        workers = world.code.workers[owner, "republisher"]
        planting.enter_context(
            patch.object(workers, "handlers", [_deaf(each) for each in workers.handlers])
        )


@plant("the catalogue is true")
def deleted_toys_are_not_told_again(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def toys_after(self: Any, position: Any, looks: int) -> Any:
            toys, following = was(self, position, looks)
            return [toy for toy in toys if not toy.deleted_at], following

        return toys_after

    replaced(world, planting, "toys", "table.ToysTable.toys_after", make)


@plant("the report is true")
def a_report_that_is_stored_is_taken_for_the_newest(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "reports", "archive.says_the_same", lambda *_: _always)


@plant("one mail per message")
def mails_are_sent_for_every_delivery(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "notification", "table.MailsTable.mail", lambda *_: lambda *_: None)
    unconditional(world, planting, "notification", "PutItem")


@plant("one receipt per payment")
def each_delivery_stores_a_file_of_its_own(world: World, planting: ExitStack) -> None:
    replaced(
        world, planting, "file-manager", "inbox.file_id", lambda *_: lambda *_: str(uuid.uuid4())
    )


@plant("the public copy is true")
def the_public_copy_takes_older_versions(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "public-api", "UpdateItem")


@plant("the reports are true")
def the_reports_take_older_versions(world: World, planting: ExitStack) -> None:
    replaced(
        world,
        planting,
        "reports",
        "tables._UPSERT_ORDERS",
        lambda was, _: without(
            was, "where (excluded.version, excluded.shape) > (held.version, held.shape)"
        ),
    )


@plant("nobody pays what they did not expect")
def what_is_expected_to_be_paid_is_not_looked_at(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def check_out(order_id: str, buyer: Any, request: Any, *given: Any) -> Any:
            asked = request.model_copy(update={"expected_gross": None})
            return was(order_id, buyer, asked, *given)

        return check_out

    replaced(world, planting, "public-api", "orders_api.check_out", make)


@plant("the same key makes one order")
def the_same_key_makes_another_order(world: World, planting: ExitStack) -> None:
    replaced(
        world,
        planting,
        "public-api",
        "orders_api.identify",
        lambda *_: (
            lambda *_: uuid.uuid4().hex[:26].upper().translate(str.maketrans("ILOU", "1234"))
        ),
    )
