# ruff: noqa: E501 (tables of keys)
"""What can be done on the Generate screen, key by key. Keys of its lists are in their widgets."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

GENERATE_KEYS: list[BindingType] = [
    Binding("n", "plan", N_("New"), tooltip=N_("Plan a new generation: from documents, seeds, texts or records."), id="generate.plan"),
    Binding("i", "inputs", N_("Inputs"), tooltip=N_("Say what is read: documents, or a file of seeds, texts or records."), id="generate.inputs"),
    Binding("m", "model", N_("Model"), tooltip=N_("Choose who writes: an endpoint, or a model in this process."), id="generate.model"),
    Binding("p", "look", N_("Preview"), tooltip=N_("Look at documents, chunks, prompts and the cost, before anything is asked."), id="generate.look"),
    Binding("a", "accept", N_("Accept"), tooltip=N_("The item belongs into the dataset, whatever a gate said."), id="generate.accept"),
    Binding("x", "reject", N_("Reject"), tooltip=N_("The item does not belong into the dataset."), id="generate.reject"),
    Binding("e", "edit", N_("Edit"), tooltip=N_("Change question, answer or quote; the item is accepted then."), id="generate.edit"),
    Binding("r", "begin", N_("Generate"), tooltip=N_("Begin to generate, in the background."), id="generate.begin"),
    Binding("r", "anew", N_("Anew"), tooltip=N_("Turn the item away and ask for another in its place, when the run goes on."), id="generate.anew"),
    Binding("u", "undo", N_("Undo"), tooltip=N_("Take the latest decision, or change of the recipe, back."), id="generate.undo"),
    Binding("v", "view", N_("View"), tooltip=N_("Of a plan: findings or prompts; of a run: items, documents, the prompt."), id="generate.view"),
    Binding("c", "resume_run", N_("Go on"), tooltip=N_("Let the run go on: what was not asked, what failed in passing, what is wanted anew."), id="generate.resume"),
    Binding("s", "stop_run", N_("Stop"), show=False, tooltip=N_("Stop the generation; a second time ends it at once."), id="generate.stop"),
    Binding("d", "data", N_("Data"), show=False, tooltip=N_("Open the dataset of accepted items on the screen Data."), id="generate.data"),
    Binding("o", "clone", N_("Again"), show=False, tooltip=N_("Plan another generation with the recipe and the inputs of this one."), id="generate.clone"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the item, or of a plan the command line that does the same."), id="generate.copy"),
    Binding("right_square_bracket", "step(1)", N_("Next"), show=False, tooltip=N_("The next queue; of a plan, the next prompt."), id="generate.next", key_display="]"),
    Binding("left_square_bracket", "step(-1)", N_("Before"), show=False, tooltip=N_("The queue before; of a plan, the prompt before."), id="generate.previous", key_display="["),
    Binding("escape", "back", N_("Back"), show=False, tooltip=N_("Back to where you came from; a run goes on."), id="generate.back"),
]  # fmt: skip
