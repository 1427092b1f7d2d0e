"""One text cleaned, one step after the other, each step only where a cheap look says that it may have work."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from curation.stages.cleaning.blanks import ODD_BLANKS, fold_case, tidy_blanks
from curation.stages.cleaning.characters import (
    MOJIBAKE,
    folded_points,
    normalise,
    normalised_points,
    repair_mojibake,
)
from curation.stages.cleaning.code_spans import Hidden
from curation.stages.cleaning.controls import CONTROLS, NEWLINES, remove_controls, unify_newlines
from curation.stages.cleaning.entities import REFERENCE
from curation.stages.cleaning.markup import html_to_text
from curation.stages.cleaning.urls import URL_SIGN, treat_urls

Step = Callable[[str, Callable[[str], str], str], str]

# The kinds of change, the most telling first.
KINDS = ("html", "urls", "unicode", "control_chars", "casefold", "newlines", "whitespace")

HTML_SIGN = f"<[A-Za-z/!]|{REFERENCE}"
_HTML_SIGN = re.compile(HTML_SIGN)
_URL_SIGN = re.compile(URL_SIGN)


@dataclass(frozen=True)
class Cleaning:
    """What to clean, and how. The fields are those of the `clean` stage, which documents them."""

    unicode: Literal["nfc", "nfkc", "keep"] = "nfc"
    mojibake: bool = True
    html: Literal["auto", "always", "keep"] = "auto"
    urls: Literal["keep", "remove", "replace"] = "keep"
    url_token: str = "<URL>"  # noqa: S105 - it replaces addresses, it opens nothing
    control_chars: bool = True
    newlines: bool = True
    whitespace: bool = True
    casefold: bool = False
    code: Literal["keep", "clean"] = "keep"

    def signs(self) -> str:
        """A regular expression (Rust syntax) that finds something in every text that `clean` would change."""
        signs = []
        if self.newlines:
            signs.append(f"[{NEWLINES}]")
        if self.mojibake:
            signs.append(MOJIBAKE)
        if self.control_chars:
            signs.append(f"[{CONTROLS}]")
        if self.unicode != "keep":
            signs.append(f"[{normalised_points(self.unicode)}]")
        if self.html != "keep":
            signs.append(HTML_SIGN)
        if self.urls != "keep":
            signs.append(URL_SIGN)
        if self.casefold:
            signs.append(f"[{folded_points()}]")
        if self.whitespace:
            signs.append(rf"[{ODD_BLANKS}]|[ \t\u3000]\n|[ \t\n\u3000]\z|\A[ \t\n]|[^ \t\n]  |\n\n\n")
        return "|".join(signs) or r"[^\s\S]"

    def clean(self, text: str, *, conversation: bool, topic: bool) -> tuple[str, set[str]]:
        """`text` cleaned once, and the kinds of change made (see `KINDS`).

        conversation: it is a turn of a conversation rather than a raw text. topic: its record speaks of HTML. One round
        may uncover work for another (`&amp;amp;`), so the stage repeats until nothing changes.
        """
        changes: set[str] = set()

        def step(kind: str, change: Callable[[str], str], text: str) -> str:
            changed = change(text)
            if changed != text:
                changes.add(kind)
            return changed

        if self.newlines:
            text = step("newlines", unify_newlines, text)
        if self.mojibake:  # before controls go: half of it is C1 controls
            text = step("unicode", self._repaired, text)
        if self.control_chars:  # in code too: there they are as unseen, and make it read other than it runs
            text = step("control_chars", remove_controls, text)
        hidden = Hidden()
        if self.code == "keep":
            text = hidden.hide_code(text, indented_markup=self.html == "keep")
        text = self._clean_prose(text, hidden, step, conversation, topic)
        if self.whitespace:
            text = step("whitespace", tidy_blanks, text)
        return hidden.show(text), changes

    def _repaired(self, text: str) -> str:
        hidden = Hidden()
        if self.code == "keep":
            text = hidden.hide_code(text, indented_markup=True)
        return hidden.show(repair_mojibake(text))

    def _clean_prose(
        self, text: str, hidden: Hidden, step: Step, conversation: bool, topic: bool
    ) -> str:
        form = self.unicode
        if form != "keep" and not text.isascii():
            text = step("unicode", lambda old: normalise(old, form), text)
        if self.html != "keep" and _HTML_SIGN.search(text):
            text = step(
                "html",
                lambda old: html_to_text(
                    old,
                    hidden,
                    conversation=conversation,
                    topic=topic,
                    every=self.html == "always",
                    keep_code=self.code == "keep",
                ),
                text,
            )
        if self.urls != "keep" and _URL_SIGN.search(text):
            how = self.urls
            text = step("urls", lambda old: treat_urls(old, how, self.url_token), text)
        if self.casefold:
            text = step("casefold", lambda old: fold_case(old, form), text)
        return text

