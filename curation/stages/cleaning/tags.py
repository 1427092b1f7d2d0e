"""Which `<…>` in a text are HTML tags, and which are generics, arithmetic, XML, placeholders or template markers.

Nothing but a tag that HTML 5 (or HTML 4) names is ever taken for one, so `<think>`, `<|im_end|>`, `List<int>` and
`<PERSON>` are out of reach. A name alone is not enough either: a tag must have an attribute with a value, or its other
half, or be void, or stand where a tag with an optional end stands.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

VOID = frozenset("br hr wbr img".split())
BLOCK_GAP = {  # line feeds around a block element
    **dict.fromkeys("p h1 h2 h3 h4 h5 h6 ul ol dl table pre blockquote hr figure form article section".split(), 2),
    **dict.fromkeys(
        "div li tr dt dd caption figcaption center address header footer main nav aside fieldset legend dir menu "
        "html body head title thead tbody tfoot noscript details summary option optgroup".split(),
        1,
    ),
}
_INLINE = frozenset(
    "a b i u em strong span font code kbd samp tt sub sup small big strike del ins abbr acronym nobr td th wbr br img "
    "cite dfn bdi bdo colgroup col".split()
)
# Names that prompts and templates use for markers of their own: tags only with an attribute, or in a whole page.
AMBIGUOUS = frozenset(
    "address article aside audio base button cite data datalist details dfn dialog dir embed fieldset footer form head "
    "header iframe input label legend link main map mark menu meta meter nav noscript object optgroup option output "
    "param progress q s search section select source summary svg template textarea time title track var video canvas "
    "html body figure".split()
)
KNOWN = _INLINE | AMBIGUOUS | frozenset(BLOCK_GAP) | VOID
_OPTIONAL_END = frozenset("p li tr td th dt dd thead tbody tfoot option html body head".split())
_NEEDS_ATTRIBUTE = frozenset("a img font".split())

TAG = re.compile(
    r"<(?P<end>/?)(?P<name>[A-Za-z][A-Za-z0-9]{0,20}(?:-[A-Za-z0-9-]{1,40})?)"
    r"(?P<attrs>(?>(?:\s+|(?<=[\"']))[A-Za-z_:][\w:.-]*(?>\s*=\s*(?>\"[^\"]*\"|'[^']*'|[^\s\"'=<>`]+))?)*+)\s*+/?>"
)
PAGE = re.compile(r"<(?:!doctype\s+html|html|body)(?:\s[^<>]*)?>", re.IGNORECASE)
_DOCTYPE = re.compile(r"<!doctype[^<>]*>", re.IGNORECASE)
_COMMENT, _COMMENT_END = re.compile("<!--"), re.compile("-->")
_UNSEEN = {
    name: (re.compile(rf"<{name}(?=[\s>])[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
    for name in ("script", "style", "noscript", "svg", "iframe", "template", "canvas", "object", "head")
}
_UNSEEN_END = re.compile(f"</(?:{'|'.join(_UNSEEN)})", re.IGNORECASE)

# Source code that has tags in it: JSX, Vue, Angular, PHP, ERB, Jinja, XML; and talk about tags: "the <b> tag".
# Each expression is tried only where its literal stands, and that is looked for only where a character of it, or the `<`
# of the expression, does: all together as alternatives they took 40 µs for 500 characters, literal by literal 5, so 2.
_SOURCE = tuple(
    (sign, tuple((literal, re.compile(pattern)) for literal, pattern in those))
    for sign, those in (
        (
            "=",
            (
                ("className=", "className="),
                ("={", r"<\w[^<>\n]*\s[\w:@-]+=\{"),
                ("@click=", r"\s@click="),
            ),
        ),
        ("%", (("{%", r"\{%[ -]"), ("<%", r"<%[=@\s-]"))),
        ("?", (("<?", r"<\?(?:php|xml|=)"),)),
        ("x", (("xmlns", "xmlns[:=]"),)),
        ("-", (("v-", r"\sv-(?:if|for|model|bind|on)\b"),)),
        ("*", (("*ng", r"\s\*ng(?:If|For)\b"),)),
        ("m", (("import ", r"""\bimport\s+[\w{*][^\n]{0,80}?\sfrom\s+["']"""),)),
        (
            "<",
            (
                ("tag", r"""</?[\w-]{1,20}/?>(?:[`"'”]? |[`"'”])tags?\b"""),
                ("element", r"""</?[\w-]{1,20}/?>(?:[`"'”]? |[`"'”])elements?\b"""),
                *(
                    (word, rf"""</?[\w-]{{1,20}}/?>[`"'”」]?\s?{word}(?![:：<])""")
                    for word in ("标签", "標籤", "元素", "タグ")
                ),
            ),
        ),
    )
)


