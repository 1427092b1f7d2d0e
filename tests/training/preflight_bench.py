"""From records to a report, with any part of the way replaced: what the tests of preflight damage."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from training.examples import Example, Examples
from training.preflight import PreflightContext, Report, examine
from training.recipe import TrainRecipe
from training.template import Template, template_for
from training.tokenize import encode, encode_pairs


@dataclass
class Bench:
    """tokenizer, config: of the model. tensors: changes each encoded record. held_tensors: also those held out."""

    tokenizer: Any
    config: Any = None
    model: Any = None
    settings: Sequence[str] = ()
    template: str | Template = "auto"
    tensors: Callable[[Any], Any] | None = None

    def context(self, examples: Examples) -> PreflightContext:
        recipe = TrainRecipe().with_settings(["template.name=auto", *self.settings])
        template = self.template if isinstance(self.template, Template) else template_for(self.template, self.tokenizer)
        make: Any = encode_pairs if recipe.method.objective == "dpo" else encode

        def encoded(part: Sequence[Example]) -> list[Any]:
            made = make(part, template, self.tokenizer, recipe.data, recipe.template.system)
            return made if self.tensors is None else [self.tensors(one) for one in made]

        return PreflightContext(
            recipe=recipe,
            examples=examples,
            template=template,
            tokenizer=self.tokenizer,
            train=encoded(examples.train),
            validation=encoded(examples.validation),
            config=self.config,
            model=self.model,
        )

    def examine(self, examples: Examples, allow: Sequence[str] = ()) -> Report:
        return examine(self.context(examples), allow=allow)


def serious(report: Report) -> dict[str, str]:
    """The findings that are more than notes: reason -> level."""
    return {one.reason: one.level for one in report.findings if one.level != "note"}


def llama_like() -> Any:
    """A tokenizer in the manner of Llama 2: `<s>` before every text, `▁` for blanks, bytes for what it does not know."""
    from preflight_sets import CLEAN
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "▁")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("▁+[^▁\n]*|[^▁\n]+|\n"), "isolated")  # words begin with ▁
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    specials = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = trainers.BpeTrainer(vocab_size=700, special_tokens=specials, show_progress=False)
    said = [message.content.replace(" ", "▁") for one in CLEAN["code"]() for message in one.messages]
    tokenizer.train_from_iterator(said, trainer)
    described = json.loads(tokenizer.to_str())  # the bytes are ordinary tokens of the vocabulary, not special ones
    described["added_tokens"] = [one for one in described["added_tokens"] if not one["content"].startswith("<0x")]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<unk>"
    )


def word_level(texts: Sequence[str]) -> Any:
    """A tokenizer that knows the words of `texts` and nothing else."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s|\w+|[^\w\s]"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    specials = ["[UNK]", "<|im_start|>", "<|im_end|>", "[PAD]"]
    tokenizer.train_from_iterator(texts, trainers.WordLevelTrainer(special_tokens=specials, show_progress=False))
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|im_end|>", unk_token="[UNK]", pad_token="[PAD]"
    )
