"""What is left of an answer once its code is taken out: rules about symbols are meant for prose.

Only Markdown that says it is code counts (fences, back-quotes, indented blocks after a blank line); the texts
that have none are handed back as they are.
"""

from __future__ import annotations

import polars as pl

_FENCED = r"(?ms)^[ \t]*(?:```|~~~).*?(?:^[ \t]*(?:```|~~~)[ \t]*$|\z)"
_QUOTED = r"`+[^`\n]+`+"
_INDENTED = r"(?m)^(?: {4}|\t).*$"
_RULE = r"_{2,}|={2,}|-{2,}|\*{2,}|~{2,}|＿{2,}|·{2,}"
_HEADING = r"(?m)^\s{0,3}#{1,6}(?:\s|$)"
_HASHTAG = r"#[\p{L}\p{N}]|[\p{L}\p{N}]#"


def without_code(texts: pl.Series) -> pl.Series:
    """Texts without fenced code, quoted code and indented blocks. An unclosed fence takes the rest of its text."""
    quoted = texts.str.contains(r"`|~~~|(?m)^(?: {4}|\t)")
    if not quoted.any():
        return texts
    prose = texts.filter(quoted)
    for pattern in (_FENCED, _QUOTED, _INDENTED):
        prose = prose.str.replace_all(pattern, "")
    return _put_back(texts, quoted, prose)


def short_rules(texts: pl.Series) -> pl.Series:
    """Texts whose rules of dashes and blanks to fill in ("____") are one mark long, however long they were drawn."""
    drawn = texts.str.contains(_RULE)
    if not drawn.any():
        return texts
    return _put_back(texts, drawn, texts.filter(drawn).str.replace_all(_RULE, "_"))


def without_hashtags(texts: pl.Series) -> pl.Series:
    """Texts without the # of Markdown headings, hashtags, numbers ("#1") and names ("C#")."""
    marked = texts.str.contains("#", literal=True)
    if not marked.any():
        return texts
    plain = texts.filter(marked).str.replace_all(_HEADING, "").str.replace_all(_HASHTAG, "")
    return _put_back(texts, marked, plain)


def _put_back(texts: pl.Series, chosen: pl.Series, changed: pl.Series) -> pl.Series:
    frame = pl.DataFrame({"text": texts}).with_row_index("row")
    return frame.update(pl.DataFrame({"row": chosen.arg_true(), "text": changed}), on="row", how="left")["text"]
