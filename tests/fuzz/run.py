"""schemathesis on one API: what it tried, and what it found."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder

from tests.fuzz.apis import Api
from tests.fuzz.meant import (
    ANSWERS_TO_BAD_REQUESTS,
    ANSWERS_TO_GOOD_REQUESTS,
    NOT_CHECKED,
    Meant,
    meant,
)
from tests.fuzz.things import Things

SEED = 1
EXAMPLES = 200

OFTEN = 0.7
"""How often a place gets one of the values that are known to be there."""

SIGNATURE = re.compile(r" -H '(?:Authorization|X-Amz-Date): [^']*'")
"""What is of no use a few minutes later."""

SHOWN = 1000
"""So many characters of an answer are shown at most."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is not as it is documented, and how to see it again."""

    service: str
    operation: str
    check: str
    what: str
    answer: str
    curl: str

    def __str__(self) -> str:
        return f"{self.service}: {self.operation}: {self.what}\n{self.answer}\n\n  {self.curl}\n"


@dataclass(slots=True)
class Outcome:
    """What came of fuzzing one API."""

    requests: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=dict)
    """How often each operation answered what."""
    found: dict[tuple[str, ...], Finding] = field(default_factory=dict)
    """The first finding of each kind."""
    times: Counter[tuple[str, ...]] = field(default_factory=Counter)
    """How often each kind was found."""
    meant: Counter[Meant] = field(default_factory=Counter)
    """How often a deviation was met that is meant."""

    @property
    def findings(self) -> list[Finding]:
        """One of each kind."""
        return list(self.found.values())


def fuzz(
    api: Api, things: Things, examples: int = EXAMPLES, seed: int = SEED, *, whole: bool = True
) -> Outcome:
    """Try every operation of an API with so many examples, good and bad ones.

    Unless it is to be a quick look (`whole=False`), the edges of every bound in the document are
    tried, too, and sequences of requests, where one takes what another answered.
    """
    outcome = Outcome()
    config = _config(api, things, examples, seed)
    if not whole:
        config["phases"] = {"coverage": {"enabled": False}, "stateful": {"enabled": False}}
    schema = schemathesis.openapi.from_path(
        api.document, config=SchemathesisConfig.from_dict(config)
    )
    schema.auth.set_from_requests(api.auth)

    @schema.hook
    def filter_case(context: HookContext, case: Case[Any]) -> bool:
        return case.method == "GET" or things.spares(
            api.service, f"{case.path_parameters} {case.body!r}"
        )

    @schema.hook
    def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
        if case.method == "POST" and response.status_code < 300:
            things.made(response.text)

    for event in from_schema(schema).execute():
        match event:
            case events.ScenarioFinished():
                _count(outcome, event.recorder)
                for finding in _findings(outcome, api, event.recorder):
                    outcome.found.setdefault(finding[0], finding[1])
                    outcome.times[finding[0]] += 1
            case events.NonFatalError():
                what = f"{event.info.title}: {event.info.message}"
                key = (event.label, what)
                outcome.found[key] = Finding(api.service, event.label, "error", what, "", "")
            case events.Interrupted():
                raise KeyboardInterrupt
            case events.FatalError():
                raise event.exception
    return outcome


def _config(api: Api, things: Things, examples: int, seed: int) -> dict[str, Any]:
    known = {place: values for place, values in things.values(api.service).items() if values}
    return {
        "seed": seed,
        "base-url": api.url,
        "request-timeout": 60,
        "continue-on-failure": True,
        "generation": {
            "max-examples": examples,
            "with-security-parameters": False,
            "database": "none",
        },
        "phases": {
            # A method that an API does not have is answered by API Gateway.
            "coverage": {"unexpected-methods": []},
            "stateful": {"generation": {"max-examples": max(examples // 4, 1)}},
        },
        "checks": {
            **{check: {"enabled": False} for check in NOT_CHECKED},
            "positive_data_acceptance": {"expected-statuses": list(ANSWERS_TO_GOOD_REQUESTS)},
            "negative_data_rejection": {"expected-statuses": list(ANSWERS_TO_BAD_REQUESTS)},
            "missing_required_header": {"expected-statuses": ["400"]},
        },
        "dictionaries": {f"known-{n}": {"values": v} for n, v in enumerate(known.values())},
        "parameters": {
            place: {"dictionary": f"known-{n}", "probability": OFTEN}
            for n, place in enumerate(known)
        },
    }


def _count(outcome: Outcome, recorder: ScenarioRecorder) -> None:
    for case_id, interaction in recorder.interactions.items():
        outcome.requests += 1
        if interaction.response is not None and case_id in recorder.cases:
            label = recorder.cases[case_id].value.operation.label
            answered = outcome.statuses.setdefault(label, Counter())
            answered[interaction.response.status_code] += 1


def _findings(
    outcome: Outcome, api: Api, recorder: ScenarioRecorder
) -> Iterator[tuple[tuple[str, ...], Finding]]:
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is None:
                continue
            failure = check.failure_info.failure
            case = recorder.cases[case_id].value
            response = recorder.interactions[case_id].response
            status = response.status_code if response else 0
            operation = failure.operation or case.operation.label
            answer = response.text if response else ""
            if known := meant(check.name, api.service, operation, status, answer):
                outcome.meant[known] += 1
                continue
            curl = check.failure_info.code_sample
            if check.name != "ignored_auth":
                curl = SIGNATURE.sub("", curl).replace("curl ", f"curl {api.curl} ", 1)
            finding = Finding(
                service=api.service,
                operation=operation,
                check=check.name,
                what=_words(failure),
                answer=f"{status} {answer[:SHOWN]}" if response else "no answer",
                curl=curl,
            )
            yield (check.name, operation, str(status), failure._unique_key), finding


def _words(failure: Failure) -> str:
    return f"{failure.title}. {failure.message}" if failure.message else failure.title
