"""The Map screen under a pilot: a real map of a real curation, its topics, the plane, records, seeds for Generate; and
made-up ones for what no small map shows."""

from __future__ import annotations

import json
import math
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from map_drawn import BOX, DONE, FILES, LIVE, held, make_maps, settled, shown
from tui_pilot import Driven, driven, run

sys.path.insert(0, str(Path(__file__).parents[1] / "curation"))
from known_topics import known_topics

from curation.browsing import open_records
from curation.browsing.place import row_of
from curation.topics.model import read_map, read_points
from studio.cli.main import main
from studio.runs.folder import RunFolder, every
from studio.runs.lock import is_held
from studio.runs.status import Status, status_of
from studio.runs.stop import force_stop
from studio.tui.points import NEAR, Choice, Points
from studio.tui.scatter import BARS, DROPPED, FATE, GONE, HUES, OTHER, TOPIC, WHOLE, Painter, View, hues
from studio.tui.settings import Settings
from studio.tui.widgets.topic_list import sorted_topics

NAMES = ("cooking", "law", "astronomy")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curation of 61 records, one dropped and one trimmed, a map of it, and a map of its file."""
    folder = tmp_path_factory.mktemp("home")
    records, _ = known_topics(60, NAMES)
    records[3] = {**records[3], "answer": records[3]["answer"] + "   \n"}
    lines = [json.dumps(record, ensure_ascii=False) for record in [*records, records[0]]]
    (folder / "a.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "r.yaml").write_text("name: r\nstages:\n  - use: clean\n  - use: exact\n  - use: signals\n")
    runs = str(folder / "runs")
    assert main(["curate", str(folder / "a.jsonl"), "--recipe", str(folder / "r.yaml"), "--runs-dir", runs, "-q"]) == 0
    assert main(["map", "last", "--topics", "3", "--runs-dir", runs, "-q"]) == 0
    assert main(["map", str(folder / "a.jsonl"), "--topics", "2", "--runs-dir", runs, "-q"]) == 0
    return folder


@pytest.fixture
def runs(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return home / "runs"


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_maps(tmp_path / "runs")


def maps(runs: Path) -> list[RunFolder]:
    return [each for each in every(runs) if "-map-" in each.name]


@asynccontextmanager
async def mapping(runs: Path, *, size: tuple[int, int] = (120, 40)) -> AsyncIterator[Driven]:
    """The screen with its list."""
    settings = Settings(language="en", animation="none")
    async with driven(size=size, runs_dir=runs, settings=settings, settle=False) as studio:
        await studio.press("8")
        await studio.until(lambda: studio.app.current_mode == "map" and studio.screen.book is not None, "the screen")
        yield studio


def text(studio: Driven) -> str:
    """What is on the screen."""
    size = studio.app.size
    lines = [studio.app.screen._compositor.render_strips(size)[row].text for row in range(size.height)]
    return "\n".join(lines)


# Points and pictures


def points_in(runs: Path, name: str = DONE) -> Points:
    return Points(read_points(runs / name), read_map(runs / name))


def test_choices_leave_the_records_that_they_name(made_up: Path) -> None:
    points = points_in(made_up)
    frame = points.frame.with_row_index("row")
    assert len(points.rows(Choice())) == len(points) == frame.height
    of_two = points.rows(Choice(topic=2))
    assert set(points.topic[of_two]) == {2} and len(of_two) == 260
    central = points.frame["central"].to_numpy()[of_two]
    assert (np.diff(central) <= 0).all()  # the most central first
    dropped = points.rows(Choice(topic=2, fate="dropped"))
    assert len(dropped) == points.map.topics[1].dropped == 21
    assert len(points.rows(Choice(fate="kept"))) == points.map.kept
    assert len(points.rows(Choice(fate="copies"))) == sum(topic.duplicates for topic in points.map.topics)
    box = (0.1, 0.6, 0.3, 0.9)
    inside = points.rows(Choice(box=box))
    wanted = frame.filter(
        (frame["x"].is_between(box[0], box[2])) & (frame["y"].is_between(box[1], box[3]))
    )  # a record without text has no place
    assert sorted(inside) == wanted["row"].to_list() and 0 < len(inside) < len(points)
    assert len(points.rows(Choice(words="refund"))) == len(points.rows(Choice(words="refund", topic=2))) > 0
    assert not len(points.rows(Choice(words="Refund")))  # a capital matches only itself
    by_measure = points.rows(Choice(topic=1), "rarity.score")
    values = points.measure("rarity.score")[by_measure]
    assert (np.diff(values) >= 0).all() and sorted(by_measure) == sorted(points.rows(Choice(topic=1)))
    assert np.isnan(points.measure("rarity.score")[points.rows(Choice(), "rarity.score")[-1]])  # unknown comes last


def test_a_picture_counts_what_it_shows(made_up: Path) -> None:
    points = points_in(made_up)
    painter = Painter(points)
    whole = painter.paint(View(40, 12), None)
    assert (
        whole.shown == whole.there == len(points) - 1
        and len(whole.text) == 12
        and {len(row) for row in whole.text} == {40}
    )
    blank = np.array([[character == " " for character in row] for row in whole.text])
    assert (blank == (whole.styles == 0)).all()
    rows = points.rows(Choice(topic=2))
    over = painter.paint(View(40, 12), rows)
    assert over.shown == 260 and (over.styles == OTHER).any()
    alone = painter.paint(View(40, 12, only=True), rows)
    assert not (alone.styles == OTHER).any() and ((alone.styles > 0) == (over.styles > OTHER)).all()
    left, bottom, right, top = 0.5, 0.5, 1.0, 1.0
    closer = painter.paint(View(40, 12, window=(left, bottom, right, top)), None)
    x, y = points.x, points.y
    assert closer.there == int(((x >= left) & (x < right) & (y > bottom) & (y <= top)).sum()) < whole.there
    fates = painter.paint(View(40, 12, colour=FATE), None)
    assert GONE in "".join(fates.text) and (fates.styles == DROPPED).any()
    bars = painter.paint(View(40, 12, colour="rarity.score"), None)
    assert set("".join(bars.text)) <= {*BARS, " "} and len(set("".join(bars.text))) > 5
    assert painter.paint(View(40, 12, colour="rarity.score"), rows).there == whole.there


def test_high_places_are_at_the_top_and_dense_ones_have_more_dots() -> None:
    import polars as pl

    from curation.topics.model import POINTS, Map

    number = 40_000
    x = np.concatenate([np.linspace(0.0, 0.45, number), [0.9]]).astype(np.float32)
    y = np.concatenate([np.tile(np.linspace(0.6, 1.0, 200), number // 200), [0.1]]).astype(np.float32)
    frame = pl.DataFrame({name: [None] * (number + 1) for name in POINTS}, schema=POINTS).with_columns(
        pl.Series("x", x), pl.Series("y", y), topic=pl.lit(0, pl.Int32), fate=pl.lit(""), copy_of=pl.lit("")
    )
    points = Points(frame, Map(number + 1, 0, 0, 0, 0, (), (), (), (), {}))
    picture = Painter(points).paint(View(20, 8), None)
    assert picture.text[0].strip() and not picture.text[5].strip()
    (below,) = [character for row in picture.text[6:] for character in row if character != " "]
    assert bin(ord(below) - 0x2800).count("1") == 1  # a cell with one record is not empty
    assert picture.there == number + 1


def test_colours_of_neighbours_differ(made_up: Path) -> None:
    topics = points_in(made_up).map.topics
    found = hues(topics)
    assert set(found) == {topic.number for topic in topics} and set(found.values()) == set(range(HUES))
    nearest = {
        topic.number: min(
            (math.dist((topic.x, topic.y), (other.x, other.y)), other.number) for other in topics if other is not topic
        )[1]
        for topic in topics
    }
    assert all(found[a] != found[b] for a, b in nearest.items())


def test_topics_are_sorted_by_what_is_asked_for(made_up: Path) -> None:
    topics = points_in(made_up).map.topics

    def order(by: str, *, backwards: bool = False) -> list[int]:
        return [topic.number for topic in sorted_topics(topics, by, backwards=backwards)]

    assert order("size") == list(range(1, 9)) and order("size", backwards=True) == list(range(8, 0, -1))
    assert order("kept")[:2] == [8, 5] and order("alike")[0] == 8
    assert order("name")[0] == 5  # contract
    scores = [topics[number - 1].scores["signals.score"] for number in order("signals.score")]
    assert scores == sorted(scores) and order("nothing.such") == list(range(1, 9))


def test_a_row_is_found_by_its_id(runs: Path, home: Path) -> None:
    for path in (str(home / "a.jsonl"), str(next(runs.glob("*-curate-*")))):
        records = open_records(path)
        for _count in records.grow(lambda: False):
            pass
        assert [row_of(records, f"a.jsonl:{number}") for number in (1, 30, 61)] == [0, 29, 60]
        assert [row_of(records, name) for name in ("a.jsonl:62", "b.jsonl:1", "a.jsonl:", "")] == [None] * 4


# The list


def test_the_screen_never_loads_what_makes_maps(runs: Path) -> None:
    """In a process of its own: a map, a topic, a colour, a record's story, seeds; and nothing heavy."""
    code = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from pathlib import Path
