"""The saga as people read it: a diagram and a grid."""

from collections.abc import Iterator

from orders.saga import EXCEPTIONS, PLACED, SAGA, Ignored, Status, Step


def diagram() -> str:
    """The saga as a Mermaid state diagram."""
    arrows = [f"[*] --> {PLACED}: PlaceOrder"]
    for state, messages in SAGA.items():
        moves = list(_moves(state, messages))
        arrows += moves
        for case, rows in EXCEPTIONS.items():
            arrows += [f"{move} ({case})" for move in _moves(state, rows.get(state, {}))]
        if not moves:
            arrows.append(f"{state} --> [*]")
    return "\n    ".join(["stateDiagram-v2", *arrows])


def grid() -> str:
    """The saga as a Markdown table: what each message does to an order in each state.

    A state that the order enters, "kept", "ignored" and why, or nothing: it cannot come.
    """
    messages = dict.fromkeys(name for row in SAGA.values() for name in row)
    rows = [
        ["message", *SAGA],
        ["---"] * (1 + len(SAGA)),
        *([f"`{name}`", *(_cell(state, name) for state in SAGA)] for name in messages),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _moves(state: Status, messages: dict[str, Step]) -> Iterator[str]:
    moves = [(name, step) for name, step in messages.items() if isinstance(step, tuple) and step]
    for step in dict.fromkeys(step for _, step in moves):
        *passed, end = step
        names = ", ".join(name for name, leads in moves if leads == step)
        through = f", through {' and '.join(passed)}" if passed else ""
        yield f"{state} --> {end}: {names}{through}"


def _cell(state: Status, message: str) -> str:
    step = SAGA[state].get(message)
    if step is None:
        return ""
    others = (
        f"if {case}, {_named(rows[state][message])}"
        for case, rows in EXCEPTIONS.items()
        if message in rows.get(state, {})
    )
    return "; ".join([_named(step), *others])


def _named(step: Step) -> str:
    if isinstance(step, Ignored):
        return f"ignored: {step}"
    return ", ".join(step) or "kept"
