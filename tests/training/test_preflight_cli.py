"""`studio preflight`: words, JSON, tokens and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from studio.cli.main import main
from training.preflight import reasons
from training.preflight.reference import reference

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command line where nothing is; exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def called(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return called


def test_a_clean_dataset_ends_with_nothing_in_the_way(call: Any, questions: Path, tiny: Path, tmp_path: Path) -> None:
    code, out, _ = call("preflight", questions, "--model", tiny, "--preset", "quick")
    assert code == 0
    assert "✓ Nothing is in the way." in out
    assert "records   38, and 2 held out" in out
    assert "holds 95% of them" in out
    assert list(tmp_path.iterdir()) == []


def test_a_finding_that_blocks_ends_with_one_and_says_how_to_go_on(call: Any, questions: Path, tiny: Path) -> None:
    words = ["preflight", "--data", questions, "--model", tiny, "--set", "data.max_length=16"]
    code, out, _ = call(*words)
    assert code == 1
    assert "✗ stops the run: too_long (40 records)" in out
    assert "questions.jsonl:" in out
    assert "→ --set data.max_length=" in out
    assert "--allow too_long" in out
    code, out, _ = call(*words, "--allow", "too_long")
    assert code == 0
    assert "✗ allowed: too_long" in out


def test_json_is_one_object_with_findings_lengths_and_tokens(call: Any, questions: Path, tiny: Path) -> None:
    code, out, err = call("preflight", questions, "--model", tiny, "--set", "data.max_length=16", "--json", "--show", 3)
    assert code == 1
    assert err == ""
    (line,) = out.splitlines()
    assert line.isascii()
    report = json.loads(line)
    assert report["blocked"] is True
    assert report["records"] == 38
    assert {finding["reason"] for finding in report["findings"]} <= set(reasons())
    first = report["findings"][0]
    assert set(first) == {"reason", "level", "records", "example", "shown", "message", "fix", "allowed"}
    assert sum(report["lengths"]["histogram"].values()) == report["lengths"]["sequences"] == 40
    assert len(report["shown"]) == 3
    tokens = report["shown"][0]["tokens"]
    assert "".join(text for text, _ in tokens).startswith("<|im_start|>user\n")
    assert {trained for _, trained in tokens} == {True, False}


def test_tokens_are_marked_without_colours(call: Any, questions: Path, tiny: Path) -> None:
    code, out, _ = call("preflight", questions, "--model", tiny, "--show", "questions.jsonl:3")
    assert code == 0
    assert "questions.jsonl:3: " in out
    assert "‹Box 2 is green. 它是green。<|im_end|>›" in out
    assert "What colour is box 2?<|im_end|>" in out
    assert "\x1b" not in out


def test_tokens_are_coloured_on_a_terminal_unless_colours_are_refused(
    call: Any, questions: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from studio.cli.preflight_words import tokens_text
    from training.preflight.show import Shown, Token

    shown = Shown("a\x1b[2J:1", "", (Token("ask\n", False, 1), Token("say\x1b]0;x\x07", True, 2)))
    plain = tokens_text(shown, coloured=False)
    assert plain == "a\\x1b[2J:1: 1 of 2 tokens are trained\nask\n‹say\\x1b]0;x\\x07›"
    coloured = tokens_text(shown, coloured=True)
    assert coloured.count("\x1b[") == 4
    assert "\x1b[2J" not in coloured
    assert "\x1b]" not in coloured
    monkeypatch.setattr("studio.cli.preflight.can_redraw", lambda stream: True)
    words = ["preflight", questions, "--model", tiny, "--show", "questions.jsonl:3"]
    assert "\x1b[1;32m‹Box 2" in call(*words)[1]
    assert "\x1b" not in call(*words, "--plain")[1]


def test_hostile_records_cannot_steer_the_terminal(call: Any, tiny: Path, tmp_path: Path) -> None:
    data = tmp_path / "hostile.jsonl"
    records = [{"question": f"What is {n} \x1b[31m?", "answer": "\x1b]0;title\x07\u202e" + "x" * n} for n in range(30)]
    data.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    _, out, err = call("preflight", data, "--model", tiny, "--set", "data.max_length=40", "--show", 30)
    assert "\x1b" not in out + err
    assert "\u202e" not in out + err
    assert "\\x1b]0;title" in out


def test_packing_is_measured_with_the_weights(call: Any, questions: Path, tiny: Path) -> None:
    settings = ["--model", tiny, "--set", "data.packing=true", "--set", "data.max_length=256"]
    code, out, _ = call("preflight", questions, *settings, "--weights", "--json")
    assert code == 0
    assert json.loads(out)["isolation"] < 1e-4
    assert json.loads(call("preflight", questions, *settings, "--json")[1])["isolation"] is None


def test_pairs_are_looked_at_too(call: Any, pairs: Path, tiny: Path) -> None:
    code, out, _ = call("preflight", pairs, "--model", tiny, "--preset", "dpo", "--show", 1, "--json")
    report = json.loads(out)
    assert code == 0
    assert [one["part"] for one in report["shown"]] == ["chosen", "rejected"]
    assert report["records"] + report["validation"] == 16


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--model", "{tiny}"], 2, "Name a dataset with --data"),
        (["{data}", "--model", "{tiny}", "--allow", "too_lng"], 2, "Did you mean 'too_long'?"),
        (
            ["{data}", "--model", "{tiny}", "--show", "questions.jsonl:99"],
            3,
            "There is no record 'questions.jsonl:99'.",
        ),
        (["{data}", "--model", "{tiny}", "--set", "data.maxlength=3"], 2, "max_length"),
        (["{data}", "--model", "{tiny}-not"], 3, "There is no folder"),
    ],
)
def test_mistakes_get_a_sentence_a_hint_and_a_code(
    words: list[str], code: int, said: str, call: Any, questions: Path, tiny: Path
) -> None:
    found, out, err = call("preflight", *(word.format(tiny=tiny, data=questions) for word in words))
    assert found == code
    assert out == ""
    assert said in err


def test_the_page_is_what_the_checks_say() -> None:
    page = (ROOT / "docs" / "preflight.md").read_text(encoding="utf-8")
    assert page == reference(), "run `make docs`"
    for name in reasons():
        assert f"\n### {name}\n" in page
