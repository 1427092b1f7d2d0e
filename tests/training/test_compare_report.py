"""The report: figures from the files and nothing else, texts that cannot do anything, digests that tell them apart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from compared_folder import HOSTILE, answer_suite, ask, judge, mark, measure, new_comparison, prepared, say
from hypothesis import given
from hypothesis import strategies as st

from curation.errors import InputError
from curation.json_lines import append_line
from curation.report.marks import beside
from training.compare.model import ANSWERS, Answer, append
from training.compare.notes import NoteBook
from training.compare.report import CARD, FACTS, PAGE, compare_facts, write_report
from training.compare.scored import score_all
from training.compare.sections import ScoreSettings
from training.compare.votes import VoteBook


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty prompts, votes of one person that b wins 15 to 3, a judge, losses, suites, scores."""
    run = new_comparison(tmp_path / "runs", "one", "other")
    for number in range(20):
        ask(run, f"p{number}", "So it is.", f"So it is not, {'because ' * number}so.", question=f"Why {number}?")
    book = VoteBook(run)
    for number in range(20):
        side = "b" if number < 15 else "a" if number < 18 else ""
        place = {book.order_of(f"p{number}")[0]: "left", book.order_of(f"p{number}")[1]: "right"}
        book.cast(f"p{number}", place.get(side, "bad" if number == 18 else "tie"), "ann")  # type: ignore[arg-type,call-overload]
        judge(run, f"p{number}", "failed" if number == 19 else "tie" if number == 18 else "b", disagreed=number == 18)
    mark(run, "p0", "helpfulness", {"a": 0.25, "b": 0.75})
    mark(run, "p1", "helpfulness", {"a": 0.5, "b": None})
    measure(run, "heldout", [(40 + n, 30 + n + n % 3) for n in range(12)])
    measure(run, "retention", [(40 + n, 40.1 + n % 3) for n in range(12)])
    answer_suite(run, "json", [(1, 0)] * 3 + [(1, 1)] * 17)
    score_all(run, ScoreSettings(exact=True, rouge=True, chrf=False, embedding=False))
    return run


def test_facts_are_what_the_files_say(folder: Path) -> None:
    facts = compare_facts(folder)
    assert facts["counts"] == {"prompts": 20, "answered": 20, "identical": 0, "sources": {"file": 20}}
    assert facts["sides"]["b"] == {"name": "tuned", "label": "tuned", "digest": "bb", "kind": "tuned"}
    assert facts["votes"]["tally"]["votes"] == 20
    assert (facts["votes"]["preference"]["a"], facts["votes"]["preference"]["b"]) == (3, 15)
    assert facts["votes"]["preference"]["rate"] == pytest.approx(0.8)
    assert (facts["judge"]["failed"], facts["judge"]["failures"]) == (1, {"no_object": 1})
    assert (facts["judge"]["disagreed"], facts["judge"]["preference"]["prompts"]) == (1, 19)
    assert (facts["agreement"]["items"], facts["agreement"]["same"]) == (19, 16)
    (rubric,) = facts["rubrics"]
    assert (rubric["prompts"], rubric["difference"], rubric["failed"]) == (1, 0.5, 1)
    assert rubric["passed"] == {"a": 0.5, "b": 1.0}
    assert facts["heldout"]["difference"] == pytest.approx(-0.45)
    assert facts["forgetting"]["suites"][0]["lost"] == 3
    assert {score["score"]: score["prompts"] for score in facts["scores"]} == {"exact": 20, "rouge_l": 20}
    assert facts["answers"]["a"]["characters_mean"] == len("So it is.")
    assert facts["answers"]["a"]["tokens_per_second"] == pytest.approx(4.0)
    assert (facts["conclusion"]["verdict"], facts["conclusion"]["by"]) == ("better", "votes")
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts
    assert compare_facts(folder) == facts


def test_order_of_lines_and_torn_lines_change_no_figure(folder: Path) -> None:
    before = compare_facts(folder)
    for name in ("losses.jsonl", "suites.jsonl", "judgements.jsonl", "scores.jsonl"):
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(reversed(lines)) + b'{"torn": ')
    after = compare_facts(folder)
    for facts in (before, after):
        for name in ("losses", "suites", "judgements", "scores"):
            del facts["evidence"][name]
    assert after == before


