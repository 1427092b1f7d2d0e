"""The map of a dataset: topics that are there are found, named and marked; the same input gives the same map."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from known_topics import agreement, known_topics

from curation.engine.local import curate
from curation.errors import InputError, Stopped
from curation.recipe import Recipe
from curation.topics import layout, vectors
from curation.topics.build import make_map
from curation.topics.clusters import cluster
from curation.topics.density import neighbourhood, regions, topic_marks
from curation.topics.model import MAP, POINTS, POINTS_FILE, WITHHELD, Map, MapSettings, read_map, read_points
from curation.topics.seeds import write_seeds
from curation.topics.words import distinctive_words, name_of

NAMES = ("cooking", "programming", "astronomy", "finance", "football", "law")


def jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return path


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    records, labels = known_topics(300, NAMES)
    return jsonl(tmp_path_factory.mktemp("known") / "known.jsonl", records), labels


@pytest.fixture(scope="module")
def mapped(known: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("map")
    make_map([str(known[0])], MapSettings(), folder)
    return folder


def again(known: tuple[Path, list[str]], mapped: Path, folder: Path, **settings: Any) -> Map:
    return make_map([str(known[0])], MapSettings(**settings), folder, earlier=[mapped])


def test_topics_are_found_in_both_languages(known: tuple[Path, list[str]], mapped: Path) -> None:
    found, points = read_map(mapped), read_points(mapped)
    purity, rand = agreement(known[1], points["topic"].to_list())
    assert len(found.topics) == len(NAMES)
    assert purity >= 0.95 and rand >= 0.9
    for topic in found.topics:
        assert min(topic.languages["en"], topic.languages["zh"]) >= 0.25 * topic.size, topic.name
    assert [topic.size for topic in found.topics] == sorted((topic.size for topic in found.topics), reverse=True)
    assert sum(topic.size for topic in found.topics) == found.records == 300
    assert list(points.columns) == list(POINTS)


def test_topics_are_named_by_words_that_only_they_have(known: tuple[Path, list[str]], mapped: Path) -> None:
    found, points = read_map(mapped), read_points(mapped)
    texts = [json.dumps(json.loads(line), ensure_ascii=False).lower() for line in known[0].read_text().splitlines()]
    for topic in found.topics:
        mine = [label for label, number in zip(known[1], points["topic"], strict=True) if number == topic.number]
        truth = Counter(mine).most_common(1)[0][0]
        for word in topic.words:
            having = [label for label, text in zip(known[1], texts, strict=True) if word in text]
            assert len(having) >= 4 and having.count(truth) >= 0.8 * len(having), (truth, word, Counter(having))
        assert any(word.isascii() for word in topic.words) and any(not word.isascii() for word in topic.words)
        assert topic.name == " · ".join(topic.words[:3])
        first = points.filter(pl.col("record_id") == topic.examples[0])
        assert first["central"][0] == points.filter(pl.col("topic") == topic.number)["central"].max()


def test_what_is_alike_lies_together(mapped: Path) -> None:
    points = read_points(mapped)
    places, topics = points.select("x", "y").to_numpy(), points["topic"].to_numpy()
    assert places.min() == 0 and places.max() == 1
    away = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    near = np.argsort(away, axis=1)[:, 1:11]
    assert (topics[near] == topics[:, None]).mean() >= 0.9


def test_the_same_input_gives_the_same_map_without_embedding_again(
    known: tuple[Path, list[str]], mapped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(vectors, "encode_each_once", refuse)
    again(known, mapped, tmp_path)
    for name in (MAP, POINTS_FILE, "map.html"):
        assert (tmp_path / name).read_bytes() == (mapped / name).read_bytes(), name
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_every_setting_changes_the_map(known: tuple[Path, list[str]], mapped: Path, tmp_path: Path) -> None:
    before = read_points(mapped)
    assert len(again(known, mapped, tmp_path, topics=3).topics) == 3
    limited = again(known, mapped, tmp_path, limit=60)
    assert (limited.records, limited.left_out) == (60, 240)
    chosen = read_points(tmp_path)["content_hash"].to_list()
    assert sorted(chosen) == sorted(before["content_hash"])[:60], (
        "those with the lowest digests, however they are ordered"
    )
    again(known, mapped, tmp_path, seed=5, topics=9)
    nine = read_points(tmp_path)["topic"].to_list()
    again(known, mapped, tmp_path, seed=6, topics=9)
    assert read_points(tmp_path)["topic"].to_list() != nine
    few = jsonl(tmp_path / "few.jsonl", known_topics(40, NAMES[:2])[0])
    for part in ("record", "prompt", "answer"):
        (tmp_path / part).mkdir()
        make_map([str(few)], MapSettings(part=part), tmp_path / part)
    nears = {part: read_points(tmp_path / part)["near"].to_list() for part in ("record", "prompt", "answer")}
    assert nears["record"] != nears["prompt"] != nears["answer"] != nears["record"]


def test_a_stopped_map_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "PIECE", 10)
    source = jsonl(tmp_path / "few.jsonl", known_topics(30, NAMES[:2])[0])
    asked: list[int] = []
    real = vectors.encode_each_once

    def counting(model: Any, texts: Any, **more: Any) -> Any:
        asked.append(len(texts))
        return real(model, texts, **more)

    monkeypatch.setattr(vectors, "encode_each_once", counting)
    with pytest.raises(Stopped):
        make_map([str(source)], MapSettings(), tmp_path, should_stop=lambda: len(asked) == 2)
    assert asked == [10, 10] and not (tmp_path / MAP).exists()
    make_map([str(source)], MapSettings(), tmp_path)
    assert asked == [10, 10, 10] and read_map(tmp_path).records == 30


def curated(tmp_path: Path, steps: str, records: list[dict[str, Any]]) -> Path:
    source = jsonl(tmp_path / "in.jsonl", records)
    recipe = Recipe.from_text(f"name: t\nstages:\n{steps}", "t")
    curate([str(source)], recipe, tmp_path / "run", listener=lambda _: None, workers=1, report=False)
    return tmp_path / "run"


def test_a_curation_is_mapped_with_what_became_of_its_records(tmp_path: Path) -> None:
    records, _ = known_topics(40, NAMES[:2])
    records += [records[0], {"question": "ok?", "answer": "   Yes,  it is    fine here.   "}]
    steps = "  - use: clean\n  - use: length\n    min_chars: 10\n  - use: exact\n  - use: signals\n  - use: topics\n"
    run = curated(tmp_path, steps, records)
    counts = json.loads((run / "summary.json").read_text())["counts"]
    folder = tmp_path / "map"
    folder.mkdir()
    found, points = make_map([str(run)], MapSettings(), folder), read_points(folder)
    assert (found.records, found.kept, found.dropped) == (counts["read"], counts["kept"], counts["dropped"])
    assert found.dropped >= 1 and sum(topic.dropped for topic in found.topics) == found.dropped
    dropped = points.filter(pl.col("fate") == "dropped")
    assert all("/" in reason for reason in dropped["reason"]) and set(points.filter(fate="kept")["reason"]) == {""}
    twin = points.filter(pl.col("record_id") == "in.jsonl:41")
    assert twin["copy_of"][0] == "in.jsonl:1" and twin["fate"][0] == "dropped"
    assert found.scores and all(name.startswith("signals.") for name in found.scores), "topic numbers are no measure"
    name = found.scores[0]
    mean = points.filter(pl.col("topic") == 1)[f"score.{name}"].mean()
    assert found.topics[0].scores[name] == pytest.approx(mean, abs=1e-3)
    out = tmp_path / "seeds.jsonl"
    written, changed = write_seeds(folder, 1, out, tmp_path)
    seeds = [json.loads(line) for line in out.read_text().splitlines()]
    mine = points.filter((pl.col("topic") == 1) & (pl.col("fate") == "kept") & (pl.col("copy_of") == ""))
    assert changed == 0 and written == len(seeds) == mine.height
    assert {seed["question"] for seed in seeds} <= {record["question"] for record in records}
    assert out.stat().st_mode & 0o777 == 0o600


def test_seeds_of_files_are_what_was_mapped(known: tuple[Path, list[str]], mapped: Path, tmp_path: Path) -> None:
    points = read_points(mapped)
    written, _ = write_seeds(mapped, 2, tmp_path / "seeds", tmp_path)
    lines = known[0].read_text().splitlines()
    told = [json.loads(line) for line in (tmp_path / "seeds").read_text().splitlines()]
    mine = points.filter((pl.col("topic") == 2) & (pl.col("copy_of") == "")).sort("central", descending=True)
    assert told[0] == json.loads(lines[int(mine["record_id"][0].rpartition(":")[2]) - 1])
    assert written == len(told) == mine.height
    with pytest.raises(InputError, match="no topic 99"):
        write_seeds(mapped, 99, tmp_path / "no", tmp_path)


def test_records_that_changed_since_are_no_seeds(tmp_path: Path) -> None:
    records, _ = known_topics(20, NAMES[:1])
    source = jsonl(tmp_path / "a.jsonl", records)
    found = make_map([str(source)], MapSettings(topics=2), tmp_path)
    before = sum(write_seeds(tmp_path, topic.number, tmp_path / "s", tmp_path)[0] for topic in found.topics)
    jsonl(source, [{"question": "Changed?", "answer": "All of it."}, *records[1:]])
    results = [write_seeds(tmp_path, topic.number, tmp_path / "s", tmp_path) for topic in found.topics]
    assert sum(changed for _, changed in results) == 1 and sum(kept for kept, _ in results) == before - 1


def test_words_that_were_not_searched_for_personal_data_are_not_shown(tmp_path: Path) -> None:
    secret = "Zyxquork"
    records, _ = known_topics(20, NAMES[:1])
    records += [{"question": "x", "answer": f"{secret} {secret}."}] * 3
    records.append(
        {"question": f"Whom do I ask about {NAMES[0]}?", "answer": "Write to anna.berg@posteo.de about the onions."}
    )
    steps = "  - use: length\n    part: prompt\n    min_chars: 5\n  - use: pii\n"
    run = curated(tmp_path, steps, records)
    folder = tmp_path / "map"
    folder.mkdir()
    make_map([str(run)], MapSettings(topics=2), folder)
    points = read_points(folder)
    assert set(points.filter(pl.col("fate") == "dropped")["opening"]) == {WITHHELD}
    assert points.filter(pl.col("fate") == "kept").filter(pl.col("opening") == WITHHELD).height == 0
    for name in (MAP, "map.html"):
        text = (folder / name).read_text().lower()
        assert secret.lower() not in text and "anna.berg" not in text
    for topic in read_map(folder).topics:
        try:
            write_seeds(folder, topic.number, tmp_path / "seeds", tmp_path)
        except InputError:
            continue
        assert "anna.berg" not in (tmp_path / "seeds").read_text()


def unit(rows: Any) -> Any:
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_neighbours_and_copies() -> None:
    chance = np.random.default_rng(3)
    far = unit(chance.normal(size=(40, 64)))
    rows = np.concatenate([far, unit(far[:3] + 0.02 * unit(chance.normal(size=(3, 64)))), far[:1]])
    near, twin = neighbourhood(rows)
    assert twin[40:].tolist() == [0, 1, 2, 0] and (twin[:40] == -1).all()
    cosines = rows @ rows.T
    np.fill_diagonal(cosines, -2)
    assert np.allclose(near, np.sort(cosines, axis=1)[:, -10:].mean(axis=1), atol=1e-5)
    assert neighbourhood(rows[:1]) == (pytest.approx([0.0]), pytest.approx([-1]))


@pytest.mark.parametrize(
    ("size", "kept", "copies", "marks"),
    [
        (50, 50, 0, ()),
        (50, 10, 0, ("thin",)),
        (50, 0, 0, ("emptied",)),
        (400, 400, 0, ("crowded",)),
        (50, 50, 30, ("crowded",)),
    ],
)
def test_marks_of_topics(size: int, kept: int, copies: int, marks: tuple[str, ...]) -> None:
    assert topic_marks(size, kept, copies, [50, 50, 60, 40, size], [50, 50, 60, 40, kept]) == marks


def test_thin_and_crowded_regions() -> None:
    cells = np.repeat(np.arange(12), 10)
    near = np.full(120, 0.6, dtype=np.float32)
    near[cells == 4] = 0.2
    is_copy = np.zeros(120, dtype=bool)
    is_copy[np.flatnonzero(cells == 7)[:6]] = True
    places = np.random.default_rng(1).random((120, 2)).astype(np.float32)
    found = regions(cells, cells // 4, near, is_copy, places, [f"a:{n}" for n in range(120)])
    assert [(each.mark, each.topic, each.records, each.duplicates) for each in found] == [
        ("thin", 2, 10, 0),
        ("crowded", 2, 10, 6),
    ]
    assert int(found[0].example[2:]) // 10 == 4 and int(found[1].example[2:]) // 10 == 7


def test_records_beyond_the_landmarks_go_beside_their_like(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    middles = unit(chance.normal(size=(5, 32)))
    topics = np.arange(400) % 5
    rows = unit(middles[topics] + 0.1 * chance.normal(size=(400, 32)))
    monkeypatch.setattr(layout, "LANDMARKS", 100)
    places = layout.lay_out(rows, topics)
    away = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    near = np.argsort(away, axis=1)[:, 1:6]
    assert (topics[near] == topics[:, None]).mean() > 0.95
    assert np.array_equal(places, layout.lay_out(rows, topics))


@pytest.mark.parametrize("count", [1, 2, 3, 9])
def test_few_records_make_a_map(count: int, tmp_path: Path) -> None:
    source = jsonl(tmp_path / "a.jsonl", known_topics(count, NAMES[:2])[0])
    assert make_map([str(source)], MapSettings(), tmp_path).records == count
    assert read_points(tmp_path).select("x", "y").null_count().row(0) == (0, 0)


def test_records_without_text_are_counted_and_have_no_place(tmp_path: Path) -> None:
    records, _ = known_topics(12, NAMES[:2])
    records.insert(3, {"question": "", "answer": ""})
    found = make_map([str(jsonl(tmp_path / "a.jsonl", records))], MapSettings(), tmp_path)
    row = read_points(tmp_path).filter(pl.col("record_id") == "a.jsonl:4")
    assert found.textless == 1 and found.records == 13 and row["topic"][0] == 0 and row["x"][0] is None
    with pytest.raises(InputError, match="No record has a text"):
        make_map([str(jsonl(tmp_path / "b.jsonl", records[3:4]))], MapSettings(), tmp_path)
    with pytest.raises(InputError, match="holds no map"):
        read_map(tmp_path / "nowhere")


def test_equal_vectors_make_no_topics_out_of_nothing() -> None:
    same = np.repeat(unit([[1.0, 2.0, 3.0, 4.0]]), 50, axis=0)
    found = cluster(same)
    assert set(found.topics.tolist()) == {0} and neighbourhood(same)[1][1:].tolist() == [0] * 49


def test_names_need_words() -> None:
    texts = ["the of and", "the of and", "zebra stripes", "zebra stripes"]
    found = distinctive_words(texts, np.array([0, 0, 1, 1]), np.ones(4, dtype=np.float32))
    assert found == [(), ("zebra", "stripes")] or set(found[1]) == {"zebra", "stripes"}
    assert name_of(()) == "(no common words)"


def test_the_stage_notes_the_topic_of_each_record(tmp_path: Path) -> None:
    records, labels = known_topics(90, NAMES[:3])
    records.append({"question": " ", "answer": ""})
    run = curated(tmp_path, "  - use: topics\n    topics: 3\n", records)
    ledger = pl.read_parquet(run / "ledger" / "part-00000.parquet")
    assert set(ledger["action"]) == {"annotate"} and ledger.height == 91
    numbers = [json.loads(values)["topic"] for values in ledger["values"]]
    purity, rand = agreement(labels, numbers[:-1])
    assert purity >= 0.95 and rand >= 0.9 and max(numbers) == 3
    assert (numbers[-1], ledger["reason"][-1], ledger["score"][-1]) == (0, "no_text", None)
    assert set(ledger["reason"][:-1]) == {"in_topic"} and ledger["score"][:-1].min() > -1
    assert np.bincount(numbers)[1:].tolist() == sorted(np.bincount(numbers)[1:].tolist(), reverse=True)


def test_every_parameter_of_the_stage_changes_what_it_notes(tmp_path: Path) -> None:
    records, _ = known_topics(30, NAMES[:2])
    noted = {}
    for said in ("", "    topics: 3\n", "    part: prompt\n", "    part: answer\n"):
        (tmp_path / str(len(noted))).mkdir()
        run = curated(tmp_path / str(len(noted)), f"  - use: topics\n{said}", records)
        ledger = pl.read_parquet(run / "ledger" / "part-00000.parquet")
        noted[said] = ledger.select("score", "values").rows()
    assert len({tuple(rows) for rows in noted.values()}) == 4
    with pytest.raises(Exception, match="no-such-model"):
        (tmp_path / "model").mkdir()
        curated(tmp_path / "model", f"  - use: topics\n    model: {tmp_path / 'no-such-model'}\n", records)
