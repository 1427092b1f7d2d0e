# ruff: noqa: E501 (tables of keys)
"""What can be done on the Map screen, key by key. Keys of its lists and of the plane are in their widgets."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from studio.tui.i18n import N_

MAP_KEYS: list[BindingType] = [
    Binding("n", "new", N_("New"), tooltip=N_("Make a map of a run, or of files."), id="map.new"),
    Binding("g", "generate", N_("Generate"), tooltip=N_("Plan a generation with the records of the topic as seeds."), id="map.generate"),
    Binding("c", "colour", N_("Colour"), tooltip=N_("Colour the plane by topic, by what became of records, by how crowded it is, by each measure."), id="map.colour"),
    Binding("C", "colour_by", N_("Colour by"), show=False, tooltip=N_("Choose by what the plane is coloured."), id="map.colour_by"),
    Binding("s", "sort", N_("Sort"), tooltip=N_("Sort the topics by the next column or measure."), id="map.sort"),
    Binding("S", "backwards", N_("Turn round"), show=False, tooltip=N_("The topics in the opposite order."), id="map.backwards"),
    Binding("f", "fate", N_("Filter"), show=False, tooltip=N_("All records, kept ones, dropped ones, copies."), id="map.fate"),
    Binding("slash", "find", N_("Find"), tooltip=N_("Only records whose first words hold a text."), id="map.find", key_display="/"),
    Binding("x", "only", N_("Only these"), show=False, tooltip=N_("Leave out of the plane what is not in the list, or bring it back."), id="map.only"),
    Binding("right_square_bracket", "step(1)", N_("Next"), show=False, tooltip=N_("The next topic."), id="map.next", key_display="]"),
    Binding("left_square_bracket", "step(-1)", N_("Before"), show=False, tooltip=N_("The topic before."), id="map.previous", key_display="["),
    Binding("w", "why", N_("Why"), show=False, tooltip=N_("All of the record, and what every stage decided about it."), id="map.why"),
    Binding("d", "data", N_("Data"), show=False, tooltip=N_("To the record on the screen Data."), id="map.data"),
    Binding("v", "review", N_("Review"), show=False, tooltip=N_("To what was done to the record, on the screen Review."), id="map.review"),
    Binding("o", "page", N_("Page"), show=False, tooltip=N_("Copy the path of the map as a page, map.html."), id="map.page"),
    Binding("y", "copy", N_("Copy"), show=False, tooltip=N_("Copy the command line that does the same."), id="map.copy"),
    Binding("c", "resume_run", N_("Resume"), tooltip=N_("Let a map go on that stopped or crashed."), id="map.resume"),
    Binding("s", "stop_run", N_("Stop"), tooltip=N_("Stop the map that is being made; a second time ends it at once."), id="map.stop"),
    Binding("escape", "back", N_("Back"), show=False, tooltip=N_("Take the rectangle, then the filters away; then back to the list of maps."), id="map.back"),
]  # fmt: skip
