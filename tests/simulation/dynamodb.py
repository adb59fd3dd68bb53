"""DynamoDB in memory, fast and strict: tables, indexes, streams, transactions and expressions.

It speaks as boto3's high-level interface does: items are plain Python values, numbers come out as
Decimal, conditions may be `Attr` and `Key` objects. What it keeps is never changed in place, so
that an image once told stays as it was; what it gives out is a copy. A parameter or a use of one
that it does not play raises NotImplementedError.

Differs from DynamoDB: reads of an index are never behind, and nothing expires by itself.
"""

import hashlib
import re
from base64 import b64encode
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Any, Literal, NamedTuple
from zlib import crc32

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from boto3.dynamodb.types import DYNAMODB_CONTEXT, Binary
from botocore.exceptions import ParamValidationError
from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

Item = dict[str, Any]
Values = Mapping[str, Any]
Place = tuple[Any, ...]
"""The values of an item's key attributes: hash, or hash and range."""
Path = tuple[str | int, ...]

REGION = "eu-west-1"
ACCOUNT = "123456789012"

MAX_ITEM = 400 * 1024
MAX_PAGE = 1024 * 1024
MAX_BATCH = 16 * 1024 * 1024
MAX_TRANSACTION = 4 * 1024 * 1024
MAX_TOGETHER = 100
"""Items of one transaction, or of one batch."""
MAX_WRITTEN = 25
"""Items of one batch that is written."""
MAX_HASH, MAX_RANGE = 2048, 1024
MAX_DEPTH = 32
MAX_IN = 100

_RESERVED = frozenset(ReservedKeywords.get_reserved_keywords())
_FAILED = "The conditional request failed"


class Refused(Exception):
    """The service says no.

    Args:
        late: found out while the item was worked on, not from the request alone.
        more: what the answer holds beside the error.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int = 400,
        late: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.late = late
        self.more = dict(more or {})


def _invalid(message: str, *, late: bool = False) -> Refused:
    return Refused("ValidationException", message, late=late)


# ---- Values


class _Missing:
    """What stands for an attribute that is not there."""


MISSING = _Missing()

_KINDS: dict[type, str] = {
    str: "S",
    Decimal: "N",
    bool: "BOOL",
    type(None): "NULL",
    dict: "M",
    list: "L",
    Binary: "B",
}
_FLAT = frozenset({str, Decimal, bool, type(None), Binary})
_EXACT = 10**38


def kind(value: Any) -> str:
    """DynamoDB's name for the type of a value that is kept: S, N, B, BOOL, NULL, M, L, SS, ..."""
    if known := _KINDS.get(type(value)):
        return known
    return f"{_KINDS[type(next(iter(value)))]}S"


def native(value: Any, depth: int = 0) -> Any:
    """A copy of what a caller gave, as it is kept.

    Raises TypeError as boto3 does for what has no place in DynamoDB, such as a float.
    """
    given = type(value)
    if given is str or given is bool or value is None:
        return value
    if given is int:
        return Decimal(value) if -_EXACT < value < _EXACT else _number(value)
    if depth > MAX_DEPTH:
        raise _invalid("Nesting Levels have exceeded supported limits")
    if given is dict:
        return {
            (name if type(name) is str else _name(name)): (
                part if type(part) is str else native(part, depth + 1)
            )
            for name, part in value.items()
        }
    if given is list or given is tuple:
        return [native(part, depth + 1) for part in value]
    return _unusual(value, depth)


def _unusual(value: Any, depth: int) -> Any:
    if isinstance(value, int | Decimal):
        return _number(value)
    if isinstance(value, float):
        raise TypeError("Float types are not supported. Use Decimal types instead.")
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        return Binary(bytes(value))
    if isinstance(value, Binary):
        return Binary(_raw(value))
    if isinstance(value, set | frozenset):
        parts = [native(part, depth + 1) for part in value]
        if not parts:
            raise _invalid(
                "One or more parameter values were invalid: An number set  may not be empty"
            )
        kinds = {kind(part) for part in parts}
        if len(kinds) == 1 and kinds <= {"S", "N", "B"}:
            return set(parts)
    if isinstance(value, Mapping):
        return native(dict(value), depth)
    if isinstance(value, list | tuple):
        return native(list(value), depth)
    raise TypeError(f'Unsupported type "{type(value)}" for value "{value}"')


def _raw(binary: Any) -> bytes:
    content: bytes = binary.value
    return content


def _name(name: Any) -> str:
    if not isinstance(name, str):
        report = f"Invalid type for parameter {name}, type: {type(name)}, valid types: {str}"
        raise ParamValidationError(report=report)
    return str.__str__(name)


def _number(value: int | Decimal) -> Decimal:
    """The number as DynamoDB gives it back: no zeros at its end, no exponent above zero.

    Raises decimal's exceptions for one of more than 38 digits or out of range, as boto3 does.
    """
    number = DYNAMODB_CONTEXT.create_decimal(value)
    if not number.is_finite():
        raise TypeError("Infinity and NaN not supported")
    number = number.normalize(DYNAMODB_CONTEXT)
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    return Decimal(int(number)) if exponent >= 0 else number


def copied(value: Any) -> Any:
    """A copy of what is kept, for a caller to do with as they like."""
    given = type(value)
    if given in _FLAT:
        return value
    if given is dict:
        return {name: part if type(part) in _FLAT else copied(part) for name, part in value.items()}
    if given is list:
        return [part if type(part) in _FLAT else copied(part) for part in value]
    return set(value)


def same(one: Any, other: Any) -> bool:
    """Whether two kept values are equal to DynamoDB, to which true is no number."""
    if one != other:
        return False
    given = type(one)
    if given is not type(other):
        return False
    if given is dict:
        return all(same(part, other[name]) for name, part in one.items())
    if given is list:
        return all(map(same, one, other))
    return True


def size(value: Any) -> int:
    """Bytes that a kept value counts for."""
    given = type(value)
    if given is dict:
        total = 3
        for name, part in value.items():
            total += 1 + len(name if name.isascii() else name.encode())
            if type(part) is str:
                total += len(part if part.isascii() else part.encode())
            else:
                total += size(part)
        return total
    if given is str:
        return len(value if value.isascii() else value.encode())
    if given is Decimal:
        return len(str(value)) // 2 + 1
    if given is list:
        return 3 + len(value) + sum(map(size, value))
    if given is Binary:
        return len(_raw(value))
    return sum(map(size, value)) if given is set else 1


def wire(value: Any) -> dict[str, Any]:
    """A kept value as it stands in a stream record in Lambda's form: {"S": "..."}."""
    given = type(value)
    if given is str:
        return {"S": value}
    if given is Decimal:
        return {"N": _digits(value)}
    if given is dict:
        return {"M": wired(value)}
    if given is list:
        return {"L": [wire(part) for part in value]}
    if given is bool:
        return {"BOOL": value}
    if value is None:
        return {"NULL": True}
    if given is Binary:
        return {"B": b64encode(_raw(value)).decode()}
    of = kind(value)
    return {of: sorted(wire(part)[of[0]] for part in value)}


def wired(item: Item) -> dict[str, Any]:
    """An item as it stands in a stream record in Lambda's form."""
    return {name: {"S": part} if type(part) is str else wire(part) for name, part in item.items()}


def _digits(number: Decimal) -> str:
    text = str(number)
    return f"{number:f}" if "E" in text else text


