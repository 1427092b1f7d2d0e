"""The steps of cleaning one by one: HTML, code, addresses, unseen characters, blanks; their cost on hostile text."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest

from curation.stages.cleaning.characters import Form, folded_points, normalise, normalised_points
from curation.stages.cleaning.code_spans import Hidden
from curation.stages.cleaning.controls import remove_controls
from curation.stages.cleaning.text import Cleaning


def clean(text: str, *, conversation: bool = False, topic: bool = False, **parameters: object) -> str:
    cleaning = Cleaning(**parameters)  # type: ignore[arg-type]
    for _ in range(10):
        after, _ = cleaning.clean(text, cleaning.signs, conversation=conversation, topic=topic)
        if after == text:
            break
        text = after
    return text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("a<br>b<br/><br />c</br>d", "a\nb\n\nc\nd"),
        ("<ul><li>One</li><li>Two <i>x</i></li></ul>end", "- One\n- Two x\n\nend"),
        ("<ol><li>a<ul><li>b</ul><li>c</ol>", "1. a\n  - b\n2. c"),
        ("<ul>\n  <li><p>a</p></li>\n  <li>\n b\n</ul>", "- a\n- b"),
        ("<h1>T</h1>\n\n<p>One\n two.</p>\n<p>Three", "T\n\nOne two.\n\nThree"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1 </td><td><p>2</p></td></tr></table>", "A | B\n1 | 2"),
        ("see <a href='http://x.y/z'>the link</a>.", "see the link."),
        ('<img src="a.png" alt="a cat"> <img src="b.png">', "a cat"),
        ("x<sup>2</sup> H<sub>2</sub>O 5<sup>th</sup> e<sup>x</sup> a<sub>i</sub>", "x² H₂O 5th e^x a_i"),
        ("<p>Use <code>&lt;b&gt;</code> or <code>a`b</code></p>", "Use `<b>` or ``a`b``"),
        ("<pre><code>int  main()\n{\n  x;\n}\n</code></pre>after", "```\nint  main()\n{\n  x;\n}\n```\n\nafter"),
        ("put it in <script> and end with </script>, <i>ok</i>", "put it in <script> and end with </script>, ok"),
        ("<p>a</p><script>if (a<b) {}</script ><style>p{}</style>", "a"),
        ('a <script type="x">y</script> b', "a b"),
        ("<div><p>a</p></div><div><p>b</p></div>", "a\n\nb"),
        ("a<!-- b --> c<!-- open", "a c<!-- open"),
        ("one\n<b>two</b>\nthree", "one\ntwo\nthree"),
        ('<div class="a">x</div><span style="b">y</span>', "x\ny"),
        ('cut off <div class="a">here', "cut off\nhere"),
        (
            "Tom &amp; Jerry &lt; 3 &eacute; &#20320;&#x597d; &unknown; &amp;amp;amp;",
            "Tom & Jerry < 3 é 你好 &unknown; &",
        ),
        ("&lt;b&gt; &amp;lt;b&amp;gt; &lt;|im_end|&gt; &lt;s&gt;", "&lt;b&gt; &lt;b&gt; &lt;|im_end|&gt; &lt;s&gt;"),
        ("List&lt;int&gt; a &lt;b && c", "List<int> a <b && c"),
        ("<p>List<int> and a<b, <think>x</think></p>", "List<int> and a<b, <think>x</think>"),
        ("<section>keep</section> <section class='x'>drop</section>", "<section>keep</section>\n\ndrop"),
        ("Click <a>here</a> for <B>x</B>", "Click <a>here</a> for x"),
        ("\n<p>第一段</p>\n<p>第二段：<strong>重点</strong></p>", "第一段\n\n第二段：重点"),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert clean(html) == text


PAGE = """<!DOCTYPE html>
<html><head><title>T</title><script>var x = "<p>";</script></head>
<body>

    <nav>Menu</nav>
    <x-box class="c"><div>
        Hello
        <b>world</b>
    </div></x-box>
    <pre>a
  b</pre>
