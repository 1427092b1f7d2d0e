"""Records of every kind of file, one at a time: the same as a run would read, at any place, while they are counted."""

import bz2
import gzip
import json
import os
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tui_pilot import chats, write_jsonl

from curation.browsing import Order, RecordList, open_records
from curation.browsing.columnar import ParquetSegment
from curation.browsing.condition import filter_rows, true_rows
from curation.browsing.files import Kept
from curation.browsing.framed import FramedSegment
from curation.browsing.lines import LineSegment
from curation.browsing.measure import EDGES, measure
from curation.browsing.order import sort_rows
from curation.browsing.search import Matches, Search, find_rows
from curation.errors import InputError, StageError
from curation.readers import LIMITS, Limits, find_sources, read_chunks
from curation.stages.where import Where


def never() -> bool:
    return False


def nobody(done: int, total: int, found: int) -> None:
    pass


def grown(path: Path | str, **options: object) -> RecordList:
    records = open_records(str(path), **options)  # type: ignore[arg-type]
    for _ in records.grow(never):
        pass
    assert records.whole
    return records


def texts(records: RecordList) -> list[str]:
    return [records.record(row).turns[0][1] for row in range(len(records))]


MESSY = (
    b'{"text": "one"}\n\n   \n{"text": "two"}\r\n{"text": "\xe4\xb8\x89"}\n{"text": "four"\n'
    b'\t\r\n{"text": "five", "n": 5}\n\n\n  {"text": "six"}\n"seven"\n{"text": "last, without a newline"}'
)