@pytest.mark.parametrize(
    ("setting", "changed"),
    [
        ("statistics.confidence=0.8", lambda facts: facts["votes"]["preference"]["interval"]),
        ("statistics.resamples=900", lambda facts: facts["heldout"]["interval"]),
        ("statistics.seed=5", lambda facts: facts["heldout"]["interval"]),
        ("judge.threshold=0.8", lambda facts: facts["rubrics"][0]["passed"]),
    ],
)
def test_every_setting_of_the_statistics_changes_a_figure(folder: Path, setting: str, changed: Any) -> None:
    before = changed(compare_facts(folder))
    spec = json.loads((folder / "run.json").read_bytes())
    section, _, rest = setting.partition(".")
    key, _, value = rest.partition("=")
    spec["recipe"]["resolved"][section][key] = json.loads(value)
    (folder / "run.json").write_text(json.dumps(spec))
    assert changed(compare_facts(folder)) != before


def test_new_answers_inherit_neither_votes_nor_judgements_nor_scores(folder: Path) -> None:
    say(folder, "p0", "b", "Something else.")
    facts = compare_facts(folder)
    assert facts["votes"]["tally"]["stale"] == 1
    assert facts["votes"]["preference"]["prompts"] == 0, "the only voter has one to vote on again"
    assert (facts["judge"]["stale"], facts["judge"]["preference"]["b"]) == (1, 17)
    assert facts["rubrics"][0]["prompts"] == 0
    assert facts["scores"][0]["prompts"] == 19
    VoteBook(folder).cast("p0", "tie", "ann")
    assert compare_facts(folder)["votes"]["preference"]["prompts"] == 20


def test_an_empty_comparison_has_a_report_too(tmp_path: Path) -> None:
    run = new_comparison(tmp_path / "runs", "one", "other")
    paths = write_report(run)
    facts = json.loads((run / FACTS).read_bytes())
    assert facts["conclusion"]["sentence"] == "Nothing is shown: nothing was measured."
    assert facts["votes"] is facts["judge"] is facts["heldout"] is facts["agreement"] is None
    assert facts["forgetting"]["verdict"] == "not measured"
    assert [path.name for path in paths] == [FACTS, PAGE, CARD]
    append(run / ANSWERS, Answer("p0", "a", "half", 1, 0.0, "stopped"))
    assert compare_facts(run)["answers"]["a"] == {**facts["answers"]["a"], "stopped": 1}