from tui_pilot import driven
async def test():
    runs = Path({str(runs)!r})
    async with driven(size=(120, 40), runs_dir=runs, settle=False) as studio:
        await studio.press("8")
        await studio.until(lambda: studio.app.current_mode == "map")
        screen = studio.screen
        screen.attach({str(maps(runs)[0].path)!r} and Path({str(maps(runs)[0].path)!r}))
        await studio.until(lambda: screen.rows is not None)
        await studio.press("down", "c", "c", "w")
        await studio.until(lambda: screen.told is not None)
        await studio.press("escape", "tab", "shift+tab", "shift+tab", "shift+tab")
        screen.query_one("#topics").focus()
        await studio.press("g", "enter")
        await studio.until(lambda: studio.app.current_mode == "generate" and studio.screen.has_class("-plan"))
        heavy = ("torch", "transformers", "faiss", "sklearn", "sentence_transformers", "spacy", "datasets")
        print([name for name in heavy if name in sys.modules])
asyncio.run(test())
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_maps_are_listed_with_what_is_on_them(made_up: Path) -> None:
    async def test() -> None:
        with held(made_up, LIVE):
            async with mapping(made_up) as studio:
                listed = studio.screen.query_one("#maps")
                await studio.until(lambda: len(listed.frames) == 3, "the list")
                assert [(each.name, each.status) for each in listed.frames] == [
                    (LIVE, "running"),
                    (DONE, "finished"),
                    (FILES, "finished"),
                ]
                assert listed.frames[1].said.startswith(
                    "8 topics · 1,258 records · thin 2 · crowded 1 · emptied 1 · 2026"
                )
                assert listed.frames[2].said == "4 topics · 237 records · thin 2 · emptied 1 · desk.jsonl"
                assert listed.frames[0].said == "desk.jsonl"
                await studio.press("enter")  # how far the newest is
                await studio.until(lambda: "512 of 1,257 texts" in text(studio), "how far it is")
                assert not studio.screen.has_class("-there") and "s Stop" in text(studio)
                await studio.press("escape")
                await studio.until(lambda: not studio.screen.has_class("-open"), "the list")

    run(test())