@pytest.mark.parametrize("block", [7, 16, 64, 1 << 20])
def test_lines_are_those_the_reader_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Positions, payloads and order agree with `read_chunks`, wherever the blocks happen to end."""
    monkeypatch.setattr("curation.browsing.lines.BLOCK", block)
    path = tmp_path / "messy.jsonl"
    path.write_bytes(MESSY)
    (source,) = find_sources([str(path)])
    expected = [
        (position, payload)
        for chunk in read_chunks(source, chunk_records=100, chunk_bytes=1 << 20)
        for position, payload in zip(chunk.positions, chunk.payloads, strict=True)
    ]
    segment = LineSegment(source)
    for _ in segment.grow():
        pass
    assert [(raw.position, raw.payload) for raw in segment.raws(0, segment.count)] == expected
    assert [(segment.raw(row).position, segment.raw(row).payload) for row in range(segment.count)] == expected


def test_carriage_returns_end_lines_where_there_are_no_newlines(tmp_path: Path) -> None:
    path = tmp_path / "mac.jsonl"
    path.write_bytes(b'{"text":"a"}\r{"text":"b"}\r')
    assert texts(grown(path)) == ["a", "b"]


def test_a_line_beyond_the_limit_is_no_record_and_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"text":"a"}\n{"text":"' + b"x" * 5000 + b'"}\n{"text":"b"}\n')
    (source,) = find_sources([str(path)])
    segment = LineSegment(source, Limits(max_bytes=1000))
    list(segment.grow())
    long = segment.raw(1)
    assert (long.problem, len(long.payload) <= 4096) == ("too_long", True)
    assert [raw.problem for raw in segment.raws(0, 3)] == ["", "too_long", ""]
    assert segment.raw(2).payload == b'{"text":"b"}'


def test_a_file_cut_short_while_it_is_open_says_so(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", chats(500))
    records = grown(path)
    os.truncate(path, 100)
    assert records.record(499).problem == "truncated"
    assert records.record(499).turns == ()
    assert any("changed" in note for note in records.notes)


def test_a_file_deleted_while_it_is_open_can_still_be_read(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", chats(50))
    records = grown(path)
    path.unlink()
    assert records.record(49).turns[0][1].startswith("question 49")


def _as_csv(path: Path, values: list[str]) -> None:
    pl.DataFrame({"question": values, "answer": [f"to {value}" for value in values]}).write_csv(path)


def _as_json(path: Path, values: list[str]) -> None:
    path.write_text(json.dumps([{"text": value} for value in values], ensure_ascii=False, indent=1), encoding="utf-8")


def _as_parquet(path: Path, values: list[str]) -> None:
    pl.DataFrame({"text": values}).write_parquet(path, row_group_size=7)


def _as_gb18030(path: Path, values: list[str]) -> None:
    lines = "".join(json.dumps({"text": value}, ensure_ascii=False) + "\n" for value in values)
    chinese = json.dumps({"text": "这是一个用来说明编码的句子，大家都看得懂。" * 5}, ensure_ascii=False)
    path.write_bytes(f"{chinese}\n{lines}".encode("gb18030"))


def _lines(values: list[str]) -> bytes:
    return "".join(json.dumps({"text": value}) + "\n" for value in values).encode()


KINDS = {
    "a.csv": (_as_csv, FramedSegment),
    "a.json": (_as_json, FramedSegment),
    "a.parquet": (_as_parquet, ParquetSegment),
    "a.txt": (lambda path, values: path.write_text("\n".join(values), encoding="utf-8"), LineSegment),
    "a.jsonl": (lambda path, values: path.write_bytes(_lines(values)), LineSegment),
    "a.jsonl.gz": (lambda path, values: path.write_bytes(gzip.compress(_lines(values))), FramedSegment),
    "a.jsonl.bz2": (lambda path, values: path.write_bytes(bz2.compress(_lines(values))), FramedSegment),
    "b.jsonl": (_as_gb18030, FramedSegment),
}


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_gives_every_record_at_any_place(tmp_path: Path, name: str) -> None:
    write, kind = KINDS[name]
    values = [f'句子 {n}, "quoted" text {n}' for n in range(60)]
    write(tmp_path / name, values)
    records = grown(tmp_path / name, cache=tmp_path / "cache")
    assert isinstance(records.segments[0], kind)
    found = texts(records)
    assert found[-60:] == values
    places = list(range(len(records)))
    random.Random(1).shuffle(places)
    again = grown(tmp_path / name, cache=tmp_path / "cache")
    assert [again.record(row).turns[0][1] for row in places] == [found[row] for row in places]
    records.close()


def test_large_row_groups_are_kept_as_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curation.browsing.columnar.MOST_ROWS", 50)
    pl.DataFrame({"text": [f"t{n}" for n in range(120)]}).write_parquet(tmp_path / "a.parquet")
    records = grown(tmp_path / "a.parquet", cache=tmp_path)
    assert isinstance(records.segments[0], FramedSegment)
    assert texts(records) == [f"t{n}" for n in range(120)]


def test_what_is_kept_is_bounded_and_the_cut_is_said(tmp_path: Path) -> None:
    _as_csv(tmp_path / "a.csv", [f"value {n}" for n in range(5000)])
    (source,) = find_sources([str(tmp_path / "a.csv")])
    segment = FramedSegment(source, LIMITS, Kept(tmp_path, most=100_000))
    list(segment.grow())
    assert 0 < segment.count < 5000
    assert "no room" in segment.notes[0]


def test_what_is_no_record_stays_in_its_place(tmp_path: Path, samples: Path) -> None:
    records = grown(samples / "qa_zh.csv", cache=tmp_path)
    problems = [(row, records.record(row).problem) for row in range(len(records)) if records.record(row).problem]
    assert [problem for _row, problem in problems] == ["ragged_row"]
    lines = grown(samples / "support_desk.jsonl")
    assert sorted(lines.record(row).problem for row in range(len(lines)) if lines.record(row).problem) == [
        "bad_json",
        "not_a_number",
    ]


def test_a_folder_is_one_list_after_another(samples: Path, tmp_path: Path) -> None:
    records = grown(samples, cache=tmp_path)
    each = [len(grown(source.path, cache=tmp_path)) for source in find_sources([str(samples)])]
    assert len(records) == sum(each)
    assert [end - begin for _segment, begin, end in records.segment_rows()] == each
    assert records.record(sum(each[:-1])).raw.source == "support_desk.jsonl"
    with pytest.raises(IndexError):
        records.record(len(records))


def test_a_folder_of_many_files_needs_few_descriptors(tmp_path: Path) -> None:
    for n in range(150):
        write_jsonl(tmp_path / f"{n:03}.jsonl", [{"text": f"file {n}"}])
        (tmp_path / f"{n:03}.csv").write_text(f"text\nrow {n}\n")
    before = len(list(Path("/proc/self/fd").iterdir()))
    records = grown(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) - before < 80
    assert texts(records) == [text for n in range(150) for text in (f"row {n}", f"file {n}")]
    (tmp_path / "149.jsonl").rename(tmp_path / "gone")
    write_jsonl(tmp_path / "149.jsonl", [{"text": "another"}])
    with pytest.raises(InputError, match="replaced"):
        records.raw(299)
    records.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_columns_are_what_is_no_text(samples: Path) -> None:
    record = grown(samples / "support_desk.jsonl").record(0)
    assert dict(record.columns) == {"id": "sd-001", "shows": "clean", "channel": "counter", "rating": 4}
    assert [role for role, _ in record.turns] == ["user", "assistant"]


def test_opening_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        open_records(str(tmp_path / "absent.jsonl"))


# Searching


def naive(records: RecordList, wanted: str) -> list[int]:
    def text(row: int) -> str:
        record = records.record(row)
        values = [content for _, content in record.turns] + [str(value) for value in record.columns.values()]
        return "\n".join(values)

    return [row for row in range(len(records)) if wanted in text(row).lower()]


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("wanted", ["question 1", "句", "é", "role", 'say "', "a/b", "\\", "because because"])
def test_search_finds_exactly_what_a_plain_search_would(tmp_path: Path, wanted: str, ascii_only: bool) -> None:
    """Also where JSON writes characters as escapes, and not the names of columns and roles."""
    extra = ["句子 一", "CAFÉ and café", 'they say "no"', "a/b", "back\\slash", "the role of \\u4e00"]
    path = tmp_path / "a.jsonl"
    objects = [*chats(300), *({"messages": [{"role": "user", "content": text}]} for text in extra)]
    path.write_text("".join(json.dumps(each, ensure_ascii=ascii_only) + "\n" for each in objects), encoding="utf-8")
    records = grown(path)
    rows = find_rows(records, Search(wanted), never, nobody)
    assert rows is not None
    assert rows.tolist() == naive(records, wanted)


def test_search_with_capitals_minds_case(tmp_path: Path) -> None:
    path = write_jsonl(tmp_path / "a.jsonl", [{"text": "Paris"}, {"text": "paris"}, {"text": "PARIS"}])
    records = grown(path)
    assert [find_rows(records, Search(text), never, nobody).tolist() for text in ("paris", "Paris", "PARIS")] == [  # type: ignore[union-attr]
        [0, 1, 2],
        [0],
        [2],
    ]


def test_regular_expressions(tmp_path: Path) -> None:
    records = grown(write_jsonl(tmp_path / "a.jsonl", [{"text": "a1b"}, {"text": "ab"}, {"text": "A22B"}]))
    assert find_rows(records, Search(r"a\d+b", True), never, nobody).tolist() == [0, 2]  # type: ignore[union-attr]
    assert find_rows(records, Search(r"A\d+B", True), never, nobody).tolist() == [2]  # type: ignore[union-attr]
    with pytest.raises(StageError):
        find_rows(records, Search("(", True), never, nobody)


def test_a_search_can_be_stopped_and_says_how_far_it_is(tmp_path: Path) -> None:
    records = grown(write_jsonl(tmp_path / "a.jsonl", chats(9000)))
    told: list[tuple[int, int, int]] = []
    assert find_rows(records, Search("question"), lambda: len(told) >= 2, lambda *each: told.append(each)) is None
    assert [done for done, _total, _found in told] == [4096, 8192]
    assert {total for _done, total, _found in told} == {9000}


def test_filter_is_the_stage_where(tmp_path: Path) -> None:
    records = grown(write_jsonl(tmp_path / "a.jsonl", chats(200)))
    rows = filter_rows(records, "score >= 10 AND chars > 40", never, nobody)
    assert rows is not None
    expected = [
        row for row in range(200) if records.record(row).columns["score"] >= 10 and records.record(row).characters > 40
    ]
    assert rows.tolist() == expected
    assert 0 < len(expected) < 200
    with pytest.raises(StageError, match="no source has a column"):
        filter_rows(records, "scroe > 1", never, nobody)
    with pytest.raises(StageError):
        filter_rows(records, "score >", never, nobody)


HARD_LINES = [
    '{"text": "a", "n": 1, "name": "ann", "ok": true}',
    '{"text": "b", "n": 1, "n": 9}',  # a key twice: no record
    '{"text": "c", "n": NaN}',
    '{"text": "d", "n": 123456789012345678901234567890}',
    '{"text": "e", "n": 1' + "0" * 400 + "}",  # beyond what a float can hold: no number for a condition
    '{"text": "f", "n": "7"}',
    '{"text": "g", "n": null, "name": "Ann"}',
    '{"text": "h", "n": [1], "ok": false}',
    '  {"text": "i", "n": -4.5e1 , "name": "王"}  ',
    '{"n": 9}',  # nothing of a record
    '["text", 9]',
    "no JSON",
    "",
    '{"text": "j", "n": true, "ok": 1}',
    '{"text": "k", "n": 9, "name": "\\ud800"}',
    '{"text": "l", "\\u006e": 8}',
    '{"text": "m", "n": 9, "tags": ["x"]}',
]


@pytest.mark.parametrize(
    "condition",
    [
        "n > 5", "n < 5", "n IS NULL", "n IS NOT NULL", "NOT (n > 5)", "name = 'ann' OR n = 9", "name ILIKE 'ANN'", "ok",
        "n > 5 AND chars > 0", "tags = '[\"x\"]'", "name = '王'", "1 = 1", "source = 'a.jsonl' AND n >= 8",
    ],
)  # fmt: skip
def test_a_filter_by_columns_alone_is_the_filter_by_whole_records(tmp_path: Path, condition: str) -> None:
    good = [json.dumps({"text": f"t{n}", "n": n, "name": f"n{n}", "ok": n % 2 == 0, "tags": [n]}) for n in range(300)]
    draw = random.Random(1)
    lines = [*good[:200], *HARD_LINES, *good[200:]]
    draw.shuffle(lines)
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join([*good, *lines]), encoding="utf-8")
    records = grown(path)
    where = Where(condition=condition)
    expected = list(true_rows(records, where, enumerate(records.raws(0, len(records)))))
    rows = filter_rows(records, condition, never, nobody)
    assert rows is not None and rows.tolist() == expected
    assert len(expected) < len(records), "lines that are no record are never true"


@pytest.mark.parametrize("by", ["length", "size", "score", "name", "-length", "-score", "-name", "-source"])
def test_sorting(tmp_path: Path, by: str) -> None:
    objects = [{**each, **({"name": f"n{n * 7 % 10}"} if n % 3 else {})} for n, each in enumerate(chats(120))]
    records = grown(write_jsonl(tmp_path / "a.jsonl", objects))
    keys = {
        "length": lambda row: records.record(row).characters,
        "size": lambda row: len(records.raw(row).payload),
        "score": lambda row: records.record(row).columns["score"],
        "name": lambda row: records.record(row).columns.get("name"),
        "source": lambda row: row,
    }
    name = by.removeprefix("-")
    key = keys[name]
    have = [row for row in range(120) if key(row) is not None]
    expected = sorted(have, key=key, reverse=by.startswith("-")) + [row for row in range(120) if key(row) is None]
    rows = sort_rows(records, by, None, never, nobody)
    assert rows is not None
    assert rows.tolist() == expected


def test_sorting_some_rows_leaves_the_others_out(tmp_path: Path) -> None:
    records = grown(write_jsonl(tmp_path / "a.jsonl", chats(50)))
    rows = sort_rows(records, "-score", [4, 9, 2], never, nobody)
    assert rows is not None
    assert sorted(rows.tolist()) == [2, 4, 9]
    with pytest.raises(InputError, match="no column"):
        sort_rows(records, "scoer", None, never, nobody)


def test_matches_in_another_order() -> None:
    matches = Matches(np.array([2, 5, 9]))
    assert [row in matches for row in (2, 3, 9, 10)] == [True, False, True, False]
    plain, turned = Order(), Order(np.array([9, 1, 5, 0, 2]))
    assert [matches.next_place(plain, place, 1) for place in (0, 2, 9)] == [2, 5, 2]
    assert [matches.next_place(plain, place, -1) for place in (9, 2)] == [5, 9]
    assert [matches.next_place(turned, place, 1) for place in (0, 2, 4)] == [2, 4, 0]
    assert Matches(np.array([], np.int64)).next_place(plain, 0, 1) is None


# Distributions


def test_distributions_of_all_or_of_a_sample(tmp_path: Path) -> None:
    objects = [{"text": "x" * (40 if n % 4 else 1500)} for n in range(400)]
    records = grown(write_jsonl(tmp_path / "a.jsonl", objects))
    whole = measure(records, never)
    assert whole is not None
    assert (whole.sampled, whole.total, whole.roles) == (400, 400, {"text": 400})
    assert whole.lengths[0] == 300
    assert whole.lengths[sum(edge < 1500 for edge in EDGES)] == 100
    part = measure(records, never, most=100)
    assert part is not None
    assert (part.sampled, sum(part.lengths), part.sources) == (100, 100, {"a.jsonl": 400})
    assert measure(records, lambda: True) is None


def test_languages_of_mixed_records(samples: Path, tmp_path: Path) -> None:
    found = measure(grown(samples, cache=tmp_path), never)
    assert found is not None
    assert found.languages["en"] > 150
    assert found.languages["zh"] > 80
    assert set(found.problems) == {"ragged_row", "bad_json", "not_a_number"}
