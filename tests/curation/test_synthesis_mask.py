"""What leaves the machine: no planted value is in it, every place of it leads back to the document, and where nothing
leaves, nothing is changed."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest
from batches import batch_of
from hypothesis import given, settings
from hypothesis import strategies as st
from planted_values import values

from curation.engine.apply import apply
from curation.errors import StageError, Stopped
from curation.events import Progress
from curation.schema import content_hash
from curation.stage import StageContext
from curation.stages.pii import Pii
from curation.synthesis.mask import Masker, passages
from curation.synthesis.material import Materials, stretches
from curation.synthesis.model import Chunk, Document, Material, Origin, Unit, place_of
from curation.synthesis.plan import plan
from curation.synthesis.recipe import GenerateRecipe

DATA = Path(__file__).parent / "data"
STRUCTURED = "privacy.entities=[EMAIL_ADDRESS, PHONE_NUMBER, CN_ID_CARD, CREDIT_CARD, API_KEY]"
PLANTED = values(200)
FILL = (
    "The river runs past the old mill. ", "今天的天气很好，我们一起去公园散步。", "\n\n", "\n", "## A heading\n\n",
    "Masks such as <PERSON> may stand in a text already. ", '{"note": "a \\"quoted\\" word\\n"} ', "| a | b |\n",
)  # fmt: skip
CONTEXTS = (
    "Write to {} today. ", "请联系{}。", " {}\n", '{{"who": "{}"}} ', '{{"who": "\\u0041\\n{}"}} ', "(它是{}，不要告诉别人) ",
)  # fmt: skip


def recipe(*settings: str, preset: str = "documents") -> GenerateRecipe:
    return GenerateRecipe.load(preset).with_settings(list(settings))


def document(text: str, title: str = "A title") -> Document:
    return Document("d", "d.md", title, "", "", "", len(text))


def chunk(text: str, start: int, end: int, number: int, headings: Sequence[str] = ()) -> Chunk:
    return Chunk(f"d/{number:04}", "d", start, end, text[start:end], tuple(headings), end - start)


def hidden_in(text: str, chunks: Sequence[Chunk], *settings: str, leaves: bool = True) -> list[Material]:
    found = recipe("ask.per_chunk=1", *settings)
    materials = Materials(found, [document(text)], chunks, [], leaves=leaves)
    return [materials.of(unit) for unit in plan(found, chunks, [])]


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str], list[Chunk]]:
    """A text with values planted, and chunks that may cut through them, overlap, or leave out a blank between them."""
    planted = draw(st.lists(st.sampled_from(PLANTED), max_size=6, unique=True))
    parts = draw(st.lists(st.sampled_from(FILL), min_size=1, max_size=12))
    for _, value in planted:
        context = draw(st.sampled_from(CONTEXTS)).format(value)
        parts.insert(draw(st.integers(0, len(parts))), context)
    text = "".join(parts)
    cuts = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=4))})
    chunks = []
    for number, (start, end) in enumerate(itertools.pairwise(cuts)):
        first = max(0, start - draw(st.sampled_from([0, 0, 7, 30])))
        if first == start and text[start].isspace() and end - start > 1:
            first += 1
        chunks.append(chunk(text, first, end, number))
    return text, [value for _, value in planted], chunks


@settings(max_examples=120, deadline=None)
@given(documents())
def test_no_planted_value_leaves_and_every_span_leads_back(made: tuple[str, list[str], list[Chunk]]) -> None:
    text, planted, chunks = made
    for one, material in zip(chunks, hidden_in(text, chunks, STRUCTURED), strict=True):
        for value in planted:
            pieces = {value[place : place + 8] for place in range(len(value) - 7)}
            assert not any(piece in material.text for piece in pieces), "cut through, nothing of it may be left either"
        assert place_of(material, 0, len(material.text)) == (one.start, one.end)
        held_to_the_original(material, text)


def held_to_the_original(material: Material, text: str) -> None:
    """Every span of the masked text: word for word where nothing in it is masked, masks in the place of values where it is."""
    draw = random.Random(len(material.text))
    size = len(material.text)
    for _ in range(40):
        start, end = sorted((draw.randint(0, size), draw.randint(0, size)))
        left, right = place_of(material, start, end)
        said = text[left:right]
        inside = [each for each in material.replaced if each[0] < end and start < each[1]]
        if not inside:
            assert said == material.text[start:end]
            continue
        pattern, at = "", start
        for first, last, was in inside:
            pattern += re.escape(material.text[at : max(first, at)]) + f".{{{was}}}"
            at = last
        pattern += re.escape(material.text[min(at, end) : end])
        assert re.fullmatch(pattern, said, re.DOTALL), (said, pattern)


@settings(max_examples=60, deadline=None)
@given(documents(), st.sampled_from([("auto", False), ("never", True), ("never", False)]))
def test_what_is_not_to_be_masked_is_left_byte_for_byte(
    made: tuple[str, list[str], list[Chunk]], how: tuple[str, bool]
) -> None:
    text, _, chunks = made
    found = hidden_in(text, chunks, f"privacy.mask={how[0]}", leaves=how[1])
    assert [material.text for material in found] == [one.text for one in chunks]
    assert all(material.replaced == () for material in found)
    assert [place_of(material, 0, len(material.text)) for material in found] == [(one.start, one.end) for one in chunks]


@settings(max_examples=60, deadline=None)
@given(documents())
def test_a_document_is_put_together_again_from_its_chunks(made: tuple[str, list[str], list[Chunk]]) -> None:
    text, _, chunks = made
    found = stretches(reversed(chunks))
    for one in chunks:
        start, whole = max((each for each in found if each[0] <= one.start), key=lambda each: each[0])
        assert whole[one.start - start : one.end - start] == one.text == text[one.start : one.end]


TEXT = (
    "# Notes of John Smith\n\nOur manager John Smith can be reached at john.smith@example.com or 555-867-5309.\n\n"
    "张伟的电话是13812345678，他是我们的经理。\n\n"
    "The weather was fine and nothing else happened that week in the office.\n\nMr. Smith never left the town."
)


def test_names_are_masked_in_every_chunk_in_titles_and_in_headings() -> None:
    """In the second chunk nothing but the first tells that it is a name; the Chinese passage has a model of its own."""
    middle = TEXT.index("The weather")
    headings = ("Notes of John Smith",)
    chunks = [chunk(TEXT, 0, middle, 0, headings), chunk(TEXT, middle, len(TEXT), 1, headings)]
    found = recipe("ask.per_chunk=1")
    materials = Materials(found, [document(TEXT, "John Smith, a life")], chunks, [], leaves=True)
    first, second = (materials.of(unit) for unit in plan(found, chunks, []))
    for name in ("John", "Smith", "张伟", "13812345678", "867-5309", "example.com"):
        assert name not in first.text + second.text + first.title + "".join(first.headings)
    assert "<PERSON>的电话是<PHONE_NUMBER>，他是我们的经理。" in first.text
    assert "<PERSON> never left" in second.text
    assert first.title == "<PERSON>, a life"
    assert first.headings == ("Notes of <PERSON>",)
    assert materials.masked["PERSON"] >= 4
    assert materials.masked["EMAIL_ADDRESS"] == 1
    start, end = (second.text.index("nothing else"), second.text.index(" that week"))
    assert TEXT[slice(*place_of(second, start, end))] == "nothing else happened"


def test_always_masks_for_a_model_on_this_machine_too() -> None:
    chunks = [chunk(TEXT, 0, len(TEXT), 0)]
    (kept,) = hidden_in(TEXT, chunks, STRUCTURED, leaves=False)
    (masked,) = hidden_in(TEXT, chunks, STRUCTURED, "privacy.mask=always", leaves=False)
    assert kept.text == TEXT
    assert "john.smith@example.com" not in masked.text


def test_entities_say_what_is_masked() -> None:
    (found,) = hidden_in(TEXT, [chunk(TEXT, 0, len(TEXT), 0)], "privacy.entities=[EMAIL_ADDRESS]")
    assert "<EMAIL_ADDRESS>" in found.text
    assert "555-867-5309" in found.text
    assert "John Smith" in found.text


def origin(number: int, *turns: tuple[str, str]) -> Origin:
    return Origin(f"in.jsonl:{number}", turns, content_hash(turns))


@pytest.mark.parametrize("file", ["pii_names_en.jsonl", "pii_names_zh.jsonl", "pii_structured.jsonl"])
def test_records_are_masked_exactly_as_the_stage_pii_masks_them(file: str) -> None:
    lines = (DATA / file).read_text(encoding="utf-8").splitlines()[:60]
    found = [re.sub(r"\[[A-Z_]+:(.*?)\]", r"\1", json.loads(line)["text"]) for line in lines]
    texts = [text for text in found if text.strip() and len(passages(text)) == 1]
    assert len(texts) > 20
    batch = batch_of([[("user", text)] for text in texts])
    stage = Pii.model_validate({"columns": "ignore"})
    after = apply(batch, stage.decide(batch, StageContext(0, {}, None, pl.DataFrame().lazy())))
    origins = [origin(number, ("user", text)) for number, text in enumerate(texts)]
    asked = recipe(preset="records")
    materials = Materials(asked, [], [], origins, leaves=True)
    assert [materials.of(unit).turns[0][1] for unit in plan(asked, [], origins)] == after.turns["content"].to_list()
    assert sum(materials.masked.values()) > 0


def test_a_record_is_one_text_whose_places_lead_back() -> None:
    turns = (("user", "Who is at 13812345678?"), ("assistant", "Write to ann.lee@example.com, or call 13812345678."))
    found = recipe(STRUCTURED, preset="records")
    materials = Materials(found, [], [], [origin(1, *turns)], leaves=True)
    (unit,) = plan(found, [], [origin(1, *turns)])
    material = materials.of(unit)
    assert material.text == "Who is at <PHONE_NUMBER>?\n\nWrite to <EMAIL_ADDRESS>, or call <PHONE_NUMBER>."
    assert [said for _, said in material.turns] == material.text.split("\n\n")
    held_to_the_original(material, "\n\n".join(said for _, said in turns))


def test_seeds_are_masked_and_named() -> None:
    seeds = [origin(number, ("user", f"Is 138123456{number:02} yours?"), ("assistant", "Sure.")) for number in range(6)]
    found = recipe(STRUCTURED, "ask.examples=3", preset="seeds")
    materials = Materials(found, [], [], seeds, leaves=True)
    for unit in plan(found, [], seeds):
        material = materials.of(unit)
        assert material.seed_ids == unit.record_ids
        assert material.text == ""
        assert [turns[0] for turns in material.seeds] == [("user", "Is <PHONE_NUMBER> yours?")] * 3


def test_languages_are_those_of_the_source_masked_or_not() -> None:
    english = "The library opens at nine in the morning, and it closes at six in the evening on all days."
    chinese = "图书馆每天早上九点开门，晚上六点关门，周末也是这样。"
    text = f"{english}\n\n{chinese}"
    chunks = [chunk(text, 0, len(english), 0), chunk(text, len(english) + 2, len(text), 1)]
    for leaves in (True, False):
        assert [each.language for each in hidden_in(text, chunks, leaves=leaves)] == ["en", "zh"]


def test_what_cannot_be_looked_for_is_told() -> None:
    text = "Der Hund schläft im Garten, und die Katze sitzt auf dem Dach und wartet auf die Vögel im Baum."
    found = recipe()
    materials = Materials(found, [document(text, "Tiere")], [chunk(text, 0, len(text), 0)], [], leaves=True)
    materials.prepare(plan(found, [chunk(text, 0, len(text), 0)], []))
    assert "PERSON" in materials.unsearched()["de"]


def test_masking_tells_how_far_it_is_and_can_be_stopped() -> None:
    chunks = [Chunk(f"{name}/0000", name, 0, len(TEXT), TEXT, (), 1) for name in "abc"]
    found = recipe(STRUCTURED)
    units = plan(found, chunks, [])
    told: list[object] = []
    Materials(found, [], chunks, [], leaves=True).prepare(units, told.append)
    assert isinstance(told[-1], Progress)
    assert (told[-1].done, told[-1].total) == (3, 3)
    with pytest.raises(Stopped):
        Materials(found, [], chunks, [], leaves=True).prepare(units, should_stop=lambda: True)


def test_only_what_is_asked_about_is_searched() -> None:
    chunks = [Chunk(f"{name}/0000", name, 0, len(TEXT), TEXT, (), 1) for name in "abc"]
    found = recipe(STRUCTURED, "ask.items=1")
    materials = Materials(found, [], chunks, [], leaves=True)
    materials.prepare(plan(found, chunks, []))
    assert materials.masked["EMAIL_ADDRESS"] == 1


def test_a_search_that_fails_tells_nothing_of_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("in the text: 13812345678")

    monkeypatch.setattr("curation.privacy.search.Search.find", fail)
    with pytest.raises(StageError) as caught:
        Masker().mask(["13812345678"], [0])
    assert "13812345678" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_a_unit_of_another_run_is_refused() -> None:
    with pytest.raises(KeyError):
        Materials(recipe(), [], [], [], leaves=False).of(Unit("u00001", "qa", 1, chunk_id="d/0000"))
