"""Templates for Ollama: in Go's language, and the same text to the letter."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from curation.errors import StudioError
from training.examples import Message
from training.export.conversations import conversations, keeps_white_space
from training.export.go_parse import GoTemplateError
from training.export.go_text import render_for_ollama
from training.export.ollama import asked_text, go_template, modelfile, ollama_template
from training.export.turns import learn_turns
from training.template import template_for, template_names

RECORDED = Path(__file__).with_name("go_templates.jsonl")
BOS = "<|endoftext|>"
DEFAULT_SYSTEM = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\\nYou are \"Smol\".<|im_end|>\\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
SYSTEM_IN_THE_LAST_QUESTION = (
    "{% if messages[0]['role'] == 'system' %}{% set system, turns = messages[0]['content'] + '\\n', messages[1:] %}"
    "{% else %}{% set system, turns = '', messages %}{% endif %}{% for message in turns %}"
    "{% if message['role'] == 'user' %}{{ '[INST]' + (system if loop.last or loop.revindex == 2 else '') "
    "+ message['content'] + '[/INST]' }}{% else %}{{ message['content'] + eos_token }}{% endif %}{% endfor %}"
)


@pytest.fixture
def tokenizer(tiny: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny)


def recorded() -> list[Any]:
    """What Go's text/template made of templates, executed as Ollama's template package does; null where it refused."""
    lines = RECORDED.read_text(encoding="utf-8").splitlines()
    return [pytest.param(json.loads(line), id=str(number)) for number, line in enumerate(lines)]


@pytest.mark.parametrize("case", recorded())
def test_go_templates_give_what_go_gives(case: dict[str, Any]) -> None:
    messages = [{"role": role, "content": content} for role, content in case["messages"]]
    if case["text"] is None:
        with pytest.raises(GoTemplateError):
            render_for_ollama(case["template"], messages)
    else:
        assert render_for_ollama(case["template"], messages) == case["text"]


@pytest.mark.parametrize(
    "template",
    ["{{ currentDate }}", "{{ template }}", "{{ (.Messages }}", "{{ | }}", "{{ if }}", "{{ range .Messages", "{{ = }}"],
)
def test_what_is_not_known_is_refused(template: str) -> None:
    with pytest.raises(GoTemplateError):
        render_for_ollama(template + "{{ end }}", [{"role": "user", "content": "x"}])


def written_by_ollama(text: str, chat: list[Message]) -> tuple[str, list[str]]:
    """What Ollama makes of a Modelfile for a chat, and the stops in it."""
    (source,) = re.findall(r'^TEMPLATE """(.*?)"""$', text, re.DOTALL | re.MULTILINE)
    stops = re.findall(r'^PARAMETER stop "(.*)"$', text, re.MULTILINE)
    return render_for_ollama(source, [{"role": one.role, "content": one.content} for one in chat]), stops


@pytest.mark.parametrize(("bos", "engine_adds_bos"), [("", False), (BOS, False), (BOS, True)])
@pytest.mark.parametrize("name", template_names())
def test_every_built_in_template_on_200_conversations(
    name: str, bos: str, engine_adds_bos: bool, tokenizer: Any
) -> None:
    if bos:
        tokenizer.bos_token = bos
    template = template_for(name, tokenizer)
    found = ollama_template(template, adds_bos=engine_adds_bos)
    assert found.conversations == 200
    text = modelfile("model.gguf", found.source, template.stops, "a test")
    assert text.startswith("# a test\nFROM ./model.gguf\n")
    chats = conversations(
        template, 200, tools="tool" in learn_turns(template).roles, seed=5
    )  # others than it was made with
    assert len({tuple(chat) for chat in chats}) > 150
    assert {chat[-1].role for chat in chats} >= {"user", "assistant"}
    for chat in chats:
        written, stops = written_by_ollama(text, chat)
        wanted = asked_text(template, chat)
        assert (bos if engine_adds_bos and wanted.startswith(bos) else "") + written == wanted
        assert stops == list(template.stops)


def test_results_of_tools_are_among_them(tokenizer: Any) -> None:
    template = template_for("chatml", tokenizer)
    chats = conversations(template, 200, tools=True)
    assert sum(any(one.role == "tool" for one in chat) for chat in chats) > 60
    source = ollama_template(template, adds_bos=False).source
    chat = [Message("user", "u"), Message("assistant", "a"), Message("tool", "1"), Message("tool", "2")]
    plain = [{"role": one.role, "content": one.content} for one in chat]
    assert render_for_ollama(source, plain) == template.render(chat, generation_prompt=True).text


def test_a_models_own_template_with_a_system_prompt_of_its_own(tokenizer: Any) -> None:
    tokenizer.chat_template = DEFAULT_SYSTEM
    template = template_for("auto", tokenizer)
    source = ollama_template(template, adds_bos=False).source
    said = render_for_ollama(source, [{"role": "user", "content": "Hi"}])
    assert (
        said == '<|im_start|>system\nYou are "Smol".<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n'
    )
    assert "Smol" not in render_for_ollama(
        source, [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]
    )


def test_a_template_that_go_cannot_write_is_refused(tokenizer: Any) -> None:
    tokenizer.chat_template = SYSTEM_IN_THE_LAST_QUESTION
    template = template_for("auto", tokenizer)
    with pytest.raises(StudioError, match="cannot be written in Ollama's template language: after") as caught:
        ollama_template(template, adds_bos=False)
    assert "LM Studio" in caught.value.hint


def test_one_wrong_letter_is_found(tokenizer: Any) -> None:
    """The check would see it: the table of turns, spoiled, no longer writes what the template writes."""
    template = template_for("zephyr", tokenizer)
    turns = learn_turns(template)
    spoiled = go_template(type(turns)({**turns.between, ("assistant", "user"): "<|im_end|>\n<|user|> "}, turns.opened))
    chats = conversations(template)
    wrong = sum(
        render_for_ollama(spoiled, [{"role": one.role, "content": one.content} for one in chat])
        != asked_text(template, chat)
        for chat in chats
    )
    assert 100 < wrong < 200  # all but those of a single exchange


def test_white_space_is_drawn_where_the_template_keeps_it(tokenizer: Any) -> None:
    keeps, strips = template_for("chatml", tokenizer), template_for("gemma", tokenizer)
    assert keeps_white_space(keeps)
    assert not keeps_white_space(strips)
    assert not ollama_template(strips, adds_bos=False).keeps_white_space
    spaced = [chat for chat in conversations(keeps) if any(one.content != one.content.strip() for one in chat)]
    assert spaced
    assert not [chat for chat in conversations(strips) if any(one.content != one.content.strip() for one in chat)]


def test_a_modelfile_cannot_hold_three_quotes() -> None:
    with pytest.raises(StudioError, match="three quotes"):
        modelfile("x.gguf", '{{ `"""` }}', ("</s>",), "x")
