"""Instruction-following difficulty: how much of an answer its question explains, by a small language model."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

import polars as pl
from pydantic import Field

from curation.schema import PART_ROLES, Batch, Decisions
from curation.scoring.perplexity import Precision, Reader, Reading
from curation.stage import Cost, RecordStage, StageContext

_ANSWERS = tuple(role for role in PART_ROLES["answer"] or () if role != "rejected")
_TOKENS = (0.22, 1.5)  # about, of SmolLM2: of an ASCII character and of any other, as in the Alpaca demos
_SECONDS_A_TOKEN = {"bfloat16": 0.0010, "float32": 0.0040}  # of one core, for 135 million weights (docs/ifd.md)


class _Answer(NamedTuple):
    record_id: str
    before: str
    text: str


class Ifd(RecordStage):
    """Note how hard the answer is to follow from its question: IFD, by a small language model. Nothing is dropped.

    `perplexity_alone` is the model's perplexity of the answer by itself, `perplexity` behind everything said before it,
    and the score `ifd` their ratio: near 0 where the question all but gives the answer, near 1 where it does not help,
    above 1 where it makes the answer less likely (arXiv 2308.12032). A small model serves to rank for a larger one (arXiv
    2402.00530). The answers of a record with several are measured together; rejected ones are not read. What was
    measured once is kept in the user's cache by content and model. How fast and how stable: docs/ifd.md.
    """

    name: ClassVar[str] = "ifd"
    reasons: ClassVar[Mapping[str, str]] = {
        "measured": "its question makes the answer likelier; the score says how little",
        "no_help": "its question makes the answer no likelier than it is alone, or less likely",
        "no_prompt": "there is no question; only the perplexity of the text is noted",
        "not_measured": "the answer has fewer tokens than can be measured",
    }

    model: str = Field(
        "smollm2",
        min_length=1,
        description="the language model: smollm2 (embedded), a folder, a .gguf file, or a name on the Hub",
    )
    tokens: int = Field(
        128, ge=16, le=8192, description="how many tokens of an answer are read, and of what was said before it"
    )
    shortest: int = Field(8, ge=1, le=1024, description="fewest tokens of an answer that is measured")
    precision: Precision = Field(
        "auto", description="auto: bfloat16 where the processor has it, else float32; four times as fast"
    )

    def assets(self) -> Mapping[str, str]:
        """The model, and the arithmetic it is read with."""
        return {"model": self._reader().digest()}

    def cost(self, sample: Batch) -> Cost | None:
        """Seconds for what the cache does not have, at the rate measured here before or else at a stated one."""
        from curation.scoring.cache import ScoreCache, score_key

        reader, answers = self._reader(), self._answers(sample)
        with ScoreCache() as cache:
            rate = cache.rate(reader.rate_name())
            texts = _texts(answers)
            known: Mapping[bytes, object] = {}
            keys: Sequence[bytes] = ()
            if self.model == "smollm2" or os.path.exists(self.model):  # noqa: PTH110 - the Hub is not asked for a plan
                scorer = reader.digest()
                keys = [score_key(scorer, *text) for text in texts]
                known = cache.get(keys)
        new = [text for place, text in enumerate(texts) if not keys or keys[place] not in known]
        tokens = sum(min(self.tokens, _about_tokens(side)) for text in new for side in text)
        note = "as measured here before" if rate else "at the rate of smollm2 on a server's core of 2024"
        if known:
            note += f"; {1 - len(new) / len(texts):.0%} of the sample is in the cache"
        return Cost(seconds=tokens * (rate or _SECONDS_A_TOKEN[reader.arithmetic()]), note=note)

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One annotation for each record."""
        answers = self._answers(batch)
        texts = _texts(answers)
        read = dict(zip(texts, self._reader().read(texts), strict=True))
        found: dict[str, list[tuple[Reading, Reading | None]]] = {name: [] for name in batch.records["record_id"]}
        for name, before, text in answers:
            found[name].append((read["", text], read[before, text] if before else None))
        return Decisions.of(pl.DataFrame([self._row(name, pairs) for name, pairs in found.items()], _ROW, orient="row"))

    def _reader(self) -> Reader:
        return Reader(self.model, self.tokens, self.precision)

    def _answers(self, batch: Batch) -> list[_Answer]:
        """Every answer, and what was said before it in its record, a blank line behind each turn."""
        found: list[_Answer] = []
        last, before = "", ""
        for record, role, content in batch.turns.select("record_id", "role", "content").iter_rows():
            if record != last:
                last, before = record, ""
            if role in _ANSWERS and content.strip():
                found.append(_Answer(record, before, content))
            if role != "rejected" and content.strip():
                before += f"{content}\n\n"
        return found

    def _row(
        self, name: str, pairs: Sequence[tuple[Reading, Reading | None]]
    ) -> tuple[str, str, str, float | None, str]:
        """`record_id, action, reason, score, values` of one record."""
        asked = [(alone, given) for alone, given in pairs if given is not None]
        counted = asked or pairs
        alone = _together([one for one, _ in counted])
        if alone.tokens < self.shortest:
            return name, "annotate", "not_measured", None, json.dumps({"tokens": alone.tokens})
        values: dict[str, float] = {"perplexity_alone": _short(alone.perplexity), "tokens": alone.tokens}
        if not asked:
            return name, "annotate", "no_prompt", None, json.dumps(values)
        given = _together([other for _, other in asked])
        ifd = round(given.perplexity / alone.perplexity, 4)
        values = {"ifd": ifd, "perplexity": _short(given.perplexity), **values}
        return name, "annotate", "measured" if ifd < 1 else "no_help", ifd, json.dumps(values)


_ROW = {
    "record_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "values": pl.String,
}


def _texts(answers: Sequence[_Answer]) -> list[tuple[str, str]]:
    """What is read for these answers: each alone, and behind what came before it."""
    return list(dict.fromkeys([*(("", one.text) for one in answers), *((one.before, one.text) for one in answers)]))


def _about_tokens(text: str) -> float:
    plain = len(text.encode("ascii", "ignore"))
    return _TOKENS[0] * plain + _TOKENS[1] * (len(text) - plain)


def _together(readings: Sequence[Reading]) -> Reading:
    return Reading(sum(one.loss for one in readings), sum(one.tokens for one in readings))


def _short(perplexity: float) -> float:
    """Five digits: more than the arithmetic is good for."""
    return float(f"{perplexity:.5g}")
