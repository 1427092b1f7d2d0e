"""The sections of a comparison's recipe: every parameter with its bounds and its trade-off."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from curation.sectioned import Positive, Section, Share

RUBRICS = ("helpfulness", "correctness", "style", "bias", "toxicity")
SUITE_NAMES = ("arithmetic", "json", "choice", "tool_call", "refusal", "copying")


class SideSettings(Section):
    """The two models. A side is `base`, `tuned` or `checkpoint:STEP` of the training run, a run's name, a folder (a
    model or an adapter), a .gguf file, a name on the Hub, or an endpoint as `http://host/v1#model`."""

    run: str = Field(default="", max_length=4096, description="The training run that base, tuned and checkpoint mean.")
    a: str = Field(default="base", min_length=1, max_length=4096, description="The first side.")
    b: str = Field(default="tuned", min_length=1, max_length=4096, description="The second side.")
    template: str = Field(
        default="auto",
        max_length=4096,
        description="The chat template of both sides, or a .jinja file. auto: that of the training run; other models have "
        "their own.",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="Numbers of the weights. auto: as they were trained."
    )
    quantization: Literal["auto", "none", "nf4", "fp4", "int8"] = Field(
        default="auto", description="Weights of the base in fewer bits. auto: as they were trained."
    )
    key_env: str = Field(
        default="",
        max_length=200,
        description="The environment variable, or entry of the keyring, with the key of sides that are endpoints.",
    )
    threads: int = Field(default=0, ge=0, le=1024, description="Threads of PyTorch on the CPU. 0: one a core.")


class PromptSettings(Section):
    """What both sides are asked."""

    source: str = Field(
        default="heldout",
        min_length=1,
        max_length=4096,
        description="heldout: the records that the training run held out; train: those it learned; else a file.",
    )
    limit: int = Field(
        default=40, ge=0, le=100_000, description="How many prompts; drawn by the seed where there are more. 0: none."
    )
    system: str = Field(default="", max_length=100_000, description="A system prompt for prompts that have none.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of the draw.")


class SamplingSettings(Section):
    """How both sides write: the same numbers, and the same seed for each prompt."""

    temperature: float = Field(default=0.0, ge=0, le=10, description="0 is greedy: the likeliest token each time.")
    top_p: float = Field(default=1.0, gt=0, le=1, description="Draw from the likeliest tokens that have this share.")
    top_k: int = Field(default=0, ge=0, le=1_000_000, description="Draw from this many likeliest tokens. 0: from all.")
    repetition_penalty: Positive = Field(default=1.0, description="Above 1, tokens that were used become less likely.")
    max_tokens: int = Field(default=256, ge=1, le=131_072, description="An answer ends here at the latest.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of the draws, where there are any.")


class LossSettings(Section):
    """Losses on records that were not trained on, paired by record."""

    heldout: bool = Field(default=True, description="On what the training run held out.")
    retention: bool = Field(default=True, description="On general questions that come with the studio: forgetting.")
    records: int = Field(default=200, ge=1, le=1_000_000, description="At most this many held-out records.")
    batch_size: int = Field(default=4, ge=1, le=1024, description="Records at once: speed against memory.")
    max_length: int = Field(
        default=1024, ge=8, le=1 << 20, description="Longer records (tokens) are left out, and counted."
    )


class SuiteSettings(Section):
    """Small tasks made by program and scored by extraction: what the model could do before, can it still?"""

    names: tuple[Literal["arithmetic", "json", "choice", "tool_call", "refusal", "copying"], ...] = Field(
        default=(), description="Which ones. Empty: none."
    )
    languages: tuple[Literal["en", "zh"], ...] = Field(
        default=("en", "zh"), min_length=1, description="In which languages."
    )
    size: int = Field(default=20, ge=1, le=10_000, description="Cases of each suite and language.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Seed of the cases.")
    max_tokens: int = Field(default=64, ge=1, le=4096, description="An answer ends here at the latest.")


class JudgeSettings(Section):
    """A language model that says which answer is better, and how good each is."""

    model: str = Field(
        default="",
        max_length=4096,
        description="An endpoint as `http://host/v1#model`, or a model as for a side, loaded in this process. Empty: none.",
    )
    key_env: str = Field(
        default="",
        max_length=200,
        description="The environment variable, or entry of the keyring, with the key of the endpoint.",
    )
    pairwise: bool = Field(
        default=True, description="Which answer is better, asked in both orders; disagreement is a tie."
    )
    reference: bool = Field(
        default=False,
        description="Show the judge the record's own answer when it compares two. Rubrics say themselves what they need.",
    )
    verdicts: Literal["auto", "written", "likeliest"] = Field(
        default="auto",
        description="written: a reason and a verdict, as JSON. likeliest: the verdict with the highest probability as the "
        "next token, without a reason, of a model in this process: for one too small to write JSON. auto: likeliest in "
        "this process, written at an endpoint.",
    )
    rubrics: tuple[str, ...] = Field(
        default=(),
        description="helpfulness, correctness, style, bias, toxicity, or a YAML file of your own: each answer scored 0 to 1.",
    )
    threshold: Share = Field(default=0.5, description="A score of at least this passes a rubric.")
    max_tokens: int = Field(default=512, ge=16, le=32_768, description="Of a judgement, its reason included.")
    attempts: int = Field(
        default=3, ge=1, le=20, description="How often a call is tried before its failure is recorded."
    )
    timeout: Positive = Field(default=120.0, description="Seconds that one attempt may take as a whole.")
    concurrency: int = Field(default=4, ge=1, le=256, description="Calls at once at an endpoint.")
    max_calls: int = Field(default=0, ge=0, description="At most this many calls that cost something. 0: no bound.")
    deepeval: tuple[str, ...] = Field(
        default=(), description="Metrics of DeepEval besides, by class name, where the extra `deepeval` is installed."
    )


class ScoreSettings(Section):
    """Answers against the record's own answer, by program."""

    exact: bool = Field(default=True, description="The same but for white space at the ends and case.")
    rouge: bool = Field(default=True, description="ROUGE-L, F1 of the longest common subsequence of words.")
    chrf: bool = Field(default=True, description="chrF, of character n-grams; works without words, as in Chinese.")
    embedding: bool = Field(default=False, description="Cosine of sentence embeddings (multilingual).")


class StatisticsSettings(Section):
    """How sure one wants to be."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1, description="Of every interval.")
    resamples: int = Field(default=2000, ge=200, le=1_000_000, description="Of a bootstrap.")
    seed: int = Field(default=0, ge=0, lt=1 << 32, description="Of a bootstrap.")
