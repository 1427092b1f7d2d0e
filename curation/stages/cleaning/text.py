"""One text cleaned, one step after the other, each only where a sign of its work was found."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from curation.stages.cleaning.blanks import BLANKS_SIGN, fold_case, tidy_blanks
from curation.stages.cleaning.characters import (
    MOJIBAKE,
    folded_points,
    normalise,
    normalised_points,
    repair_mojibake,
)
from curation.stages.cleaning.code_spans import Hidden
from curation.stages.cleaning.controls import CONTROLS, NEWLINES, remove_controls, unify_newlines
from curation.stages.cleaning.entities import HTML_SIGN
from curation.stages.cleaning.markup import html_to_text
from curation.stages.cleaning.urls import URL_SIGN, treat_urls

# The kinds of change, the most telling first. All but "unicode" are also steps; it has two, "mojibake" and "form".
KINDS = ("html", "urls", "unicode", "control_chars", "casefold", "newlines", "whitespace")


@dataclass(frozen=True)
class Cleaning:
    """What to clean, and how. The fields are those of the `clean` stage, which documents them."""

    unicode: Literal["nfc", "nfkc", "keep"] = "nfc"
    mojibake: bool = True
    html: Literal["auto", "always", "keep"] = "auto"
    urls: Literal["keep", "remove", "replace"] = "keep"
    url_token: str = "<URL>"
    control_chars: bool = True
    newlines: bool = True
    whitespace: bool = True
    casefold: bool = False
    code: Literal["keep", "clean"] = "keep"

    @cached_property
    def signs(self) -> dict[str, str]:
        """For each step asked for, a regular expression (Rust syntax) that finds something in every text that the step
        would change.
        """
        signs = {
            "newlines": f"[{NEWLINES}]" if self.newlines else "",
            "mojibake": MOJIBAKE if self.mojibake else "",
            "control_chars": f"[{CONTROLS}]" if self.control_chars else "",
            "form": "" if self.unicode == "keep" else f"[{normalised_points(self.unicode)}]",
            "html": "" if self.html == "keep" else HTML_SIGN,
            "urls": "" if self.urls == "keep" else URL_SIGN,
            "casefold": f"[{folded_points()}]" if self.casefold else "",
            "whitespace": BLANKS_SIGN if self.whitespace else "",
        }
        return {step: sign for step, sign in signs.items() if sign}

    def clean(
        self, text: str, steps: Collection[str], *, conversation: bool = False, topic: bool = False
    ) -> tuple[str, set[str]]:
        """`text` cleaned once, and the kinds of change made (see `KINDS`).

        steps: those to take, which is enough if it is those whose sign is in `text`. conversation: it is a turn of a
        conversation rather than a raw text. topic: its record speaks of HTML. A step may uncover work for another, so
        callers look for signs again, and repeat until nothing changes.
        """
        round_ = _Round(text, self.signs.keys(), steps)
        round_.take("newlines", unify_newlines)
        round_.take("mojibake", self._repaired, "unicode")  # before controls go: half of it is C1 controls
        round_.take("control_chars", remove_controls)  # in code too, which reads other than it runs with them
        hidden = Hidden()
        if self.code == "keep":
            round_.text = hidden.hide_code(round_.text, indented_markup=self.html == "keep")
        round_.take("form", self._normalised, "unicode")
        round_.take("html", lambda old: self._without_html(old, hidden, conversation, topic))
        round_.take("urls", self._without_urls)
        round_.take("casefold", lambda old: fold_case(old, compose=self.unicode != "keep"))
        round_.take("whitespace", tidy_blanks)
        return hidden.show(round_.text), round_.changes

    def _repaired(self, text: str) -> str:
        hidden = Hidden()
        if self.code == "keep":
            text = hidden.hide_code(text, indented_markup=True)
        return hidden.show(repair_mojibake(text))

    def _normalised(self, text: str) -> str:
        return text if self.unicode == "keep" else normalise(text, self.unicode)

    def _without_html(self, text: str, hidden: Hidden, conversation: bool, topic: bool) -> str:
        every, keep_code = self.html == "always", self.code == "keep"
        return html_to_text(text, hidden, conversation=conversation, topic=topic, every=every, keep_code=keep_code)

    def _without_urls(self, text: str) -> str:
        return text if self.urls == "keep" else treat_urls(text, self.urls, self.url_token)


@dataclass
class _Round:
    """A text on its way through the steps."""

    text: str
    asked: Collection[str]
    signed: Collection[str]
    changes: set[str] = field(default_factory=set)

    def take(self, step: str, change: Callable[[str], str], kind: str = "") -> None:
        """Take a step that was asked for, if there was a sign of its work; blanks are tidied after every change."""
        if step in self.asked and (step in self.signed or (step == "whitespace" and self.changes)):
            changed = change(self.text)
            if changed != self.text:
                self.text = changed
                self.changes.add(kind or step)