# A map


def test_topics_plane_and_records_go_together(made_up: Path) -> None:
    async def test() -> None:
        async with mapping(made_up) as studio:
            await shown(studio, made_up, DONE)
            screen, points = studio.screen, points_in(made_up)
            assert screen.topic is None and len(screen.rows) == len(points)
            await studio.press("down", "down")
            await settled(studio)
            assert screen.topic.number == 2 and set(points.topic[screen.rows]) == {2}
            shown_text = text(studio)
            assert "260 of 1,258 records · topic 2" in shown_text and "invoice, refund, paid" in shown_text
            plane = screen.query_one("#plane")
            assert plane.scatter.shown == 260 and plane.labels[0].style == "plane--this"
            await studio.press("f", "f")  # dropped
            await settled(studio)
            assert len(screen.rows) == 21 and "only dropped" in text(studio)
            await studio.press("slash")
            await studio.type("transfer")
            await studio.press("enter")
            await settled(studio)
            assert set(points.frame["opening"].gather(screen.rows)) == {"Can I pay by bank transfer?"}
            assert screen.focused is screen.query_one("#topics")
            await studio.press("escape")  # the filters
            await settled(studio)
            assert screen.choice == Choice(topic=2) and len(screen.rows) == 260
            await studio.press("right_square_bracket")
            await settled(studio)
            assert screen.topic.number == 3
            await studio.press("escape")
            await studio.until(lambda: not screen.has_class("-open"), "the list")
            assert screen.points is None

    run(test())


