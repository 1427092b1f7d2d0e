"""report.html: what it says, that nothing in it can run or load, and how it looks in a real browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from finished_run import BAD, USES, Run, small

from curation.report import build_report
from curation.report.facts import BINS, read_ledger, spread
from curation.report.marks import marked, visible
from curation.textdiff import tokens

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
    "\x1b]0;owned\x07\u202egnp.exe\u200b</del>{{7*7}}"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    run = small(tmp_path_factory.mktemp("runs") / "run")
    return build_report(run.write(USES, [BAD]), run.summary).read_text(encoding="utf-8")


class Tags(HTMLParser):
    """Which elements and attributes a page really has, as a parser sees it."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}">')[1].split("</section>")[0]


def test_the_numbers_of_the_run_are_said(page: str) -> None:
    text = " ".join(Tags(page).text.split())
    assert "read 6 = kept 3 + dropped 2 + quarantined 1 + blank 0" in text
    assert "13, held against 20" in text
    assert "characters, record" in text
    assert "at character 7" in text
    assert "the text is not valid JSON" in text  # the sentence behind the reason


def test_an_edit_is_shown_against_the_text_it_met(page: str) -> None:
    examples = section(page, "examples")
    html, blanks = examples.split("<strong>clean-2</strong>")[0], examples.split("<strong>clean-2</strong>")[1]
    assert "<del>&lt;b&gt;</del>bells<del>&lt;/b&gt;</del>" in html
    assert "&lt;b&gt;" not in blanks.split("<strong>")[0]  # by then the first stage had taken it away
    assert 'Do <del class="blank">··</del>you<del class="blank">⇥</del><ins class="blank">·</ins>sell bells?' in blanks
    assert "in<del><b>U+200B</b></del>side" in blanks


def test_a_copy_is_shown_as_its_difference_from_the_twin(page: str) -> None:
    copy = section(page, "examples").split("<strong>exact</strong>")[1]
    assert 'Marked where it differs from <span class="mono">a.jsonl:3</span>' in copy
    assert "水温<del>太</del><ins>过</ins>高会" in copy


