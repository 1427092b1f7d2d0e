# ruff: noqa: E501 (tables of keys)
"""What can be done on the Train screen, key by key. Keys of the lists are in their widgets."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

TRAIN_KEYS: list[BindingType] = [
    Binding("r", "run", N_("Train"), tooltip=N_("Start training, in the background."), id="train.run"),
    Binding("p", "preflight", N_("Preflight"), tooltip=N_("Look at the tokens that would be trained, before anything is."), id="train.preflight"),
    Binding("space", "pause", N_("Pause"), tooltip=N_("Let the run wait after this step, or go on."), id="train.pause"),
    Binding("s", "stop_run", N_("Stop"), tooltip=N_("Save a checkpoint and stop; a second time ends it at once."), id="train.stop"),
    Binding("c", "resume_run", N_("Resume"), tooltip=N_("Let a run go on from its newest whole checkpoint."), id="train.resume"),
    Binding("x", "extend", N_("Extend"), show=False, tooltip=N_("Do more steps than the recipe says: save, stop, and go on for longer."), id="train.extend"),
    Binding("f", "follow", N_("Recipe/run"), tooltip=N_("Between the recipe and the run."), id="train.follow"),
    Binding("i", "inputs", N_("Data"), tooltip=N_("Say what is trained on: files, folders, a curated run."), id="train.inputs"),
    Binding("m", "model", N_("Model"), tooltip=N_("Choose the model."), id="train.model"),
    Binding("o", "open_recipe", N_("Recipe"), tooltip=N_("Open a preset, a file, or the recipe of a run."), id="train.open"),
    Binding("v", "view", N_("View"), tooltip=N_("The YAML in place of the form; of a run: curves, samples, messages."), id="train.view"),
    Binding("n", "clone", N_("Clone"), tooltip=N_("The recipe and data of this run again, to change one thing."), id="train.clone"),
    Binding("equals_sign", "overlay", N_("Overlay"), show=False, tooltip=N_("The curves of another run behind these, or not any more."), id="train.overlay", key_display="="),
    Binding("l", "log_scale", N_("Log scale"), show=False, tooltip=N_("Losses by their logarithm, or as they are."), id="train.log"),
    Binding("t", "smooth", N_("Smooth"), show=False, tooltip=N_("Draw the mean of more and more steps; then each step again."), id="train.smooth"),
    Binding("right_square_bracket", "record(1)", N_("Next record"), show=False, tooltip=N_("The tokens of the next record."), id="train.next", key_display="]"),
    Binding("left_square_bracket", "record(-1)", N_("Record before"), show=False, tooltip=N_("The tokens of the record before."), id="train.previous", key_display="["),
    Binding("u", "undo", N_("Undo"), show=False, tooltip=N_("Take the last change of the recipe back."), id="train.undo"),
    Binding("e", "editor", N_("Editor"), show=False, tooltip=N_("Change the recipe in your editor."), id="train.editor"),
    Binding("w", "save", N_("Save as"), show=False, tooltip=N_("Save the recipe as a file."), id="train.save"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the command line that does the same."), id="train.copy"),
    Binding("escape", "back", N_("Back"), show=False, tooltip=N_("Call preflight off; else back to the recipe."), id="train.back"),
]  # fmt: skip
