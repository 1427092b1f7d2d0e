# ruff: noqa: E501 (tables of keys)
"""What can be done on the Runs screen, key by key."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

RUNS_KEYS: list[BindingType] = [
    Binding("a", "attach", N_("Follow"), tooltip=N_("Follow the run on the screen that it belongs to."), id="runs.attach"),
    Binding("s", "stop", N_("Stop"), tooltip=N_("Ask the run to stop; a second time ends it at once."), id="runs.stop"),
    Binding("c", "resume", N_("Resume"), tooltip=N_("Let a run go on that stopped or crashed."), id="runs.resume"),
    Binding("equals_sign", "compare", N_("Compare"), tooltip=N_("Compare the two marked runs: funnels and recipes."), id="runs.compare", key_display="="),
    Binding("d", "data", N_("Data"), tooltip=N_("Open the run's records on the screen Data."), id="runs.data"),
    Binding("v", "review", N_("Review"), show=False, tooltip=N_("Open the run's changes on the screen Review."), id="runs.review"),
    Binding("t", "thresholds", N_("Thresholds"), show=False, tooltip=N_("Move the thresholds of a finished run."), id="runs.thresholds"),
    Binding("x,delete", "remove", N_("Delete"), show=False, tooltip=N_("Delete the run and all in its folder."), id="runs.remove"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the path of the run's folder."), id="runs.copy"),
    Binding("escape", "back", N_("Back"), tooltip=N_("Back to the list of runs."), id="runs.back"),
]  # fmt: skip
