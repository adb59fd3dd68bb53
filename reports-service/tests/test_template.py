"""What the template makes of its parameters: whether the function reaches its queues."""

from pathlib import Path
from typing import Any

import pytest
from cfnlint.decode import cfn_yaml

TEMPLATE: Any = cfn_yaml.load(str(Path(__file__).parent.parent / "template.yaml"))


def resolved(part: Any, given: dict[str, str]) -> Any:
    """A part of the template, with the parameters and conditions that it hangs on put in."""
    match part:
        case {"Fn::If": [condition, yes, no]}:
            return resolved(yes if resolved({"Condition": condition}, given) else no, given)
        case {"Condition": str(name)}:
            return resolved(TEMPLATE["Conditions"][name], given)
        case {"Fn::Not": [one]}:
            return not resolved(one, given)
        case {"Fn::And": list(all_of)}:
            return all(resolved(one, given) for one in all_of)
        case {"Fn::Or": list(any_of)}:
            return any(resolved(one, given) for one in any_of)
        case {"Fn::Equals": [one, other]}:
            return resolved(one, given) == resolved(other, given)
        case {"Ref": str(name)} if name in TEMPLATE["Parameters"]:
            return given.get(name, TEMPLATE["Parameters"][name].get("Default"))
    return part


@pytest.mark.parametrize("given", [{}, {"SqsEndpoint": "off"}], ids=str)
def test_the_stacks_own_network_leads_to_no_queue(given: dict[str, str]) -> None:
    properties = TEMPLATE["Resources"]["InboxFunction"]["Properties"]
    variables = properties["Environment"]["Variables"]
    for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
        assert resolved(variables[name], given) == ""
    assert "sqs:" not in str([resolved(policy, given) for policy in properties["Policies"]])
    assert not resolved({"Condition": "HasSqsEndpoint"}, given)


@pytest.mark.parametrize("given", [{"SqsEndpoint": "on"}, {"DatabaseHost": "db"}], ids=str)
def test_elsewhere_the_function_is_told_of_its_queues_and_may_use_them(
    given: dict[str, str],
) -> None:
    properties = TEMPLATE["Resources"]["InboxFunction"]["Properties"]
    variables = properties["Environment"]["Variables"]
    for name in ("QUEUE_URL", "DEAD_LETTER_QUEUE_URL"):
        assert resolved(variables[name], given) != ""
    policies = str([resolved(policy, given) for policy in properties["Policies"]])
    assert "sqs:SendMessage" in policies
    assert "sqs:ChangeMessageVisibility" in policies


def test_an_endpoint_is_made_for_the_stacks_own_network_alone() -> None:
    """All of its resources hang on this condition."""
    made = {n for n, r in TEMPLATE["Resources"].items() if r.get("Condition") == "HasSqsEndpoint"}
    assert made == {"QueuesEndpoint", "QueuesSecurityGroup"}
    condition = {"Condition": "HasSqsEndpoint"}
    assert resolved(condition, {"SqsEndpoint": "on"})
    assert not resolved(condition, {"SqsEndpoint": "on", "DatabaseHost": "db"})