class Tag(NamedTuple):
    """One tag of a text: where it stands, its name in lower case, whether it ends an element, its attributes."""

    start: int
    stop: int
    name: str
    end: bool
    attributes: str


def without_unseen(text: str, *, page: bool) -> str:
    """`text` without comments, document type, scripts, styles and other elements that no reader sees."""
    if "<!" in text:
        text = _cut(text, _COMMENT, _COMMENT_END, lambda _: True)
        text = _DOCTYPE.sub("", text)
    if not _UNSEEN_END.search(text):
        return text
    for name, (opening, closing) in _UNSEEN.items():

        def sure(found: re.Match[str], name: str = name) -> bool:
            if page or "=" in found[0]:
                return True
            before = found.string[max(found.start() - 1, 0) : found.start()]
            return name not in AMBIGUOUS and before in ("", "\n", ">")

        text = _cut(text, opening, closing, sure)
    return text


def _cut(text: str, opening: re.Pattern[str], closing: re.Pattern[str], sure: Callable[[re.Match[str]], bool]) -> str:
    """`text` without what stands from each sure opening to the next closing. Linear in the length of `text`."""
    if not opening.search(text):
        return text
    ends = [found.span() for found in closing.finditer(text)]
    out: list[str] = []
    start = place = 0
    for found in opening.finditer(text):
        while place < len(ends) and ends[place][0] < found.end():
            place += 1
        if place == len(ends):
            break
        if found.start() >= start and sure(found):
            out.append(text[start : found.start()])
            start = ends[place][1]
    return "".join(out) + text[start:]


def looks_like_source(text: str) -> bool:
    """Whether tags in `text` are likely to be somebody's source code, or what it talks about."""
    for sign, those in _SOURCE:
        if sign in text:
            for literal, pattern in those:
                if literal in text and pattern.search(text):
                    return True
    return False


def find_tags(text: str, *, page: bool, every: bool) -> list[Tag]:
    """The HTML tags of `text`, in order. page: it is a whole page. every: a known name is enough."""
    tags: list[Tag] = []
    open_tags: dict[str, list[int]] = {}
    halves: dict[int, int] = {}  # for each tag that has its other half, where that is
    for found in TAG.finditer(text):
        end, name, attributes = found.groups()
        name = name.lower()
        # A hyphen makes it a custom element (HTML 5), of which a page may be full.
        if (name in KNOWN or (page and "-" in name)) and (not attributes or (not end and "=" in attributes)):
            index = len(tags)
            tags.append(Tag(found.start(), found.end(), name, bool(end), attributes))
            if not end:
                open_tags.setdefault(name, []).append(index)
            elif open_tags.get(name):  # an end tag belongs to the last open tag of its name
                halves[index] = start = open_tags[name].pop()
                halves[start] = index
    if every:
        return [tag for tag in tags if tag.name != "s"]
    sure: set[int] = set()
    for index, tag in enumerate(tags):
        if tag.end:
            certain = halves.get(index) in sure or (page and tag.name != "s")
        else:
            certain = _is_sure(text, tag, tags[index - 1].stop if index else -1, page, index in halves)
        if certain:
            sure.add(index)
    # Beside real tags, a stray end tag is what is left of a pair.
    return [
        tag
        for index, tag in enumerate(tags)
        if sure and (index in sure or (tag.end and index not in halves and tag.name not in AMBIGUOUS))
    ]


def _is_sure(text: str, tag: Tag, after: int, page: bool, paired: bool) -> bool:
    """Whether a start tag is HTML. after: where the tag before it ends."""
    if tag.attributes:
        return True
    if tag.name in AMBIGUOUS or "-" in tag.name:
        return page and tag.name != "s"
    if tag.name in _NEEDS_ATTRIBUTE:
        return False
    if paired or tag.name in VOID:
        return True
    if tag.name not in _OPTIONAL_END:
        return False
    # `<p>` or `<li>` without an end: right after another tag or at the beginning of a line, never in `Foo<p>`.
    before = text[max(tag.start - 80, 0) : tag.start].rstrip(" \t")
    return tag.start == after or before.endswith("\n") or (not before and tag.start <= 80)
