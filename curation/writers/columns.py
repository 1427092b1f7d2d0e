"""Which columns a table needs, and of which type: learnt by looking at every record, in order.

Types form a lattice: a column that holds integers and fractions is a float column; whole numbers beyond 2^53 beside
fractions, texts beside numbers, or anything else that disagrees make it a column of JSON text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

EXACT_IN_FLOAT = 1 << 53
LONGEST = 1 << 63
MOST_KEYS = 64  # an object with more different keys than this is a map, not a structure: JSON text suits it better


@dataclass(frozen=True)
class Kind:
    """The type of a value: null, bool, int, long (beyond 2^53), float, text, list, object, or json (none of these)."""

    name: str
    item: Kind | None = None  # of a list
    keys: Mapping[str, Kind] = field(default_factory=dict)  # of an object, in first-seen order


NULL, BOOL, INT, LONG, FLOAT, TEXT, JSON = map(Kind, ("null", "bool", "int", "long", "float", "text", "json"))
_NUMBERS = {("int", "long"): LONG, ("int", "float"): FLOAT}


def kind_of(value: Any) -> Kind:
    """The kind of one JSON value."""
    if isinstance(value, str):
        return TEXT
    if value is None:
        return NULL
    if isinstance(value, bool):
        return BOOL
    if isinstance(value, int):
        return INT if abs(value) <= EXACT_IN_FLOAT else LONG if -LONGEST <= value < LONGEST else JSON
    if isinstance(value, float):
        return FLOAT
    if isinstance(value, list):
        item = NULL
        for member in value:
            item = merge(item, kind_of(member))
        return JSON if item.name == "json" else Kind("list", item)
    keys = {key: kind_of(member) for key, member in value.items()}
    return _object(keys)


def merge(one: Kind, other: Kind) -> Kind:
    """The kind that holds the values of both."""
    if one is other or other.name == "null":
        return one
    if one.name == "null":
        return other
    if one.name != other.name:
        return _NUMBERS.get((one.name, other.name)) or _NUMBERS.get((other.name, one.name)) or JSON
    if one.name == "list":
        item = merge(one.item or NULL, other.item or NULL)
        return one if item is one.item else JSON if item.name == "json" else Kind("list", item)
    if one.name == "object":
        keys = {key: merge(kind, other.keys.get(key, NULL)) for key, kind in one.keys.items()}
        new = {key: kind for key, kind in other.keys.items() if key not in keys}
        if not new and all(keys[key] is kind for key, kind in one.keys.items()):
            return one
        return _object({**keys, **new})
    return one


def _object(keys: dict[str, Kind]) -> Kind:
    if len(keys) > MOST_KEYS or any(kind.name == "json" for kind in keys.values()):
        return JSON
    return Kind("object", keys=keys)


def settled(kind: Kind) -> Kind:
    """The kind as a table can have it: what holds objects that never had a key is a column of JSON text."""
    return JSON if _keyless(kind) else kind


def _keyless(kind: Kind) -> bool:
    if kind.name == "object":
        return not kind.keys or any(map(_keyless, kind.keys.values()))
    return kind.item is not None and _keyless(kind.item)


class Columns:
    """The union of the columns of all records seen, in first-seen order, each with the kind that holds its values."""

    def __init__(self, kinds: Mapping[str, Kind] | None = None) -> None:
        self.kinds: dict[str, Kind] = dict(kinds or {})

    def see(self, obj: Mapping[str, Any]) -> None:
        """Make room for one more record."""
        kinds = self.kinds
        for name, value in obj.items():
            known = kinds.get(name)
            if known is None:
                kinds[name] = kind_of(value)
            elif known.name != "json" and not (known.name == "text" and type(value) is str):
                kinds[name] = merge(known, kind_of(value))

    def merge(self, other: Columns) -> None:
        """Make room for everything that `other` has room for; its new columns come last."""
        for name, kind in other.kinds.items():
            known = self.kinds.get(name)
            self.kinds[name] = kind if known is None else merge(known, kind)

    def covers(self, obj: Mapping[str, Any]) -> bool:
        """Whether a record needs nothing that is not here."""
        return all(
            name in self.kinds and merge(self.kinds[name], kind_of(value)) == self.kinds[name]
            for name, value in obj.items()
        )
