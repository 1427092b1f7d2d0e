"""`inspect` counts what is there, by files whose content is known."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from curation.errors import InputError, RecipeError, StageError
from curation.inspect import SourceFacts, inspect


def write(path: Path, *lines: object) -> Path:
    text = "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return path


def qa(question: str, answer: str, **more: object) -> dict[str, object]:
    return {"question": question, "answer": answer, **more}


def look(path: Path, **options: object) -> SourceFacts:
    found = inspect([str(path)], **options)  # type: ignore[arg-type]
    assert len(found) == 1
    return found[0]


def test_everything_about_a_small_file(tmp_path: Path) -> None:
    path = write(
        tmp_path / "mixed.jsonl",
        qa("What is the capital of France?", "The capital of France is Paris.", score=1),
        qa("法国的首都是什么？", "法国的首都是巴黎。", score=None),
        "",
        qa("What is the capital of France?", "The capital of France is Paris.", score=2.5),
        "{broken",
        qa("Say <b>hello</b>", "", tag="x"),
        qa("What is the capital of France?", "The capital of France is Paris."),
        {"messages": [{"role": "user", "content": "Hi there, my friend"}, {"role": "assistant", "content": "Hello!"}]},
    )
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = look(path)
    assert (facts.kind, facts.format, facts.encoding, facts.compression) == ("jsonl", "qa", "utf-8", "none")
    assert facts.bytes == path.stat().st_size
    assert (facts.records, facts.blank, facts.whole) == (6, 1, True)
    assert facts.quarantine == {"bad_json": 1}
    assert facts.formats == {"qa": 5, "messages": 1}
    assert facts.roles == {"user": 6, "assistant": 6}
    assert facts.turns == {2: 6}
    assert facts.columns["question"] == {"present": 5, "of": 6, "types": {"text": 5}}
    assert facts.columns["score"]["types"] == {"number": 2, "null": 1}
    assert facts.columns["messages"]["types"] == {"list": 1}
    assert facts.languages["zh"] == 1
    assert sum(facts.languages.values()) == 6
    assert (facts.duplicates.copies, facts.duplicates.groups) == (2, ((3, "mixed.jsonl:1"),))
    assert facts.oddities["html_tags"].first == ("mixed.jsonl:6",)
    assert facts.oddities["empty_answer"].count == 1
    answers = facts.lengths["characters"]["answer"]
    assert (answers["most"], answers["least"], answers["records"]) == (31, 6, 5), "empty answers have no length"
    assert answers["sum"] == 3 * 31 + 9 + 6
    assert hashlib.sha256(path.read_bytes()).hexdigest() == before
    assert [p.name for p in tmp_path.iterdir()] == ["mixed.jsonl"]


def test_a_limit_is_kept_and_said(tmp_path: Path) -> None:
    path = write(tmp_path / "many.jsonl", *(qa(str(n), "yes") for n in range(50)))
    facts = look(path, limit=20)
    assert (facts.records, facts.whole) == (20, False)
    assert sum(facts.roles.values()) == 40
    assert look(path, limit=50).whole
    assert look(path, limit=50).records == 50


def test_duplicates_are_found_across_chunks(tmp_path: Path) -> None:
    lines = [qa(str(n % 4500), "yes") for n in range(9000)]
    facts = look(write(tmp_path / "big.jsonl", *lines), languages=False)
    assert facts.records == 9000
    assert facts.duplicates.copies == 4500
    assert facts.duplicates.groups[0] == (2, "big.jsonl:1")
    assert facts.languages == {}


def test_a_forced_format_is_used(tmp_path: Path) -> None:
    path = write(tmp_path / "both.jsonl", qa("a", "b", text="c d e"))
    assert look(path).format == "qa"
    facts = look(path, format="text")
    assert facts.formats == {"text": 1}
    assert facts.lengths["characters"]["record"]["sum"] == 5
    with pytest.raises(RecipeError) as caught:
        look(path, format="txet")
    assert "text" in caught.value.hint


def test_compressed_and_several_sources(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("question,answer\nq,a\n", encoding="utf-8-sig")
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(json.dumps(qa("x", "y")).encode() + b"\n"))
    found = inspect([str(tmp_path)])
    assert [(facts.source, facts.kind, facts.encoding, facts.compression) for facts in found] == [
        ("a.csv", "csv", "utf-8-sig", "none"),
        ("b.jsonl.gz", "jsonl", "utf-8", "gz"),
    ]


def test_a_file_without_a_record_has_no_lengths(tmp_path: Path) -> None:
    facts = look(write(tmp_path / "bad.jsonl", "nothing", "[1]", '{"foo": {}}'))
    assert facts.records == 0
    assert facts.lengths == {}
    assert sum(facts.quarantine.values()) == 3
    assert facts.duplicates.copies == 0


def test_what_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        inspect([str(tmp_path / "nowhere.jsonl")])


def test_tokens_are_counted_with_the_tokenizer_that_is_named(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    path = write(tmp_path / "a.jsonl", qa("one two three", "four five"), qa("six", ""))
    facts = look(path, tokenizer=str(tmp_path / "tokenizer.json"))
    assert facts.lengths["tokens"]["prompt"]["sum"] == 4
    assert facts.lengths["tokens"]["record"]["most"] == 5
    assert facts.lengths["tokens"]["answer"]["records"] == 1
    assert "tokens" not in look(path).lengths
    with pytest.raises(StageError):
        look(path, tokenizer=str(tmp_path / "nowhere"))
