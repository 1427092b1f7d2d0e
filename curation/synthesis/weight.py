"""How long a text is, in characters of which a Chinese one counts double."""

from __future__ import annotations

import re

WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")  # kana, Han, Hangul


def weight(text: str) -> int:
    """Characters of the text without the white space around it; one of Chinese, Japanese or Korean counts double."""
    stripped = text.strip()
    return len(stripped) + len(WIDE.findall(stripped))
