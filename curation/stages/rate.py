"""Marks of a language model: how good a record is, how much it demands, by a rubric of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import polars as pl
from pydantic import Field

from curation.errors import StageError
from curation.schema import PART_ROLES, Batch, Decisions
from curation.stage import Cost, RecordStage, StageContext

if TYPE_CHECKING:
    from curation.llm.budget import Budget
    from curation.scoring.rate_ask import Judge, Question, Rating
    from curation.scoring.rate_prompt import RatePrompt
    from curation.scoring.rate_rubric import Rubric

_ANSWERS = tuple(role for role in PART_ROLES["answer"] or () if role != "rejected")


class Rate(RecordStage):
    """Note the marks that a language model gives a record by a rubric, such as its quality and its complexity.

    Nothing is dropped: `select` reads the marks, as in `score: rate.quality * rate.complexity`. The judge is at an endpoint
    or in this process; its answers are read strictly, and a fault is never a mark. What was answered once is not asked
    again, by this run or by another. The judge's reasons stay in the user's cache, and `studio why` shows them. More:
    docs/rate.md.
    """

    name: ClassVar[str] = "rate"
    reasons: ClassVar[Mapping[str, str]] = {
        "rated": "the judge marked it; the score is the rubric's first mark",
        "no_answer": "unrated: there is no answer to mark",
        "too_long": "unrated: it has more characters than `longest`",
        "unreadable": "unrated: what the judge wrote holds no marks that can be read without doubt",
        "out_of_range": "unrated: the judge gave a mark that is not on its scale",
        "truncated": "unrated: the judge's answer was cut off at `answer_tokens`",
        "refused": "unrated: the endpoint refused this record, and answered about others",
        "too_large": "unrated: the question is longer than the judge can read",
        "unanswered": "unrated: no answer came, or the budget was spent, and `unanswered` is `leave`",
    }

    model: str = Field(
        "smollm2",
        min_length=1,
        max_length=4096,
        description="who marks: http://host/v1#model for an endpoint; else a model in this process: smollm2, a folder, a "
        ".gguf file, a name on the Hub",
    )
    key_env: str = Field(
        "",
        max_length=200,
        description="the environment variable (or entry of the keyring) that holds the endpoint's key",
    )
    rubric: str = Field(
        "default", min_length=1, description="by what is marked: default, or the path of a YAML file of your own"
    )
    prompts: str = Field("", description="a folder with a `rate.jinja` of your own, in place of the studio's")
    marks: Literal["auto", "written", "likeliest"] = Field(
        "auto",
        description="written: the judge writes reasons and marks. likeliest: of a model in this process, the mean of the "
        "numbers by how likely each is; no reasons. auto: likeliest in this process, written at an endpoint",
    )
    longest: int = Field(
        24_000, ge=100, description="characters of a record that is asked about; longer ones are unrated"
    )
    mask: Literal["auto", "always", "never"] = Field(
        "auto",
        description="personal data and secrets are masked in what is asked; auto: whenever it leaves this machine",
    )
    answer_tokens: int = Field(512, ge=16, le=1_000_000, description="tokens of the judge's answer at most")
    at_once: int = Field(8, ge=1, le=1024, description="calls under way at most; fewer while the endpoint says so")
    attempts: int = Field(3, ge=1, le=20, description="of each call, where asking again may help")
    timeout: float = Field(120.0, gt=0, le=86_400, description="seconds that one attempt may take, as a whole")
    unanswered: Literal["stop", "leave"] = Field(
        "stop",
        description="records that got no answer, or that the budget is spent for. stop: the run ends, to be resumed; leave: "
        "they are unrated. An endpoint that is down ends the run either way",
    )
    calls: int = Field(0, ge=0, description="budget: requests at most in a run; 0: no bound")
    tokens: int = Field(0, ge=0, description="budget: tokens at most, asked and answered together; 0: no bound")
    money: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="budget: money at most, at the prices below; 0: no bound"
    )
    price_prompt: float = Field(0.0, ge=0, allow_inf_nan=False, description="price of a million tokens of prompts")
    price_completion: float = Field(0.0, ge=0, allow_inf_nan=False, description="price of a million tokens of answers")
    keep_reasons: bool = Field(True, description="keep the judge's words in the user's cache, for `studio why`")

    def check(self, column_types: Mapping[str, Mapping[str, str]]) -> None:  # noqa: ARG002
        """StudioError where the address, the rubric, the prompt or the budget cannot be used. Asks nobody."""
        judge, rubric = self._judge(), self._rubric()
        if self.marks == "likeliest" and judge.is_remote:
            raise StageError("an endpoint does not tell how likely each mark is", "Use `marks: written`, or auto.")
        if judge.is_remote:
            judge.identity()
        wide = [mark.name for mark in rubric.marks if mark.highest > 9]
        if wide and not judge.written:
            said = f"the scale of '{wide[0]}' has numbers of two digits, which are not told apart by their first"
            raise StageError(said, "Let it end at 9, or use `marks: written`.")
        self._prompt().requests([("user", "Is it?"), ("assistant", "It is.")], masked=True)

    def assets(self) -> Mapping[str, str]:
        """The rubric, the prompt, and the model in this process."""
        from curation.scoring.cache import score_key

        judge, prompt = self._judge(), self._prompt().digests
        facts = {
            "rubric": score_key("rubric", self._rubric().model_dump_json()).hex(),
            "prompt": score_key("prompt", *(text for pair in prompt.items() for text in pair)).hex(),
        }
        return facts if judge.is_remote else {**facts, "model": judge.identity()}

    def cost(self, sample: Batch) -> Cost | None:
        """Calls and tokens for what the cache does not have, answers at their full length."""
        from curation.scoring.cache import ScoreCache
        from curation.scoring.rate_ask import rate_name
        from curation.scoring.rate_here import is_at_hand
        from curation.synthesis.estimate import estimate
        from curation.synthesis.sections import BudgetSettings

        judge = self._judge()
        questions = [question for _, question in self._questions(sample, mask=False) if question]
        looks = not self._masks() and (judge.is_remote or is_at_hand(self.model))
        asked = dict(zip(judge.keys(questions) if looks else map(_name_of, questions), questions, strict=True))
        with ScoreCache() as cache:
            known = cache.get(list(asked)) if looks else {}
            pace = cache.rate(rate_name(judge))
        new = [question for key, question in asked.items() if key not in known]
        prices = BudgetSettings(price_prompt=self.price_prompt, price_completion=self.price_completion)
        about = estimate((request for question in new for request in question), prices)
        notes = ["tokens of prompts estimated, answers at their full length"]
        notes += [f"{1 - len(new) / len(asked):.0%} of the sample is in the cache"] if known else []
        if judge.is_remote:
            money = about.money if self.price_prompt or self.price_completion else None
            notes += ["the cache is not looked at, since records are masked first"] if self._masks() else []
            return Cost(0.0, about.calls, about.prompt_tokens, about.completion_tokens, money, "; ".join(notes))
        notes += [] if pace else ["not yet measured here how long the model takes"]
        return Cost(
            (pace or 0.0) * about.calls,
            about.calls,
            about.prompt_tokens,
            about.completion_tokens,
            None,
            "; ".join(notes),
        )

    def decide(self, batch: Batch, context: StageContext) -> Decisions:
        """One annotation for each record. Raises Stopped, and StageError where the judge is given up on."""
        from curation.scoring.rate_ask import rate

        looked = self._questions(batch, mask=self._masks())
        asked = [question for _, question in looked if question]
        told = iter(rate(self._judge(), self._rubric(), asked, context.folder, context.should_stop))
        names = [mark.name for mark in self._rubric().marks]
        written = self._judge().written
        rows = [
            _row(name, reason, next(told) if question else None, names, written=written)
            for name, (reason, question) in zip(batch.records["record_id"], looked, strict=True)
        ]
        return Decisions.of(pl.DataFrame(rows, _ROW, orient="row"))

    def _questions(self, batch: Batch, *, mask: bool) -> list[tuple[str, Question | None]]:
        """For each record what is asked about it, or the reason why nothing is."""
        records: dict[str, list[tuple[str, str]]] = {name: [] for name in batch.records["record_id"]}
        answered: set[str] = set()
        for name, role, content in batch.turns.select("record_id", "role", "content").iter_rows():
            if role == "rejected" or not content.strip():
                continue
            records[name].append(("assistant" if role == "chosen" else role, content))
            if role in _ANSWERS:
                answered.add(name)
        reasons = {name: self._unaskable(turns, name in answered) for name, turns in records.items()}
        asked = [name for name, reason in reasons.items() if not reason]
        hidden = _masked([records[name] for name in asked]) if mask else {}
        prompt = self._prompt()
        found: dict[str, Question] = {}
        for place, name in enumerate(asked):
            turns, is_masked = hidden.get(place, (records[name], False))
            found[name] = prompt.requests(turns, masked=is_masked)
        return [(reasons[name], found.get(name)) for name in records]

    def _unaskable(self, turns: Sequence[tuple[str, str]], is_answered: bool) -> str:
        if not is_answered:
            return "no_answer"
        return "too_long" if sum(len(text) for _, text in turns) > self.longest else ""

    def _masks(self) -> bool:
        from curation.llm.address import leaves_machine

        return self.mask == "always" or (self.mask == "auto" and leaves_machine(self.model))

    def _judge(self) -> Judge:
        from curation.scoring.rate_ask import Judge

        is_remote = Judge(self.model).is_remote
        return Judge(
            self.model,
            self.key_env,
            written=self.marks == "written" or (self.marks == "auto" and is_remote),
            at_once=self.at_once,
            attempts=self.attempts,
            timeout=self.timeout,
            budget=self._budget(),
            leaves=self.unanswered == "leave",
            keeps_reasons=self.keep_reasons,
        )

    def _budget(self) -> Budget:
        from curation.llm.budget import Budget

        return Budget(self.calls, self.tokens, self.money, self.price_prompt, self.price_completion)

    def _rubric(self) -> Rubric:
        from curation.scoring.rate_rubric import load_rubric

        return load_rubric(self.rubric)

    def _prompt(self) -> RatePrompt:
        from curation.scoring.rate_prompt import RatePrompt

        written = self._judge().written
        return RatePrompt(self._rubric(), self.prompts, written=written, max_tokens=self.answer_tokens)


_ROW = {
    "record_id": pl.String,
    "action": pl.String,
    "reason": pl.String,
    "score": pl.Float64,
    "values": pl.String,
    "detail": pl.String,
}


def _row(name: str, reason: str, rating: Rating | None, marks: Sequence[str], *, written: bool) -> tuple[object, ...]:
    """The annotation of one record, as a row of _ROW. Of what a judge wrote, detail says where it is kept."""
    from curation.scoring.rate_reasons import detail_of

    if rating is None:
        return name, "annotate", reason, None, None, None
    if rating.reason is not None:
        return name, "annotate", rating.reason, None, None, None
    values = dict(zip(marks, rating.numbers, strict=True))
    detail = detail_of(rating.key) if written else None
    return name, "annotate", "rated", rating.numbers[0], json.dumps(values), detail


def _name_of(question: Question) -> bytes:
    """What tells a question from others, where who is asked does not matter."""
    return " ".join(request.key() for request in question).encode()


def _masked(records: Sequence[Sequence[tuple[str, str]]]) -> dict[int, tuple[list[tuple[str, str]], bool]]:
    """The turns of each record with personal data masked, and whether there was any."""
    from curation.synthesis.mask import Masker

    texts = [text for turns in records for _, text in turns]
    owners = [place for place, turns in enumerate(records) for _ in turns]
    hidden = iter(Masker().mask(texts, owners)[0]) if texts else iter(())
    found: dict[int, tuple[list[tuple[str, str]], bool]] = {}
    for place, turns in enumerate(records):
        pairs = [(role, next(hidden)) for role, _ in turns]
        found[place] = [(role, one.text) for role, one in pairs], any(one.places for _, one in pairs)
    return found
