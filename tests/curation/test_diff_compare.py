"""Two datasets: which record is which, what differs, and that nothing is counted twice."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.diff import Filter, ReviewIndex, compare
from curation.diff import digests as digests_module
from curation.diff.page import page_parts
from curation.errors import InputError
from curation.verdicts import Verdict, fold

WORDS = "river stone bread lamp paper cloud green tea letter window morning street garden 雨天 自行车 绿茶".split()


def record(number: int, **more: Any) -> dict[str, Any]:
    draw = random.Random(number)
    words = " ".join(draw.choices(WORDS, k=14))
    return {"id": number, "question": f"What of {words}?", "answer": f"{words[::-1]} {number}", **more}


def write(path: Path, records: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in records), encoding="utf-8")
    return str(path)


def diff(folder: Path, a: list[dict[str, Any]], b: list[dict[str, Any]], **options: Any) -> ReviewIndex:
    one, two = write(folder / "a.jsonl", a), write(folder / "b.jsonl", b)
    return compare([one], [two], folder / f"diff{len(list(folder.iterdir()))}", workers=1, **options)


def told(index: ReviewIndex) -> list[tuple[str, str, str | None, list[str]]]:
    return [
        (hunk.status, hunk.record_id, hunk.other_id, [cause.reason for cause in hunk.causes]) for hunk in index.page()
    ]


def test_the_same_records_in_another_order_are_equal(tmp_path: Path) -> None:
    a = [record(number) for number in range(30)]
    index = diff(tmp_path, a, a[::-1])
    assert len(index) == 0 and index.counts().equal == 30 and index.facts["moved"] == 29
    assert diff(tmp_path, a, a).facts["moved"] == 0


def test_the_order_of_columns_and_of_keys_is_no_difference(tmp_path: Path) -> None:
    a = [record(1, extra={"x": 1, "y": [1, 2]})]
    b = [{key: a[0][key] for key in ("extra", "answer", "id", "question")}]
    b[0]["extra"] = {"y": [1, 2], "x": 1}
    assert len(diff(tmp_path, a, b)) == 0
    b[0]["extra"] = {"y": [2, 1], "x": 1}
    assert told(diff(tmp_path, a, b)) == [("changed", "a.jsonl:1", "b.jsonl:1", ["extra"])]


def test_each_way_of_matching(tmp_path: Path) -> None:
    a = [record(number) for number in range(20)]
    b = [dict(item) for item in a]
    b[2]["answer"] = "Something else altogether."  # the same prompt
    b[4]["question"] = "Asked in quite another way?"  # the same answer
    b[6]["id"] = "six"  # the same text
    b[8]["question"] = b[8]["question"].replace("river", "brook").replace("What", "Which")
    b[8]["answer"] = b[8]["answer"] + " and more"  # similar
    b[10] = {"id": 77, "question": "Nothing of the kind?", "answer": "No, nothing at all."}  # alone between neighbours
    del b[12]
    b.append({"id": 99, "question": "Brand new?", "answer": "Yes."})
    index = diff(tmp_path, a, b)
    hunks = {hunk.record_id: hunk for hunk in index.page()}
    hows = {key: hunk.causes[0].reason_text.removeprefix("matched by ") for key, hunk in hunks.items() if hunk.causes}
    assert hows == {
        "a.jsonl:3": "the same prompt",
        "a.jsonl:5": "the same answer",
        "a.jsonl:7": "the same text",
        "a.jsonl:9": "similar text",
        "a.jsonl:11": "the same place between two neighbours that did not change",
    }
    assert hunks["a.jsonl:13"].status == "removed" and hunks["b.jsonl:20"].status == "added"
    assert [hunk.record_id for hunk in index.page()] == [f"a.jsonl:{n}" for n in (3, 5, 7, 9, 11, 13)] + ["b.jsonl:20"]
    assert 0.4 <= (hunks["a.jsonl:9"].score or 0) < 1
    (change,) = hunks["a.jsonl:7"].fields
    assert (change.name, change.before, change.after) == ("id", "6", '"six"')
    counts = index.counts()
    assert counts.by_reason == {("diff", ""): 2, ("diff", "user"): 3, ("diff", "assistant"): 3, ("diff", "id"): 2}
    assert index.counts(Filter(reason="user")).total == 3
    assert index.counts(Filter(text="brand NEW")).total == 1 and index.counts(Filter(source="b.jsonl")).total == 6


def test_a_short_answer_makes_no_partners(tmp_path: Path) -> None:
    a = [record(1), {"question": "Is the river deep?", "answer": "Yes."}, record(2)]
    b = [{"question": "May a lamp stay on all night?", "answer": "Yes."}, record(1), record(2)]
    assert diff(tmp_path, a, b).counts().by_status == {"removed": 1, "added": 1}
    long = "It may, if it is one of the new kind, and nobody minds the light."
    a[1]["answer"] = b[0]["answer"] = long
    assert diff(tmp_path, a, b).counts().by_status == {"changed": 1}


def test_a_key_says_which_record_is_which(tmp_path: Path) -> None:
    a = [record(number) for number in range(6)]
    b = [dict(item) for item in a[::-1]]
    b[0] = {**record(70), "id": 5}
    b.append(record(8))
    index = diff(tmp_path, a, b, key="id")
    assert told(index) == [
        ("changed", "a.jsonl:6", "b.jsonl:1", ["user", "assistant"]),
        ("added", "b.jsonl:7", None, []),
    ]
    by_text = told(diff(tmp_path, a, a, key="question"))
    assert by_text == []
    with pytest.raises(InputError, match="column 'nothing'"):
        diff(tmp_path, a, b, key="nothing")


def test_records_without_the_key_are_matched_by_their_text(tmp_path: Path) -> None:
    a = [record(1), {"question": "No id?", "answer": "None."}]
    b = [{"question": "No id?", "answer": "None."}, record(1, answer="Other.")]
    assert told(diff(tmp_path, a, b, key="id")) == [("changed", "a.jsonl:1", "b.jsonl:2", ["assistant"])]


def test_repeated_records_are_matched_one_by_one(tmp_path: Path) -> None:
    a = [record(1)] * 5 + [record(2)]
    b = [record(1)] * 3 + [record(2)] * 2
    counts = diff(tmp_path, a, b).counts()
    assert counts.by_status == {"removed": 2, "added": 1} and counts.equal == 4


def test_another_schema_is_a_difference_of_structure(tmp_path: Path) -> None:
    a = [{"question": "Why is it so?", "answer": "Because."}]
    messages = [{"role": "user", "content": "Why is it so?"}, {"role": "assistant", "content": "Because."}]
    index = diff(tmp_path, a, [{"messages": messages}])
    assert told(index) == [("changed", "a.jsonl:1", "b.jsonl:1", ["structure"])]
    more = [*messages, {"role": "user", "content": "Really?"}, {"role": "assistant", "content": "Yes."}]
    (hunk,) = diff(tmp_path, [{"messages": messages}], [{"messages": more}]).page()
    assert {cause.reason for cause in hunk.causes} >= {"user 2", "assistant 2"}


def test_verdicts_on_a_pair_are_about_the_first_or_of_added_ones_the_second(tmp_path: Path) -> None:
    a = [record(number) for number in range(4)]
    b = [a[0], a[2], record(9)]
    index = diff(tmp_path, a, b)
    lines = [Verdict("accept", hunk.record_id, hunk.content_hash) for hunk in index.page()]
    index.judge(fold(lines))
    assert index.counts().by_verdict == {"open": 0, "accepted": len(lines)} and len(lines) >= 2


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_and_shards_make_no_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    a = [record(number) for number in range(60)]
    b = [dict(item, answer=item["answer"] + " more") if item["id"] % 7 == 0 else item for item in a if item["id"] % 11]
    whole = diff(tmp_path, a, b)
    monkeypatch.setattr(digests_module, "SHARD_RECORDS", 9)
    monkeypatch.setattr(digests_module, "SMALL", -1)
    other = compare([str(tmp_path / "a.jsonl")], [str(tmp_path / "b.jsonl")], tmp_path / "w", workers=workers)
    assert told(other) == told(whole) and other.counts() == whole.counts()
    assert len(other.facts["a"]["shards"]) == 7


small_records = st.builds(
    lambda q, a: {"question": q, "answer": a}, st.sampled_from(["why so?", "where?", "who?"]), st.sampled_from("abcd")
)


@settings(max_examples=40, deadline=None)
@given(st.lists(small_records, min_size=1, max_size=9), st.lists(small_records, min_size=1, max_size=9))
def test_every_record_is_accounted_for_once(a: list[dict[str, Any]], b: list[dict[str, Any]]) -> None:
    """Equal + changed + removed is the first side, equal + changed + added the second; the same is never a hunk."""
    with tempfile.TemporaryDirectory() as name:
        index = diff(Path(name), a, b)
        by = index.counts().by_status
        equal = index.counts().equal
        assert equal + by.get("changed", 0) + by.get("removed", 0) == len(a)
        assert equal + by.get("changed", 0) + by.get("added", 0) == len(b)
        assert equal == sum(min(a.count(item), b.count(item)) for item in {json.dumps(i): i for i in a}.values())
        hunks = index.page(n=100)
        assert len({(hunk.record_id, hunk.status == "added") for hunk in hunks}) == len(hunks)
        for hunk in hunks:
            assert hunk.before != hunk.after
            assert bool(hunk.causes) == (hunk.status == "changed")


def test_bad_lines_are_counted_and_empty_sides_are_fine(tmp_path: Path) -> None:
    one = write(tmp_path / "a.jsonl", [record(1)])
    (tmp_path / "b.jsonl").write_text('nonsense\n\n{"question": "Is it?", "answer": "It is."}\n')
    index = compare([one], [str(tmp_path / "b.jsonl")], tmp_path / "d", workers=1)
    assert index.facts["b"]["quarantined"] == 1 and index.facts["b"]["blank"] == 1
    (tmp_path / "c.jsonl").write_text("nonsense\n")
    only = compare([one], [str(tmp_path / "c.jsonl")], tmp_path / "e", workers=1)
    assert only.counts().by_status == {"removed": 1}


def test_the_page_shows_hostile_texts_as_text(tmp_path: Path) -> None:
    evil = "<script>alert(1)</script>\x1b]0;x\x07\u202e"
    index = diff(tmp_path, [record(1, tag=evil)], [record(1, tag="fine"), record(2, answer=evil)])
    page = "".join(page_parts(index, index.page(), index.counts(), title=evil))
    assert "<script" not in page and "\x1b" not in page and "\u202e" not in page
    assert "default-src 'none'" in page and "<del>" in page and "<ins>" in page
    assert page.count("<section>") == 2 and page.endswith("</html>\n")