def test_topics_are_sorted_and_coloured_by_keys(made_up: Path) -> None:
    async def test() -> None:
        async with mapping(made_up) as studio:
            await shown(studio, made_up, DONE)
            screen, topics = studio.screen, studio.screen.query_one("#topics")
            await studio.press("s")
            assert screen.sort == "kept" and [each.number for each in topics.topics][:2] == [8, 5]
            await studio.press("S")
            assert [each.number for each in topics.topics][-2:] == [5, 8]
            await studio.press(*["s"] * 5)
            assert screen.sort == "signals.score" and "score" in text(studio)
            assert screen.colours() == [TOPIC, FATE, NEAR, "rarity.score", "signals.score"]
            await studio.press("c", "c", "c")
            await settled(studio)
            assert screen.colour == "rarity.score" and "rarity.score: 0.2" in text(studio)
            values = screen.points.measure("rarity.score")[screen.rows[:-1]]
            assert (np.diff(values) >= 0).all()
            await studio.press("C")
            await studio.until(lambda: studio.screen.query("#choices"), "what there is to choose")
            await studio.press("home", "enter")
            await settled(studio)
            assert screen.colour == TOPIC
            await studio.press("down", "x")
            await settled(studio)
            assert screen.only and not (screen.query_one("#plane").scatter.styles == OTHER).any()

    run(test())


def test_a_rectangle_grows_by_keys_and_can_be_looked_at_closer(made_up: Path) -> None:
    async def test() -> None:
        async with mapping(made_up, size=(80, 24)) as studio:
            await shown(studio, made_up, DONE)
            screen, plane = studio.screen, studio.screen.query_one("#plane")
            await studio.press(*BOX)
            await settled(studio)
            points, box = screen.points, plane.box
            wanted = [
                row
                for row in range(len(points))
                if box[0] <= points.x[row] <= box[2] and box[1] <= points.y[row] <= box[3]
            ]
            assert sorted(screen.rows) == wanted and 0 < len(wanted) < len(points)
            before = len(wanted)
            await studio.press("L")
            await settled(studio)
            assert len(screen.rows) > before and "arrows grow it" in text(studio)
            await studio.press("space", "L")  # fixed: the cross moves alone
            await settled(studio)
            fixed = plane.box
            assert not plane.growing and fixed == screen.choice.box
            await studio.press("plus")
            await settled(studio)
            assert plane.window != WHOLE and plane.window[0] <= fixed[0] and plane.window[2] >= fixed[2]
            assert plane.scatter.there < len(points) - 1
            window = plane.window
            await studio.press(*["L"] * 12)  # beyond the edge: the part moves
            await settled(studio)
            assert plane.window[0] > window[0] and plane.window[2] <= WHOLE[2] + 1e-6
            await studio.press("minus", "0")
            await settled(studio)
            assert plane.window == WHOLE and plane.box == fixed
            await studio.press("escape")
            await settled(studio)
            assert plane.box is None and screen.choice.box is None and len(screen.rows) == len(points)
            await studio.press("enter")
            await settled(studio)
            assert screen.topic is not None and screen.choice.topic == screen.topic.number

    run(test())


