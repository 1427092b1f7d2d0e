"""The optional transformer: a tiny model made on disk, its labels, its windows, and what is said when it is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from batches import batch_of

from curation.errors import StageError
from curation.stage import StageContext
from curation.stages.values import Values

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "bad",
    "good",
    "grim",
    "word",
    "can't",
    "help",
    "i",
    "sorry",
    ",",
    "but",
    "'",
    "can",
    "t",
    ".",
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of one layer, set by hand: "bad" makes label HARM likely, "grim" label GRIM, all else label FINE."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    folder = tmp_path_factory.mktemp("classifier")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4,
        max_position_embeddings=64, num_labels=3, id2label={0: "FINE", 1: "HARM", 2: "GRIM"},
    )  # fmt: skip
    made = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.zero_()
        vectors = made.bert.embeddings.word_embeddings.weight
        vectors[WORDS.index("bad")] = torch.tensor([4.0, -4.0, 0.0, 0.0])
        vectors[WORDS.index("grim")] = torch.tensor([0.0, 0.0, 4.0, -4.0])
        made.bert.embeddings.LayerNorm.weight.fill_(1.0)
        attention = made.bert.encoder.layer[0].attention
        attention.self.value.weight.copy_(torch.eye(4) * 10)
        attention.output.dense.weight.copy_(torch.eye(4))
        attention.output.LayerNorm.weight.fill_(1.0)
        made.bert.encoder.layer[0].output.LayerNorm.weight.fill_(1.0)
        made.bert.pooler.dense.weight.copy_(torch.eye(4))
        made.classifier.weight[1] = torch.tensor([4.0, -4.0, 0.0, 0.0])
        made.classifier.weight[2] = torch.tensor([0.0, 0.0, 4.0, -4.0])
        made.classifier.bias[0] = 2.0
    made.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def policy(tmp_path: Path, model: Path | str, extra: str = "", labels: str = "HARM: violence, GRIM: hate") -> str:
    file = tmp_path / "policy.yaml"
    file.write_text(
        "categories: {violence: {action: drop}, hate: {action: flag}}\n"
        f"classifier: {{model: '{model}', labels: {{{labels}}}{extra}}}\n"
    )
    return str(file)


def outcomes(chats: list, policy: str, **settings: object) -> list[tuple[str, str, str] | None]:
    batch = batch_of(chats)
    rows = Values(policy=policy, **settings).decide(batch, StageContext()).rows.rows(named=True)  # type: ignore[arg-type]
    found = {row["record_id"]: (row["action"], row["reason"], row["detail"]) for row in rows}
    return [found.get(name) for name in batch.records["record_id"]]


def test_labels_become_categories(model: Path, tmp_path: Path) -> None:
    chats = ["bad word", "good word", "grim word", ""]
    assert outcomes(chats, policy(tmp_path, model)) == [
        ("drop", "violence", "classifier, in the text"), None, ("flag", "hate", "classifier, in the text"), None,
    ]  # fmt: skip
    assert outcomes(chats, policy(tmp_path, model, labels="HARM: hate")) == [
        ("flag", "hate", "classifier, in the text"), None, None, None,
    ]  # fmt: skip


def test_rules_and_classifier_are_joined_and_refusals_count(model: Path, tmp_path: Path) -> None:
    file = policy(tmp_path, model)
    refused = [("user", "bad word"), ("assistant", "Sorry, but I can't help.")]
    answered = [("user", "bad word"), ("assistant", "good")]
    ruled = "I will stab you."
    assert outcomes([refused, answered, ruled], file) == [
        None, ("drop", "violence", "classifier, in the prompt"), ("drop", "violence", "en:threat, in the text"),
    ]  # fmt: skip
    assert outcomes([answered], file, part="answer") == [None]


def test_long_texts_are_seen_in_windows(model: Path, tmp_path: Path) -> None:
    late = "good " * 200 + "bad bad bad bad"
    assert outcomes([late], policy(tmp_path, model, ", max_tokens: 16"))[0] is not None
    mixed = "bad " * 6 + "grim " * 30  # the first window of 8 pieces holds nothing but "bad"
    narrow, wide = (
        Values(policy=policy(tmp_path, model, f", max_tokens: {size}"), annotate=True, thresholds={"violence": 1})
        .decide(batch_of([mixed]), StageContext())
        .rows["values"]
        .str.json_path_match("$.violence")
        .cast(float)[0]
        for size in (8, 64)
    )
    assert narrow > 0.9 > 0.1 > wide


def test_the_same_text_scores_the_same_in_any_company(model: Path, tmp_path: Path) -> None:
    stage = Values(policy=policy(tmp_path, model), annotate=True)
    chats = ["bad word", "good", "good " * 40, "grim " * 7]
    together = stage.decide(batch_of(chats), StageContext()).rows["score"].to_list()
    alone = [stage.decide(batch_of([text]), StageContext()).rows["score"][0] for text in chats]
    assert together == pytest.approx(alone, abs=1e-3)


def test_assets_follow_the_files_of_the_model(model: Path, tmp_path: Path) -> None:
    before = Values(policy=policy(tmp_path, model)).assets()
    assert set(before) == {"policy", "profanity", "classifier"}
    (model / "note.txt").write_text("another file")
    assert Values(policy=policy(tmp_path, model)).assets()["classifier"] != before["classifier"]
    (model / "note.txt").unlink()
    assert Values(policy=policy(tmp_path, model)).assets() == before


def test_what_cannot_be_used_is_told(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match=r"there is no folder '\./nowhere'"):
        outcomes(["bad"], policy(tmp_path, "./nowhere"))
    with pytest.raises(StageError, match="has no label 'HARMM'") as caught:
        outcomes(["bad"], policy(tmp_path, model, labels="HARMM: hate"))
    assert "HARM" in caught.value.hint
    (tmp_path / "empty").mkdir()
    with pytest.raises(StageError, match="cannot be loaded"):
        outcomes(["bad"], policy(tmp_path, tmp_path / "empty"))
