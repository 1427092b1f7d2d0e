"""Built-in templates against two oracles: a second writing of each format in plain Python, and the models' own jinja."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.examples import Message
from training.template import TemplateError, template_for, template_names

BOS, EOS = "<s>", "</s>"
ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request."
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions."
)


def _split(messages):
    """The system prompt (None: there is none), and the turns."""
    return (messages[0].content, messages[1:]) if messages[0].role == "system" else (None, messages)


def chatml(messages):
    for role, content in messages:
        if role == "assistant":
            yield from (("<|im_start|>assistant\n", 0), (f"{content}<|im_end|>", 1), ("\n", 0))
        else:
            yield f"<|im_start|>{role}\n{content}<|im_end|>\n", 0


def llama2(messages):
    system, turns = _split(messages)
    for number, (role, content) in enumerate(turns):
        if role == "user":
            asked = f"<<SYS>>\n{system}\n<</SYS>>\n\n{content}" if system is not None and not number else content
            yield f"{BOS}[INST] {asked.strip()} [/INST]", 0
        else:
            yield f" {content.strip()} {EOS}", 1


def llama3(messages):
    yield BOS, 0
    for role, content in messages:
        yield f"<|start_header_id|>{role}<|end_header_id|>\n\n", 0
        yield f"{content.strip()}<|eot_id|>", int(role == "assistant")


def mistral(messages):
    system, turns = _split(messages)
    yield BOS, 0
    for number, (role, content) in enumerate(turns):
        if role == "user":
            first = f"{system}\n\n" if system is not None and not number else ""
            yield f" [INST] {first}{content} [/INST]", 0
        else:
            yield f" {content}{EOS}", 1


def gemma(messages):
    system, turns = _split(messages)
    yield BOS, 0
    for number, (role, content) in enumerate(turns):
        if role == "user":
            first = f"{system}\n\n" if system is not None and not number else ""
            yield f"<start_of_turn>user\n{first}{content.strip()}<end_of_turn>\n", 0
        else:
            yield from (("<start_of_turn>model\n", 0), (f"{content.strip()}<end_of_turn>", 1), ("\n", 0))


def phi3(messages):
    for role, content in messages:
        yield from ((f"<|{role}|>\n", 0), (f"{content}<|end|>", int(role == "assistant")), ("\n", 0))
    yield EOS, 0


def phi4(messages):
    for role, content in messages:
        yield from ((f"<|im_start|>{role}<|im_sep|>", 0), (f"{content}<|im_end|>", int(role == "assistant")))


def zephyr(messages):
    for role, content in messages:
        yield from ((f"<|{role}|>\n", 0), (f"{content}{EOS}", int(role == "assistant")), ("\n", 0))


def alpaca(messages):
    system, turns = _split(messages)
    yield f"{ALPACA if system is None else system}\n\n", 0
    for role, content in turns:
        if role == "user":
            yield f"### Instruction:\n{content}\n\n", 0
        else:
            yield from (("### Response:\n", 0), (f"{content}{EOS}", 1), ("\n\n", 0))


def vicuna(messages):
    system, turns = _split(messages)
    yield f"{VICUNA if system is None else system} ", 0
    for role, content in turns:
        yield from ((f"USER: {content} ", 0),) if role == "user" else (("ASSISTANT:", 0), (f" {content}{EOS}", 1))


def human_assistant(messages):
    names = {"system": "System", "user": "Human", "assistant": "Assistant"}
    for role, content in messages:
        yield from ((f"{BOS}{names[role]}:", 0), (f" {content}\n{EOS}", int(role == "assistant")))


FAMILIES = {
    writer.__name__: writer
    for writer in (alpaca, chatml, gemma, human_assistant, llama2, llama3, mistral, phi3, phi4, vicuna, zephyr)
}


def test_every_built_in_template_has_an_oracle():
    assert template_names() == sorted(FAMILIES)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_text_and_spans_are_those_of_the_second_writing(name, conversations, tokenizers):
    template = template_for(name, tokenizers["bytes"])
    for messages in conversations(1):
        pieces = list(FAMILIES[name](messages))
        rendered = template.render(messages)
        assert rendered.text == "".join(text for text, _ in pieces)
        assert [rendered.text[a:b] for a, b in rendered.spans] == [text for text, learned in pieces if learned]
        at = 0
        expected = []
        for text, learned in pieces:
            if learned:
                expected.append((at, at + len(text)))
            at += len(text)
        assert list(rendered.spans) == expected  # also where an answer stands twice in the text


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_a_prompt_is_the_text_before_the_answer(name, conversations, tokenizers):
    template = template_for(name, tokenizers["bytes"])
    for messages in conversations(2, 50):
        whole = template.render(messages)
        for turn, (start, _) in zip(range(-len(whole.spans) * 2, 0, 2), whole.spans, strict=True):
            prompt = template.render(messages[: len(messages) + turn + 1], generation_prompt=True)
            assert prompt.text == whole.text[:start]


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_without_marks_the_text_is_the_same(name, conversations, tokenizers):
    tokenizer = tokenizers["bytes"]
    template = template_for(name, tokenizer)
    assert "generation" not in template.chat_template().replace("add_generation_prompt", "")
    for messages in conversations(3, 30):
        chat = [message._asdict() for message in messages]
        saved = tokenizer.apply_chat_template(chat, chat_template=template.chat_template(), tokenize=False)
        assert saved == template.render(messages).text


TRL = Path(__import__("importlib.util").util.find_spec("trl").origin).parent / "chat_templates"
PUBLISHED = {  # from the tokenizers of Llama-2-7b-chat-hf, Mistral-7B-Instruct-v0.2, zephyr-7b-beta and phi-4
    "llama2": (
        "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = "
        "messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}"
        "{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ "
        "raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\\n' + system_message + "
        "'\\n<</SYS>>\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}"
        "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
        "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
    ),
    "mistral": (
        "{%- if messages[0]['role'] == 'system' %}\n    {%- set system_message = messages[0]['content'] %}\n"
        "    {%- set loop_messages = messages[1:] %}\n{%- else %}\n    {%- set loop_messages = messages %}\n"
        "{%- endif %}\n\n{{- bos_token }}\n{%- for message in loop_messages %}\n"
        "    {%- if message['role'] == 'user' %}\n        {%- if loop.first and system_message is defined %}\n"
        "            {{- ' [INST] ' + system_message + '\\n\\n' + message['content'] + ' [/INST]' }}\n"
        "        {%- else %}\n            {{- ' [INST] ' + message['content'] + ' [/INST]' }}\n        {%- endif %}\n"
        "    {%- elif message['role'] == 'assistant' %}\n        {{- ' ' + message['content'] + eos_token}}\n"
        "    {%- endif %}\n{%- endfor %}\n"
    ),
    "zephyr": (
        "{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + "
        "eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n"
        "{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n"
        "{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}"
    ),
    "phi4": (
        "{% for message in messages %}{% if (message['role'] == 'system') %}{{'<|im_start|>system<|im_sep|>' + "
        "message['content'] + '<|im_end|>'}}{% elif (message['role'] == 'user') %}{{'<|im_start|>user<|im_sep|>' + "
        "message['content'] + '<|im_end|>'}}{% elif (message['role'] == 'assistant') %}{{'<|im_start|>assistant"
        "<|im_sep|>' + message['content'] + '<|im_end|>'}}{% endif %}{% endfor %}{% if add_generation_prompt %}"
        "{{ '<|im_start|>assistant<|im_sep|>' }}{% endif %}"
    ),
}


def _reference(source: str) -> str:
    return (TRL / source).read_text(encoding="utf-8") if source.endswith(".jinja") else PUBLISHED[source]


@pytest.mark.parametrize(
    ("name", "source", "system"),
    [
        ("chatml", "qwen2_5.jinja", "always"),  # without one, Qwen 2.5 writes its own
        ("chatml", "qwen3_instruct_2507.jinja", "some"),
        ("gemma", "gemma.jinja", "never"),
        ("gemma", "gemma3.jinja", "some"),
        ("llama3", "llama3.jinja", "some"),
        ("phi3", "phi3.jinja", "some"),
        ("llama2", "llama2", "some"),
        ("mistral", "mistral", "some"),
        ("zephyr", "zephyr", "some"),
        ("phi4", "phi4", "some"),
    ],
)
def test_tokens_are_those_of_the_models_own_template(name, source, system, conversations, tokenizers, encoded):
    tokenizer = tokenizers["bytes"]
    template = template_for(name, tokenizer)
    chats = conversations(4, system=system != "never")
    if system == "always":
        chats = [chat if chat[0].role == "system" else (Message("system", "x y"), *chat) for chat in chats]
    for messages, one in zip(chats, encoded(chats, template, tokenizer), strict=True):
        chat = [message._asdict() for message in messages]
        for prompt in (False, True):
            part = chat[:-1] if prompt else chat
            text = template.render(messages[: len(part)], generation_prompt=prompt).text
            options = {"chat_template": _reference(source), "add_generation_prompt": prompt}
            assert text == tokenizer.apply_chat_template(part, tokenize=False, **options)
        ids = tokenizer.apply_chat_template(chat, chat_template=_reference(source), return_dict=False)
        assert one.input_ids == ids


@pytest.mark.parametrize("name", ["alpaca", "gemma", "llama2", "mistral", "vicuna"])
def test_an_empty_system_prompt_is_a_system_prompt(name, tokenizers):
    messages = (Message("system", ""), Message("user", "q"), Message("assistant", "a"))
    expected = "".join(text for text, _ in FAMILIES[name](messages))
    assert template_for(name, tokenizers["bytes"]).render(messages).text == expected


def test_tool_results_as_qwen_and_llama_write_them(tokenizers):
    messages = [Message("user", "q"), Message("tool", "1"), Message("tool", "2"), Message("assistant", "a")]
    chat = [message._asdict() for message in messages]
    tokenizer = tokenizers["bytes"]
    rendered = template_for("chatml", tokenizer).render(messages)
    qwen = (TRL / "qwen3_instruct_2507.jinja").read_text(encoding="utf-8")
    assert rendered.text == tokenizer.apply_chat_template(chat, chat_template=qwen, tokenize=False)
    assert [rendered.text[a:b] for a, b in rendered.spans] == ["a<|im_end|>"]
    llama = template_for("llama3", tokenizer).render(messages)
    assert "<|start_header_id|>ipython<|end_header_id|>\n\n1<|eot_id|>" in llama.text
    for name in set(template_names()) - {"chatml", "llama3"}:
        with pytest.raises(TemplateError, match="no place for the role tool"):
            template_for(name, tokenizer).render(messages)


@pytest.mark.parametrize("name", ["gemma", "llama2", "mistral"])
def test_two_turns_of_one_role_are_refused_where_the_family_has_no_place_for_them(name, tokenizers):
    template = template_for(name, tokenizers["bytes"])
    for roles in (("user", "user"), ("assistant", "user"), ("user", "assistant", "assistant")):
        with pytest.raises(TemplateError, match="take turns") as raised:
            template.render([Message(role, "x") for role in roles])
        assert "two turns of one role can become one" in raised.value.hint
    with pytest.raises(TemplateError, match="no place for the role system"):
        template.render([Message("user", "x"), Message("assistant", "y"), Message("system", "z")])
