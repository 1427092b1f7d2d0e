"""Text of records as HTML: escaped, what cannot be seen made visible, changes marked word by word.

Dataset text is hostile. It reaches a page only through `visible` or `marked`, which return safe markup; everything else
is escaped by the template.
"""

from __future__ import annotations

import re
import unicodedata

from markupsafe import Markup, escape

from curation.textdiff import pieces

# Controls, fillers, zero-width and bidi marks, line separators, tags: what hides in a text or reorders it.
# A newline and a tab are shown by the browser.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_COMBINING = re.compile(f"{_HIDDEN.pattern}|[\u0300-\u036f\u3099\u309a]")
_CONTROLS = (
    "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split()
_SPACES = {" ": "·", "\t": "⇥", "\n": "⏎\n", "\u00a0": "⍽", "\u3000": "□"}
_SPACE = re.compile("[ \t\n\u00a0\u3000]")

CONTEXT = 60  # characters of unchanged text kept on each side of a change in a long text


def visible(text: str, limit: int = 900) -> Markup:
    """`text` escaped, with hidden characters named; at most about `limit` characters, cut in the middle."""
    if len(text) <= limit:
        return _named(text)
    head, tail = limit * 3 // 4, limit // 4
    return _named(text[:head]) + _cut(len(text) - head - tail) + _named(text[-tail:])


def marked(before: str, after: str, limit: int = 900) -> Markup:
    """What changed from `before` to `after`: removed text in `<del>`, new text in `<ins>`, far context left out.

    Each side of a change, and the whole, is cut so that a page of many such texts stays small.
    """
    long = max(len(before), len(after)) > limit
    out = Markup()
    spent = 0
    found = list(pieces(before, after))
    for place, (kind, old, new) in enumerate(found):
        if spent > limit:
            left = sum(max(len(x), len(y)) for _, x, y in found[place:])
            return out + _cut(left)
        if kind == "equal":
            shown = _context(old, place == 0, place == len(found) - 1) if long else _named(old)
            spent += min(len(old), 2 * CONTEXT) if long else len(old)
        else:
            alike = unicodedata.normalize("NFC", old) == unicodedata.normalize("NFC", new)
            names = _COMBINING if alike else _HIDDEN  # what looks the same on both sides is told apart by its accents
            shown = _change("del", old, limit, names) + _change("ins", new, limit, names)
            spent += min(len(old), limit) + min(len(new), limit)
        out += shown
    return out


def beside(left: str, right: str, limit: int = 900) -> tuple[Markup, Markup]:
    """Two texts to be shown side by side: what only the left one says in `<del>`, what only the right one says in `<ins>`.

    Each is cut at about `limit` characters. Texts that have hardly anything in common are not marked: all of it would be.
    """
    found = list(pieces(left[: 4 * limit], right[: 4 * limit]))
    same = sum(len(old) for kind, old, _ in found if kind == "equal")
    if 3 * same < min(len(left), len(right), 4 * limit):
        return visible(left, limit), visible(right, limit)
    return _one_side("del", [(kind, old) for kind, old, _ in found], len(left), limit), _one_side(
        "ins", [(kind, new) for kind, _, new in found], len(right), limit
    )


def _one_side(tag: str, parts: list[tuple[str, str]], length: int, limit: int) -> Markup:
    out, spent = Markup(), 0
    for kind, text in parts:
        if spent >= limit:
            break
        kept = text[: limit - spent]
        spent += len(kept)
        if kept:
            out += _named(kept) if kind == "equal" else _change(tag, kept, limit, _HIDDEN)
    return out + _cut(length - spent) if spent < length else out


def _context(text: str, first: bool, last: bool) -> Markup:
    """The parts of an unchanged stretch next to a change."""
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    if len(text) <= head + tail + 20:
        return _named(text)
    return _named(text[:head]) + _cut(len(text) - head - tail) + (_named(text[-tail:]) if tail else Markup())


def _change(tag: str, text: str, limit: int, names: re.Pattern[str]) -> Markup:
    if not text:
        return Markup()
    kept = text if len(text) <= limit else text[:limit]
    inner = Markup(_SPACE.sub(lambda match: _SPACES[match.group()], str(_named(kept, names, bare=True))))
    rest = _cut(len(text) - len(kept)) if len(kept) < len(text) else Markup()
    kind = Markup(' class="blank"') if text.isspace() else Markup()  # shown, but not struck through
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(tag), kind, inner + rest)


def _cut(characters: int) -> Markup:
    return Markup('<span class="cut">… {} characters …</span>').format(f"{characters:,}")


def _named(text: str, names: re.Pattern[str] = _HIDDEN, bare: bool = False) -> Markup:
    """Escaped text, what `names` finds as a box with its name or code. `bare`: with no blank in any tag."""
    out = []
    last = 0
    for match in names.finditer(text):
        out.append(str(escape(text[last : match.start()])))
        out.append(_box(match.group(), bare))
        last = match.end()
    out.append(str(escape(text[last:])))
    return Markup("".join(out))


def _box(character: str, bare: bool) -> str:
    code = ord(character)
    picture = _CONTROLS[code] if code < 0x20 else f"U+{code:04X}"
    if bare:
        return f"<b>{picture}</b>"
    name = unicodedata.name(character, f"control character {code:#04x}")
    return f'<b title="{escape(name)}">{picture}</b>'
