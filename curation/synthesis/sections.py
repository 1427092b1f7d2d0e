"""The sections of a generation's recipe: every parameter with its bounds and its trade-off."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from curation.sectioned import Positive, Section, Share

QuestionType = Literal["factual", "explanation", "how_to", "comparison", "cause", "inference", "definition", "numeric"]
Difficulty = Literal["easy", "medium", "hard"]
Money = Annotated[float, Field(ge=0, allow_inf_nan=False)]
QUESTION_TYPES: tuple[QuestionType, ...] = (
    "factual", "explanation", "how_to", "comparison", "cause", "inference", "definition", "numeric",
)  # fmt: skip


class SourceSettings(Section):
    """What records are made from."""

    kind: Literal["documents", "seeds", "texts", "records"] = Field(
        default="documents",
        description="documents: questions and answers about them. seeds: more like a few examples. texts: the instruction "
        "that each text answers. records: each record worked on as `how` says.",
    )
    how: Literal["rewrite", "complete", "translate", "deepen"] = Field(
        default="rewrite",
        description="With records. rewrite: the same in other words; complete: the answer where it is missing, or shorter "
        "than gates.answer_min; translate: into ask.languages; deepen: a harder question about the same, with its answer.",
    )
    lines: bool = Field(
        default=False, description="Every line of a plain text file is a document of its own, as in dumps of Wikipedia."
    )
    limit: int = Field(
        default=0, ge=0, description="So many documents, seeds, texts or records at most, the first. 0: all."
    )
    timeout: Positive = Field(default=120.0, le=3600, description="Seconds that converting one document may take.")
    memory: int = Field(default=2048, ge=256, le=1 << 20, description="MiB that converting one document may take.")


class ChunkSettings(Section):
    """How documents are cut. A chunk ends where a section, a paragraph or a sentence does, as the length allows."""

    tokens: int = Field(
        default=400, ge=32, le=100_000, description="Tokens of a chunk at most. Longer: more context, vaguer questions."
    )
    overlap: int = Field(
        default=40, ge=0, le=10_000, description="Tokens that a chunk repeats of the one before, in whole sentences."
    )
    minimum: int = Field(
        default=24, ge=0, description="Chunks with fewer tokens are joined to a neighbour or left out."
    )
    tokenizer: str = Field(
        default="", max_length=4096, description="Counts tokens: a folder, a tokenizer.json, a name on the Hub. Empty: an "
        "estimate from letters and words."
    )  # fmt: skip


class AskSettings(Section):
    """What is asked for."""

    items: int = Field(
        default=0, ge=0, le=10_000_000, description="Items to ask for in all. 0: with documents ask.per_chunk of each chunk, "
        "with texts and records one of each, with seeds as many as there are seeds."
    )  # fmt: skip
    per_chunk: int = Field(default=3, ge=1, le=100, description="Items of each chunk, where ask.items is 0.")
    per_call: int = Field(
        default=0, ge=0, le=50, description="Items in one call. More is cheaper; a small model writes fewer and worse ones. "
        "0: 3 of an endpoint, 1 of a model in this process."
    )  # fmt: skip
    anchor: Literal["auto", "quote", "sentence"] = Field(
        default="auto", description="With documents. quote: who writes chooses what to ask about, and quotes it. sentence: each "
        "item is about a sentence that is drawn by ask.seed, and that is its quote; small models manage no other. auto: "
        "sentence for a model in this process, quote for an endpoint; quote where ask.turns is more than 1."
    )  # fmt: skip
    types: tuple[QuestionType, ...] = Field(
        default=("factual", "explanation", "how_to", "inference"), min_length=1,
        description="With documents: question types, taken in turns, so that all are asked for alike.",
    )  # fmt: skip
    difficulties: tuple[Difficulty, ...] = Field(
        default=("medium",), min_length=1, description="With documents: difficulties, taken in turns from call to call."
    )
    turns: int = Field(default=1, ge=1, le=10, description="Exchanges of an item; more than 1: a conversation.")
    reasoning: bool = Field(
        default=False, description="The steps to the answer are asked for, and stand before it in the record."
    )
    languages: tuple[str, ...] = Field(
        default=(), description="Languages to write in (ISO 639-1), in turns. Empty: that of the source."
    )
    examples: int = Field(default=4, ge=1, le=32, description="Seeds shown in one prompt, drawn by the seed.")
    guidance: str = Field(
        default="",
        max_length=20_000,
        description="Words of your own for every prompt: who asks, what matters, which tone.",
    )
    seed: int = Field(default=0, ge=0, lt=1 << 31, description="Seed of draws and of sampling.")


class PromptFiles(Section):
    """The prompts: Jinja2 files. `studio generate --copy-prompts FOLDER` writes them out to be changed."""

    folder: str = Field(
        default="", max_length=4096, description="Files in here are used in place of those of the same name."
    )


class ModelSettings(Section):
    """Who writes."""

    name: str = Field(
        default="smollm2", min_length=1, max_length=4096,
        description="http://host/v1#model for an endpoint; else a model in this process: a folder, a .gguf file, a name on "
        "the Hub, a run, or smollm2 from its package.",
    )  # fmt: skip
    key_env: str = Field(
        default="", max_length=200, description="The environment variable (or entry of the keyring) that holds the key."
    )
    temperature: float = Field(default=0.7, ge=0, le=2, description="Higher: more varied, and more mistakes.")
    top_p: float = Field(default=0.95, gt=0, le=1, description="Only the likeliest words, up to this much probability.")
    max_tokens: int = Field(
        default=1024, ge=16, le=1_000_000, description="Of one answer. Too few cut off the last items."
    )
    structured: Literal["auto", "off"] = Field(
        default="auto", description="auto: the endpoint is asked to hold to a JSON Schema, if it can. Read strictly either "
        "way."
    )  # fmt: skip
    attempts: int = Field(default=3, ge=1, le=20, description="Of each call, where asking again may help.")
    timeout: Positive = Field(default=120.0, le=86_400, description="Seconds that one attempt may take, as a whole.")
    concurrency: int = Field(
        default=8,
        ge=1,
        le=1024,
        description="Calls at once at most; fewer while the endpoint says that it is too many.",
    )
    threads: int = Field(default=0, ge=0, le=1024, description="Threads of PyTorch on the CPU. 0: one a core.")


class BudgetSettings(Section):
    """Bounds that a run never passes, over all its legs. What may still come of calls under way is counted as spent."""

    calls: int = Field(default=0, ge=0, description="Requests at most. 0: no bound.")
    tokens: int = Field(default=0, ge=0, description="Tokens at most, asked and answered together. 0: no bound.")
    money: Money = Field(default=0.0, description="Money at most, in the currency of the prices. 0: no bound.")
    price_prompt: Money = Field(default=0.0, description="Price of a million tokens of prompts.")
    price_completion: Money = Field(default=0.0, description="Price of a million tokens of answers.")


class PrivacySettings(Section):
    """Personal data and secrets in what is sent."""

    mask: Literal["auto", "always", "never"] = Field(
        default="auto", description="auto: masked whenever the text leaves this machine. always: also for models on it, so "
        "that no personal data is in what they write."
    )  # fmt: skip
    entities: tuple[str, ...] = Field(
        default=(), description="What is masked, as in the stage pii. Empty: what that stage masks by default."
    )


class GateSettings(Section):
    """What an item must pass. Each turned away has a reason."""

    quote: bool = Field(
        default=True,
        description="With documents: every answer quotes what it rests on, and the quote must occur there.",
    )
    quote_min: int = Field(default=12, ge=1, description="Characters of a quote at least; a Chinese one counts double.")
    support: Share = Field(
        default=0.5, description="Share of the answer's words that must occur in the source; numbers must all. 0: off."
    )
    answerable: Literal["off", "words", "model"] = Field(
        default="words", description="words: names and numbers of the question must occur in the source. model: besides, the "
        "model is asked whether the source alone answers it; one more call an item."
    )  # fmt: skip
    leakage: bool = Field(default=True, description="Turn away what speaks of 'the passage' or 'the text above'.")
    refusal: bool = Field(default=True, description="Turn away refusals, and what speaks of itself as a model.")
    language: bool = Field(default=True, description="Turn away what is in another language than was asked for.")
    question_min: int = Field(
        default=8, ge=0, description="Characters of a question at least; a Chinese one counts double."
    )
    question_max: int = Field(default=2000, ge=1, description="Characters of a question at most.")
    answer_min: int = Field(
        default=2, ge=0, description="Characters of an answer at least; a Chinese one counts double."
    )
    answer_max: int = Field(default=8000, ge=1, description="Characters of an answer at most.")
    copied: Share = Field(
        default=0.8, description="With seeds and records: turned away when so much is word for word a seed's or the source's. "
        "0: off."
    )  # fmt: skip
    near: Share = Field(
        default=0.7, description="Jaccard similarity of words from which an item repeats an accepted one. 0: off."
    )
    semantic: Share = Field(
        default=0.7, description="Cosine similarity of questions from which an item may repeat an accepted one; numbers, names "
        "and answers then decide whether it does. 0: off."
    )  # fmt: skip
    existing: tuple[str, ...] = Field(
        default=(), description="Datasets whose records must not be repeated: files, or runs."
    )
    judge: str = Field(
        default="",
        max_length=4096,
        description="Who marks items, as model.name; `same`: the model itself. Empty: nobody.",
    )
    judge_min: float = Field(default=3.0, ge=1, le=5, description="Marks of 1 to 5 below this are turned away.")
    judge_key_env: str = Field(default="", max_length=200, description="As model.key_env, for the judge.")
    rubric: str = Field(
        default="",
        max_length=20_000,
        description="What the judge looks at. Empty: that it is correct, useful and clear.",
    )


class OutputSettings(Section):
    """What is written."""

    format: Literal["messages", "alpaca", "question_answer", "sharegpt"] = Field(
        default="messages",
        description="The format of the dataset's records. Alpaca and question_answer hold one exchange.",
    )
    system: str = Field(default="", max_length=100_000, description="A system prompt for every record.")