def _sortable(value: Any) -> Any:
    return _raw(value) if type(value) is Binary else value


# ---- Expressions

_TOKEN = re.compile(r"\s*(?:([A-Za-z_]\w*|#\w+|:\w+|\d+)|(<>|<=|>=|[=<>()+\-,.\[\]]))", re.ASCII)
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_TESTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
}
_TYPES = frozenset({"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"})
_WORDS = frozenset({"AND", "OR", "NOT", "BETWEEN", "IN", "SET", "REMOVE", "ADD", "DELETE"})

Test = Callable[[Item, Values], bool]
Operand = Callable[[Item, Values], Any]
Node = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression, read once: what it uses, and either what it asks or what it does."""

    node: Any
    names: frozenset[str]
    values: frozenset[str]
    paths: tuple[Path, ...]
    test: Test | None = None
    checks: tuple[Callable[[Values], None], ...] = ()


class _Parser:
    """Reads one expression. Raises Refused as DynamoDB does for what it cannot read."""

    def __init__(self, parameter: str, text: str, names: Mapping[str, str]) -> None:
        self.parameter = parameter
        self.given = names
        self.names: set[str] = set()
        self.values: set[str] = set()
        self.paths: list[Path] = []
        self.tokens = self._split(text)
        self.at = 0

    def _split(self, text: str) -> list[str]:
        text = text.rstrip()
        if not text:
            raise _invalid(f"Invalid {self.parameter}: The expression can not be empty;")
        tokens, at = [], 0
        while at < len(text):
            if not (match := _TOKEN.match(text, at)):
                raise self.wrong(text[at:].split()[0])
            tokens.append(match[1] or match[2])
            at = match.end()
        return tokens

    def wrong(self, token: str) -> Refused:
        return _invalid(f'Invalid {self.parameter}: Syntax error; token: "{token or "<EOF>"}"')

    @property
    def token(self) -> str:
        """The next token, or "" at the end."""
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.token
        self.at += 1
        return token

    def takes(self, *wanted: str) -> bool:
        """Whether the next token is one of the words or signs. If so, it is taken."""
        if self.token.upper() in wanted:
            self.at += 1
            return True
        return False

    def expect(self, wanted: str) -> None:
        if not self.takes(wanted):
            raise self.wrong(self.token)

    def ended(self) -> None:
        if self.token:
            raise self.wrong(self.token)

    # Operands

    def path(self) -> Path:
        parts: list[str | int] = [self.part()]
        while self.token in {".", "["}:
            if self.take() == ".":
                parts.append(self.part())
            else:
                position = self.take()
                if not position.isdigit():
                    raise self.wrong(position)
                parts.append(int(position))
                self.expect("]")
        path = tuple(parts)
        self.paths.append(path)
        return path

    def part(self) -> str:
        token = self.take()
        if token.startswith("#"):
            self.names.add(token)
            if token not in self.given:
                raise _invalid(
                    f"Invalid {self.parameter}: An expression attribute name used in the document"
                    f" path is not defined; attribute name: {token}"
                )
            return self.given[token]
        if not re.fullmatch(r"[A-Za-z_]\w*", token, re.ASCII) or token.upper() in _WORDS:
            raise self.wrong(token)
        if token.upper() in _RESERVED:
            raise _invalid(
                f"Invalid {self.parameter}: Attribute name is a reserved keyword;"
                f" reserved keyword: {token}"
            )
        return token

    def value(self) -> str:
        token = self.take()
        if not token.startswith(":"):
            raise self.wrong(token)
        self.values.add(token)
        return token

    def operand(self) -> Node:
        if self.token.startswith(":"):
            return ("value", self.value())
        if self.token == "size" and self.tokens[self.at + 1 : self.at + 2] == ["("]:
            self.at += 2
            path = self.path()
            self.expect(")")
            return ("size", path)
        return ("path", self.path())

    def projection(self) -> Node:
        paths = [self.path()]
        while self.takes(","):
            paths.append(self.path())
        if any(len(path) > 1 for path in paths):
            raise NotImplementedError(f"a projection of what lies within an attribute: {paths}")
        _refuse_overlaps(paths, self.parameter)
        return tuple(paths)

    # Conditions

    def condition(self) -> Node:
        left = self.conjunction()
        while self.takes("OR"):
            left = ("or", left, self.conjunction())
        return left

    def conjunction(self) -> Node:
        left = self.negation()
        while self.takes("AND"):
            left = ("and", left, self.negation())
        return left

    def negation(self) -> Node:
        if self.takes("NOT"):
            return ("not", self.negation())
        if self.takes("("):
            inner = self.condition()
            self.expect(")")
            return inner
        return self.predicate()

    def predicate(self) -> Node:
        if self.tokens[self.at + 1 : self.at + 2] == ["("] and self.token != "size":
            return self.function()
        left = self.operand()
        if self.token in _COMPARATORS:
            return ("compare", self.take(), left, self.operand())
        if self.takes("BETWEEN"):
            low = self.operand()
            self.expect("AND")
            return ("between", left, low, self.operand())
        if self.takes("IN"):
            self.expect("(")
            choices = [self.operand()]
            while self.takes(","):
                choices.append(self.operand())
            self.expect(")")
            if len(choices) > MAX_IN:
                raise _invalid(f"Invalid {self.parameter}: too many operands of IN")
            return ("in", left, tuple(choices))
        raise self.wrong(self.token)

    def function(self) -> Node:
        name = self.take()
        if name not in _TESTS:
            raise _invalid(f"Invalid {self.parameter}: Invalid function name; function: {name}")
        self.expect("(")
        path = self.path()
        more = []
        if _TESTS[name] == 2:
            self.expect(",")
            more.append(self.operand())
        self.expect(")")
        return (name, path, *more)

    # Updates

    def update(self) -> Node:
        clauses: dict[str, list[Node]] = {}
        while word := self.take().upper():
            if word not in {"SET", "REMOVE", "ADD", "DELETE"}:
                raise self.wrong(self.tokens[self.at - 1])
            if word in clauses:
                raise _invalid(
                    f'Invalid {self.parameter}: The "{word}" section can only be used once in an'
                    " update expression;"
                )
            clauses[word] = [self.action(word)]
            while self.takes(","):
                clauses[word].append(self.action(word))
        node = tuple(action for actions in clauses.values() for action in actions)
        _refuse_overlaps([action[1] for action in node], self.parameter)
        return node

    def action(self, word: str) -> Node:
        path = self.path()
        match word:
            case "SET":
                self.expect("=")
                return ("set", path, self.sum())
            case "REMOVE":
                return ("remove", path)
            case _:
                return (word.lower(), path, self.value())

    def sum(self) -> Node:
        left = self.term()
        if self.token in {"+", "-"}:
            return (self.take(), left, self.term())
        return left

    def term(self) -> Node:
        if self.takes("("):
            inner = self.sum()
            self.expect(")")
            return inner
        if self.tokens[self.at + 1 : self.at + 2] != ["("]:
            return ("value", self.value()) if self.token.startswith(":") else ("path", self.path())
        name = self.take()
        self.expect("(")
        match name:
            case "if_not_exists":
                path = self.path()
                self.expect(",")
                node: Node = (name, path, self.term())
            case "list_append":
                left = self.term()
                self.expect(",")
                node = (name, left, self.term())
            case _:
                raise _invalid(f"Invalid {self.parameter}: Invalid function name; function: {name}")
        self.expect(")")
        return node


def _refuse_overlaps(paths: Sequence[Path], parameter: str) -> None:
    for i, one in enumerate(paths):
        for other in paths[i + 1 :]:
            if one[: len(other)] == other[: len(one)]:
                raise _invalid(
                    f"Invalid {parameter}: Two document paths overlap with each other; must"
                    f" remove or rewrite one of these paths; path one: {one}, path two: {other}"
                )


@lru_cache(4096)
def _read(parameter: str, text: str, names: tuple[tuple[str, str], ...]) -> Compiled:
    """The expression of a parameter, read once for all requests that have the same."""
    parser = _Parser(parameter, text, dict(names))
    checks: list[Callable[[Values], None]] = []
    test = None
    match parameter:
        case "UpdateExpression":
            node = parser.update()
        case "ProjectionExpression":
            node = parser.projection()
        case _:
            node = parser.condition()
            test = _test(parameter, node, checks)
    parser.ended()
    return Compiled(
        node,
        frozenset(parser.names),
        frozenset(parser.values),
        tuple(parser.paths),
        test,
        tuple(checks),
    )


def _at(item: Any, path: Path) -> Any:
    """What the item has there, or MISSING."""
    for part in path:
        if type(part) is str:
            item = item.get(part, MISSING) if type(item) is dict else MISSING
        elif type(item) is list and type(part) is int and part < len(item):
            item = item[part]
        else:
            return MISSING
    return item


def _operand(node: Node) -> Operand:
    match node:
        case ("value", name):
            return lambda item, values: values[name]
        case ("path", (str() as name,)):
            return lambda item, values: item.get(name, MISSING)
        case ("path", path):
            return lambda item, values: _at(item, path)
        case ("size", path):
            return lambda item, values: _length(_at(item, path))
    raise NotImplementedError(f"operand {node}")


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return Decimal(len(value.encode()))
    if isinstance(value, Binary):
        return Decimal(len(_raw(value)))
    return Decimal(len(value)) if isinstance(value, dict | list | set) else MISSING


def _compared(sign: str, one: Any, other: Any) -> bool:
    """What a comparison says. Values of different types are unequal, and neither is the less."""
    if one is MISSING or other is MISSING:
        return sign == "<>"
    if sign == "=":
        return same(one, other)
    if sign == "<>":
        return not same(one, other)
    if kind(one) != kind(other) or kind(one) not in {"S", "N", "B"}:
        return False
    one, other = _sortable(one), _sortable(other)
    match sign:
        case "<":
            return bool(one < other)
        case "<=":
            return bool(one <= other)
        case ">":
            return bool(one > other)
        case _:
            return bool(one >= other)


def _test(parameter: str, node: Node, checks: list[Callable[[Values], None]]) -> Test:
    """The condition as a function. Adds to `checks` what is asked of the values beforehand."""

    def literal(operand: Node, kinds: str, operator: str) -> None:
        if operand[0] == "value":
            checks.append(
                lambda values: _refuse_kind(parameter, values, operand[1], kinds, operator)
            )

    match node:
        case ("or", left, right):
            one, other = _test(parameter, left, checks), _test(parameter, right, checks)
            return lambda item, values: one(item, values) or other(item, values)
        case ("and", left, right):
            one, other = _test(parameter, left, checks), _test(parameter, right, checks)
            return lambda item, values: one(item, values) and other(item, values)
        case ("not", inner):
            one = _test(parameter, inner, checks)
            return lambda item, values: not one(item, values)
        case ("compare", sign, left, right):
            if sign not in {"=", "<>"}:
                literal(left, "SNB", sign)
                literal(right, "SNB", sign)
            a, b = _operand(left), _operand(right)
            return lambda item, values: _compared(sign, a(item, values), b(item, values))
        case ("between", middle, low, high):
            for operand in (middle, low, high):
                literal(operand, "SNB", "BETWEEN")
            if low[0] == high[0] == "value":
                checks.append(
                    lambda values: _refuse_range(parameter, values[low[1]], values[high[1]])
                )
            a, b, c = _operand(middle), _operand(low), _operand(high)
            return lambda item, values: (
                _compared(">=", a(item, values), b(item, values))
                and _compared("<=", a(item, values), c(item, values))
            )
        case ("in", left, choices):
            a, those = _operand(left), [_operand(choice) for choice in choices]
            return lambda item, values: any(
                _compared("=", a(item, values), each(item, values)) for each in those
            )
        case ("attribute_exists", path):
            return lambda item, values: _at(item, path) is not MISSING
        case ("attribute_not_exists", path):
            return lambda item, values: _at(item, path) is MISSING
        case ("attribute_type", path, wanted):
            a = _operand(wanted)
            literal(wanted, "S", "attribute_type")
            if wanted[0] == "value":
                checks.append(lambda values: _refuse_type(parameter, values[wanted[1]]))
            return lambda item, values: (
                (found := _at(item, path)) is not MISSING and kind(found) == a(item, values)
            )
        case ("begins_with", path, prefix):
            a = _operand(prefix)
            literal(prefix, "SB", "begins_with")
            return lambda item, values: _begins(_at(item, path), a(item, values))
        case ("contains", path, part):
            a = _operand(part)
            return lambda item, values: _contains(_at(item, path), a(item, values))
    raise NotImplementedError(f"condition {node}")


def _begins(value: Any, prefix: Any) -> bool:
    if type(value) is not type(prefix) or not isinstance(value, str | Binary):
        return False
    return bool(_sortable(value).startswith(_sortable(prefix)))


def _contains(value: Any, part: Any) -> bool:
    if isinstance(value, list | set):
        return any(same(each, part) for each in value)
    if type(value) is type(part) and isinstance(value, str | Binary):
        return _sortable(part) in _sortable(value)
    return False


def _refuse_kind(parameter: str, values: Values, name: str, kinds: str, operator: str) -> None:
    if (found := kind(values[name])) not in tuple(kinds):
        raise _invalid(
            f"Invalid {parameter}: Incorrect operand type for operator or function;"
            f" operator or function: {operator}, operand type: {found}"
        )


def _refuse_range(parameter: str, low: Any, high: Any) -> None:
    if kind(low) != kind(high):
        raise _invalid(
            f"Invalid {parameter}: The BETWEEN operator requires same data type for lower and"
            " upper bounds"
        )
    if _sortable(low) > _sortable(high):
        raise _invalid(
            f"Invalid {parameter}: The BETWEEN operator requires upper bound to be greater than"
            " or equal to lower bound"
        )


def _refuse_type(parameter: str, name: str) -> None:
    if name not in _TYPES:
        raise _invalid(f"Invalid {parameter}: Invalid attribute type name found; type: {name}")


class _Expressions:
    """The expressions of one request, with the names and values that it gives for them."""

    __slots__ = ("builder", "names", "request", "used_names", "used_values", "values")

    def __init__(self, request: Mapping[str, Any]) -> None:
        self.request = request
        self.names = request.get("ExpressionAttributeNames") or {}
        given = request.get("ExpressionAttributeValues") or {}
        self.values = {name: native(value) for name, value in given.items()}
        self.used_names: frozenset[str] = frozenset()
        self.used_values: frozenset[str] = frozenset()
        self.builder: ConditionExpressionBuilder | None = None

    def read(self, parameter: str) -> Compiled | None:
        """The expression of that parameter. None: the request has none."""
        expression = self.request.get(parameter)
        if expression is None:
            return None
        if isinstance(expression, ConditionBase):
            self.builder = self.builder or ConditionExpressionBuilder()
            built = self.builder.build_expression(
                expression, is_key_condition=parameter == "KeyConditionExpression"
            )
            expression = built.condition_expression
            self.names = {**self.names, **built.attribute_name_placeholders}
            for name, value in built.attribute_value_placeholders.items():
                self.values[name] = native(value)
        elif not isinstance(expression, str):
            raise ParamValidationError(
                report=f"Invalid type for parameter {parameter}, value: {expression}"
            )
        compiled = _read(parameter, expression, tuple(self.names.items()))
        for name in compiled.values - self.values.keys():
            raise _invalid(
                f"Invalid {parameter}: An expression attribute value used in expression is not"
                f" defined; attribute value: {name}"
            )
        for check in compiled.checks:
            check(self.values)
        self.used_names |= compiled.names
        self.used_values |= compiled.values
        return compiled

    def finish(self) -> None:
        """Refuse names and values that no expression uses."""
        for given, used, parameter in (
            (self.names, self.used_names, "ExpressionAttributeNames"),
            (self.values, self.used_values, "ExpressionAttributeValues"),
        ):
            if len(given) != len(used):
                unused = ", ".join(sorted(given.keys() - used))
                raise _invalid(
                    f"Value provided in {parameter} unused in expressions: keys: {{{unused}}}"
                )
            if parameter in self.request and not self.request[parameter]:
                raise _invalid(f"{parameter} must not be empty")


# ---- Updates


def _updated(base: Item, actions: Node, values: Values) -> Item:
    """The item after an update. Every action sees the item as it was before."""
    item = dict(base)
    for action in actions:
        match action:
            case ("set", path, node):
                _assign(item, path, _worth(base, node, values))
            case ("remove", path):
                _remove(item, path)
            case ("add", (str() as name,), value):
                item[name] = _added(base.get(name, MISSING), values[value])
            case ("delete", (str() as name,), value):
                _subtract(item, name, values[value])
            case _:
                raise NotImplementedError(f"update {action}")
    return item


def _worth(base: Item, node: Node, values: Values) -> Any:
    match node:
        case ("value", name):
            return values[name]
        case ("path", path):
            if (found := _at(base, path)) is MISSING:
                raise _invalid(
                    "The provided expression refers to an attribute that does not exist in the"
                    " item",
                    late=True,
                )
            return found
        case ("+" | "-" as sign, left, right):
            return _sum(sign, _worth(base, left, values), _worth(base, right, values))
        case ("if_not_exists", path, otherwise):
            found = _at(base, path)
            return _worth(base, otherwise, values) if found is MISSING else found
        case ("list_append", left, right):
            one, other = _worth(base, left, values), _worth(base, right, values)
            if type(one) is not list or type(other) is not list:
                raise _misfit()
            return one + other
    raise NotImplementedError(f"update with {node}")


def _misfit() -> Refused:
    return _invalid("An operand in the update expression has an incorrect data type", late=True)


def _sum(sign: str, one: Any, other: Any) -> Decimal:
    if type(one) is not Decimal or type(other) is not Decimal:
        raise _misfit()
    try:
        exact = DYNAMODB_CONTEXT.add if sign == "+" else DYNAMODB_CONTEXT.subtract
        return _number(exact(one, other))
    except DecimalException as error:
        raise _invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported"
            " range",
            late=True,
        ) from error


def _assign(item: Item, path: Path, value: Any) -> None:
    holder, name = _holder(item, path)
    holder[name] = value


def _remove(item: Item, path: Path) -> None:
    holder, name = _holder(item, path)
    holder.pop(name, None)


def _holder(item: Item, path: Path) -> tuple[Item, str]:
    """The map that a path ends in, and the name there. The maps on the way are copied first."""
    names = [part for part in path if isinstance(part, str)]
    if len(names) < len(path):
        raise NotImplementedError(f"an update within a list: {path}")
    for name in names[:-1]:
        inner = item.get(name)
        if type(inner) is not dict:
            raise _off_the_path()
        item[name] = item = dict(inner)
    return item, names[-1]


def _off_the_path() -> Refused:
    return _invalid(
        "The document path provided in the update expression is invalid for update", late=True
    )


def _added(before: Any, value: Any) -> Any:
    if type(value) is not Decimal and type(value) is not set:
        raise _invalid(
            "Invalid UpdateExpression: Incorrect operand type for operator or function;"
            f" operator: ADD, operand type: {kind(value)}"
        )
    if before is MISSING:
        return value
    if kind(before) != kind(value):
        raise _misfit()
    return before | value if type(value) is set else _sum("+", before, value)


def _subtract(item: Item, name: str, value: Any) -> None:
    if type(value) is not set:
        raise _invalid(
            "Invalid UpdateExpression: Incorrect operand type for operator or function;"
            f" operator: DELETE, operand type: {kind(value)}"
        )
    before = item.get(name)
    if before is None:
        return
    if kind(before) != kind(value):
        raise _misfit()
    if left := before - value:
        item[name] = left
    else:
        del item[name]


# ---- Tables


class KeyPart(NamedTuple):
    """An attribute of a key, the kind of its values (S, N, B), and their longest, in bytes."""

    name: str
    kind: str
    limit: int


def _schema(properties: Mapping[str, Any], kinds: Mapping[str, str]) -> tuple[KeyPart, ...]:
    by_role = {part["KeyType"]: part["AttributeName"] for part in properties["KeySchema"]}
    parts = [KeyPart(by_role["HASH"], kinds[by_role["HASH"]], MAX_HASH)]
    if sort := by_role.get("RANGE"):
        parts.append(KeyPart(sort, kinds[sort], MAX_RANGE))
    return tuple(parts)


class Index:
    """Items in the order of a key. One that lacks a part of it is not in."""

    def __init__(
        self,
        name: str,
        properties: Mapping[str, Any],
        kinds: Mapping[str, str],
        schema: tuple[KeyPart, ...],
    ) -> None:
        self.name = name
        self.key = _schema(properties, kinds)
        self._tells: list[str] | None = None
        projection = properties.get("Projection", {"ProjectionType": "ALL"})
        if projection["ProjectionType"] != "ALL":
            keys = [part.name for part in (*schema, *self.key)]
            self._tells = list(dict.fromkeys([*keys, *projection.get("NonKeyAttributes", ())]))
        self.partitions: dict[Any, list[tuple[Any, Place]]] = {}
        self._hash = self.key[0].name
        self._sort = self.key[1].name if len(self.key) == 2 else None

    def entry(self, item: Item, place: Place) -> tuple[Any, tuple[Any, Place]] | None:
        """Where an item stands: its partition, and its place in that. None: nowhere."""
        if (partition := item.get(self._hash)) is None:
            return None
        if self._sort is None:
            return _sortable(partition), ("", place)
        if (sort := item.get(self._sort)) is None:
            return None
        return _sortable(partition), (_sortable(sort), place)

    def projected(self, item: Item) -> Item:
        """A copy of what the index shows of an item."""
        if self._tells is None:
            whole: Item = copied(item)
            return whole
        return {name: copied(item[name]) for name in self._tells if name in item}

    def move(self, place: Place, old: Item | None, new: Item | None) -> None:
        """Take note of a change of the item at that place."""
        before = self.entry(old, place) if old is not None else None
        after = self.entry(new, place) if new is not None else None
        if before == after:
            return
        if before is not None:
            partition = self.partitions[before[0]]
            del partition[bisect_left(partition, before[1])]
            if not partition:
                del self.partitions[before[0]]
        if after is not None:
            insort(self.partitions.setdefault(after[0], []), after[1])


@dataclass(slots=True)
class Change:
    """One change of an item, as the table's stream tells it. The images are not to be changed."""

    of: "Table"
    sequence: int
    """Position in the table's stream, from 1."""
    at: float
    """Epoch seconds."""
    key: Place
    old: Item | None
    new: Item | None

    @property
    def table(self) -> str:
        """The table's name."""
        return self.of.name

    @property
    def name(self) -> Literal["INSERT", "MODIFY", "REMOVE"]:
        """What happened to the item."""
        return "INSERT" if self.old is None else "REMOVE" if self.new is None else "MODIFY"

    def glimpse(self, parts: Mapping[str, Iterable[str]]) -> dict[str, Any]:
        """As much of the record as an event source's filters look at.

        Args:
            parts: the attributes that they ask for in Keys, NewImage and OldImage.
        """
        keys = self.old if self.new is None else self.new
        there = {
            "Keys": keys,
            "NewImage": self.new if self.of.tells_new else None,
            "OldImage": self.old if self.of.tells_old else None,
        }
        told = {
            part: {name: wire(image[name]) for name in names if name in image}
            for part, names in parts.items()
            if (image := there[part]) is not None
        }
        return {"eventName": self.name, "dynamodb": told}

    def record(self) -> dict[str, Any]:
        """The change as Lambda hands it to a function, made anew at each call."""
        table = self.of
        image = self.old if self.new is None else self.new
        assert image is not None
        told: dict[str, Any] = {
            "ApproximateCreationDateTime": int(self.at),
            "Keys": {part.name: wire(image[part.name]) for part in table.schema},
        }
        if self.new is not None and table.tells_new:
            told["NewImage"] = wired(self.new)
        if self.old is not None and table.tells_old:
            told["OldImage"] = wired(self.old)
        told["SequenceNumber"] = f"{self.sequence:021d}"
        told["StreamViewType"] = table.view
        digest = hashlib.blake2b(f"{table.name} {self.sequence}".encode(), digest_size=16)
        return {
            "eventID": digest.hexdigest(),
            "eventName": self.name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": REGION,
            "dynamodb": told,
            "eventSourceARN": table.stream,
        }


