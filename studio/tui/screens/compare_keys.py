# ruff: noqa: E501 (tables of keys)
"""What can be done on the Compare screen, key by key. Keys of lists and of voting are in their widgets."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

COMPARE_KEYS: list[BindingType] = [
    Binding("n", "begin", N_("Compare"), tooltip=N_("Begin a comparison of the training run under the cursor, or of any two models."), id="compare.begin"),
    Binding("i", "ask", N_("Ask"), tooltip=N_("Ask both models something."), id="compare.ask"),
    Binding("I", "ask_on", N_("Ask on"), show=False, tooltip=N_("Go on with this conversation: the next question, each model after its own answer."), id="compare.ask_on"),
    Binding("r", "again", N_("Again"), show=False, tooltip=N_("Have this prompt answered once more."), id="compare.again"),
    Binding("x", "cancel", N_("Call off"), tooltip=N_("Call the answers off that are being written; the models are free at once."), id="compare.cancel"),
    Binding("v", "votes", N_("Vote"), tooltip=N_("Vote blind: which answer is better, without knowing whose it is."), id="compare.votes"),
    Binding("u", "undo", N_("Undo"), tooltip=N_("Take your last vote back."), id="compare.undo"),
    Binding("R", "reveal", N_("Reveal"), tooltip=N_("Show which side is which, and what the votes come to."), id="compare.reveal"),
    Binding("d", "diff", N_("Diff"), tooltip=N_("Underline the words that differ."), id="compare.diff"),
    Binding("l", "odds", N_("Likelihood"), tooltip=N_("Mark what the models themselves found unlikely."), id="compare.odds"),
    Binding("m", "numbers", N_("Numbers"), tooltip=N_("What votes, judge, losses and small tasks show, with intervals."), id="compare.numbers"),
    Binding("o", "data", N_("Data"), tooltip=N_("The training records nearest to these answers, and what became of them."), id="compare.data"),
    Binding("f", "favour", N_("Favourite"), show=False, tooltip=N_("Make this prompt a favourite, or no longer."), id="compare.favour"),
    Binding("e", "note", N_("Note"), show=False, tooltip=N_("Write a note about this prompt."), id="compare.note"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the prompt and both answers."), id="compare.copy"),
    Binding("w", "report", N_("Report"), show=False, tooltip=N_("Write the report, compare.html, and say where it is."), id="compare.report"),
    Binding("c", "resume_run", N_("Load again"), tooltip=N_("Load the models of this comparison again, to ask more."), id="compare.resume"),
    Binding("s", "stop_run", N_("Stop"), show=False, tooltip=N_("Stop the comparison and give the memory back; a second time ends it at once."), id="compare.stop"),
    Binding("right_square_bracket", "step(1)", N_("Next prompt"), show=False, tooltip=N_("To the next prompt."), id="compare.next", key_display="]"),
    Binding("left_square_bracket", "step(-1)", N_("Prompt before"), show=False, tooltip=N_("To the prompt before."), id="compare.previous", key_display="["),
    Binding("escape", "back", N_("Back"), show=False, tooltip=N_("Call off what is being written; else back to where you came from."), id="compare.back"),
]  # fmt: skip
