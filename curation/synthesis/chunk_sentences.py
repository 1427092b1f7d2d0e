"""Where the sentences of a paragraph end, in English and in Chinese, by punctuation alone."""

from __future__ import annotations

import re

_CLOSING = "\"'”’»）)\\]】》」』"
# A full stop ends a sentence when a blank and a capital, a digit, a quotation mark or a wide character follow. Chinese marks
# need no blank. A semicolon of Chinese ends one as well: sentences there run on for a paragraph.
_END = re.compile(
    rf"(?P<wide>[。！？；…]++[{_CLOSING}]*+)\s*+"
    rf"|(?P<narrow>(?<![.!?])[.!?]++[{_CLOSING}]*+)\s++(?=[\"'“‘«(\[（]*+[^\Wa-z_])"
)
_ABBREVIATED = re.compile(
    r"(?:^|[\s(\[\"“])(?:[A-Z]|(?:[A-Za-z]\.)+[A-Za-z]"  # an initial; e.g, U.S
    r"|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Sen|Rep|Gov|Gen|Col|Capt|Lt|Rev|No|Nos|vs|etc|cf|ca|al|approx|Fig|Figs|Eq|Sec|Ch"
    r"|Vol|pp|Inc|Ltd|Co|Corp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\Z"
)
_LOOK_BACK = 12  # characters before a full stop that an abbreviation may have


def sentence_starts(text: str) -> list[int]:
    """Offsets at which sentences begin, 0 the first; each sentence reaches to the next, blanks behind it included."""
    starts = [0]
    for found in _END.finditer(text):
        if found.end() >= len(text):
            break
        if found["narrow"] and found["narrow"][0] == "." and _abbreviates(text, found.start()):
            continue
        starts.append(found.end())
    return starts


def _abbreviates(text: str, stop: int) -> bool:
    """Whether the full stop at `stop` belongs to the word before it."""
    return _ABBREVIATED.search(text[max(0, stop - _LOOK_BACK) : stop]) is not None