def test_the_mouse_draws_a_rectangle_and_the_wheel_looks_closer(made_up: Path) -> None:
    async def test() -> None:
        async with mapping(made_up) as studio:
            await shown(studio, made_up, DONE)
            plane = studio.screen.query_one("#plane")
            await studio.pilot.mouse_down(plane, offset=(5, 2))
            await studio.pilot.hover(plane, offset=(20, 9))
            from textual.events import MouseMove

            plane.post_message(MouseMove(plane, 20, 9, 0, 0, 1, False, False, False))
            await studio.pilot.pause()
            await studio.pilot.mouse_up(plane, offset=(20, 9))
            await settled(studio)
            assert (
                plane.box is not None and not plane.growing and 0 < len(studio.screen.rows) < len(studio.screen.points)
            )
            plane.action_zoom(0.5)
            await settled(studio)
            assert plane.magnified > 1.5

    run(test())


# Records


def test_a_record_is_told_and_found_on_other_screens(runs: Path, home: Path) -> None:
    async def test() -> None:
        first = maps(runs)[0]
        async with mapping(runs) as studio:
            await shown(studio, runs, first.name)
            screen, listed = studio.screen, studio.screen.query_one("#points")
            ids = screen.points.frame["record_id"]
            await studio.press("f", "f", "enter")  # the dropped ones
            await settled(studio)
            gone = [ids[int(row)] for row in screen.rows]
            assert "a.jsonl:61" in gone and len(gone) == screen.points.map.dropped < 5
            listed.set_cursor(gone.index("a.jsonl:61"))
            listed.moved(listed.cursor)
            await settled(studio)
            await studio.press("w")
            await studio.until(lambda: screen.told is not None, "its story")
            assert "- exact/" in text(studio) and screen.told.events[-1].related_id == "a.jsonl:1"
            await studio.press("escape", "v")
            await studio.until(lambda: studio.app.current_mode == "review", "Review")
            await studio.until(lambda: studio.screen.showing.hunk is not None, "its hunk")
            await studio.until(lambda: studio.screen.showing.hunk.record_id == "a.jsonl:61", "the hunk of the record")
            await studio.press("8", "escape")
            await settled(studio)
            place = next(at for at, row in enumerate(screen.rows) if ids[int(row)] == "a.jsonl:44")
            listed.set_cursor(place)
            listed.moved(place)
            assert "a.jsonl:44" in screen.command_line()
            listed.focus()
            await studio.press("enter")
            await studio.until(lambda: studio.app.current_mode == "data", "Data")
            table = lambda: studio.screen.query_one("#table")  # noqa: E731
            await studio.until(lambda: studio.screen.whole and table().cursor == 43, "the record")
            await studio.until(
                lambda: studio.screen.record is not None and studio.screen.record.raw.position == 44, "it"
            )
            # Another record of the same run: nothing is opened anew
            before = studio.screen.records
            await studio.press("8", "down")
            await settled(studio)
            row = int(listed.rows[listed.cursor])
            await studio.press("enter")
            wanted = int(ids[row].rpartition(":")[2]) - 1
            await studio.until(
                lambda: studio.app.current_mode == "data" and table().cursor == wanted, "the other record"
            )
            assert studio.screen.records is before

    run(test())