class Write(NamedTuple):
    """A write whose condition holds, ready to be done."""

    table: "Table"
    place: Place
    old: Item | None
    new: Item | None
    size: int
    answer: Item


_EXPRESSION = {"ExpressionAttributeNames", "ExpressionAttributeValues"}
_CONDITION = {"TableName", "ConditionExpression", "ReturnValuesOnConditionCheckFailure"}
_PUT = _EXPRESSION | _CONDITION | {"Item"}
_DELETE = _EXPRESSION | _CONDITION | {"Key"}
_UPDATE = _DELETE | {"UpdateExpression"}
_GET = {"TableName", "Key", "ConsistentRead"}
_QUERY = _EXPRESSION | {
    "TableName",
    "IndexName",
    "KeyConditionExpression",
    "FilterExpression",
    "ProjectionExpression",
    "ScanIndexForward",
    "Select",
    "Limit",
    "ExclusiveStartKey",
    "ConsistentRead",
}
_SCAN = _EXPRESSION | {
    "TableName",
    "FilterExpression",
    "Limit",
    "ExclusiveStartKey",
    "ConsistentRead",
}


class Table:
    """One table: its items by their key's values, and all its changes.

    Args:
        properties: CloudFormation's, with references resolved. Read are KeySchema,
            AttributeDefinitions, both kinds of secondary indexes and StreamSpecification.
    """

    def __init__(self, name: str, properties: Mapping[str, Any], now: Callable[[], float]) -> None:
        kinds = {
            each["AttributeName"]: each["AttributeType"]
            for each in properties["AttributeDefinitions"]
        }
        self.name = name
        self.schema = _schema(properties, kinds)
        self.own = Index("", properties, kinds, self.schema)
        self.global_, self.local = (
            [Index(each["IndexName"], each, kinds, self.schema) for each in properties.get(of, ())]
            for of in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        )
        self.indexes = [*([self.own] if len(self.schema) == 2 else ()), *self.global_, *self.local]
        self.view = properties.get("StreamSpecification", {}).get(
            "StreamViewType", "NEW_AND_OLD_IMAGES"
        )
        self.tells_new = self.view in {"NEW_IMAGE", "NEW_AND_OLD_IMAGES"}
        self.tells_old = self.view in {"OLD_IMAGE", "NEW_AND_OLD_IMAGES"}
        self.stream = (
            f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}/stream/2026-01-01T00:00:00.000"
        )
        self.items: dict[Place, Item] = {}
        """By the values of the key. What is in is not to be changed, only replaced."""
        self.changes: list[Change] = []
        """Since the start, oldest first. Those at the front may be taken away once used."""
        self._now = now
        self._sizes: dict[Place, int] = {}
        self._sequence = 0
        self._hash = self.schema[0].name
        self._sort = self.schema[1].name if len(self.schema) == 2 else None
        self._key_names = frozenset(part.name for part in self.schema)

    def clear(self) -> None:
        """Forget all items and changes."""
        self.items.clear()
        self.changes.clear()
        self._sizes.clear()
        self._sequence = 0
        for index in self.indexes:
            index.partitions.clear()

    # Reads

    def get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """GetItem."""
        _refuse_unknown("GetItem", params, _GET)
        item = self.items.get(self.place(params["Key"]))
        return {} if item is None else {"Item": copied(item)}

    def query(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Query, of the table or one of its indexes."""
        _refuse_unknown("Query", params, _QUERY)
        index = self._index(params)
        expressions = _Expressions(params)
        condition = expressions.read("KeyConditionExpression")
        if condition is None:
            raise _invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified"
                " in the request."
            )
        filter_ = expressions.read("FilterExpression")
        shown = expressions.read("ProjectionExpression")
        expressions.finish()
        for path in filter_.paths if filter_ else ():
            if path[0] in {part.name for part in index.key}:
                raise _invalid(
                    "Filter Expression can only contain non-primary key attributes: Primary key"
                    f" attribute: {path[0]}"
                )
        if (counts := "Select" in params) and (params["Select"] != "COUNT" or shown):
            raise NotImplementedError(f"dynamodb Query Select: {params['Select']}")
        limit = params.get("Limit")
        if limit is not None and limit < 1:
            raise ParamValidationError(
                report=f"Invalid value for parameter Limit, value: {limit}, valid min value: 1"
            )
        partition, sort = _key_condition(condition.node, index.key, expressions.values)
        entries = self._entries(index, partition)
        low, high = _bounds(entries, sort)
        forward = params.get("ScanIndexForward", True)
        if start := params.get("ExclusiveStartKey"):
            at = self._start(index, start, partition, sort)
            if forward:
                low = max(low, bisect_right(entries, at))
            else:
                high = min(high, bisect_left(entries, at))
        found: list[Item] = []
        seen = taken = 0
        last: Place | None = None
        for i in range(low, high) if forward else range(high - 1, low - 1, -1):
            place = entries[i][1]
            taken += self._sizes[place]
            if (limit is not None and seen == limit) or (seen and taken > MAX_PAGE):
                break
            item, last, seen = index.projected(self.items[place]), place, seen + 1
            if filter_ is None or (filter_.test and filter_.test(item, expressions.values)):
                found.append(_shown(item, shown))
        else:
            # As DynamoDB does, a page that is full to the limit names where it ended, though
            # nothing may follow.
            if limit is None or seen < limit:
                last = None
        answer: dict[str, Any] = {"Items": found, "Count": len(found), "ScannedCount": seen}
        if counts:
            del answer["Items"]
        if last is not None:
            item = self.items[last]
            answer["LastEvaluatedKey"] = {
                part.name: copied(item[part.name]) for part in (*index.key, *self.schema)
            }
        return answer

    def scan(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Scan, in an order that follows from the keys alone."""
        _refuse_unknown("Scan", params, _SCAN)
        expressions = _Expressions(params)
        filter_ = expressions.read("FilterExpression")
        expressions.finish()
        limit = params.get("Limit")
        if limit is not None and limit < 1:
            raise ParamValidationError(
                report=f"Invalid value for parameter Limit, value: {limit}, valid min value: 1"
            )
        places = sorted(self.items, key=_hashed)
        if start := params.get("ExclusiveStartKey"):
            at = _hashed(self.place(start))
            places = [place for place in places if _hashed(place) > at]
        found: list[Item] = []
        seen = taken = 0
        last: Place | None = None
        for place in places:
            taken += self._sizes[place]
            if (limit is not None and seen == limit) or (seen and taken > MAX_PAGE):
                break
            item, last, seen = self.items[place], place, seen + 1
            if filter_ is None or (filter_.test and filter_.test(item, expressions.values)):
                found.append(copied(item))
        else:
            if limit is None or seen < limit:
                last = None
        answer: dict[str, Any] = {"Items": found, "Count": len(found), "ScannedCount": seen}
        if last is not None:
            names = (part.name for part in self.schema)
            answer["LastEvaluatedKey"] = {n: copied(self.items[last][n]) for n in names}
        return answer

    def _index(self, params: Mapping[str, Any]) -> Index:
        name = params.get("IndexName")
        if name is None:
            return self.own
        for index in self.global_:
            if index.name == name:
                if params.get("ConsistentRead"):
                    raise _invalid("Consistent reads are not supported on global secondary indexes")
                return index
        for index in self.local:
            if index.name == name:
                return index
        raise _invalid(f"The table does not have the specified index: {name}")

    def _entries(self, index: Index, partition: Any) -> list[tuple[Any, Place]]:
        if index is self.own and self._sort is None:
            return [("", (partition,))] if (partition,) in self.items else []
        return index.partitions.get(partition, [])

    def _start(
        self, index: Index, start: Mapping[str, Any], partition: Any, sort: "Sorting | None"
    ) -> tuple[Any, Place]:
        item = native(start)
        names = {part.name for part in (*index.key, *self.schema)}
        if item.keys() != names:
            raise _invalid("The provided starting key is invalid")
        for part in (*index.key, *self.schema):
            if kind(item[part.name]) != part.kind or item[part.name] == "":
                raise _invalid("The provided starting key is invalid")
        own = {name: item[name] for name in self._key_names}
        found = index.entry(item, self.place(own))
        assert found
        if found[0] != partition or not _within(found[1][0], sort):
            raise _invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        return found[1]

    # Writes

    def put(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """PutItem."""
        _refuse_unknown("PutItem", params, _PUT | {"ReturnValues"})
        wanted = _returned(params, {"ALL_OLD"})
        write = self.to_put(params)
        self.do(write)
        return _attributes(wanted, write)

    def update(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """UpdateItem."""
        _refuse_unknown("UpdateItem", params, _UPDATE | {"ReturnValues"})
        wanted = _returned(params, {"ALL_OLD", "ALL_NEW", "UPDATED_OLD", "UPDATED_NEW"})
        write = self.to_update(params)
        self.do(write)
        return _attributes(wanted, write)

    def delete(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """DeleteItem."""
        _refuse_unknown("DeleteItem", params, _DELETE | {"ReturnValues"})
        wanted = _returned(params, {"ALL_OLD"})
        write = self.to_delete(params)
        self.do(write)
        return _attributes(wanted, write)

    def to_put(self, params: Mapping[str, Any]) -> Write:
        """What a Put would do. Raises Refused when its condition does not hold."""
        item: Item = native(params["Item"])
        for part in self.schema:
            if part.name not in item:
                raise _invalid(
                    f"One or more parameter values were invalid: Missing the key {part.name} in"
                    " the item"
                )
            if (found := kind(item[part.name])) != part.kind:
                raise _invalid(
                    f"One or more parameter values were invalid: Type mismatch for key {part.name}"
                    f" expected: {part.kind} actual: {found}"
                )
            _refuse_key(part, item[part.name])
        place = self._place_of(item)
        expressions = _Expressions(params)
        condition = expressions.read("ConditionExpression")
        expressions.finish()
        bytes_ = self._fits(item)
        old = self.items.get(place)
        _hold(condition, old, expressions.values, params)
        return Write(self, place, old, item, bytes_, {})

    def to_update(self, params: Mapping[str, Any]) -> Write:
        """What an Update would do. Raises Refused when its condition does not hold."""
        place = self.place(params["Key"])
        expressions = _Expressions(params)
        update = expressions.read("UpdateExpression")
        condition = expressions.read("ConditionExpression")
        expressions.finish()
        actions = update.node if update else ()
        for action in actions:
            if action[1][0] in self._key_names:
                raise _invalid(
                    "One or more parameter values were invalid: Cannot update attribute"
                    f" {action[1][0]}. This attribute is part of the key"
                )
        old = self.items.get(place)
        _hold(condition, old, expressions.values, params)
        base = old
        if base is None:
            if actions and all(action[0] in {"remove", "delete"} for action in actions):
                raise NotImplementedError("an update that only removes, of no item")
            base = native(params["Key"])
        new = _updated(base, actions, expressions.values)
        bytes_ = self._fits(new, late=True)
        touched = {str(action[1][0]): len(action[1]) == 1 for action in actions}
        return Write(self, place, old, new, bytes_, touched)

    def to_delete(self, params: Mapping[str, Any]) -> Write:
        """What a Delete would do. Raises Refused when its condition does not hold."""
        place, old = self._checked(params)
        return Write(self, place, old, None, 0, {})

    def to_check(self, params: Mapping[str, Any]) -> Write:
        """Nothing to do. Raises Refused when the condition does not hold."""
        place, old = self._checked(params)
        return Write(self, place, old, old, self._sizes.get(place, 0), {})

    def _checked(self, params: Mapping[str, Any]) -> tuple[Place, Item | None]:
        place = self.place(params["Key"])
        expressions = _Expressions(params)
        condition = expressions.read("ConditionExpression")
        expressions.finish()
        old = self.items.get(place)
        _hold(condition, old, expressions.values, params)
        return place, old

    def do(self, write: Write) -> None:
        """Carry out a write, and tell of it unless it left the item as it was."""
        place, old, new = write.place, write.old, write.new
        if new is None:
            if old is None:
                return
            del self.items[place]
            del self._sizes[place]
        else:
            if old is not None and same(old, new):
                return
            self.items[place] = new
            self._sizes[place] = write.size
        for index in self.indexes:
            index.move(place, old, new)
        self._sequence += 1
        self.changes.append(Change(self, self._sequence, self._now(), place, old, new))

    def place(self, key: Mapping[str, Any]) -> Place:
        """Where the item with that key is kept. Raises Refused when it is no key of this table."""
        if len(key) != len(self.schema):
            raise _invalid("The provided key element does not match the schema")
        values = []
        for part in self.schema:
            value = native(key.get(part.name, MISSING)) if part.name in key else MISSING
            if value is MISSING or kind(value) != part.kind:
                raise _invalid("The provided key element does not match the schema")
            _refuse_key(part, value)
            values.append(_sortable(value))
        return tuple(values)

    def _place_of(self, item: Item) -> Place:
        if self._sort is None:
            return (_sortable(item[self._hash]),)
        return _sortable(item[self._hash]), _sortable(item[self._sort])

    def _fits(self, item: Item, late: bool = False) -> int:
        """The item's size in bytes. Raises Refused unless table and indexes can keep it."""
        for index in (*self.global_, *self.local):
            for part in index.key:
                value = item.get(part.name, MISSING)
                if value is MISSING:
                    continue
                if (found := kind(value)) != part.kind:
                    raise _invalid(
                        "One or more parameter values were invalid: Type mismatch for Index Key"
                        f" {part.name} Expected: {part.kind} Actual: {found}"
                        f" IndexName: {index.name}",
                        late=late,
                    )
                _refuse_key(part, value, index.name, late=late)
        bytes_ = size(item)
        if bytes_ > MAX_ITEM:
            raise _invalid(
                "Item size to update has exceeded the maximum allowed size"
                if late
                else "Item size has exceeded the maximum allowed size",
                late=late,
            )
        return bytes_


def _refuse_unknown(operation: str, params: Mapping[str, Any], known: Iterable[str]) -> None:
    if unknown := params.keys() - known:
        raise NotImplementedError(f"dynamodb {operation}: {', '.join(sorted(unknown))}")


def _refuse_key(part: KeyPart, value: Any, index: str = "", *, late: bool = False) -> None:
    """Refuse what may not be (part of) a key though it has the right type: empty, too long."""
    if part.kind == "N":
        return
    length = size(value)
    if length == 0:
        where = f"IndexName: {index}, IndexKey: {part.name}" if index else f"Key: {part.name}"
        what = "string" if part.kind == "S" else "binary"
        secondary = (
            "A value specified for a secondary index key is not supported. " if index else ""
        )
        raise _invalid(
            f"One or more parameter values are not valid. {secondary}The AttributeValue for a key"
            f" attribute cannot contain an empty {what} value. {where}",
            late=late,
        )
    if length > part.limit:
        role = "hashkey" if part.limit == MAX_HASH else "rangekey"
        raise _invalid(
            f"One or more parameter values were invalid: Size of {role} has exceeded the maximum"
            f" size limit of{part.limit} bytes",
            late=late,
        )


def _shown(item: Item, projection: Compiled | None) -> Item:
    """What a projection shows of an item; all of it, without one."""
    if projection is None:
        return item
    names = [str(path[0]) for path in projection.paths]
    return {name: item[name] for name in names if name in item}


def _hold(
    condition: Compiled | None, old: Item | None, values: Values, params: Mapping[str, Any]
) -> None:
    """Raises Refused unless the condition holds."""
    told = params.get("ReturnValuesOnConditionCheckFailure", "NONE")
    if told not in {"NONE", "ALL_OLD"}:
        raise NotImplementedError(f"dynamodb ReturnValuesOnConditionCheckFailure: {told}")
    if condition is None:
        return
    assert condition.test
    if not condition.test(old or {}, values):
        more = {"Item": wired(old)} if told == "ALL_OLD" and old else {}
        raise Refused("ConditionalCheckFailedException", _FAILED, more=more)


def _returned(params: Mapping[str, Any], possible: set[str]) -> str:
    wanted: str = params.get("ReturnValues", "NONE")
    if wanted not in possible | {"NONE"}:
        raise _invalid(f"Return values set to invalid value: {wanted}")
    return wanted


def _attributes(wanted: str, write: Write) -> dict[str, Any]:
    """What a write gives back of the item, before or after."""
    if wanted == "NONE":
        return {}
    image = write.old if wanted.endswith("OLD") else write.new
    if image is None:
        return {}
    if wanted.startswith("ALL"):
        return {"Attributes": copied(image)}
    if not all(write.answer.values()):
        raise NotImplementedError(f"{wanted} of an attribute within another")
    part = {name: copied(image[name]) for name in write.answer if name in image}
    return {"Attributes": part} if part else {}


# ---- Queries


class Sorting(NamedTuple):
    """What a query asks of the sort key: a comparator or a function, and its values."""

    operator: str
    values: tuple[Any, ...]


def _key_condition(
    node: Node, key: tuple[KeyPart, ...], values: Values
) -> tuple[Any, Sorting | None]:
    """The partition that a key condition asks for, and what it asks of the sort key."""
    parts = [node[1], node[2]] if node[0] == "and" else [node]
    partition: Any = MISSING
    sort: Sorting | None = None
    operands: tuple[str, ...]
    for part in parts:
        match part:
            case ("compare", "=", ("path", (name,)), ("value", value)) if name == key[0].name:
                partition = _key_value(key[0], values[value])
                continue
            case ("compare", sign, ("path", (name,)), ("value", value)) if sign != "<>":
                asked, operands = sign, (value,)
            case ("between", ("path", (name,)), ("value", low), ("value", high)):
                asked, operands = "between", (low, high)
            case ("begins_with", (name,), ("value", value)):
                asked, operands = "begins_with", (value,)
            case _:
                raise _invalid(
                    "Invalid operator used in KeyConditionExpression: Query key condition not"
                    " supported"
                )
        if len(key) < 2 or name != key[1].name or sort is not None:
            raise _invalid("Query key condition not supported")
        sort = Sorting(asked, tuple(_key_value(key[1], values[name]) for name in operands))
    if partition is MISSING:
        raise _invalid(f"Query condition missed key schema element: {key[0].name}")
    return partition, sort


def _key_value(part: KeyPart, value: Any) -> Any:
    if kind(value) != part.kind:
        raise _invalid(
            "One or more parameter values were invalid: Condition parameter type does not match"
            " schema type"
        )
    _refuse_key(part, value)
    return _sortable(value)


def _bounds(entries: list[tuple[Any, Place]], sort: Sorting | None) -> tuple[int, int]:
    """The first of the entries that fit, and the one after the last."""
    if sort is None:
        return 0, len(entries)
    operator, (value, *more) = sort
    match operator:
        case "begins_with":
            longest = len(value)
            return (
                bisect_left(entries, value, key=lambda entry: entry[0]),
                bisect_right(entries, value, key=lambda entry: entry[0][:longest]),
            )
        case "between":
            return (
                bisect_left(entries, value, key=_first),
                bisect_right(entries, more[0], key=_first),
            )
        case "=":
            return bisect_left(entries, value, key=_first), bisect_right(entries, value, key=_first)
        case "<":
            return 0, bisect_left(entries, value, key=_first)
        case "<=":
            return 0, bisect_right(entries, value, key=_first)
        case ">":
            return bisect_right(entries, value, key=_first), len(entries)
        case ">=":
            return bisect_left(entries, value, key=_first), len(entries)
    raise NotImplementedError(f"key condition {operator}")


def _first(entry: tuple[Any, Place]) -> Any:
    return entry[0]


def _within(value: Any, sort: Sorting | None) -> bool:
    return _bounds([(value, ())], sort) == (0, 1)


# ---- Several items at once


@dataclass
class DynamoDB:
    """All tables of the account, and the operations on them."""

    tables: dict[str, Table] = field(default_factory=dict)

    def call(self, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out one operation. Raises Refused when DynamoDB would say no."""
        match operation:
            case "GetItem":
                return self._table(params).get(params)
            case "PutItem":
                return self._table(params).put(params)
            case "UpdateItem":
                return self._table(params).update(params)
            case "DeleteItem":
                return self._table(params).delete(params)
            case "Query":
                return self._table(params).query(params)
            case "TransactWriteItems":
                return self._transact(params)
            case "Scan":
                return self._table(params).scan(params)
            case "BatchGetItem":
                return self._batch_get(params)
            case "BatchWriteItem":
                return self._batch_write(params)
        raise NotImplementedError(f"dynamodb {operation}")

    def _table(self, params: Mapping[str, Any]) -> Table:
        try:
            return self.tables[params["TableName"]]
        except KeyError as error:
            raise Refused("ResourceNotFoundException", "Requested resource not found") from error

    def _transact(self, params: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unknown("TransactWriteItems", params, {"TransactItems"})
        steps = params["TransactItems"]
        if not steps:
            raise ParamValidationError(report="Invalid length for parameter TransactItems: 0")
        if len(steps) > MAX_TOGETHER:
            raise _invalid(
                "1 validation error detected: Value at 'transactItems' failed to satisfy"
                " constraint: Member must have length less than or equal to 100"
            )
        places: set[tuple[str, Place]] = set()
        writes: list[Write | None] = []
        reasons: list[dict[str, Any]] = []
        for step in steps:
            table, what, request = self._step(step)
            place = table.place(_key_of(table, request) if what == "Put" else request["Key"])
            if (table.name, place) in places:
                raise _invalid("Transaction request cannot include multiple operations on one item")
            places.add((table.name, place))
            write, reason = _prepared(table, what, request)
            writes.append(write)
            reasons.append(reason)
        codes = [reason["Code"] for reason in reasons]
        if set(codes) != {"None"}:
            message = (
                "Transaction cancelled, please refer cancellation reasons for specific reasons"
                f" [{', '.join(codes)}]"
            )
            more = {"CancellationReasons": reasons, "Message": message}
            raise Refused("TransactionCanceledException", message, more=more)
        if sum(write.size for write in writes if write) > MAX_TRANSACTION:
            raise _invalid("Collection of items in the transaction is larger than 4 MB")
        for write in writes:
            assert write
            write.table.do(write)
        return {}

    def _step(self, step: Mapping[str, Any]) -> tuple[Table, str, Mapping[str, Any]]:
        if len(step) != 1:
            raise _invalid("TransactItems can only contain one of Check, Put, Update or Delete")
        ((what, request),) = step.items()
        known = {"Put": _PUT, "Update": _UPDATE, "Delete": _DELETE, "ConditionCheck": _DELETE}
        if what not in known:
            raise NotImplementedError(f"dynamodb TransactWriteItems: {what}")
        _refuse_unknown(f"TransactWriteItems {what}", request, known[what])
        for parameter in ("ConditionExpression", "UpdateExpression"):
            # boto3 writes out a condition object at the top of a request only.
            if not isinstance(request.get(parameter, ""), str):
                raise ParamValidationError(
                    report=f"Invalid type for parameter {parameter} of {what} in TransactItems"
                )
        return self._table(request), what, request

    def _batch_get(self, params: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unknown("BatchGetItem", params, {"RequestItems"})
        responses: dict[str, list[Item]] = {}
        left: dict[str, dict[str, Any]] = {}
        asked = taken = 0
        for name, request in params["RequestItems"].items():
            _refuse_unknown("BatchGetItem", request, {"Keys", "ConsistentRead"})
            table = self._table({"TableName": name})
            keys = request["Keys"]
            if not keys:
                raise ParamValidationError(
                    report=f"Invalid length for parameter RequestItems.{name}.Keys, value: 0,"
                    " valid min length: 1"
                )
            places = [table.place(key) for key in keys]
            if len(set(places)) < len(places):
                raise _invalid("Provided list of item keys contains duplicates")
            asked += len(keys)
            responses[name] = []
            for key, place in zip(keys, places, strict=True):
                if (item := table.items.get(place)) is None:
                    continue
                taken += table._sizes[place]
                if taken > MAX_BATCH:
                    rest = left.setdefault(name, {**request, "Keys": []})
                    rest["Keys"].append(copied(native(key)))
                else:
                    responses[name].append(copied(item))
        if asked > MAX_TOGETHER:
            raise _invalid("Too many items requested for the BatchGetItem call")
        return {"Responses": responses, "UnprocessedKeys": left}

    def _batch_write(self, params: Mapping[str, Any]) -> dict[str, Any]:
        _refuse_unknown("BatchWriteItem", params, {"RequestItems"})
        writes: dict[tuple[str, Place], Write] = {}
        asked = 0
        for name, requests in params["RequestItems"].items():
            table = self._table({"TableName": name})
            if not requests:
                raise ParamValidationError(
                    report=f"Invalid length for parameter RequestItems.{name}, value: 0,"
                    " valid min length: 1"
                )
            asked += len(requests)
            for each in requests:
                match each:
                    case {"PutRequest": request}:
                        write = table.to_put(request)
                    case {"DeleteRequest": request}:
                        write = table.to_delete(request)
                    case _:
                        raise NotImplementedError(f"dynamodb BatchWriteItem: {sorted(each)}")
                writes[name, write.place] = write
        if asked > MAX_WRITTEN:
            raise _invalid("Too many items requested for the BatchWriteItem call")
        if len(writes) < asked:
            raise _invalid("Provided list of item keys contains duplicates")
        for write in writes.values():
            write.table.do(write)
        return {"UnprocessedItems": {}}


def _hashed(place: Place) -> tuple[int, str]:
    """Where an item comes in a scan: DynamoDB's own order is that of a digest of the key, too."""
    text = repr(place)
    return crc32(text.encode()), text


def _key_of(table: Table, request: Mapping[str, Any]) -> dict[str, Any]:
    item = request["Item"]
    return {part.name: item[part.name] for part in table.schema if part.name in item}


def _prepared(
    table: Table, what: str, request: Mapping[str, Any]
) -> tuple[Write | None, dict[str, Any]]:
    """One step of a transaction: what it would do, or the reason why that may not be done."""
    try:
        match what:
            case "Put":
                return table.to_put(request), {"Code": "None"}
            case "Update":
                return table.to_update(request), {"Code": "None"}
            case "Delete":
                return table.to_delete(request), {"Code": "None"}
            case _:
                return table.to_check(request), {"Code": "None"}
    except Refused as refused:
        if refused.code == "ConditionalCheckFailedException":
            code = "ConditionalCheckFailed"
        elif refused.late:
            code = "ValidationError"
        else:
            raise
        return None, {"Code": code, "Message": refused.message, **refused.more}
