"""What stands where a secret belongs and is none: YOUR_API_KEY, sk-xxxx, ${TOKEN}, os.environ["TOKEN"]."""

from __future__ import annotations

import math
import re
from collections import Counter

_SAYS_SO = re.compile(
    r"your|change[_-]?me|placeholder|example|sample|dummy|redacted|masked|hidden|insert|replace|todo|fixme|<|>|\$\{|\{\{|%\(|"
    r"\.\.\.|…|xxx|\*{3}|my[_-]?(?:secret|token|key|password|api)|(?:api|secret|access)[_-]?(?:key|token)$|"
    r"^(?:none|null|nil|true|false|undefined|empty|string|password|passwd|secret|token|key|test|admin|root|user|guest)$|"
    r"环境变量|你的|您的|此处|替换|填写|示例",
    re.I,
)
_CODE = re.compile(
    r"^[$%@]|^(?:os|process|self|this|config|settings|env|request|req|args|params|data|ctx|app)\b[.\[(]|[(\[]|::|->|=>"
)
_RUN = re.compile(r"(.)\1{4,}")
_COUNTING = ("0123456789", "1234567890", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


def entropy(value: str) -> float:
    """Shannon entropy of the value's characters in bits a character: 0 for one repeated, about 4.5 for 32 random ones."""
    size = len(value)
    return -sum(count / size * math.log2(count / size) for count in Counter(value).values()) if size else 0.0


def is_placeholder(value: str) -> bool:
    """Whether the value says itself that it is none, is code that fetches one, repeats a character or counts."""
    if _SAYS_SO.search(value) or _CODE.search(value) or _RUN.search(value):
        return True
    return any(run[:8] in value for run in _COUNTING) and entropy(value) < 4.2


def is_random(body: str, least: float = 3.0) -> bool:
    """Whether the random part of a key looks drawn: no long run of one character, and enough entropy for its length."""
    return not _RUN.search(body) and entropy(body) >= min(least, 0.72 * math.log2(max(len(body), 2)))