def test_a_record_of_a_file_is_told_whole_and_has_no_review(runs: Path, home: Path) -> None:
    async def test() -> None:
        async with mapping(runs, size=(80, 24)) as studio:
            await shown(studio, runs, maps(runs)[1].name)
            screen = studio.screen
            assert not screen.query_one("#topics").decided and screen.colours()[:2] == [TOPIC, NEAR]
            await studio.press("enter", "v")
            assert "only what a run did can be reviewed" in studio.said and studio.app.current_mode == "map"
            await studio.press("w")
            await studio.until(lambda: screen.told is not None, "all of it")
            lines = (home / "a.jsonl").read_text().splitlines()
            record = screen.points.record(screen.query_one("#points").row)
            answer = json.loads(lines[int(record["record_id"].rpartition(":")[2]) - 1])["answer"]
            assert screen.told.turns[-1][1] == answer and not screen.query_one("#plane").is_on_screen
            await studio.press("w")
            assert screen.query_one("#points").has_focus and not screen.has_class("-why")
            await studio.press("enter")
            await studio.until(lambda: studio.app.current_mode == "data" and studio.screen.record is not None, "Data")
            await studio.until(lambda: studio.screen.record.raw.record_id == record["record_id"], "the record")

    run(test())


def test_what_is_gone_is_said(runs: Path, home: Path, tmp_path: Path) -> None:
    moved = tmp_path / "copied"
    shutil.copytree(maps(runs)[1].path, moved / maps(runs)[1].name)
    spec = json.loads((moved / maps(runs)[1].name / "run.json").read_text())
    (moved / maps(runs)[1].name / "run.json").write_text(json.dumps({**spec, "cwd": str(tmp_path)}))
    found = json.loads((moved / maps(runs)[1].name / "map.json").read_text())
    (moved / maps(runs)[1].name / "map.json").write_text(json.dumps({**found, "inputs": ["other.jsonl"]}))

    async def test() -> None:
        async with mapping(moved) as studio:
            await shown(studio, moved, maps(runs)[1].name)
            await studio.press("enter", "w")
            await studio.until(lambda: "other.jsonl" in studio.said, "what is wrong")
            (tmp_path / "other.jsonl").write_text('{"question": "a", "answer": "b"}\n')
            await studio.press("w")
            await studio.until(lambda: "is not there any more" in studio.said, "what is wrong")
            (moved / maps(runs)[1].name / "points.parquet").write_bytes(b"no")
            await studio.press("escape", "escape")
            studio.screen.attach(moved / maps(runs)[1].name)
            await studio.until(lambda: "holds no map" in studio.said, "what is wrong")
            assert not studio.screen.has_class("-there")

    run(test())


# From a gap to new records


def test_a_topic_opens_generate_with_its_records_as_seeds(runs: Path, tmp_path: Path) -> None:
    async def test() -> None:
        async with mapping(runs) as studio:
            await shown(studio, runs, maps(runs)[0].name)
            await studio.press("g")
            assert "Choose a topic first" in studio.said and not studio.screen.query_one("PromptLine").is_open
            await studio.press("down", "g")
            await studio.until(lambda: studio.screen.query_one("PromptLine").is_open, "where to")
            await studio.press("enter")
            await studio.until(lambda: studio.app.current_mode == "generate", "Generate")
            await studio.until(lambda: studio.screen.has_class("-plan"), "the plan")
            assert studio.screen.inputs == (str(tmp_path / "topic-1.jsonl"),) and studio.screen.draft.kind == "seeds"
            assert f"--from-seeds {tmp_path / 'topic-1.jsonl'}" in studio.screen.draft.command(studio.screen.inputs)
            written = [json.loads(line) for line in (tmp_path / "topic-1.jsonl").read_text().splitlines()]
            points = read_points(maps(runs)[0].path)
            assert 0 < len(written) <= points.filter(points["topic"] == 1).height
            # The next one has another name, and a file that is there is not written over without a question
            await studio.press("8", "g")
            field = studio.screen.query_one("#prompt-input")
            await studio.until(lambda: field.value == "topic-1-2.jsonl", "another name")
            (tmp_path / "kept.txt").write_text("mine")
            field.value = "kept.txt"
            await studio.press("enter")
            await studio.until(lambda: "Write over kept.txt?" in text(studio), "the question")
            await studio.press("n")
            assert (tmp_path / "kept.txt").read_text() == "mine" and studio.app.current_mode == "map"

    run(test())


