# ruff: noqa: E501 (tables of keys)
"""What can be done on the Curate screen, key by key. Keys of the lists are in their widgets."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

CURATE_KEYS: list[BindingType] = [
    Binding("a", "add", N_("Add stage"), tooltip=N_("Put a stage behind the one under the cursor."), id="curate.add"),
    Binding("r", "run", N_("Run"), tooltip=N_("Run the recipe over the inputs, in the background."), id="curate.run"),
    Binding("s", "stop_run", N_("Stop"), tooltip=N_("Ask the run to stop; a second time ends it at once."), id="curate.stop"),
    Binding("c", "resume_run", N_("Resume"), tooltip=N_("Let a run go on that stopped or crashed."), id="curate.resume"),
    Binding("f", "follow", N_("Recipe/run"), tooltip=N_("Between the recipe and the run that was started."), id="curate.follow"),
    Binding("t", "thresholds", N_("Thresholds"), show=False, tooltip=N_("Move the thresholds of the finished run."), id="curate.thresholds"),
    Binding("o", "open_recipe", N_("Recipe"), tooltip=N_("Open a starter recipe, a file, or the recipe of a run."), id="curate.open"),
    Binding("i", "inputs", N_("Inputs"), tooltip=N_("Say which files are curated."), id="curate.inputs"),
    Binding("w", "save", N_("Save as"), show=False, tooltip=N_("Save the recipe as a file."), id="curate.save"),
    Binding("e", "editor", N_("Editor"), show=False, tooltip=N_("Change the recipe in your editor."), id="curate.editor"),
    Binding("v", "yaml", N_("YAML"), show=False, tooltip=N_("The recipe's text in place of the preview."), id="curate.yaml"),
    Binding("p", "look", N_("Look"), show=False, tooltip=N_("Take the sample anew, and let stages look that take long."), id="curate.look"),
    Binding("u", "undo", N_("Undo"), show=False, tooltip=N_("Take the last change of the recipe back."), id="curate.undo"),
    Binding("U,ctrl+r", "redo", N_("Redo"), show=False, tooltip=N_("Make the change again that was taken back."), id="curate.redo"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the recipe as YAML."), id="curate.copy"),
]  # fmt: skip
