"""What was made is loaded back and asked: merged weights token by token, quantised ones by how far they have moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from curation.errors import Stopped
from training.compare.statistics.rates import wilson
from training.export.conversations import conversations
from training.export.greedy import Greedy, agreement, log_probs
from training.export.llama import LlamaModel
from training.export.turns import learn_turns

if TYPE_CHECKING:
    from training.export.gguf_file import GgufFacts
    from training.export.settings import Quant
    from training.template import Template

# The least share of tokens on which the likeliest one is the same, and the largest mean divergence (KL, nats a token). They
# were chosen before anything was measured, to tell a damaged file from one that is only coarser. A share is of some hundred
# tokens, so it only fails where chance does not explain that it is too low (Wilson, one-sided 95 %).
BOUNDS: Mapping[Quant, tuple[float, float]] = {
    "f16": (0.99, 0.002),
    "q8_0": (0.97, 0.01),
    "q5_k_m": (0.92, 0.06),
    "q4_k_m": (0.88, 0.15),
}


@dataclass(frozen=True)
class Check:
    """One look at what was made. passed: None where it could not be looked at, and `said` tells why."""

    check: str
    passed: bool | None
    said: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """In plain values."""
        return asdict(self)


def check_merged(wanted: Sequence[Greedy], found: Sequence[Greedy], dtype: str) -> Check:
    """Greedy answers of the merged weights, against those of the adapter on its base."""
    result = agreement(wanted, found, dtype)
    said = (
        f"{result.identical} of {len(wanted)} greedy answers are the same to the token as with the adapter on its base"
    )
    if result.ties:
        said += f", {result.ties} part where two tokens are equally likely"
    if result.differ:
        said += f", {len(result.differ)} differ (the first is prompt {result.differ[0] + 1})"
    said += f"; log-probabilities differ by at most {result.drift:.2g}"
    return Check(
        "merged", not result.differ, said, {"prompts": len(wanted), **asdict(result), "differ": list(result.differ)}
    )


def check_template(template: Template, tokenizer: Any, file_template: str | None = None) -> Check:
    """The exported tokenizer against the template that was trained, on 200 conversations; and what a GGUF file holds."""
    from training.template.errors import TemplateError

    try:
        tools = "tool" in learn_turns(template).roles
    except TemplateError:
        tools = False
    chats = conversations(template, tools=tools)
    wrong = 0
    for chat in chats:
        opened = chat[-1].role != "assistant"
        plain = [{"role": one.role, "content": one.content} for one in chat]
        found = tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=opened)
        wrong += found != template.render(chat, generation_prompt=opened).text
    said = f"{len(chats) - wrong} of {len(chats)} conversations are written as they were trained"
    passed = wrong == 0
    if file_template is not None and file_template != tokenizer.chat_template:
        passed, said = False, f"{said}; the template inside the GGUF file is another one"
    return Check("template", passed, said, {"conversations": len(chats), "wrong": wrong})


def check_gguf(
    path: Path,
    quant: Quant,
    facts: GgufFacts,
    model: Any,
    prompts: Sequence[tuple[str, Sequence[int]]],
    answers: Sequence[Greedy],
    environment: Mapping[str, str] | None,
    log: Path,
    on_done: Callable[[int], None],
    should_stop: Callable[[], bool],
) -> Check:
    """A GGUF file in llama.cpp, against the whole weights (`model`), on every token of the answers; and whether llama.cpp
    cuts the prompts into the same tokens."""
    name = f"gguf {quant}"
    if environment is None:
        return Check(
            name, None, "llama_cpp is not installed, so the file was not loaded; 'studio export --setup' fetches it"
        )
    longest = max(len(ids) + len(answer.tokens) for (_, ids), answer in zip(prompts, answers, strict=True))
    seen = _Seen()
    with LlamaModel(path, -(-longest // 64) * 64, environment, log) as other:
        for number, ((text, ids), answer) in enumerate(zip(prompts, answers, strict=True)):
            if should_stop():
                raise Stopped("The export was stopped; what is whole is kept.")
            begun = text.removeprefix(facts.bos) if facts.adds_bos and facts.bos else text
            seen.same_tokens += other.tokens_of(begun) == list(ids)
            tokens = [*ids, *answer.tokens]
            seen.add(log_probs(model, tokens, len(ids)), other.log_probs(tokens, len(ids)))
            on_done(number + 1)
    return _judged(name, quant, seen, len(prompts))


class _Seen:
    """Sums over tokens. same_tokens: prompts that both cut alike."""

    def __init__(self) -> None:
        self.tokens, self.agreed, self.same_tokens = 0, 0, 0
        self.kl, self.worst = 0.0, 0.0

    def add(self, wanted: Any, found: Any) -> None:
        """Two tensors of log-probabilities, tokens x vocabulary; one may have padding behind the vocabulary."""
        size = min(wanted.shape[1], found.shape[1])
        wanted, found = wanted[:, :size], found[:, :size]
        divergence = (wanted.exp() * (wanted - found)).sum(-1)
        self.tokens += len(wanted)
        self.agreed += int((wanted.argmax(-1) == found.argmax(-1)).sum())
        self.kl += float(divergence.sum())
        self.worst = max(self.worst, float(divergence.max()))


def _judged(name: str, quant: Quant, seen: _Seen, prompts: int) -> Check:
    share, mean = seen.agreed / seen.tokens, seen.kl / seen.tokens
    least, most = BOUNDS[quant]
    said = (
        f"llama.cpp agrees on {share:.1%} of {seen.tokens:,} tokens, KL {mean:.2g} a token (at most {seen.worst:.2g})"
    )
    wrong = []
    most_likely = wilson(seen.agreed, seen.tokens, 0.9).high
    if most_likely < least:
        wrong.append(f"fewer than {least:.0%} agree")
    if mean > most:
        wrong.append(f"a mean KL of more than {most:g}")
    if seen.same_tokens < prompts:
        wrong.append(f"{prompts - seen.same_tokens} of {prompts} prompts are cut into other tokens")
    if wrong:
        said += f": {', '.join(wrong)}"
    figures = {
        "tokens": seen.tokens,
        "top1": share,
        "top1_at_most": most_likely,
        "kl_mean": mean,
        "kl_max": seen.worst,
        "prompts": prompts,
        "prompts_of_the_same_tokens": seen.same_tokens,
    }
    return Check(name, not wrong, said, figures)
