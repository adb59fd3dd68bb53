"""What the template tells the functions of its own queues."""

from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

TEMPLATE: Any = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))
RESOURCES = TEMPLATE["Resources"]


def test_the_inbox_knows_how_often_its_queue_gives_a_message_out() -> None:
    inbox = RESOURCES["InboxFunction"]["Properties"]["Environment"]["Variables"]
    policy = RESOURCES["Inbox"]["Properties"]["RedrivePolicy"]
    assert inbox["MAX_RECEIVES"] == str(policy["maxReceiveCount"])