def test_a_report_is_made_without_torch(folder: Path) -> None:
    made = (
        "import sys; from pathlib import Path; from training.compare.report import write_report; "
        "write_report(Path(sys.argv[1])); print([name for name in ('torch', 'transformers', 'textual') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", made, str(folder)], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_what_is_no_comparison_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        compare_facts(tmp_path)
    (tmp_path / "run.json").write_text('{"kind": "curate", "recipe": {}}')
    with pytest.raises(InputError, match="is no comparison"):
        compare_facts(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(InputError, match="damaged"):
        compare_facts(tmp_path)


def test_models_that_change_between_two_legs_are_told(folder: Path) -> None:
    prepared(folder, ("aa", "bb"))
    assert compare_facts(folder)["mixed"] == []
    prepared(folder, ("aa", "cc"))
    facts = compare_facts(folder)
    assert "side b changed" in facts["mixed"][0]
    assert (facts["conclusion"]["verdict"], facts["conclusion"]["by"]) == ("not shown", "none")


def test_digests_change_with_what_they_are_of_and_only_with_it(folder: Path) -> None:
    def changed(before: dict[str, str]) -> set[str]:
        after = compare_facts(folder)["evidence"]
        return {name for name in after if after[name] != before[name]}

    before = compare_facts(folder)["evidence"]
    assert all(
        before[name] for name in ("recipe", "a", "b", "prompts", "answers", "losses", "suites", "votes", "dataset")
    )
    say(folder, "p0", "a", "So it is.")
    assert changed(before) == set(), "the same answer again"
    say(folder, "p0", "a", "So.")
    assert changed(before) == {"answers"}
    measure(folder, "heldout", [(1, 2)])
    assert changed(before) == {"answers", "losses"}
    append_line(folder / "prompts.jsonl", json.loads((folder / "prompts.jsonl").read_text().splitlines()[0]))
    assert changed(before) == {"answers", "losses", "prompts"}


class _Page(HTMLParser):
    """What a browser would find in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_hostile_texts_do_nothing_on_the_page_and_on_the_card(tmp_path: Path) -> None:
    run = new_comparison(tmp_path / "runs", "one", "other")
    for number in range(12):
        ask(run, f"p{number}{HOSTILE}", HOSTILE, f"{HOSTILE} more", question=HOSTILE, reference=HOSTILE)
        judge(run, f"p{number}{HOSTILE}", "b")
    NoteBook(run).note(f"p0{HOSTILE}", HOSTILE)
    mark(run, f"p0{HOSTILE}", HOSTILE, {"a": 0.1, "b": 0.2})
    answer_suite(run, HOSTILE, [(1, 0)] * 8)
    prepared(run, ("aa", "bb"), labels=(HOSTILE, f"{HOSTILE} b"))
    write_report(run)
    text = (run / PAGE).read_text(encoding="utf-8")
    page = _Page(text)
    names = {tag for tag, _ in page.tags}
    assert not names & {"script", "img", "iframe", "object", "form", "input", "svg", "base"}
    assert not any(attribute.startswith("on") for _, attributes in page.tags for attribute in attributes)
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    assert policy is not None
    assert "default-src 'none'" in policy
    assert not re.search("[\u202e\x1b]", text)
    assert "U+202E" in text
    assert any("alert(1)" in word for word in page.words), "it is shown as text"
    assert (run / PAGE).stat().st_mode & 0o777 == 0o600
    card = (run / CARD).read_text(encoding="utf-8")
    assert "<script" not in card
    assert "<img" not in card
    assert not re.search("[\u202e\x1b]", card)
    rows = [line for line in card.splitlines() if line.startswith("| ") and "cases" in line]
    assert rows
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 6 for row in rows), "a name cannot add a column"


def test_the_page_shows_both_answers_what_differs_and_what_was_said(folder: Path) -> None:
    NoteBook(folder).note("p3", "look here")
    NoteBook(folder).favour("p3")
    write_report(folder)
    text = (folder / PAGE).read_text(encoding="utf-8")
    page = _Page(text)
    words = " ".join(" ".join(page.words).split())
    assert "tuned is better than base" in words
    assert words.index("Why 3?") < words.index("Why 0?"), "favourites come first"
    assert "look here" in words
    assert "people: tuned" in words
    assert "judge: no verdict" in words
    assert "<ins>" in text
    assert "win rate" in words
    assert len(text) < 200_000
    assert {attributes["href"] for tag, attributes in page.tags if tag == "a"} == {
        "#figures", "#answers", "#sides", "#digests",
    }  # fmt: skip


def test_the_json_and_the_card_hold_no_text_and_no_path(folder: Path) -> None:
    prepared(folder, ("aa", "bb"), labels=(f"{folder.parent}/model (base)", "org/name"))
    write_report(folder)
    for name in (FACTS, CARD):
        text = (folder / name).read_text(encoding="utf-8")
        assert "So it is" not in text
        assert "Why 1" not in text
        assert str(folder.parent) not in text
    card = (folder / CARD).read_text(encoding="utf-8")
    assert card.startswith("## Comparison with model (base)\n\n**Better.** org/name is better than model (base)")
    assert "| preferred by people, blind, of 20 prompts | 3 | 15 | win rate 80.0% |" in card
    assert "| answers | `" in card


@given(st.text(max_size=60), st.text(max_size=60), st.integers(20, 80))
def test_law_two_texts_beside_each_other_lose_nothing(left: str, right: str, limit: int) -> None:
    shown = beside(left, right, 10_000)
    for text, marked in zip((left, right), shown, strict=True):
        plain = re.sub("<b[^>]*>[^<]*</b>", "", str(marked))
        letters = [character for character in text if character.isascii() and character.isalnum()]
        found = [c for c in re.sub("<[^>]+>|&[^;]+;", "", plain) if c.isascii() and c.isalnum()]
        assert found == letters
    assert not re.search(r"<(?!/?(b|del|ins|span)\b)", "".join(map(str, beside(left, right, limit))))


def test_texts_with_little_in_common_are_not_marked_and_long_ones_are_cut() -> None:
    left, right = beside("The capital of France is Paris.", "I do not know that, sorry!", 900)
    assert "<del" not in left + right
    assert "<ins" not in left + right
    left, right = beside("one two three four", "one two 3 four", 900)
    assert left == "one two <del>three</del> four"
    assert right == "one two <ins>3</ins> four"
    long, _ = beside("same " * 2000, "same " * 1999 + "end", 500)
    assert "9,500 characters" in long
    assert len(long) < 700
