"""Keys: bindings whose descriptions are translated when a widget is made, and all of them, for checks and for help."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, ClassVar

from textual.binding import Binding, BindingsMap
from textual.dom import DOMNode

from studio.tui.i18n import _


class Localised:
    """Mix in before a Textual class: binding descriptions and tooltips in the language in use.

    No DOMNode itself, or the default styles of the Textual class behind it would not be inherited.

    HELP: what the widget is for and how it is used, shown by F1 above its keys.
    """

    HELP: ClassVar[str | None] = None
    _bindings: BindingsMap

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bindings = translated(self._bindings)


def translated(bindings: BindingsMap) -> BindingsMap:
    """The same bindings with their words in the language in use."""
    found = BindingsMap()
    found.key_to_bindings = {
        key: [replace(each, description=_(each.description), tooltip=_(each.tooltip)) for each in many]
        for key, many in bindings.key_to_bindings.items()
    }
    return found


def every_binding() -> list[Binding]:
    """The bindings of every screen and widget of the interface. Imports all of it, so not before the first frame."""
    import studio.tui

    found: dict[tuple[str | None, str], Binding] = {}
    for module in walk_packages(studio.tui.__path__, "studio.tui."):
        for _name, kind in inspect.getmembers(import_module(module.name), inspect.isclass):
            if issubclass(kind, DOMNode) and kind.__module__.startswith("studio.tui"):
                found.update({(each.id, each.key): each for each in _own(kind)})
    return list(found.values())


def _own(kind: type[DOMNode]) -> Iterator[Binding]:
    stated: Iterable[object] = kind.__dict__.get("BINDINGS", ())
    return (each for each in stated if isinstance(each, Binding))
