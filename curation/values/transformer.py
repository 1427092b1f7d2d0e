"""An optional sequence classifier of transformers, from a folder or from the Hub, beside the rules.

Code that comes with a model is never run. What the Hub client may do is its own to say (HF_HUB_OFFLINE is respected);
nothing is fetched unless a policy names a model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from curation.errors import StageError, nearest
from curation.values.categories import CATEGORIES, Category
from curation.values.judge import EXCUSED, Finding, Message, chats, messages
from curation.values.policy import Classifier

BATCH = 32  # windows in one forward pass
RULE = "classifier"


class TextClassifier:
    """A loaded model with the meaning of its labels. Loading happens when first asked; scores are float32."""

    def __init__(self, settings: Classifier) -> None:
        self._settings = settings
        self._loaded: tuple[Any, Any] | None = None

    def digest(self) -> str:
        """SHA-256 of a local folder's files, names and bytes; of a Hub model, of its name and its cached commit."""
        folder = Path(self._settings.model).expanduser()
        told = hashlib.sha256()
        if folder.is_dir():
            for path in sorted(path for path in folder.rglob("*") if path.is_file()):
                told.update(f"{path.relative_to(folder)}\0{path.stat().st_size}\0".encode())
                with path.open("rb") as stream:
                    told.update(hashlib.file_digest(stream, "sha256").digest())
        else:
            from huggingface_hub import try_to_load_from_cache

            found = try_to_load_from_cache(self._settings.model, "config.json")
            told.update(f"{self._settings.model}\0{found if isinstance(found, str) else ''}".encode())
        return told.hexdigest()

    def add(self, turns: pl.DataFrame, found: dict[str, list[Finding]], allowed: Sequence[str]) -> None:
        """Put the classifier's findings into `found`, where they are higher than what the rules found.

        A prompt whose answer refuses it or offers support is excused here as it is by the rules.
        """
        told: list[tuple[str, Message]] = []
        for record, chat in chats(turns):
            told += [(record, message) for message in messages(chat) if message.text.strip()]
        scores = self.scores([message.text for _, message in told])
        refused = _Refusals(allowed)
        for (record, message), by_category in zip(told, scores, strict=True):
            factor = EXCUSED if message.side == "prompt" and refused(message.answer) else 1.0
            for category, score in by_category.items():
                new = Finding(category, round(score * factor, 4), RULE, message.side)
                held = found.setdefault(record, [])
                old = next((finding for finding in held if finding.category == category), None)
                if old is None:
                    held.append(new)
                elif new.score > old.score:
                    held[held.index(old)] = new
                held.sort(key=lambda finding: CATEGORIES.index(finding.category))

    def scores(self, texts: Sequence[str]) -> list[dict[Category, float]]:
        """For each text the probability of each category: the highest among its labels and its windows."""
        import torch

        if not texts:
            return []
        tokenizer, model = self._model()
        windows, owners = self._windows(tokenizer, model, texts)
        found: list[dict[Category, float]] = [{} for _ in texts]
        names = {place: str(name) for place, name in model.config.id2label.items()}
        order = sorted(range(len(windows)), key=lambda number: (len(windows[number]), number))
        for batch in _batches(order):
            inputs = tokenizer.pad({"input_ids": [windows[number] for number in batch]}, return_tensors="pt")
            with torch.inference_mode():
                logits = model(**inputs).logits.float()
            many = model.config.problem_type == "multi_label_classification" or logits.shape[1] == 1
            probabilities = (logits.sigmoid() if many else logits.softmax(dim=1)).tolist()
            for number, row in zip(batch, probabilities, strict=True):
                into = found[owners[number]]
                for place, probability in enumerate(row):
                    category = self._settings.labels.get(names[place])
                    if category is not None:
                        into[category] = max(into.get(category, 0.0), probability)
        return found

    def _windows(self, tokenizer: Any, model: Any, texts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """The token numbers of every window and the text it belongs to. Windows do not overlap."""
        longest = int(getattr(model.config, "max_position_embeddings", 0) or self._settings.max_tokens)
        room = min(self._settings.max_tokens, longest, tokenizer.model_max_length)
        cut = tokenizer(list(texts), truncation=True, max_length=room, return_overflowing_tokens=True)
        return cut["input_ids"], cut["overflow_to_sample_mapping"]

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(self._settings)
        return self._loaded


class _Refusals:
    """Whether an answer refuses or supports, by the contexts of the shipped lexicons that the policy allows."""

    def __init__(self, allowed: Sequence[str]) -> None:
        from curation.values.lexicon import load_lexicon

        self._patterns = [
            lexicon.compiled(lexicon.contexts[name].pattern, name)
            for lexicon in (load_lexicon(language)[0] for language in ("en", "zh"))
            for name in ("refusal", "support")
            if name in allowed
        ]

    def __call__(self, answer: str) -> bool:
        return any(pattern.search(answer) for pattern in self._patterns)


def _load(settings: Classifier) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    name = settings.model
    folder = Path(name).expanduser()
    hint = "Give the folder of a sequence classification model, or the name of one on the Hub."
    if (name.startswith((".", "/", "~")) or name.count("/") > 1) and not folder.is_dir():
        raise StageError(f"there is no folder '{name}' to take the classifier from", hint)
    where = str(folder) if folder.is_dir() else name
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        model = AutoModelForSequenceClassification.from_pretrained(where, trust_remote_code=False)
    except Exception as error:  # whatever a Hub client, a config or a weight file may raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the classifier '{name}' cannot be loaded: {reason}", hint) from error
    if not tokenizer.is_fast:
        raise StageError(f"the tokenizer of the classifier '{name}' cannot cut long texts into windows", hint)
    if tokenizer.pad_token is None:
        raise StageError(f"the tokenizer of the classifier '{name}' has no padding token", hint)
    known = [str(label) for label in model.config.id2label.values()]
    for label in settings.labels:
        if label not in known:
            raise StageError(f"the classifier '{name}' has no label '{label}'", nearest(label, known))
    return tokenizer, model.eval()


def _batches(order: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(order), BATCH):
        yield order[start : start + BATCH]
