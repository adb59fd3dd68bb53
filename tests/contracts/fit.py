"""Whether one JSON Schema promises all that another asks for."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]


def gaps(wanted: Any, reader: Json, promised: Any, sender: Json, where: str) -> list[str]:
    """What the schema `wanted` asks for and `promised` does not give; empty when it gives all.

    Both may refer into their own documents, `reader` and `sender`. Where there are alternatives,
    each that is promised has to fit one that is wanted.
    """
    found: list[str] = []
    for given in _alternatives(promised, sender):
        tried: list[list[str]] = [
            list(_gaps(one, reader, given, sender, where)) for one in _alternatives(wanted, reader)
        ]
        found += sorted(tried, key=len)[0]
    return found


def _gaps(wanted: Json, reader: Json, promised: Json, sender: Json, where: str) -> Iterator[str]:
    kinds = (wanted.get("type"), promised.get("type"))
    if kinds[0] is not None and kinds[0] != kinds[1] and kinds != ("number", "integer"):
        yield f"{where} is {kinds[1]}, not {kinds[0]}"
        return
    if values := _values(wanted):
        given = _values(promised)
        if not given or not given <= values:
            yield f"{where} may be {sorted(given - values) if given else 'anything'}"
    for name in wanted.get("required", []):
        if name not in promised.get("required", []):
            yield f"{where}.{name} is not promised"
    for name, field in wanted.get("properties", {}).items():
        if name in promised.get("properties", {}):
            yield from gaps(field, reader, promised["properties"][name], sender, f"{where}.{name}")
    if "items" in wanted and "items" in promised:
        yield from gaps(wanted["items"], reader, promised["items"], sender, f"{where}[]")


def _alternatives(schema: Json, document: Json) -> Iterator[Json]:
    schema = _resolved(schema, document)
    choices = schema.get("anyOf") or schema.get("oneOf")
    if choices is None:
        yield schema
    for choice in choices or []:
        yield from _alternatives(choice, document)


def _resolved(schema: Json, document: Json) -> Json:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = document["components"]["schemas"][name]
    return schema


def _values(schema: Json) -> set[Any]:
    return {schema["const"]} if "const" in schema else set(schema.get("enum", []))
