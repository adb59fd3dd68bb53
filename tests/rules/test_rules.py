"""The ground rules hold."""

import pytest

from tests.rules.rules import RULES, dependencies
from tests.rules.tree import Tree


@pytest.mark.parametrize("name", RULES)
def test_rule(tree: Tree, name: str) -> None:
    complaints = list(RULES[name](tree))
    assert not complaints, f"{RULES[name].__doc__}\n" + "\n".join(complaints)


def test_the_services_depend_on_each_other_like_this(tree: Tree) -> None:
    """Shown with `pytest -s`. A service that nobody depends on could be switched off unnoticed."""
    graph = dependencies(tree)
    for name, owners in graph.items():
        print(f"{name} -> {', '.join(sorted(owners)) or 'nobody'}")
    assert graph["public-api"] >= {"orders", "toys"}
