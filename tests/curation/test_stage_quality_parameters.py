"""Every parameter of `quality` changes what it decides."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from batches import batch_of, reasons
from prose_samples import DE, EN, ZH
from pydantic import ValidationError

from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.quality import Quality


def decided(batch: Batch, **settings: Any) -> Decisions:
    return Quality(**settings).decide(batch, StageContext())


def why(text: str, **settings: Any) -> str | None:
    """The reason for which one text is dropped or edited, None if it stays as it is."""
    return reasons(decided(batch_of([text]), **settings)).get("a:1")


GOPHER = {"profile": "web", "rules": ("gopher",)}
C4 = {"profile": "web", "rules": ("c4",)}
FINEWEB = {"profile": "web", "rules": ("fineweb",)}
LINES = {"profile": "web", "rules": ("c4",), "c4_remove_lines": True, "c4_min_sentences": None}
HASHES = "## # ### # ## ### # ### ## and so on to the end of it"

# parameter: (text, common settings, a value, its reason, another value, its reason)
PARAMETERS: dict[str, tuple[str, dict[str, Any], Any, str | None, Any, str | None]] = {
    "rules": (HASHES, {}, ("gopher", "c4"), "gopher_hashes", ("c4",), None),
    "profile": ("Paris", {}, "web", "gopher_too_few_words", "sft", None),
    "language": (DE, GOPHER, "auto", None, "en", "gopher_few_stop_words"),
    "min_words": (EN, GOPHER, 70, "gopher_too_few_words", 60, None),
    "max_words": (EN, GOPHER, 60, "gopher_too_many_words", None, None),
    "min_mean_word_length": (EN, GOPHER, 4.5, "gopher_short_words", 4, None),
    "max_mean_word_length": (EN, GOPHER, 4, "gopher_long_words", 4.5, None),
    "max_hashes": (HASHES, {}, 0.1, "gopher_hashes", 3, None),
    "max_ellipses": ("... " * 9 + EN, GOPHER, 0.1, "gopher_ellipses", 0.2, None),
    "max_bullet_lines": ("- " + EN.replace(". ", ".\n- "), GOPHER, 0.9, "gopher_bullet_lines", 1, None),
    "max_ellipsis_lines": (EN.replace(". ", "...\n"), GOPHER, 0.3, "gopher_ellipsis_lines", 1, None),
    "min_alpha_words": (EN, GOPHER, 0.95, "gopher_few_alphabetic", 0.8, None),
    "min_stop_words": (EN, GOPHER, 8, "gopher_few_stop_words", 4, None),
    "stop_words": (EN, GOPHER, ("sun", "moon"), "gopher_few_stop_words", ("harbour", "boats"), None),
    "ratio_min_words": ("? ! ? ! ? !", {}, 5, "gopher_few_alphabetic", 10, None),
    "ratio_min_lines": ("-\n-\n-\n", {"min_alpha_words": None}, 2, "gopher_bullet_lines", 5, None),
    "c4_remove_lines": (EN + "\nHome", C4, True, "c4_line_no_terminal", False, None),
    "c4_citations": (EN.replace("north", "north [2]"), LINES, True, "c4_citations", False, None),
    "c4_terminal": (EN + "\nBack to the top", LINES, True, "c4_line_no_terminal", False, None),
    "c4_min_sentences": (EN, C4, 7, "c4_too_few_sentences", 6, None),
    "c4_min_line_words": (EN + "\nClick here.", LINES, 3, "c4_line_few_words", 2, None),
    "c4_max_word_length": (EN + f"\nAt the {'x' * 60}.", LINES, 50, "c4_line_long_word", 70, None),
    "c4_lorem_ipsum": (EN + " Lorem ipsum it is.", C4, True, "c4_lorem_ipsum", False, None),
    "c4_javascript": (EN + "\nIt is all JavaScript here.", LINES, True, "c4_line_javascript", False, None),
    "c4_curly_bracket": (EN + " It is {x}.", C4, True, "c4_curly_bracket", False, None),
    "c4_policy": (EN + "\nSee the terms of use here.", LINES, True, "c4_line_policy", False, None),
    "fineweb_min_terminal_lines": (EN + "\n" + ZH[:-1], FINEWEB, 0.6, "fineweb_few_terminal_lines", 0.5, None),
    "fineweb_max_short_lines": ("Short.\n" + EN, FINEWEB, 0.4, "fineweb_short_lines", 0.5, None),
    "fineweb_short_line_chars": (EN.replace(". ", ".\n"), FINEWEB, 80, "fineweb_short_lines", 30, None),
    "fineweb_max_duplicate_lines": (EN + "\n" + EN, FINEWEB, 0.4, "fineweb_duplicate_lines", 0.5, None),
    "fineweb_max_newlines": (EN.replace(". ", ".\n"), FINEWEB, 0.04, "fineweb_many_newlines", 0.1, None),
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_changes_the_outcome(name: str) -> None:
    text, common, first, its_reason, second, other_reason = PARAMETERS[name]
    rest = {key: value for key, value in common.items() if key != name}
    assert why(text, **rest, **{name: first}) == its_reason
    assert why(text, **rest, **{name: second}) == other_reason


def test_no_parameter_is_missing_from_the_test_above() -> None:
    assert {*PARAMETERS, "part"} == set(Quality.model_fields)


def test_part_says_what_is_judged() -> None:
    batch = batch_of([[("system", HASHES), ("user", "Why?"), ("assistant", "Because.")]])
    assert reasons(decided(batch)) == {}
    assert reasons(decided(batch, part="record")) == {"a:1": "gopher_hashes"}
    assert reasons(decided(batch, part="system")) == {"a:1": "gopher_hashes"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c4_lorem_ipsum", "Lorem ipsum dolor sit amet."),
        ("c4_javascript", "Please enable JavaScript to go on."),
        ("c4_curly_bracket", "Hello {{ name }}"),
        ("c4_policy", "We use cookies to make this site better."),
    ],
)
def test_switches_also_work_under_sft(name: str, text: str) -> None:
    assert why(text) is not None
    assert why(text, **{name: False}) is None


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({"min_words": 5}, "Two words", "gopher_too_few_words"),
        ({"c4_min_sentences": 2}, "One sentence only.", "c4_too_few_sentences"),
        ({"c4_terminal": True, "c4_remove_lines": True}, "One sentence.\nHome", "c4_line_no_terminal"),
        ({"rules": ("fineweb",), "fineweb_max_short_lines": 0.5}, "a\nb\nc", "fineweb_short_lines"),
        ({"min_stop_words": 2}, "Boats nets", "gopher_few_stop_words"),
    ],
)
def test_rules_of_documents_can_be_turned_on_under_sft(settings: dict[str, Any], text: str, reason: str) -> None:
    assert why(text) is None
    assert why(text, **settings) == reason


def test_what_was_set_wins_over_the_profile_and_is_all_that_counts_as_set() -> None:
    stage = Quality(profile="web", min_words=7)
    assert (stage.min_words, stage.min_stop_words, stage.c4_terminal) == (7, 2, True)
    assert stage.model_fields_set == {"profile", "min_words"}
    assert Quality(**stage.model_dump()) == stage
    assert Quality(**stage.model_dump()).model_dump_json() == stage.model_dump_json()
    assert (Quality().min_words, Quality().rules) == (None, ("gopher", "c4"))


def test_mistakes_are_refused() -> None:
    for settings in (
        {"rules": ()},
        {"rules": ("c4", "c4")},
        {"language": "xx"},
        {"max_bullet_lines": 2},
        {"min_word": 3},
    ):
        with pytest.raises(ValidationError):
            Quality(**settings)


def test_every_reason_is_in_the_closed_set() -> None:
    found = {row[3] for row in PARAMETERS.values()} | {row[5] for row in PARAMETERS.values()}
    assert {reason for reason in found if reason} <= set(Quality.reasons)


@pytest.mark.parametrize(("name", "most"), [("alpaca_en_demo", 2), ("alpaca_zh_demo", 2)])
def test_a_real_set_is_not_wiped(real_data: Any, name: str, most: int) -> None:
    records = pl.read_json(real_data / "llamafactory" / f"{name}.json", infer_schema_length=None)
    chats = [[("user", q), ("assistant", a)] for q, a in records.select("instruction", "output").iter_rows()]
    assert decided(batch_of(chats)).rows.height <= most
