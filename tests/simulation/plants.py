"""Faults put into the services on purpose, such as shops like this are really written with.

A test shows that the simulation finds each of them.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from tests.simulation.books import table
from tests.simulation.world import World

Json = dict[str, Any]
Plant = Callable[[World, ExitStack], None]

PLANTS: dict[str, Plant] = {}


def plant(function: Plant) -> Plant:
    """Register a fault by its function's name."""
    PLANTS[function.__name__.replace("_", " ")] = function
    return function


@contextmanager
def planted(fault: str, world: World) -> Iterator[None]:
    """The world has the fault within."""
    with ExitStack() as planting:
        PLANTS[fault](world, planting)
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


# orders


@plant
def orders_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "orders", "PutItem")


@plant
def the_sweep_never_runs(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "orders", "sweep.expire", lambda was, _: lambda order_id: False)


@plant
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


@plant
def a_late_answer_revives_a_cancelled_order(world: World, planting: ExitStack) -> None:
    for module in world.code.modules["orders", "order"]:
        cancelled, confirmed = module.Status.CANCELLED, module.Status.CONFIRMED
        steps = module.SAGA[cancelled] | {"PaymentCollected": (confirmed,)}
        planting.enter_context(patch.dict(module.SAGA, {cancelled: steps}))


@plant
def a_confirmed_order_is_cancelled_without_asking_the_warehouse(
    world: World, planting: ExitStack
) -> None:
    for module in world.code.modules["orders", "order"]:
        confirmed, cancelled = module.Status.CONFIRMED, module.Status.CANCELLED
        steps = module.SAGA[confirmed] | {"CancelOrder": (cancelled,)}
        planting.enter_context(patch.dict(module.SAGA, {confirmed: steps}))


# Outboxes and inboxes


@plant
def an_outbox_swallows_a_refused_entry(world: World, planting: ExitStack) -> None:
    def tamper_with(answer: Json) -> Json:
        return answer | {"FailedEntryCount": 0}

    planting.enter_context(patch.object(world, "answered", tamper_with))


@plant
def an_outbox_swallows_errors(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def handler(event: Any, context: Any) -> None:
            try:
                was(event, context)
            except Exception:
                return

        return handler

    for workers_key in [("payments", "outbox"), ("orders", "outbox")]:
        workers = world.code.workers[workers_key]
        handlers = [make(handler, None) for handler in workers.handlers]  # type: ignore[arg-type]
        planting.enter_context(patch.object(workers, "handlers", handlers))


@plant
def an_inbox_swallows_errors(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda processor, record, exception: processor.success_handler(record, None)

    replaced(world, planting, "orders", "delivery.QueueProcessor.failure_handler", make)


@plant
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


# toys


@plant
def stock_is_taken_without_looking(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for item in params.get("TransactItems", ()):
            if update := item.get("Update"):
                condition = update["ConditionExpression"]
                update["ConditionExpression"] = condition.replace(
                    "stock >= :quantity", "stock >= stock AND :quantity = :quantity"
                )

    tampered(world, planting, tamper)


@plant
def stock_is_released_twice(world: World, planting: ExitStack) -> None:
    def tamper(_: str, operation: str, params: Json) -> None:
        for item in params.get("TransactItems", ()):
            put = item.get("Put", {})
            if ":held" in put.get("ExpressionAttributeValues", {}):
                for name in [key for key in put if key.startswith(("Condition", "Expression"))]:
                    del put[name]

    tampered(world, planting, tamper)


@plant
def a_release_that_comes_first_leaves_no_mark(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def keep(self: Any, reservation: Any) -> None:
            if reservation.status.value != "RELEASED":
                was(self, reservation)

        return keep

    replaced(world, planting, "toys", "table.ToysTable.keep", make)


# payments


@plant
def a_charge_has_no_idempotency_key(world: World, planting: ExitStack) -> None:
    planting.enter_context(patch.object(world, "keyless", True))


@plant
def a_refund_that_comes_first_leaves_no_mark(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def add(self: Any, payment: Any) -> None:
            if payment.status.value != "VOIDED":
                was(self, payment)

        return add

    replaced(world, planting, "payments", "table.PaymentsTable.add", make)


@plant
def a_refund_of_a_payment_under_way_is_forgotten(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def refund(self: Any, reason: str, cause: str, at: Any) -> Any:
            return self if self.status.value == "PENDING" else was(self, reason, cause, at)

        return refund

    replaced(world, planting, "payments", "payment.Payment.refund", make)


@plant
def a_voided_intent_is_left_open(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        return lambda self, payment: module.Canceled(payment.payment_intent_id)

    replaced(world, planting, "payments", "gateway.Gateway.cancel", make)


@plant
def the_webhook_is_not_read(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "payments", "webhook.hear", lambda was, _: lambda *given: None)


@plant
def payments_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "payments", "PutItem")


# fulfilment


@plant
def shipments_are_saved_without_a_version_check(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "fulfilment", "PutItem")


@plant
def a_calling_off_that_comes_first_is_dropped(world: World, planting: ExitStack) -> None:
    def make(was: Any, module: ModuleType) -> Any:
        def add(self: Any, new: Any) -> None:
            if type(new).__name__ != "Tombstone":
                was(self, new)

        return add

    replaced(world, planting, "fulfilment", "table.ShipmentsTable.add", make)


# Who reads


@plant
def mails_are_sent_for_every_delivery(world: World, planting: ExitStack) -> None:
    replaced(world, planting, "notification", "table.MailsTable.mail", lambda *_: lambda *_: None)
    unconditional(world, planting, "notification", "PutItem")


@plant
def each_delivery_stores_a_file_of_its_own(world: World, planting: ExitStack) -> None:
    replaced(
        world, planting, "file-manager", "inbox.file_id", lambda *_: lambda *_: str(uuid.uuid4())
    )


@plant
def the_public_copy_takes_older_versions(world: World, planting: ExitStack) -> None:
    unconditional(world, planting, "public-api", "UpdateItem")


@plant
def the_reports_take_older_versions(world: World, planting: ExitStack) -> None:
    replaced(
        world,
        planting,
        "reports",
        "database._UPSERT_ORDERS",
        lambda was, _: was.replace("where excluded.version > held.version", ""),
    )


@plant
def the_same_key_makes_another_order(world: World, planting: ExitStack) -> None:
    replaced(
        world,
        planting,
        "public-api",
        "api.identify",
        lambda *_: (
            lambda *_: uuid.uuid4().hex[:26].upper().translate(str.maketrans("ILOU", "1234"))
        ),
    )