def test_a_twin_in_other_words_is_shown_beside(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    kept = run.add(("user", "How long does the kettle need?"), ("assistant", "About four minutes."))
    copy = run.add(("user", "水壶要烧多久？"), ("assistant", "大约四分钟。"))
    same = run.add(("user", "How long does the kettle need?"), ("assistant", "About four minutes."))
    run.decide(copy, "exact", "drop", "duplicate", related_id=kept)
    run.decide(same, "exact", "drop", "duplicate", related_id=kept)
    page = build_report(run.write({"exact": "exact"}), run.summary).read_text(encoding="utf-8")
    assert 'Compared with <span class="mono">a.jsonl:1</span>' in page
    assert 'The same as <span class="mono">a.jsonl:1</span>' in page
    assert "<del>" not in section(page, "examples").split("</p>", 1)[1]


def test_a_related_record_of_elsewhere_is_only_named(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.decide(
        run.add(("text", "mentions elsewhere.md:4 itself")), "exact", "drop", "duplicate", related_id="elsewhere.md:4"
    )
    page = build_report(run.write({"exact": "exact"}), run.summary).read_text(encoding="utf-8")
    assert "elsewhere.md:4" in section(page, "examples")
    assert "The same as" not in page


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    run = small(
        tmp_path / HOSTILE.replace("/", "_")[:60].replace("\x1b", ""), HOSTILE, "<svg onload=alert(1)>\x1b.jsonl"
    )
    folder = run.write(USES, [BAD | {"raw": HOSTILE, "detail": HOSTILE, "source": HOSTILE}])
    run.summary |= {"recipe": HOSTILE, "warnings": [HOSTILE], "languages": {HOSTILE: 3}, "recipe_yaml": HOSTILE}
    page = build_report(folder, run.summary).read_text(encoding="utf-8")
    seen = Tags(page)
    assert "script" not in seen.tags
    assert "img" not in seen.tags
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert "49" not in seen.text.replace("4900", "")  # no template was evaluated
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]", page)
    assert "gnp.exe" in seen.text


def test_nothing_is_loaded_from_anywhere(page: str) -> None:
    seen = Tags(page)
    links = [
        value for name, value in seen.attributes if name in {"src", "href", "xlink:href", "action", "data", "srcset"}
    ]
    assert all(value.startswith(("#", "data:,")) for value in links), links
    assert not {"script", "iframe", "object", "embed", "form", "base", "image", "use", "foreignobject"} & set(seen.tags)
    assert not re.search(r"url\((?!#)|@import", page)
    assert "default-src 'none'" in page


def test_the_page_is_the_owners(tmp_path: Path) -> None:
    run = small(tmp_path / "run")
    assert build_report(run.write(USES), run.summary).stat().st_mode & 0o777 == 0o600


def test_a_run_without_any_decision_has_a_report(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    run.add(("text", "alone"))
    folder = run.write({"exact": "exact"})
    run.summary["languages"] = {}
    page = build_report(folder, run.summary).read_text(encoding="utf-8")
    assert "No record was dropped, edited or flagged." in page
    assert 'id="languages"' not in page


def test_a_broken_law_is_not_hidden(tmp_path: Path) -> None:
    run = small(tmp_path / "run")
    folder = run.write(USES)
    run.summary["counts"]["kept"] += 1
    assert "IS NOT" in build_report(folder, run.summary).read_text(encoding="utf-8")


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    run = small(tmp_path / "run")
    folder = run.write(USES, [BAD])
    first = build_report(folder, run.summary).read_bytes()
    assert build_report(folder, run.summary).read_bytes() == first


def test_examples_are_spread_over_the_input_and_capped(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    for place in range(90):
        record_id = run.add(("text", f"text {place}"))
        if place % 2:
            run.decide(record_id, "length", "drop", "too_short")
    facts = read_ledger(run.write({"length": "length"}, shards=9), run.summary, 3)
    assert facts.picked["length", "drop", "too_short"] == ["a.jsonl:2", "a.jsonl:46", "a.jsonl:90"]
    assert sum(facts.over_input["length", "drop", "too_short"].values()) == 45
    assert facts.bins == BINS


def test_decisions_are_counted_where_they_fell(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    for place in range(1000):
        record_id = run.add(("text", "x"))
        if place >= 900:
            run.decide(record_id, "length", "drop", "too_short")
    places = read_ledger(run.write({"length": "length"}, shards=3), run.summary, 3).over_input
    assert min(places["length", "drop", "too_short"]) == 900 * BINS // 1000
    assert max(places["length", "drop", "too_short"]) == BINS - 1


@pytest.mark.parametrize(
    ("count", "most", "expected"), [(2, 3, {0, 1}), (3, 3, {0, 1, 2}), (101, 3, {0, 50, 100}), (9, 1, {0})]
)
def test_spread(count: int, most: int, expected: set[int]) -> None:
    assert spread(count, most) == expected


@pytest.mark.parametrize("text", ["a b", "绿茶abc 12", "", "ก็ดี\n", "カタカナ漢字", "e\u0301!?"])
def test_tokens_lose_nothing(text: str) -> None:
    assert "".join(tokens(text)) == text


def test_chinese_is_compared_by_character() -> None:
    assert tokens("绿茶ABC def") == ["绿", "茶", "ABC", " ", "def"]
    assert marked("他每天六点起床", "他每天七点起床") == "他每天<del>六</del><ins>七</ins>点起床"


def test_english_is_compared_by_word() -> None:
    assert marked("the brakes squeal now", "the brakes squeel now") == (
        "the brakes <del>squeal</del><ins>squeel</ins> now"
    )


def test_a_change_of_blanks_and_signs_does_not_mark_the_words_beside_it() -> None:
    assert marked("out\u00adside", "outside") == "out<del><b>U+00AD</b></del>side"
    assert marked("bell", "bells") == "<del>bell</del><ins>bells</ins>"


def test_forms_that_look_the_same_are_told_apart() -> None:
    assert marked("cafe\u0301", "caf\u00e9") == "<del>cafe<b>U+0301</b></del><ins>caf\u00e9</ins>"
    assert marked("e\u0301te\u0301", "e\u0301te") == "e\u0301te<del>\u0301</del>"


def test_neighbouring_changes_become_one() -> None:
    assert marked("one two three four", "one zwei drei four") == "one <del>two·three</del><ins>zwei·drei</ins> four"


def test_a_long_text_is_cut_around_its_changes() -> None:
    before = "word " * 2000 + "left" + " word" * 2000
    shown = str(marked(before, before.replace("left", "right")))
    assert "<del>left</del><ins>right</ins>" in shown
    assert len(shown) < 600
    assert shown.count("characters …") == 2


def test_a_long_change_is_cut() -> None:
    shown = str(marked("", "new " * 5000, limit=300))
    assert len(shown) < 1200
    assert "19,700 characters" in shown


def test_marks_of_two_very_different_long_texts_come_soon() -> None:
    shown = marked("ab " * 4000, "但 " * 4000)  # would be 64 million pairs
    assert "<del>" in shown
    assert "<ins>" in shown


def test_hidden_characters_are_named() -> None:
    shown = str(visible("a\x00b\u200bc\u202ed\x1be\ufefff\x85"))
    assert "\x1b" not in shown
    for picture in ("NUL", "U+200B", "U+202E", "ESC", "U+FEFF", "U+0085"):
        assert f">{picture}</b>" in shown
    assert 'title="ZERO WIDTH SPACE"' in shown


def test_emoji_and_chinese_pass_as_they_are() -> None:
    assert visible("骑行🚲💙，好！") == "骑行🚲💙，好！"
