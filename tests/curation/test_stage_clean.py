"""The `clean` stage: every parameter, every reason, its decisions, and the laws of cleaning."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
import pytest
from batches import Chat, batch_of, reasons
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curation.schema import Batch, Decisions
from curation.stage import StageContext
from curation.stages.clean import MOST_ROUNDS, Clean
from curation.stages.cleaning.text import KINDS, Cleaning


def decide(chats: list[Chat | str] | Batch, **parameters: Any) -> Decisions:
    batch = chats if isinstance(chats, Batch) else batch_of(chats)
    return Clean(**parameters).decide(batch, StageContext())


def applied(batch: Batch, decisions: Decisions) -> Batch:
    """The batch as the engine would hand it on."""
    gone = decisions.rows.filter(pl.col("action") == "drop")["record_id"].implode()
    turns = batch.turns.join(decisions.edits.drop("stage"), on=["record_id", "turn"], how="left", maintain_order="left")
    turns = turns.with_columns(content=pl.coalesce("after", "content")).drop("after")
    kept = ~pl.col("record_id").is_in(gone)
    return Batch(batch.records.filter(kept), turns.filter(kept))


def cleaned(text: str, role: str = "text", **parameters: Any) -> str:
    """One text after cleaning; "" where the record was dropped."""
    batch = batch_of([[(role, text)]])
    after = applied(batch, Clean(**parameters).decide(batch, StageContext())).turns["content"].to_list()
    return after[0] if after else ""


# A clean text of many kinds, on which no parameter that is on by default has anything to do.
UNTOUCHED = [
    "Plain words, 中文标点：“你好”，世界！ ¿Qué tal? Ünïcödé — naïve “café” …",
    "日本語の文章です。　全角の空白もあります。ー～「」",
    "한국어 문장입니다.",
    "這是繁體中文；數字１２３與ＡＢＣ保持全形。",
    "می‌خواهم क्ष क्‍ष ප්‍රශ්න",
    "👨‍👩‍👧 👍🏽 🏳️‍🌈 ❤️‍🔥 🇨🇳 🏴󠁧󠁢󠁥󠁮󠁧󠁿 1️⃣",
    "# Title\n\n- item\n  - nested item\n\n| a   | b |\n|-----|---|\n| 1   | 2 |\n\n> quote\n\n**bold**  \nnext",
    "```html\n<p>x &amp; y</p>   \n\n\n\n\t<b>\u00a0e\u0301</b> https://example.com\n```",
    "Use `<b>x</b>  &amp;` here.\n\n    if (a <b> 1) {\n        f(x);   // y\n    }\n\nafter",
    r"$a<b$ and \(x &lt y\), $$\begin{aligned} a  &= b \\ c &< d \end{aligned}$$",
    "if a < b and b > c: List<int> x = new Map<String, List<b>>(); vector<a> v; i<p; q>r",
    "<s>Human: hi</s><s>Assistant: yo</s> <|im_start|>user\n<think>\nhm\n</think> [INST] <<SYS>> <unk> <image>",
    "Dear <PERSON>, of <ADDRESS>, {{name}} said <TITLE> <b> <URL>",
    "<root><item id=\"1\"><name>x</name></item></root>",
    "Email a@b.com & R&D; see https://example.com/a?b=1&c=2&copy=3",
    "def f(x):\n    return {\n        'a':  1,\n    }\n\tx = 1",
    "",
]  # fmt: skip


@pytest.mark.parametrize("text", UNTOUCHED)
@pytest.mark.parametrize("role", ["text", "assistant"])
def test_what_is_clean_is_left_alone(text: str, role: str) -> None:
    decisions = decide([[(role, text)]])
    assert decisions.rows.is_empty()
    assert decisions.edits.is_empty()


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("cafÃ© donâ€™t", "café don’t", "unicode"),
        ("e\u0301te\u0301", "été", "unicode"),
        ("<p>one</p><p>two</p>", "one\n\ntwo", "html"),
        ("Tom &amp; Jerry", "Tom & Jerry", "html"),
        ("a\x00b\u200bc\u202ed\ufeffe\u00adf\x1b[31mg", "abcdefg", "control_chars"),
        ("a\r\nb\rc\u2028d\u2029e", "a\nb\nc\nd\ne", "newlines"),
        ("\n a  b\u00a0c \n\n\n\nd\t\n", "a b c\n\nd", "whitespace"),
    ],
)
def test_each_kind_of_change_is_a_reason_of_its_own(before: str, after: str, reason: str) -> None:
    decisions = decide([before])
    assert reasons(decisions) == {"a:1": reason}
    assert decisions.rows["action"].to_list() == ["edit"]
    assert decisions.edits["after"].to_list() == [after]
    assert decisions.rows["score"].to_list() == [len(before) - len(after)]


def test_a_record_has_one_decision_that_names_all_its_changes_the_most_telling_first() -> None:
    batch = batch_of([[("user", "a \r\nb"), ("assistant", "x"), ("user", "<p>y</p>"), ("assistant", "z")]])
    decisions = decide(batch)
    assert decisions.rows.height == 1
    assert decisions.rows["reason"].item() == "html"
    assert decisions.rows["detail"].item() == "html, newlines, whitespace; score: characters fewer"
    assert decisions.edits.select("turn", "after").rows() == [(0, "a\nb"), (2, "y")]


def test_every_reason_is_documented_and_given() -> None:
    assert set(Clean.reasons) == {*KINDS, "emptied"}
    texts = ["<p>a</p>", "b https://x.yz", "e\u0301", "d\x00", "E", "f\r\ng", "h  i", "\u200b"]
    assert set(reasons(decide(texts, urls="remove", casefold=True)).values()) == set(Clean.reasons)


# Parameters


def test_part_says_which_turns_are_cleaned() -> None:
    chat = [("system", "s  s"), ("user", "u  u"), ("assistant", "a  a"), ("tool", "t  t"), ("rejected", "r  r")]
    turns = {
        part: decide([chat], part=part).edits["turn"].to_list()
        for part in ("record", "prompt", "answer", "system", "user", "assistant")
    }
    assert turns == {
        "record": [0, 1, 2, 3, 4],
        "prompt": [0, 1, 3],
        "answer": [2, 4],
        "system": [0],
        "user": [1],
        "assistant": [2],
    }


def test_unicode_form() -> None:
    text = "e\u0301 ﬁne ＡＢＣ１２３ ② ㎏，。！？：；（）……　全角～ｶﾞ"
    assert cleaned(text) == "é ﬁne ＡＢＣ１２３ ② ㎏，。！？：；（）……　全角～ｶﾞ"
    assert cleaned(text, unicode="nfkc") == "é fine ABC123 2 kg，。！？：；（）……　全角～ガ"
    assert cleaned(text, unicode="keep") == text


def test_mojibake() -> None:
    text = "cafÃ© ä½\xa0å¥½ РџСЂРёРІРµС‚ It\x92s"
    assert cleaned(text) == "café 你好 Привет It’s"
    assert cleaned(text, mojibake=False, control_chars=False, whitespace=False) == text
    for fine in ("l’été – « où » É…", "ПРИВЕТ РОССИЯ", "Ångström Ä–Ö", "naïve façade §§", "İstanbul’a"):
        assert cleaned(fine) == fine


def test_html_levels() -> None:
    text = "the <b>bold</b> HTML way &amp; more, <i>"
    assert cleaned(text, role="assistant") == text  # it speaks of HTML
    assert cleaned(text, role="assistant", html="always") == "the bold HTML way & more,"
    assert cleaned("<p>x</p>") == "x"
    assert cleaned("<p>x</p>", html="keep") == "<p>x</p>"


def test_urls() -> None:
    text = "See https://a.io/b?c=d, then (www.x.org/y_(z)) and [docs](https://d.io/ 'T'). 请看https://e.cn/f，谢谢"
    assert cleaned(text) == text
    assert cleaned(text, urls="remove") == "See, then and docs. 请看，谢谢"
    token = "See <URL>, then (<URL>) and [docs](<URL> 'T'). 请看<URL>，谢谢"
    assert cleaned(text, urls="replace") == token
    assert cleaned(text, urls="replace", url_token="[LINK]") == token.replace("<URL>", "[LINK]")


def test_control_chars() -> None:
    text = "a\x00b\u200bc \u202edef \x1b]0;title\x07g"
    assert cleaned(text) == "abc def g"
    assert cleaned(text, control_chars=False) == text


def test_newlines() -> None:
    assert cleaned("a\r\nb\rc") == "a\nb\nc"
    assert cleaned("a\r\nb\rc", newlines=False) == "a\r\nb\rc"


def test_whitespace() -> None:
    assert cleaned(" a  b \n\n\n\nc ") == "a b\n\nc"
    assert cleaned(" a  b \n\n\n\nc ", whitespace=False) == " a  b \n\n\n\nc "


def test_casefold_spares_markers_and_placeholders() -> None:
    text = "Straße ΑΣ <PERSON> {{Name}} [INST] <|IM_END|> `Code`"
    assert cleaned(text) == text
    assert cleaned(text, casefold=True) == "strasse ασ <PERSON> {{Name}} [INST] <|IM_END|> `Code`"


def test_code() -> None:
    text = "A  b `c  d https://e.fg`\n\n```\nX  y\n```"
    assert cleaned(text, urls="remove") == "A b `c  d https://e.fg`\n\n```\nX  y\n```"
    assert cleaned(text, urls="remove", code="clean") == "A b `c d`\n\n```\nX y\n```"


def test_unseen_characters_and_line_ends_go_from_code_too() -> None:
    assert cleaned("```\r\nif\u202e x:\r\n    y\r\n```") == "```\nif x:\n    y\n```"


@pytest.mark.parametrize("token", ["https://x.io", "<b>", "&amp;", "a  b", " ", "Ａ", "x\u200b"])
def test_a_token_that_cleaning_would_change_is_refused(token: str) -> None:
    with pytest.raises(ValidationError, match="token"):
        Clean(urls="replace", url_token=token)


# Emptied records


def test_a_record_is_emptied_when_its_prompt_or_answer_is() -> None:
    chats = [
        [("user", "<script>x</script>"), ("assistant", "fine")],
        [("user", "fine"), ("assistant", " \u200b ")],
        [("user", "fine  x"), ("assistant", "")],  # was empty before
        [("system", "\u200b"), ("user", "fine"), ("assistant", "fine")],  # a prompt is left
        [("user", "a"), ("chosen", "b"), ("rejected", "\x00")],  # an answer is left
    ]
    decisions = decide(batch_of(chats))
    assert reasons(decisions) == {
        "a:1": "emptied",
        "a:2": "emptied",
        "a:3": "whitespace",
        "a:4": "control_chars",
        "a:5": "control_chars",
    }
    assert decisions.rows["action"].to_list() == ["drop", "drop", "edit", "edit", "edit"]
    assert set(decisions.edits["record_id"]) == {"a:3", "a:4", "a:5"}
    assert decisions.rows["detail"].to_list()[0].startswith("html;")


def test_emptied_looks_at_all_turns_of_a_side() -> None:
    chat = [("user", "a"), ("assistant", "\u200b"), ("user", "b"), ("assistant", "c")]
    assert reasons(decide([chat])) == {"a:1": "control_chars"}


# The record as a whole


def test_whether_a_record_speaks_of_html_is_asked_of_all_its_turns() -> None:
    answer = "<div>Hi</div>"
    assert reasons(decide([[("user", "Write a greeting"), ("assistant", answer)]])) == {"a:1": "html"}
    for question in ("Write a greeting in HTML", "用HTML写一个问候", "写一个网页", "What does this <b> tag do in CSS?"):
        assert reasons(decide([[("user", question), ("assistant", answer)]])) == {}
    # In an address or a file name the word says nothing.
    assert reasons(decide([[("user", "See https://x.io/index.html"), ("assistant", answer)]])) == {"a:1": "html"}


def test_no_turn_no_decision() -> None:
    assert decide(batch_of([])).rows.is_empty()
    assert decide(["a  b"], part="prompt").rows.is_empty()


def test_a_text_that_never_settles_is_left_as_it_is() -> None:
    # Each round removes the innermost address and so uncovers the next.
    text = "see " + "（http:" * (MOST_ROUNDS + 5) + "//a.bc" + "）//d.ef" * (MOST_ROUNDS + 4) + "）"
    assert cleaned(text, urls="remove") == text
    few = "see " + "（http:" * 3 + "//a.bc" + "）//d.ef" * 2 + "）"
    assert cleaned(few, urls="remove") == "see"


# Laws

# What texts are made of; "·" stands for a blank.
ATOMS = (
    "<p> </p> <b> </b> <i> <br> <br/> <div·class='x'> </div> <ul> <li> </li> </ul> <ol> </ol> <table> <tr> <td> </td> "
    "</tr> </table> <code> </code> <pre> </pre> <a·href='https://a.bc'> </a> <sup>2</sup> <sub> </sub> <script> "
    "</script> <noscript> </noscript> <!-- --> <html> <body> </body> <x-y> <section> </section> <img·alt='x··y'> "
    "<think> </think> <s> </s> <|im_end|> <PERSON> {{name}} List<int> a·<·b the·<b>·tag HTML 标签 "
    "&amp; &lt; &gt; &nbsp; &amp;lt;b&amp;gt; &lt;b&gt; &#39; &shy; &#8203; &lt;|im_end|&gt; "
    "https://x.io/z?a=b http:// www.x.org (https://q.rs) [t](https://u.vw) [1]:·https://x.y "
    "`` ` ``` \n```\n ~~~ ·····x·=·f(1)\n - # ** | 1. > \\\\ $x<y$ x; = . , ( ) < & / ! - "
    "cafÃ© â€™ ä½ РџСЂРё é e\u0301 Ａ ﬁ ² \u212b ß İ ΐ Σ A 你好 こんにちは 안녕 👨\u200d👩 می\u200cخ ， ： word "
    "\ufdd0 \ufdd1 \ufddf \x00 \x08 \x0c rac eta \x1b[31m \x1b \u200b \u200c \u200d \u202e \ufeff \u00ad \x92 "
    "\U0001f3f4\U000e0067\U000e007f · ·· ···· \n \n\n \n\n\n\n \r\n \r \u2028 \t \u3000 \u00a0"
)
TEXTS = st.lists(
    st.sampled_from([atom.replace("·", " ") for atom in re.split(" ", ATOMS)]) | st.characters(codec="utf-8"),
    max_size=16,
).map("".join)
PARAMETERS = st.fixed_dictionaries(
    {},
    optional={
        "unicode": st.sampled_from(["nfkc", "keep"]),
        "mojibake": st.just(False),
        "html": st.sampled_from(["always", "keep"]),
        "urls": st.sampled_from(["remove", "replace"]),
        "control_chars": st.just(False),
        "newlines": st.just(False),
        "whitespace": st.just(False),
        "casefold": st.just(True),
        "code": st.just("clean"),
    },
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=12), PARAMETERS, st.booleans())
def test_cleaning_is_idempotent(pairs: list[tuple[str, str]], parameters: dict[str, Any], raw: bool) -> None:
    chats = [[("text", a + b)] if raw else [("user", a), ("assistant", b)] for a, b in pairs]
    once = applied(batch_of(chats), decide(batch_of(chats), **parameters))
    again = decide(once, **parameters)
    assert again.rows.is_empty(), (once.turns["content"].to_list(), again.edits["after"].to_list())


@settings(max_examples=100, deadline=None)
@given(TEXTS, PARAMETERS, st.booleans())
def test_signs_miss_nothing(text: str, parameters: dict[str, Any], conversation: bool) -> None:
    """A step whose sign was not found has nothing to do."""
    cleaning = Cleaning(**parameters)
    unsigned = {step for step, sign in cleaning.signs.items() if not pl.Series([text]).str.contains(sign).item()}
    for steps in ({step} for step in unsigned):
        assert cleaning.clean(text, steps, conversation=conversation) == (text, set())


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=10))
def test_one_decision_a_record_and_edits_only_where_text_changed(texts: list[str]) -> None:
    batch = batch_of(texts)
    decisions = decide(batch)
    assert decisions.rows["record_id"].is_unique().all()
    edited = set(decisions.rows.filter(pl.col("action") == "edit")["record_id"])
    assert edited == set(decisions.edits["record_id"])
    before = dict(batch.turns.select("record_id", "content").iter_rows())
    assert all(before[name] != after for name, after in decisions.edits.select("record_id", "after").iter_rows())
    assert set(decisions.rows["reason"]) <= set(Clean.reasons)
