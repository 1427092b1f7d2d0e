"""The templates by name, a model's own, or one in a file: each bound to a tokenizer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from curation.errors import nearest
from training.template import guards
from training.template.errors import TemplateError
from training.template.foreign import learn
from training.template.template import BUILT_IN, Template, token_id

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

AUTO = "auto"
OWN = "the model's own"

# What ends an answer; EOS is the tokenizer's own.
_EOS = ""
_STOPS: Mapping[str, str] = {
    "alpaca": _EOS,
    "chatml": "<|im_end|>",
    "gemma": "<end_of_turn>",
    "human_assistant": _EOS,
    "llama2": _EOS,
    "llama3": "<|eot_id|>",
    "mistral": _EOS,
    "phi3": "<|end|>",
    "phi4": "<|im_end|>",
    "vicuna": _EOS,
    "zephyr": _EOS,
}


def template_names() -> list[str]:
    """The built-in templates, sorted."""
    return sorted(_STOPS)


def template_for(name: str, tokenizer: PreTrainedTokenizerBase) -> Template:
    """The template `name`: built in, a .jinja file, or `auto`: the model's own, and where it has none chatml (alpaca
    where the model has no token for ChatML's end mark). Raises TemplateError."""
    if name == AUTO:
        if tokenizer.chat_template:
            return _foreign(AUTO, _own(tokenizer), OWN, tokenizer)
        name = "alpaca" if token_id("<|im_end|>", tokenizer) is None else "chatml"
    if name in _STOPS:
        return _built_in(name, tokenizer)
    path = Path(name).expanduser()
    if path.suffix in (".jinja", ".jinja2", ".j2") or path.is_file():
        return _from_file(path, tokenizer)
    raise TemplateError(f"There is no template '{name}'.", nearest(name, [AUTO, *_STOPS]))


def _own(tokenizer: PreTrainedTokenizerBase) -> str:
    try:
        return tokenizer.get_chat_template()
    except ValueError as error:  # several, and none is the default
        raise TemplateError(f"The model's own template cannot be used: {error}", "Name one, such as chatml.") from error


def _from_file(path: Path, tokenizer: PreTrainedTokenizerBase) -> Template:
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"The template {path} cannot be read: {error}.", "It has to be a text file.") from error
    return _foreign(path.stem, source, f"file {path}", tokenizer)


def _built_in(name: str, tokenizer: PreTrainedTokenizerBase) -> Template:
    source = files("training.template").joinpath("builtin", f"{name}.jinja").read_text(encoding="utf-8")
    eos = _eos(tokenizer)
    first = "bos_token" if _first_token(tokenizer) else "''"
    source = source.replace("first_token", first)
    if not tokenizer.bos_token:
        source = source.replace("bos_token", "''")
    stop = _STOPS[name] or eos
    return _bound(Template(name, source, tuple(dict.fromkeys((stop, eos))), BUILT_IN), tokenizer)


def _foreign(name: str, source: str, origin: str, tokenizer: PreTrainedTokenizerBase) -> Template:
    """A template that is not ours: what it opens and ends answers with is found by rendering."""
    template = _bound(Template(name, source, (), origin), tokenizer)
    learned = learn(source, template.variables, tuple({*template.specials, _eos(tokenizer)}), origin)
    if learned.missing_prompt:
        source += "{%- if add_generation_prompt -%}{{- " + _quoted(learned.missing_prompt) + " -}}{%- endif -%}"
        origin += ", with a generation prompt"
    return replace(template, source=source, origin=origin, stops=learned.stops, ends=learned.ends)


def _bound(template: Template, tokenizer: PreTrainedTokenizerBase) -> Template:
    """The template with what it has to know of the tokenizer."""
    variables = {key: str(value) for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}
    return replace(
        template,
        variables={**variables, "eos_token": _eos(tokenizer)},
        first_token=_first_token(tokenizer),
        specials=guards.special_texts(tokenizer),
    )


def _eos(tokenizer: PreTrainedTokenizerBase) -> str:
    if not tokenizer.eos_token:
        raise TemplateError("The tokenizer has no EOS token, so nothing could end an answer.", "Give it an eos_token.")
    return str(tokenizer.eos_token)


def _first_token(tokenizer: PreTrainedTokenizerBase) -> str:
    """BOS, where the tokenizer begins every text with it."""
    return str(tokenizer.bos_token) if tokenizer.bos_token_id in tokenizer.encode("")[:1] else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
