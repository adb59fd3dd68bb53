"""Who reads a message: the services whose templates have a rule that takes it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from local.services import Service

Pattern = Mapping[str, Any]
"""An EventBridge pattern. What CloudFormation fills in is {"Ref": ...} and the like."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a service's stack."""

    service: str
    pattern: Pattern


def rules(services: Iterable[Service]) -> list[Rule]:
    """The rules of the services' templates."""
    return [
        Rule(service.name, resource["Properties"]["EventPattern"])
        for service in services
        for resource in _resources(service)
        if resource.get("Type") == "AWS::Events::Rule"
        and "EventPattern" in resource.get("Properties", {})
    ]


def readers(known: Iterable[Rule], event: Mapping[str, Any]) -> list[str]:
    """The services that read an event of the bus, each once, in the order of their rules."""
    return list(dict.fromkeys(rule.service for rule in known if takes(rule.pattern, event)))


def takes(pattern: Pattern, event: Any) -> bool:
    """Whether an event fits a pattern: in every field that the pattern names."""
    for field, wanted in pattern.items():
        found = event.get(field) if isinstance(event, Mapping) else None
        if isinstance(wanted, Mapping):
            if not takes(wanted, found):
                return False
        elif isinstance(wanted, list) and not any(_fits(one, found) for one in wanted):
            return False
    return True


def _fits(wanted: Any, found: Any) -> bool:
    values = found if isinstance(found, list) else [found]
    match wanted:
        case {"prefix": str(text)}:
            return any(isinstance(value, str) and value.startswith(text) for value in values)
        case {"suffix": str(text)}:
            return any(isinstance(value, str) and value.endswith(text) for value in values)
        case {"exists": bool(there)}:
            return (found is not None) == there
        case {"anything-but": list(others)}:
            return not any(value in others for value in values)
        case {"anything-but": other}:
            return other not in values
        case Mapping():  # filled in at deployment, or a filter not known here: it may fit
            return True
    return wanted in values


def _resources(service: Service) -> Iterable[Mapping[str, Any]]:
    template = yaml.load(service.template.read_text(), Loader=_Template)
    resources: Mapping[str, Mapping[str, Any]] = template.get("Resources") or {}
    return resources.values()


class _Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms (!Ref, !Sub, ...) in their long form."""


def _long_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    match node:
        case yaml.ScalarNode():
            return {suffix: loader.construct_scalar(node)}
        case yaml.SequenceNode():
            return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Template.add_multi_constructor("!", _long_form)
