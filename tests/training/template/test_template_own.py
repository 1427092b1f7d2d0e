"""A model's own template, and one in a file: what is learned is found in it, or an error says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.examples import Message
from training.template import TemplateError, template_for, template_names
from training.template.jinja import without_marks

TRL = Path(__import__("importlib.util").util.find_spec("trl").origin).parent / "chat_templates"
ASK = [Message("user", "q"), Message("assistant", "a")]


def _own(tokenizer, source, bos=None):
    tokenizer.chat_template = source
    if bos:
        tokenizer.bos_token = bos
    return template_for("auto", tokenizer)


def _answers(template, messages):
    rendered = template.render(messages)
    return [rendered.text[a:b] for a, b in rendered.spans]


@pytest.mark.parametrize("name", template_names())
def test_spans_found_are_those_marked(name, conversations, fresh):
    """Every built-in format, as if it came with a model and without marks."""
    tokenizer = fresh("bytes")
    marked = template_for(name, tokenizer)
    own = _own(tokenizer, marked.chat_template())
    assert own.origin == "the model's own"
    assert own.stops[0] == marked.stops[0]
    for messages in conversations(11):
        assert own.render(messages) == marked.render(messages)


# What TRL's marks hold beyond the answer and its end mark, other than white space: the header of a generation prompt
# (that the model never writes), and EOS behind the whole conversation (Phi-3).
BEYOND = {
    "cohere.jinja": set(),
    "cohere2.jinja": set(),
    "deepseek_r1_distill.jinja": {"<｜Assistant｜>"},
    "deepseekv3.jinja": {"<｜Assistant｜>"},
    "gemma.jinja": set(),
    "gemma3.jinja": set(),
    "gptoss.jinja": {"<|start|>assistant"},
    "lfm2.jinja": set(),
    "lfm2_v2.jinja": set(),
    "llama3.jinja": set(),
    "nemotron_3_5_lightning.jinja": {"<think>"},
    "nemotron_3_nano.jinja": {"<think>"},
    "nemotron_3_super.jinja": {"<think>"},
    "nemotron_3_ultra.jinja": {"<think>"},
    "phi3.jinja": {"</s>"},
    "phi3_5.jinja": {"</s>"},
    "qwen2_5.jinja": set(),
    "qwen2_5_vl.jinja": set(),
    "qwen3.jinja": set(),
    "qwen3_5_nothink.jinja": {"<think>\n\n</think>"},
    "qwen3_5_think.jinja": {"<think>"},
    "qwen3_6.jinja": {"<think>"},
    "qwen3_8.jinja": {"<think>"},
    "qwen3_instruct_2507.jinja": set(),
    "qwen3_vl.jinja": set(),
}
MORE_SPECIALS = (
    "<｜Assistant｜> <｜end▁of▁sentence｜> <|START_RESPONSE|> <|END_RESPONSE|> <|START_OF_TURN_TOKEN|> "
    "<|END_OF_TURN_TOKEN|> <|CHATBOT_TOKEN|> <|USER_TOKEN|> <|start|> <|message|> <|return|> <|channel|>"
).split()


@pytest.fixture(scope="module")
def wide(tokenizers):
    import copy

    tokenizer = copy.deepcopy(tokenizers["bytes"])
    tokenizer.add_special_tokens({"additional_special_tokens": MORE_SPECIALS})
    return tokenizer


@pytest.mark.parametrize("name", sorted(BEYOND))
def test_spans_found_in_real_templates_are_those_trl_marks(name, conversations, wide):
    """Against TRL's hand-made training variants: 25 models' templates, as they come with the model."""
    own = _own(wide, (TRL / name).read_text(encoding="utf-8"))
    variant = (TRL / name.replace(".jinja", "_training.jinja")).read_text(encoding="utf-8")
    compared = 0
    for messages in conversations(12, 60, system=name not in ("gemma.jinja",)):
        chat = [message._asdict() for message in messages]
        rendered = own.render(messages)
        text = wide.apply_chat_template(chat, tokenize=False)
        assert rendered.text == text
        assert len(rendered.spans) == sum(message.role == "assistant" for message in messages)
        marked_text, marked = _marked(wide, variant, chat)
        if marked_text != text:
            continue  # TRL's variant keeps the reasoning of earlier turns, which the model's own drops
        compared += 1
        ours = {at for a, b in rendered.spans for at in range(a, b)}
        theirs = {at for a, b in marked for at in range(a, b)}
        assert ours <= theirs
        assert _pieces(text, theirs - ours) <= BEYOND[name]
    assert compared >= 5


def _marked(tokenizer, source, chat):
    from transformers.utils.chat_template_utils import render_jinja_template

    (text,), (spans,) = render_jinja_template(
        conversations=[chat],
        chat_template=source,
        return_assistant_tokens_mask=True,
        **tokenizer.special_tokens_map,
    )
    return text, spans


def _pieces(text, positions):
    """Runs of characters that are more than white space."""
    found, run = set(), ""
    for at in sorted(positions):
        if at - 1 not in positions:
            found.add(run.strip())
            run = ""
        run += text[at]
    return (found | {run.strip()}) - {""}


def test_reasoning_that_the_template_drops_is_not_learned_and_the_rest_is(wide):
    own = _own(wide, (TRL / "qwen3.jinja").read_text(encoding="utf-8"))
    thought = "<think>\nfirst\n</think>\n\n"
    messages = [*ASK[:1], Message("assistant", thought + "one"), Message("user", "r"), Message("assistant", "two")]
    assert _answers(own, messages) == ["one<|im_end|>", "<think>\n\n</think>\n\ntwo<|im_end|>"]
    assert _answers(own, messages[:2]) == [thought + "one<|im_end|>"]
    prompt = own.render(messages[:1], generation_prompt=True)
    assert own.render(messages[:2]).text.startswith(prompt.text)


def test_a_system_prompt_that_moves_to_the_last_question(fresh):
    """Mistral 7B Instruct v0.3: an earlier turn looks different as soon as another follows."""
    moving = (
        "{{ bos_token }}{% set system = messages[0]['content'] if messages[0]['role'] == 'system' else '' %}"
        "{% for m in messages if m['role'] != 'system' %}{% if m['role'] == 'user' %}"
        "{{ '[INST] ' + (system + '\\n\\n' if loop.revindex <= 2 and system else '') + m['content'] + '[/INST]' }}"
        "{% else %}{{ ' ' + m['content'] | trim + eos_token }}{% endif %}{% endfor %}"
    )
    own = _own(fresh("bytes"), moving)
    turns = [Message("system", "S"), *ASK, Message("user", " r  "), Message("assistant", " b ")]
    assert own.render(turns).text == "<s>[INST] q[/INST] a</s>[INST] S\n\n r  [/INST] b</s>"
    assert _answers(own, turns) == [" a</s>", " b</s>"]


def test_marks_that_hold_the_header_or_leave_out_the_end_are_put_right(fresh):
    loose = (
        "{% for m in messages %}{% if m['role'] == 'assistant' %}<|im_start|>{% generation %}assistant\n{{ m['content'] }}"
        "<|im_end|>\n{% endgeneration %}{% else %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}"
        "{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
    )
    own = _own(fresh("bytes"), loose)
    assert _answers(own, ASK * 2) == ["a<|im_end|>"] * 2
    short = loose.replace("<|im_end|>\n{% endgeneration %}", "{% endgeneration %}<|im_end|>\n")
    assert _answers(_own(fresh("bytes"), short), ASK * 2) == ["a<|im_end|>"] * 2
    assert own.chat_template() == loose  # the model's own goes back as it came


def test_marks_of_one_answer_in_pieces_are_one_span(fresh):
    pieces = (
        "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'A:' }}{% generation %}{{ m['content'] }}"
        "{% endgeneration %}{% generation %}{{ eos_token }}{% endgeneration %}{% else %}{{ m['content'] }}{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}{{ 'A:' }}{% endif %}"
    )
    assert _answers(_own(fresh("bytes"), pieces), ASK * 2) == ["a</s>"] * 2


def test_a_missing_generation_prompt_is_added(fresh):
    bare = (
        "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{% endfor %}"
    )
    tokenizer = fresh("bytes")
    own = _own(tokenizer, bare)
    assert own.origin == "the model's own, with a generation prompt"
    assert own.render(ASK[:1], generation_prompt=True).text.endswith("<|im_start|>assistant\n")
    assert _answers(own, ASK * 2) == ["a<|im_end|>"] * 2
    chat = [ASK[0]._asdict()]
    saved = tokenizer.apply_chat_template(
        chat, chat_template=own.chat_template(), add_generation_prompt=True, tokenize=False
    )
    assert saved == own.render(ASK[:1], generation_prompt=True).text


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}", "writes no end mark"),
        ("{% for m in messages if m['role'] == 'user' %}{{ m['content'] }}{% endfor %}", "leaves out answers"),
        ("{% for m in messages %}{{ m['content'] }", "is broken in line 1"),
        ("{{ messages.nothing.at_all }}", "cannot write this conversation"),
    ],
)
def test_templates_that_cannot_teach_are_refused(source, why, fresh):
    with pytest.raises(TemplateError, match=why):
        _own(fresh("bytes"), source)


def test_an_answer_that_the_template_rewrites_is_an_error_not_a_guess(fresh):
    shouting = (
        "{% for m in messages %}{% if m['role'] == 'assistant' %}{{ 'A:' + m['content'] | upper + "
        "(eos_token if m['content'] != 'open') }}"
        "{% else %}{{ m['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ 'A:' }}{% endif %}"
    ).replace("(eos_token if m['content'] != 'open')", "(eos_token if m['content'] != 'open' else '')")
    own = _own(fresh("bytes"), shouting)
    assert _answers(own, ASK) == ["A</s>"]
    with pytest.raises(TemplateError, match=r"message 2 cannot be told from the rest: .*rewrites it"):
        own.render([ASK[0], Message("assistant", "open")])
    begun = [Message("assistant", "Welcome!"), *ASK]
    with pytest.raises(TemplateError, match=r"message 1 .* begins with it"):
        own.render(begun)


def test_a_file_is_a_template_too(tmp_path, fresh, conversations):
    tokenizer = fresh("bytes")
    chatml = template_for("chatml", tokenizer)
    for number, source in enumerate((chatml.source, without_marks(chatml.source))):
        path = tmp_path / f"mine{number}.jinja"
        path.write_text(source, encoding="utf-8")
        mine = template_for(str(path), tokenizer)
        assert (mine.name, mine.origin) == (f"mine{number}", f"file {path}")
        assert mine.chat_template() == without_marks(chatml.source)
        for messages in conversations(13, 40):
            assert mine.render(messages) == chatml.render(messages)
    with pytest.raises(TemplateError, match="cannot be read"):
        template_for(str(tmp_path / "none.jinja"), tokenizer)


def test_names(fresh):
    tokenizer = fresh("bytes")
    with pytest.raises(TemplateError, match="no template 'chat_ml'") as raised:
        template_for("chat_ml", tokenizer)
    assert raised.value.hint == "Did you mean 'chatml'?"
    assert template_for("auto", tokenizer).name == "chatml"
    plain = fresh("bytes")
    assert template_for("chatml", plain).stop_ids(plain) == (
        plain.convert_tokens_to_ids("<|im_end|>"),
        plain.eos_token_id,
    )


def test_a_model_without_the_end_mark(tiny):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    llama = template_for("llama3", tokenizer)
    with pytest.raises(TemplateError, match=r"ends answers with <\|eot_id\|>, which is no token of this model"):
        llama.stop_ids(tokenizer)


def test_the_default_where_the_model_does_not_know_chatml():
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(models.WordLevel({"<unk>": 0, "</s>": 1, "q": 2}, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    assert template_for("auto", tokenizer).name == "alpaca"
    with pytest.raises(TemplateError, match="no EOS token"):
        template_for("chatml", PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>"))


@pytest.mark.slow
def test_smollm2(smollm2, conversations, encoded):
    own = template_for("auto", smollm2)
    assert own.stops == ("<|im_end|>",)
    assert own.stop_ids(smollm2) == (smollm2.eos_token_id,)
    chats = conversations(14)
    plain = [[message._asdict() for message in chat] for chat in chats]
    expected = smollm2.apply_chat_template(plain, return_dict=False)
    for chat, one, ids in zip(chats, encoded(chats, own, smollm2), expected, strict=True):
        assert one.input_ids == ids
        learned = [label for label in one.labels if label != -100]
        answers = "".join(message.content + "<|im_end|>" for message in chat if message.role == "assistant")
        if one.straddling:
            assert len(smollm2.decode(learned)) > len(answers)
        else:
            assert smollm2.decode(learned) == answers
        prompt = own.render(chat[:-1], generation_prompt=True).text
        chat_prompt = [message._asdict() for message in chat[:-1]]
        assert prompt == smollm2.apply_chat_template(chat_prompt, add_generation_prompt=True, tokenize=False)


def test_a_model_with_several_templates(fresh):
    tokenizer = fresh("bytes")
    chatml = template_for("chatml", tokenizer).chat_template()
    tokenizer.chat_template = {"default": chatml, "tool_use": "{{ messages }}"}
    assert template_for("auto", tokenizer).source == chatml
    tokenizer.chat_template = {"tool_use": chatml, "rag": chatml}
    with pytest.raises(TemplateError, match="own template cannot be used"):
        template_for("auto", tokenizer)


def test_a_template_that_computes_nonsense_is_an_error_too(fresh):
    for nonsense in ("{{ 1 // 0 }}", "{% for i in range(999999999) %}{% endfor %}", "{{ messages.__class__.mro() }}"):
        with pytest.raises(TemplateError, match="cannot write this conversation"):
            _own(fresh("bytes"), nonsense)


def test_the_documentation_names_every_template_and_its_example_works(tmp_path, fresh):
    import re

    page = (Path(__file__).parents[3] / "docs" / "templates.md").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == template_names()
    (example,) = re.findall(r"```\n(.*?)```", page, re.DOTALL)
    path = tmp_path / "mine.jinja"
    path.write_text(example, encoding="utf-8")
    own = template_for(str(path), fresh("bytes"))
    assert own.render(ASK * 2).text == "user: q\nReply: a</s>user: q\nReply: a</s>"
    assert _answers(own, ASK * 2) == ["a</s>"] * 2
    assert own.render(ASK[:1], generation_prompt=True).text == "user: q\nReply: "
    assert "{% generation" not in own.chat_template()
