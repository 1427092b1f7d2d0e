"""Names by any transformers token-classification model, by local folder or by its name on the Hub, on the processor."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from curation.errors import StageError
from curation.privacy.names.taggers import HINT, LABELS, folder_digest
from curation.privacy.names.windows import sorted_batches, windows
from curation.privacy.spans import Span

VERSION = "1"  # raised whenever the same text may get other spans
SIZE, OVERLAP = 400, 60  # code points of a window: at most 512 pieces of a word in any script but a few
BUDGET = 6_000  # code points of a batch


class TransformerTagger:
    """A token-classification model. Code that comes with a model is never run; HF_HUB_OFFLINE is respected."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loaded: tuple[Any, Any] | None = None

    @property
    def entities(self) -> frozenset[str]:
        """The types of entity among the labels of its head."""
        labels = self._model()[1].config.id2label.values()
        return frozenset(LABELS[kind] for kind in map(_kind, labels) if kind in LABELS)

    def digest(self) -> str:
        """Of a local folder's files; of a Hub model, its name and the revision in the cache."""
        if Path(self.name).is_dir():
            return folder_digest(Path(self.name), VERSION)
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(self.name, "config.json")
        return f"{self.name}@{Path(found).parent.name if isinstance(found, str) else ''}:{VERSION}"

    def tag(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text: neighbouring tokens of one type are one span, its score their lowest probability."""
        import torch

        tokenizer, model = self._model()
        pieces = windows(texts, SIZE, OVERLAP)
        found: list[list[Span]] = [[] for _ in texts]
        with torch.inference_mode():
            for batch in sorted_batches([len(window.piece) for window in pieces], BUDGET):
                inputs = tokenizer(
                    [pieces[number].piece for number in batch],
                    return_offsets_mapping=True,
                    truncation=True,
                    max_length=min(tokenizer.model_max_length, model.config.max_position_embeddings),
                    padding=True,
                    return_tensors="pt",
                )
                offsets = inputs.pop("offset_mapping").tolist()
                scores, labels = torch.softmax(model(**inputs).logits.float(), dim=-1).max(dim=-1)
                for row, number in enumerate(batch):
                    window = pieces[number]
                    names = [model.config.id2label[label] for label in labels[row].tolist()]
                    found[window.text] += _spans(
                        window.piece, offsets[row], names, scores[row].tolist(), window.start, Path(self.name).name
                    )
        return [sorted(set(spans), key=lambda span: span.start) for spans in found]

    def _model(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(self.name)
        return self._loaded


def _kind(label: str) -> str:
    """ "B-PER" and "I-PER" are "PER"."""
    return label.split("-", 1)[1] if label[1:2] == "-" else label


def _spans(
    piece: str, offsets: list[list[int]], labels: list[str], scores: list[float], shift: int, name: str
) -> list[Span]:
    """Spans of one window. A token that begins a name, or has another type, or stands apart begins a new span."""
    spans: list[list[Any]] = []
    for (start, end), label, score in zip(offsets, labels, scores, strict=True):
        entity = LABELS.get(_kind(label))
        if entity is None or start == end:
            continue
        last = spans[-1] if spans else None
        near = last is not None and last[2] == entity and not piece[last[1] : start].strip(" ")
        inside = (
            near and last is not None and (not label.startswith("B-") or (last[1] == start and _half(piece, start)))
        )
        if inside and last is not None:
            last[1], last[3] = end, min(last[3], score)
        else:
            spans.append([start, end, entity, score])
    return [
        Span(shift + start, shift + end, entity, round(score, 4), f"transformer:{name}")
        for start, end, entity, score in spans
    ]


def _half(piece: str, at: int) -> bool:
    """Whether the place lies within a word of letters, so that no new name can begin there."""
    return at > 0 and piece[at - 1].isascii() and piece[at - 1].isalnum() and piece[at : at + 1].isalnum()


def _load(name: str) -> tuple[Any, Any]:
    import transformers

    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name, use_fast=True, trust_remote_code=False)
        model = transformers.AutoModelForTokenClassification.from_pretrained(name, trust_remote_code=False)
    except Exception as error:  # whatever a Hub client, a config or a weight file may raise
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise StageError(f"the model of names '{name}' cannot be loaded: {first}", HINT) from error
    if not tokenizer.is_fast:
        raise StageError(f"the tokenizer of '{name}' cannot say where its tokens lie", HINT)
    return tokenizer, model.eval()
