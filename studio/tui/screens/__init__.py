"""The screens, one `.py` and one `.tcss` each. This table is the one place where a screen is added."""

from __future__ import annotations

from dataclasses import dataclass

from studio.tui.i18n import N_


@dataclass(frozen=True)
class Place:
    """A screen one can go to: its name, its digit, its title, and where its class is (imported when it is needed)."""

    name: str
    key: str
    title: str
    module: str
    screen: str


PLACES = (
    Place("data", "1", N_("Data"), "studio.tui.screens.data", "DataScreen"),
    Place("curate", "2", N_("Curate"), "studio.tui.screens.curate", "CurateScreen"),
    Place("review", "3", N_("Review"), "studio.tui.screens.review", "ReviewScreen"),
    Place("runs", "4", N_("Runs"), "studio.tui.screens.runs", "RunsScreen"),
    Place("train", "5", N_("Train"), "studio.tui.screens.train", "TrainScreen"),
    Place("compare", "6", N_("Compare"), "studio.tui.screens.compare", "CompareScreen"),
    Place("generate", "7", N_("Generate"), "studio.tui.screens.generate", "GenerateScreen"),
    Place("map", "8", N_("Map"), "studio.tui.screens.map", "MapScreen"),
)
