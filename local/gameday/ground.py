"""The local cloud as a fault sees it: its stacks' resources by the names in their templates."""

from collections.abc import Iterable
from typing import Any

from local import processes, stacks
from local.account import Account
from local.services import select
from local.settings import Settings


class Ground:
    """The local cloud, to break something on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.account = Account(settings, "local")

    def client(self, name: str) -> Any:
        """A boto3 client of its root user."""
        return self.account.client(name)

    def resource(self, service: str, logical_id: str) -> str:
        """The physical id of a resource of a service's stack."""
        (one,) = select([service])
        found = self.client("cloudformation").describe_stack_resource(
            StackName=one.stack(), LogicalResourceId=logical_id
        )
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def mappings(self, service: str, function: str) -> list[str]:
        """The ids of what feeds a function from its queue or stream; `function` is a logical id."""
        name = self.resource(service, function)
        found = self.client("lambda").list_event_source_mappings(FunctionName=name)
        return [str(mapping["UUID"]) for mapping in found["EventSourceMappings"]]

    def switch(self, mappings: Iterable[str], enabled: bool) -> None:
        """Have queues and streams read, or let them be."""
        for mapping in mappings:
            self.client("lambda").update_event_source_mapping(UUID=mapping, Enabled=enabled)

    def waiting(self, letters: bool = False) -> dict[str, int]:
        """What the shop's queues hold, put off or being handled included; those that hold any.

        Of the dead letters, or of all others.
        """
        sqs = self.client("sqs")
        found = {}
        for url in sqs.list_queues(QueueNamePrefix="tbs-app-").get("QueueUrls", []):
            name = url.rpartition("/")[2]
            if ("DeadLetters" in name) is not letters or name.startswith("tbs-app-flow-"):
                continue
            counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            held = sum(
                int(count)
                for key, count in counts.items()
                if key.startswith("ApproximateNumberOfMessages")
            )
            if held:
                found[name] = held
        return found

    @property
    def instance(self) -> str | None:
        """Names this run of the cloud; None when it does not run."""
        found = processes.running(self.settings, "ministack")
        return found.instance if found else None

    @property
    def is_up(self) -> bool:
        """Whether all that the shop takes runs, and its stacks are there."""
        servers = ("postgres", "ministack", "stripe", "gateway")
        if any(processes.running(self.settings, name) is None for name in servers):
            return False
        states = stacks.statuses(self.settings)
        return all(states.get(one.stack(), "").endswith("_COMPLETE") for one in select())
