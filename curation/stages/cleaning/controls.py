"""Characters nobody sees: controls, zero-width characters, bidirectional overrides, terminal escapes; and line ends."""

from __future__ import annotations

import re

# C0 but tab, line feed and carriage return; DEL and C1; soft hyphen; Mongolian vowel separator; zero width space;
# bidi marks, embeddings, overrides and isolates; invisible operators; BOM; interlinear marks; U+FFFE and U+FFFF.
_INVISIBLE = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064"
    "\u2066-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff"
)
_JOINERS = "\u200c\u200d"
_TAGS = "\U000e0000-\U000e007f"
_NONCHARACTERS = "\ufdd0-\ufdef"
CONTROLS = _INVISIBLE + _JOINERS + _TAGS + _NONCHARACTERS

# Scripts whose letters change shape by joiners: Arabic, the scripts of India and Sri Lanka, Tibetan, Burmese, Khmer,
# Mongolian, and the Arabic presentation forms.
_JOINING = (
    "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af"
    "\ua8e0-\ua8ff\ufb50-\ufdcf\ufdf0-\ufdff\ufe70-\ufefc"
)
# Scripts written without blanks, in which a zero width space says where a word ends.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1980-\u19df"
_EMOJI = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
_EMOJI_END = _EMOJI + "\ufe0f\u20e3\U000e007f"

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|\][^\x07\x1b\n]*+(?:\x07|\x1b\\))")
# LaTeX whose backslash was read as part of a JSON escape: `\f` of \frac, `\b` of \beta.
_BROKEN_LATEX = re.compile("([\x08\x0c])(?=(?:rac|orall|lat|eta|egin|inom|ar|oldsymbol|ullet|ig|ot|mod)[\\W\\d_])")
_UNSEEN = re.compile(  # the look-ahead, one test a character, makes it four times as fast
    f"(?=[{CONTROLS}\U0001f3f4])(?:((?<=[{_EMOJI_END}])\u200d(?=[{_EMOJI}])"
    f"|(?<=[{_JOINING}])\u200c(?=[{_JOINING}])"
    f"|(?<=[{_JOINING}])\u200d|\u200d(?=[{_JOINING}])"
    f"|(?<=[{_UNSPACED}])\u200b(?=[{_UNSPACED}])"
    f"|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f)"
    f"|[{CONTROLS}])"
)
NEWLINES = "\r\u2028\u2029"


def unify_newlines(text: str) -> str:
    """CR LF, CR, U+2028 and U+2029 become a line feed."""
    for line_end in ("\r\n", *NEWLINES):
        text = text.replace(line_end, "\n")
    return text


def remove_controls(text: str) -> str:
    """`text` without what cannot be seen.

    Kept: joiners between emoji and in scripts that need them, word-dividing zero width spaces in Thai, Lao, Khmer and
    Burmese, the tag characters of flags. Terminal escape sequences go whole. A form feed or vertical tab, which parts
    words, becomes a line feed; but a form feed or backspace that was the `\\f` or `\\b` of LaTeX becomes that again.
    """
    if "\x0c" in text or "\x08" in text:
        text = _BROKEN_LATEX.sub(lambda found: "\\f" if found[0] == "\x0c" else "\\b", text)
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    return _UNSEEN.sub(r"\1", text.replace("\x0b", "\n").replace("\x0c", "\n"))