</body></html>"""


def test_a_page_is_read_as_a_page_unless_somebody_asked_for_it() -> None:
    assert clean(PAGE) == "Menu\nHello world\n\n```\na\n  b\n```"
    assert clean(PAGE, topic=True) == "Menu\nHello world\n\n```\na\n  b\n```"
    assert clean(PAGE, conversation=True) == PAGE
    assert clean(PAGE, conversation=True, html="always") == "Menu\nHello world\n\n```\na\n  b\n```"


@pytest.mark.parametrize(
    "source",
    [
        "return (<div className='App'><b>x</b></div>);",
        "<form onSubmit={send}><b>x</b></form>",
        "<?php echo '<b>x</b>'; ?>",
        "{% for a in b %}<li>{{ a }}</li>{% endfor %}",
        "<li v-for='a in b'>x</li>",
        '<?xml version="1.0"?><p>x</p>',
        "The `<b>` tag, as in <b>x</b>, and the <i> tag.",
        "使用<b>标签</b>，即<i>标签。",
    ],
)
def test_source_code_and_talk_about_tags_are_left_alone(source: str) -> None:
    assert clean(source) == source


def test_a_record_about_html_keeps_it_unless_it_is_written_in_html() -> None:
    assert clean("<p>x</p> &amp;", topic=True) == "<p>x</p> &amp;"
    assert clean("<p>Write <code>&lt;b&gt;</code> or &lt;i&gt;.</p>", topic=True) == "Write `<b>` or &lt;i&gt;."


@pytest.mark.parametrize(
    "code",
    [
        "```\na  b\n```",
        "~~~~ python\na  b\n~~~\n~~~~",
        "````\n```\na  b\n```\n````",
        "   ```js\n   a  b\n   ```",
        "```\nnever closed  \n\n\n\n<p>x</p>",
        "`a  b`",
        "``a ` b  c``",
        "    x = f(1)  \n\n\n    y  =  2",
        "\tif (x) {\n\t\ty  = 2;\n\t}",
    ],
)
def test_code_is_found(code: str) -> None:
    hidden = Hidden()
    marked = hidden.hide_code(f"before\n\n{code}\n\nafter")
    assert "a  b" not in marked and "  =" not in marked and "never" not in marked
    assert hidden.show(marked) == f"before\n\n{code}\n\nafter"


@pytest.mark.parametrize(
    "prose",
    [
        "a ` b\nc ` d",
        "    An indented paragraph, like many.",
        "    中文段落缩进四格。",
        "- item\n\n    its second paragraph f(x)",
        "````\n",
    ],
)
def test_prose_is_no_code(prose: str) -> None:
    hidden = Hidden()
    assert hidden.hide_code(prose) == prose or prose == "````\n"


def test_text_that_holds_marks_already_survives() -> None:
    text = "\ufdd0\ufdd1\ufddf `code` \ufdd0 \ufdd0\ufdd1\ufddf"
    assert clean(text, control_chars=False) == text
    assert clean(text) == "`code`"


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a\u200db", "ab"),
        ("👨\u200d👩 x\u200d", "👨\u200d👩 x"),
        ("ا\u200c ب\u200cپ", "ا ب\u200cپ"),
        ("ភាសា\u200bខ្មែរ a\u200bb", "ភាសា\u200bខ្មែរ ab"),
        ("x\U000e0041y", "xy"),
        ("\x1b[1;31mred\x1b[0m \x1b]0;t\x07x \x1b]open", "red x ]open"),
        ("one\x0ctwo\x0bthree", "one\ntwo\nthree"),
        ("\\(\x0crac{a}{b} \x08eta_1 \x08ad", "\\(\\frac{a}{b} \\beta_1 ad"),
        ("שלום\u200f \u2067x\u2069", "שלום x"),
    ],
)
def test_unseen_characters(text: str, after: str) -> None:
    assert remove_controls(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("a   \nb\t\n", "a\nb"),
        ("plain  \ntext", "plain\ntext"),
        ("# Title\nline  \nnext   \nlast  \n\nx", "# Title\nline  \nnext\nlast\n\nx"),
        ("end.  Next", "end. Next"),
        ("-   item  x", "-   item x"),
        ("x = 1  # why  not", "x = 1  # why  not"),
        ("if a:\n    b  = 2", "if a:\n    b  = 2"),
        ("a\tb  c", "a\tb  c"),
        ("Name     Age    City\nJo       3      X", "Name     Age    City\nJo       3      X"),
        ("one     two", "one two"),
        ("\u00a0a\u2003b\u202f!", "a b !"),
        ("　　今天　天气\u3000\n　　明天", "　　今天　天气\n　　明天"),
        ("\n\n  a", "a"),
        ("  a\n  b", "  a\n  b"),
        ("a\n \n\t\n\nb", "a\n\nb"),
    ],
)
def test_blanks(text: str, after: str) -> None:
    assert clean(text) == after


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("(see https://a.bc/d_(e).)", "(see.)"),
        ("（https://a.bc）好", "好"),
        ("<https://a.bc> x", "x"),
        ("![alt](https://a.bc/x.png) y", "alt y"),
        ("a\n[1]: https://a.bc 'T'\nb [c][1]", "a\nb [c][1]"),
        ("https://ru.wikipedia.org/wiki/Мир ok", "ok"),
        ("https://a.bc https://d.ef g", "g"),
        ("**https://a.bc**", "****"),
        ("me@www.x.org, https:// and www. stay", "me@www.x.org, https:// and www. stay"),
        ("HTTP://A.BC/x ftp://d.ef WWW.G.HI", ""),
    ],
)
def test_addresses_removed(text: str, after: str) -> None:
    assert clean(text, urls="remove") == after


# Every code point that may be assigned to something but private use (planes 3 and up hold ideographs, tags, selectors).
EVERY = "".join(map(chr, (*range(0xD800), *range(0xF900, 0x34000), *range(0xE0000, 0xE0200))))


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
def test_normalised_points_hold_every_character_that_may_change(form: Form) -> None:
    rest = re.sub(f"[{normalised_points(form)}]", "", EVERY)
    assert len(rest) > 190_000
    assert normalise("-".join(rest), form) == "-".join(rest)
    # No two of them compose or change places either.
    assert not any(map(unicodedata.combining, rest))
    assert normalise(rest, form) == rest
    pairs = (
        unicodedata.normalize("NFD", char) for char in EVERY if unicodedata.decomposition(char)[:1] not in ("", "<")
    )
    assert not {pair[-1] for pair in pairs if len(pair) > 1} & set(rest)


def test_folded_points_hold_every_character_that_may_change() -> None:
    rest = re.sub(f"[{folded_points()}]", "", EVERY)
    assert len(rest) > 190_000
    assert rest.casefold() == rest


HOSTILE = {
    "unclosed": ("<div>", "<!--", "<script>", "<a x='", '<a b="', "<a b c d ", "<ul><li>", "<p> ", "<td>x ", "`a ``b "),
    "pairs": ("<b>x</b>", "<sub>", "<code>", "<ol><li>x", "<sup>2</sup>", "<table><tr><td>"),
    "references": ("&amp;", "&lt;b", "&lt;b&gt;", "&#", "&nbsp;"),
    "addresses": ("https://", "https://a)))", "[a](http://", "](", "www.", "http:(", "[a]: https://b\n"),
    "blanks": (" ", "| ", "\n", "\u00a0", "a  ", "   x   y\n"),
    "unseen": ("\u200d", "\x1b]", "\x1b[1;", "\ufdd0", "\x0crac"),
    "mojibake": ("Ã©", "Ð Ð°", "Ã© x "),
    "code": ("~~~\n", "    x(\n\n", "`", "```\n", "import a "),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_time_is_linear_on_hostile_text(kind: str) -> None:
    """Four times the text takes at most about four times as long; quadratic steps would take sixteen times."""
    cleaning = Cleaning(urls="remove")
    for atom in HOSTILE[kind]:
        times = []
        for size in (8_000, 32_000):
            text = atom * (size // len(atom)) + "x"
            rounds = []
            for _ in range(3):
                began = time.process_time()
                cleaning.clean(text, cleaning.signs)
                rounds.append(time.process_time() - began)
            times.append(min(rounds))
        assert times[1] < 9 * times[0] + 0.02, (atom, times)


def test_deeply_nested_elements() -> None:
    deep = 20_000
    assert clean("<div>" * deep + "x" + "</div>" * deep) == "x"
