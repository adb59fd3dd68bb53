"""A quick look at every API with requests made up from its openapi.json (`make fuzz` is longer)."""

from collections.abc import Iterator

import pytest

from local.settings import Settings
from tests.fuzz.apis import api, documented
from tests.fuzz.run import fuzz
from tests.fuzz.things import Things, things

EXAMPLES = 8


@pytest.fixture(scope="module")
def own(settings: Settings) -> Iterator[Things]:
    """Toys and orders to play with."""
    with things(settings) as made:
        yield made


@pytest.mark.parametrize("service", documented())
def test_answers_are_as_documented(settings: Settings, own: Things, service: str) -> None:
    outcome = fuzz(api(settings, service, own.token), own, EXAMPLES, whole=False)
    assert outcome.requests >= EXAMPLES
    assert not outcome.findings, "\n".join(map(str, outcome.findings))