# Making


def test_a_map_is_made_from_the_prompt_and_shown_when_it_is_there(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    async def test() -> None:
        async with mapping(tmp_path / "new") as studio:
            await studio.until(lambda: studio.screen.has_class("-none"), "what to press")
            await studio.press("n")
            studio.screen.query_one("#prompt-input").value = "nothing-there.jsonl"
            await studio.press("enter")
            await studio.until(lambda: "nothing-there.jsonl" in studio.said, "what is wrong", 60)
            await studio.press("n")
            studio.screen.query_one(
                "#prompt-input"
            ).value = f"{shlex.quote(str(home / 'a.jsonl'))} --topics 4 --limit 50"
            await studio.press("enter")
            await studio.until(lambda: studio.screen.has_class("-open"), "the run", 60)
            await studio.until(lambda: studio.screen.points is not None, "the map", 90)
            found = studio.screen.points.map
            assert len(found.topics) == 4 and found.records == 50 and found.left_out == 11
            await studio.until(lambda: "The map is there." in studio.said, "what is said of it")

    run(test())


@pytest.mark.slow
def test_a_map_that_is_made_is_stopped_and_goes_on(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    records, _ = known_topics(4000, NAMES)
    many = [{**record, "answer": f"{number} {record['answer']}"} for number, record in enumerate(records)]
    (tmp_path / "many.jsonl").write_text("".join(json.dumps(each) + "\n" for each in many))
    runs = tmp_path / "runs"

    async def test() -> None:
        async with mapping(runs) as studio:
            await studio.press("n")
            studio.screen.query_one("#prompt-input").value = "many.jsonl"
            await studio.press("enter")
            await studio.until(lambda: studio.screen.snapshot.phase == "embed", "its texts", 60)
            await studio.press("s")
            await studio.until(lambda: "y does it" in text(studio), "the question")
            await studio.press("y")
            await studio.until(lambda: studio.screen.stood.status == "stopped", "its end", 60)
            await studio.until(lambda: "c goes on with it" in studio.said, "what is said of it")
            assert status_of(maps(runs)[0]) is Status.STOPPED
            await studio.press("c")
            await studio.until(lambda: studio.screen.goes_on, "it to go on", 60)
            assert is_held(maps(runs)[0])

    try:
        run(test())
    finally:
        for each in maps(runs):
            if is_held(each):
                force_stop(each, 10.0)


# From elsewhere


def test_a_map_opens_from_runs_and_from_the_command_line(made_up: Path) -> None:
    async def test() -> None:
        settings = Settings(language="en", animation="none")
        async with driven(size=(120, 40), runs_dir=made_up, settings=settings, settle=False) as studio:
            await studio.press("4")
            await studio.until(lambda: studio.app.current_mode == "runs" and studio.screen.frame is not None, "Runs")
            await studio.press("down")
            await studio.until(lambda: studio.screen.frame.name == DONE and studio.screen.stood is not None, "the map")
            await studio.until(lambda: "a shows it on the screen Map" in text(studio), "its topics")
            assert "router · light · cable" in text(studio)
            await studio.press("a")
            await studio.until(lambda: studio.app.current_mode == "map", "Map")
            await studio.until(lambda: studio.screen.points is not None, "the map")
            assert studio.screen.followed == DONE
        async with driven(made_up / FILES, size=(80, 24), runs_dir=made_up, settings=settings, settle=False) as studio:
            await studio.press("8")
            await studio.until(lambda: studio.app.current_mode == "map" and studio.screen.points is not None, "the map")
            assert studio.screen.followed == FILES
            await studio.press("o")
            assert studio.app._clipboard == str(made_up / FILES / "map.html") and "map.html" in studio.said
            await studio.press("down", "y")
            assert studio.app._clipboard == f"studio map {FILES} --topic 1"

    run(test())
