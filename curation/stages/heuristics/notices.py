"""What is left of the C4 rules for answers: debris of a web page that no answer wants, told from talk about
it.

C4 drops every page that mentions lorem ipsum or has a curly bracket, and every line that mentions JavaScript
or a cookie policy. An answer may explain all of these. Here only the thing itself counts: the dummy text, a
template mark outside code that was never filled in, a line that asks the reader to enable JavaScript, a line
that says the site uses cookies; in English and Chinese.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from curation.stages.heuristics.prose import without_code

DROP_REASONS = {
    "c4_javascript_notice": "it has a line that asks the reader to enable JavaScript",
    "c4_policy_notice": "it has a line that says the site uses cookies",
}

_LOREM = r"(?i)lorem ipsum dolor"
_TEMPLATE = r"\{\{\s*[\p{L}_][\p{L}\p{N}_. -]*\}\}|\{%-?\s*\w[^%\n]*%\}"
_JAVASCRIPT = (
    r"(?i)^\W*(?:(?:sorry|oops|error|warning|notice)\W+)?(?:"
    r"(?:please|you (?:need|must|have) to|you must) (?:enable|turn on|activate|allow) javascript"
    r"|javascript (?:is|seems to be|appears to be) (?:currently )?(?:disabled|not enabled|turned off)"
    r"|javascript (?:must be|has to be|needs to be|is) (?:enabled|required) (?:in order )?to (?:view|use|see|access)"
    r"|(?:this|our) (?:web ?site|site|page|app|application|form)\b[^.\n]{0,40}\brequires? javascript"
    r"|your browser (?:does not|doesn['’]t) support javascript"
    r"|请(?:您|先|在[^。\n]{0,12}中)?(?:启用|开启|打开|允许)\s*javascript"
    r"|(?:您的|你的|当前)浏览器[^。\n]{0,8}(?:不支持|禁用了?|未启用|未开启|关闭了)\s*javascript"
    r"|[本此该](?:网站|网页|页面|站点)[^。\n]{0,16}需要[^。\n]{0,8}javascript)"
)
_COOKIES = (
    r"(?i)^\W*(?:(?:this|our) (?:web ?)?site uses cookies|we use cookies (?:to|on|and|for)\b"
    r"|by (?:continuing|using|browsing)\b[^.\n]{0,60}\b(?:agree|consent)\b[^.\n]{0,40}\bcookies?\b"
    r"|accept all cookies\W*$"
    r"|(?:我们|[本此该](?:网站|网页|站点))(?:会)?使用\s*cookies?)"
)


@dataclass(frozen=True)
class Notices:
    """Which of them count."""

    lorem_ipsum: bool
    javascript: bool
    curly_bracket: bool
    policy: bool

    def judge(self, texts: pl.Series, lines: bool) -> pl.Series:
        """The reason each text goes for, null where it stays; `lines`: also for the lines that `remove` takes out."""
        tests: list[tuple[str, pl.Series]] = []
        if self.lorem_ipsum:
            tests.append(("c4_lorem_ipsum", texts.str.contains(_LOREM)))
        if lines and self.javascript:
            tests.append(("c4_javascript_notice", _has_line(texts, _JAVASCRIPT, "javascript")))
        if self.curly_bracket:
            tests.append(("c4_curly_bracket", _has_template(texts)))
        if lines and self.policy:
            tests.append(("c4_policy_notice", _has_line(texts, _COOKIES, "cookie")))
        why = pl.lit(None, pl.String)
        for reason, fails in reversed(tests):
            why = pl.when(fails).then(pl.lit(reason)).otherwise(why)
        return pl.DataFrame({"text": texts}).select(why.alias("reason")).to_series()

    def remove(self, parts: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Parts without their notice lines, shaped like `c4.removals`; every other character stays."""
        kinds = [("c4_line_javascript", _JAVASCRIPT)] * self.javascript + [("c4_line_policy", _COOKIES)] * self.policy
        suspect = parts.str.contains_any(["javascript", "cookie"], ascii_case_insensitive=True)
        why = pl.lit(None, pl.String)
        for reason, pattern in reversed(kinds):
            why = pl.when(pl.col("line").str.contains(pattern)).then(pl.lit(reason)).otherwise(why)
        lines = (
            pl.DataFrame({"line": parts})
            .with_row_index("row")
            .filter(suspect)
            .with_columns(pl.col("line").str.split("\n"))
            .explode("line")
            .with_columns(why=why)
        )
        counts = lines.filter(pl.col("why").is_not_null()).group_by("row", reason="why").len()
        edited = (
            lines.filter(pl.col("row").is_in(counts["row"].implode()))
            .group_by("row", maintain_order=True)
            .agg(after=pl.col("line").filter(pl.col("why").is_null()).str.join("\n"))
        )
        return edited, counts


def _has_line(texts: pl.Series, pattern: str, word: str) -> pl.Series:
    """Texts with a line that the pattern finds; the pattern is only tried on texts with the word."""
    suspect = texts.str.contains_any([word], ascii_case_insensitive=True)
    if not suspect.any():
        return suspect
    return texts.str.contains(pattern.replace("(?i)", "(?im)", 1)) & suspect


def _has_template(texts: pl.Series) -> pl.Series:
    suspect = texts.str.contains(_TEMPLATE)
    return without_code(texts).str.contains(_TEMPLATE) if suspect.any() else suspect
