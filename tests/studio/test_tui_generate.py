"""The Generate screen under a pilot: a plan, items as they come, an item beside its source, and what people decide."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from generate_drawn import (
    DONE,
    ITEMS,
    LIVE,
    SEEDS,
    answer,
    held,
    looked_at,
    make_generations,
    page,
    planned,
    recipe,
    shown,
)
from tui_pilot import Driven, driven, run

from curation.synthesis.decisions import decided
from curation.synthesis.model import Chunk, Span
from studio.runs.folder import RunFolder
from studio.tui.screens.generate_draft import GenerateDraft, fields_of
from studio.tui.screens.generate_messages import DryRunMade, PromptFound
from studio.tui.screens.generate_reasons import SENTENCES
from studio.tui.screens.generate_source import MOST, marked
from studio.tui.settings import Settings


@pytest.fixture(autouse=True)
def author(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_AUTHOR", "walker")


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return make_generations(tmp_path / "runs")


@asynccontextmanager
async def generating(runs: Path, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driven]:
    """The screen with its list."""
    settings = Settings(language="en", animation="none")
    async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
        await studio.press("7")
        await studio.until(lambda: studio.app.current_mode == "generate", "the screen")
        await studio.until(lambda: studio.screen.book is not None, "the list")
        yield studio


def text(studio: Driven) -> str:
    """What is on the screen."""
    size = studio.app.size
    lines = [studio.app.screen._compositor.render_strips(size)[row].text for row in range(size.height)]
    return "\n".join(lines)


def written(runs: Path) -> list[str]:
    """The ids of the records of the dataset."""
    path = runs / DONE / "dataset" / "train.jsonl"
    return [json.loads(line)["id"] for line in path.read_text().splitlines()] if path.exists() else []


# The list, and the plan


def test_the_screen_never_loads_what_generates(runs: Path) -> None:
    """In a process of its own: a run with its documents, a decision and the dataset after it, and nothing heavy."""
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tui_pilot import driven
async def test():
    runs = Path({str(runs)!r})
    async with driven(size=(120, 40), runs_dir=runs, settle=False) as studio:
        await studio.press("7")
        await studio.until(lambda: studio.app.current_mode == "generate")
        studio.screen.attach(runs / {DONE!r})
        await studio.until(lambda: studio.screen.stood is not None and len(studio.screen.items))
        await studio.press("x")
        await studio.until(lambda: studio.screen.written)
        await studio.press("e")
        await studio.until(lambda: studio.screen.query("#item-fields"))
        await studio.press("escape", "v")
        await studio.until(lambda: studio.screen.has_class("-documents"))
        await studio.press("escape", "escape")
        studio.screen.open_plan("documents")
        await studio.until(lambda: studio.screen.has_class("-plan"))
        heavy = ("torch", "transformers", "markitdown", "trl", "peft", "datasets", "spacy", "faiss", "sentence_transformers")
        print([name for name in heavy if name in sys.modules])
asyncio.run(test())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_generations_are_listed_with_what_came_of_them(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with generating(runs) as studio:
                listed = studio.screen.query_one("#generates")
                await studio.until(lambda: len(listed.frames) == 3, "the list")
                assert [(each.name, each.status) for each in listed.frames] == [
                    (LIVE, "running"),
                    (DONE, "finished"),
                    (SEEDS, "stopped"),
                ]
                assert listed.frames[1].said == "5 of 9 accepted · library_guide.md · qwen3-8b (127.0.0.1:8000)"

    run(test())


def test_without_a_generation_it_says_what_to_press(tmp_path: Path) -> None:
    async def test() -> None:
        async with generating(tmp_path / "none", size=(80, 24)) as studio:
            await studio.until(lambda: "n makes questions and answers" in text(studio), "the way in")
            await studio.press("n")
            await studio.until(lambda: studio.screen.query("#choices"), "what there is to choose")
            values = [each.value for each in studio.screen.query_one("#choices").choices]
            assert values == ["documents", "seeds", "texts", "records", "…"]
            await studio.press("down", "enter")
            await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "the inputs")
            await studio.type("my seeds.csv 'a b.csv'")
            await studio.press("enter")
            assert studio.screen.inputs == ("my", "seeds.csv", "a b.csv") and studio.screen.draft.kind == "seeds"
            assert "per_chunk" not in text(studio) and "--from-seeds my" in text(studio)

    run(test())


def test_a_plan_is_changed_and_taken_back(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await planned(studio)
            screen = studio.screen
            screen.query_one("#form").go_to([each.label for each in fields_of(0, "documents")].index("ask.per_chunk"))
            await studio.press("right")
            assert screen.draft.recipe.ask.per_chunk == 4 and "--set ask.per_chunk=4" in text(studio)
            await studio.press("enter")
            screen.query_one("#prompt-input").value = "0"
            await studio.press("enter")
            await studio.until(lambda: screen.problem, "what is wrong with it")
            assert screen.draft.recipe.ask.per_chunk == 4 and "per_chunk" in text(studio)
            await studio.press("u")
            assert screen.draft.recipe.ask.per_chunk == 3
            await studio.press("m")
            screen.query_one("#prompt-input").value = "http://127.0.0.1:1/v1#tiny"
            await studio.press("enter")
            assert screen.draft.recipe.model.name == "http://127.0.0.1:1/v1#tiny"
            screen.query_one("#form").go_to(0)
            await studio.press("right")
            await studio.until(lambda: screen.draft.kind == "seeds", "another source")
            assert screen.draft.recipe.model.name == "http://127.0.0.1:1/v1#tiny" and screen.draft.origin == "seeds"
            await studio.press("escape", "escape")
            assert not screen.has_class("-plan")

    run(test())


def test_a_draft_says_the_command_line_that_does_the_same() -> None:
    from studio.cli.generate import recipe_for

    draft = GenerateDraft.load("documents").set("model", "name", "http://h/v1#m").set("ask", "items", 20)
    draft = draft.set("ask", "types", ["factual"]).set("ask", "guidance", "as a child: why?")
    words = draft.command(["a b.pdf", "notes"])
    assert words.startswith(
        "studio generate --from-documents 'a b.pdf' --from-documents notes --model 'http://h/v1#m' -n 20"
    )
    import shlex

    settings = [word for at, word in enumerate(shlex.split(words)) if shlex.split(words)[at - 1] == "--set"]
    made = recipe_for("documents", settings=tuple(settings), model="http://h/v1#m", items=20)
    assert made == draft.recipe
    assert draft.unset("ask", "types").recipe.ask.types == draft.base.ask.types
    assert GenerateDraft.load("documents").set("source", "kind", "texts").origin == "instructions"
    assert GenerateDraft.load("conversations").command(["x"]).endswith("--preset conversations")


def test_what_would_be_asked_is_shown_before_anybody_is(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs, size=(80, 24)) as studio:
            await planned(studio)
            studio.screen.post_message(DryRunMade("", {**looked_at("en"), "leaves": True, "mask": True}))
            await studio.until(lambda: studio.screen.has_class("-dry"), "the report")
            await studio.pilot.pause(0.2)
            assert "3 calls · about 2,106 + 3,072 tokens · cost 0.0045" in text(studio)
            assert "personal data is masked first" in " ".join(text(studio).split())
            assert "✗ /data/scan.pdf: no text in it" in text(studio)
            await studio.press("v")
            await studio.until(lambda: "Prompt 1 of 3" in text(studio), "a prompt")
            assert "renew it" in text(studio)
            await studio.press("]")
            await studio.until(lambda: "Prompt 2 of 3" in text(studio), "the next")
            await studio.press("escape")
            assert studio.screen.has_class("-plan") and not studio.screen.has_class("-dry")

    run(test())


def test_texts_leave_this_machine_only_after_a_question(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from studio.tui.screens import generate_work

    begun: list[str] = []
    monkeypatch.setattr(generate_work, "begin", lambda _inputs, made, _runs, _to: begun.append(made.model.name))

    async def test() -> None:
        async with generating(runs) as studio:
            await planned(studio)
            screen = studio.screen
            await studio.press("r")
            await studio.until(lambda: begun == ["smollm2"], "a model here is asked at once")
            screen.change(lambda: screen.draft.set("model", "name", "https://api.example.com/v1#m"))
            await studio.press("r")
            await studio.until(lambda: studio.screen.query("#confirm"), "the question")
            assert "masked first" in text(studio)
            await studio.press("n", "r")
            await studio.until(lambda: studio.screen.query("#confirm"), "the question")
            await studio.press("y")
            await studio.until(lambda: begun == ["smollm2", "https://api.example.com/v1#m"], "the start")

    run(test())


# Items


def test_items_come_while_one_looks_and_the_cursor_goes_along(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with generating(runs) as studio:
                await shown(studio, runs, LIVE)
                assert (
                    "● asking" in text(studio)
                    and "6 of 9 items" in text(studio)
                    and "leaves this machine" in text(studio)
                )
                assert "masked: EMAIL_ADDRESS 2, PERSON 1" in text(studio) and "2 of 8 calls at once" in text(studio)
                items = studio.screen.query_one("#items")
                assert items.cursor == 5 and "On Sundays, when" in text(studio)
                answer(live, 2, "en", page("en")[1])
                await studio.until(lambda: "9 of 9 items" in text(studio), "three more")
                assert items.cursor == 8
                await studio.press("up")
                assert "Can I borrow other books meanwhile?" in text(studio)

    run(test())


def test_where_somebody_reads_the_cursor_stays(runs: Path) -> None:
    async def test() -> None:
        with held(runs) as live:
            async with generating(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press("g")
                answer(live, 2, "en", page("en")[1])
                await studio.until(lambda: "9 of 9 items" in text(studio), "three more")
                assert studio.screen.query_one("#items").cursor == 0

    run(test())


@pytest.mark.parametrize(("width", "beside"), [(80, False), (119, False), (120, True)])
def test_an_item_stands_beside_its_source_where_there_is_room(runs: Path, width: int, beside: bool) -> None:
    async def test() -> None:
        async with generating(runs, size=(width, 40)) as studio:
            await shown(studio, runs, DONE)
            lines = text(studio).split("\n")
            item = next(at for at, line in enumerate(lines) if "✓ accepted · factual" in line)
            source = next(at for at, line in enumerate(lines) if "library_guide.md" in line)
            assert (item == source) == beside and item <= source
            assert "‹Bring your old card and an ID to the" in text(studio)
            assert ("  leakage " in text(studio)) == beside  # the list of queues

    run(test())


def test_queues_show_items_by_reason(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs, size=(80, 24)) as studio:
            await shown(studio, runs, DONE)
            for _ in range(3):
                await studio.press("]")
            await studio.until(lambda: "leakage  1/1" in text(studio), "the queue")
            assert "It speaks of a text that whoever reads it" in " ".join(text(studio).split())
            await studio.press("]")
            await studio.until(lambda: "near_duplicate  1/1" in text(studio), "the next")
            assert "like u00002.0: When is the reading room open on" in text(studio)
            await studio.press("[", "[", "[", "[")
            await studio.until(lambda: "everything  1/9" in text(studio), "all of them")

    run(test())


def test_decisions_are_on_the_disk_and_in_the_dataset(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, DONE)
            items = studio.screen.query_one("#items")
            await studio.press("x")
            await studio.until(lambda: decided(runs / DONE), "the decision")
            assert items.cursor == 1 and decided(runs / DONE)["u00001.0"].author == "walker"
            await studio.until(lambda: written(runs) and "u00001.0" not in written(runs), "the dataset")
            await studio.press("down", "down", "down", "a")
            await studio.until(lambda: "u00002.1" in written(runs), "an item that a gate had turned away")
            await studio.until(lambda: "2 decided by people → 5 in the dataset" in text(studio), "what it comes to")
            await studio.press("u")
            await studio.until(lambda: "u00002.1" not in written(runs), "the last one taken back")
            assert items.cursor == 4 and "Taken back: u00002.1" in studio.said
            await studio.press("u", "u")
            await studio.until(lambda: len(written(runs)) == 5, "everything as it was")
            assert "There is no decision to take back." in studio.said

    run(test())


def test_nothing_can_be_accepted_where_nothing_was_written(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("G", "a", "e")
            assert "nothing here to accept" in studio.said and "nothing here to edit" in studio.said
            await studio.press("r")
            await studio.until(lambda: decided(runs / DONE), "the wish")
            await studio.until(lambda: "c goes on, and asks for 1 item anew" in text(studio), "what to press")
            assert studio.screen.can_go_on

    run(test())


def test_a_quote_is_mended_with_the_source_beside_it(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("down", "down", "e")
            await studio.until(lambda: studio.screen.query("#item-fields"), "the fields")
            source = studio.screen.query_one("#item-source")
            await studio.until(lambda: "Children under twelve" in source.content.plain, "the source")
            await studio.press("tab")
            await studio.type("No. ")
            await studio.press("ctrl+o")
            await studio.until(lambda: "does not occur in the source" in text(studio), "the refusal")
            quote = "Children under twelve get a card with the signature of a parent."
            studio.screen.query_one("#quote-0").text = quote
            studio.screen.query_one("#answer-0").text = "A parent signs."
            await studio.press("ctrl+o")
            await studio.until(lambda: decided(runs / DONE), "the decision")
            await studio.until(lambda: "u00001.2" in written(runs), "the dataset")
            found = decided(runs / DONE)["u00001.2"]
            (span,) = found.spans
            assert page("en")[2][span.start : span.end] == quote == found.exchanges[0].quote
            beside = studio.screen.query_one("#source")
            await studio.until(lambda: "‹Children" in beside.content.plain, "the mark")
            assert "As the model wrote it" in text(studio) and "The head librarian signs" in text(studio)

    run(test())


def test_letters_right_before_the_key_that_keeps_are_kept(runs: Path) -> None:
    """Keys with priority overtake those that are on their way to a field."""

    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("e")
            await studio.until(lambda: studio.screen.query("#item-fields"), "the fields")
            await studio.pilot.pause(0.2)
            await studio.press(*"Yes: ".replace(" ", "_"), "ctrl+o")
            await studio.until(lambda: decided(runs / DONE), "the decision")
            assert decided(runs / DONE)["u00001.0"].exchanges[0].answer.startswith("Yes:")

    run(test())


def test_the_prompt_of_an_item_and_the_documents_are_one_key_away(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, DONE)
            await studio.press("v")
            await studio.until(lambda: studio.screen.has_class("-documents"), "the documents")
            assert "3 of 3 chunks have an accepted item" in text(studio) and "library_guide.md" in text(studio)
            studio.screen.post_message(PromptFound(DONE, "u00001.0", [("system", "You write."), ("user", "Now.")]))
            await studio.until(lambda: studio.screen.has_class("-prompt"), "the prompt")
            assert "The prompt of u00001.0" in text(studio) and "You write." in text(studio)
            await studio.press("escape")
            await studio.until(lambda: "✓ accepted · factual" in text(studio), "the items")

    run(test())


def test_seeds_are_the_source_of_what_was_made_from_them(runs: Path) -> None:
    async def test() -> None:
        async with generating(runs) as studio:
            await shown(studio, runs, SEEDS)
            assert "Example 1" in text(studio) and "Splendid, I was afraid" in text(studio)
            await studio.press("escape")
            await studio.until(lambda: not studio.screen.has_class("-open"), "the list")
            await studio.press("o")
            await studio.until(lambda: studio.screen.has_class("-plan"), "the plan of the run under the cursor")
            assert studio.screen.inputs == ("/data/library_guide.md",)

    run(test())


def test_stopping_asks_first(runs: Path) -> None:
    async def test() -> None:
        with held(runs):
            async with generating(runs) as studio:
                await shown(studio, runs, LIVE)
                await studio.press("s")
                await studio.until(lambda: studio.screen.query("#confirm"), "the question")
                await studio.press("n")
                assert not (RunFolder(runs / LIVE).path / "stop").exists()

    run(test())


# Frames


def test_spans_are_marked_wherever_they_stand() -> None:
    text = "Alpha beta.\x1b Gamma delta. " + "x" * 20
    chunk = Chunk("c", "d", 50, 50 + len(text), text, (), 9)

    def drawn(*spans: tuple[int, int]) -> str:
        return marked(chunk, [Span(0, 50 + start, 50 + end) for start, end in spans])[0].plain

    assert drawn((0, 11)) == "‹Alpha beta.›\\x1b Gamma delta. " + "x" * 20
    assert drawn((13, 25), (0, 5)) == "‹Alpha› beta.\\x1b ‹Gamma delta.› " + "x" * 20
    assert drawn((0, 8), (6, 11)).startswith("‹Alpha beta.›\\x1b")
    assert "‹" not in drawn((-60, -50), (900, 910)) and "‹" not in drawn((5, 5))
    content, before = marked(chunk, [Span(0, 63, 75)])
    assert content.plain[before - 1] == "‹"


def test_of_a_long_chunk_the_part_around_the_span_is_shown() -> None:
    text = "a" * 30_000 + "HERE" + "b" * 30_000
    content, before = marked(Chunk("c", "d", 0, len(text), text, (), 9), [Span(0, 30_000, 30_004)])
    assert "‹HERE›" in content.plain and content.plain[before - 1] == "‹" and len(content.plain) < MOST + 200
    assert "characters before" in content.plain and "more characters" in content.plain


def test_every_reason_is_told_in_the_language_in_use() -> None:
    from curation.synthesis.reasons import REASONS

    assert dict(SENTENCES) == dict(REASONS)


def test_the_form_has_what_means_something_for_the_source() -> None:
    labels = {kind: {each.label for each in fields_of(0, kind)} for kind in ("documents", "seeds", "records")}
    assert "ask.per_chunk" in labels["documents"] and "source.how" not in labels["documents"]
    assert "source.how" in labels["records"] and "ask.turns" not in labels["records"]
    assert "ask.per_chunk" not in labels["seeds"] and recipe("seeds").source.kind == "seeds"
    assert len(ITEMS["en"]) == len(ITEMS["zh_CN"])
