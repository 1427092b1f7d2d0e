"""One text cleaned, one step after the other, each only where a sign of its work was found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
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
_LATER = frozenset(("form", "html", "urls", "casefold", "whitespace"))  # steps that leave code alone


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
    def steps(self) -> tuple[str, ...]:
        """The steps asked for, in the order in which they are taken."""
        asked = {
            "newlines": self.newlines,
            "mojibake": self.mojibake,
            "control_chars": self.control_chars,
            "form": self.unicode != "keep",
            "html": self.html != "keep",
            "urls": self.urls != "keep",
            "casefold": self.casefold,
            "whitespace": self.whitespace,
        }
        return tuple(step for step, wanted in asked.items() if wanted)

    @cached_property
    def signs(self) -> dict[str, str]:
        """For each step asked for, a regular expression (Rust syntax) that finds something in every text that the step
        would change.
        """
        signs = {
            "newlines": f"[{NEWLINES}]",
            "mojibake": MOJIBAKE,
            "control_chars": f"[{CONTROLS}]",
            "form": "" if self.unicode == "keep" else f"[{normalised_points(self.unicode)}]",
            "html": HTML_SIGN,
            "urls": URL_SIGN,
            "casefold": f"[{folded_points()}]" if self.casefold else "",
            "whitespace": BLANKS_SIGN,
        }
        return {step: signs[step] for step in self.steps}

    def clean(
        self, text: str, steps: Collection[str], *, conversation: bool = False, topic: bool = False
    ) -> tuple[str, set[str]]:
        """`text` cleaned once, and the kinds of change made (see `KINDS`).

        steps: those to take, which is enough if it is those whose sign is in `text`. conversation: it is a turn of a
        conversation rather than a raw text. topic: its record speaks of HTML. A step may uncover work for another, so
        callers look for signs again, and repeat until nothing changes.
        """
        made: set[str] = set()
        take = [step for step in self.steps if step in steps]
        if "newlines" in take:
            text = _noted(made, "newlines", text, unify_newlines(text))
        if "mojibake" in take:  # before controls go: half of it is C1 controls
            text = _noted(made, "unicode", text, self._repaired(text))
        if "control_chars" in take:  # in code too, which reads other than it runs with them
            text = _noted(made, "control_chars", text, remove_controls(text))
        if not made and _LATER.isdisjoint(take):
            return text, made
        return self._clean_prose(text, take, made, conversation, topic), made

    def _clean_prose(self, text: str, take: Collection[str], made: set[str], conversation: bool, topic: bool) -> str:
        """The steps that leave code alone."""
        hidden = Hidden()
        if self.code == "keep":
            text = hidden.hide_code(text, indented_markup=self.html == "keep")
        if "form" in take:
            text = _noted(made, "unicode", text, self._normalised(text))
        if "html" in take:
            text = _noted(made, "html", text, self._without_html(text, hidden, conversation, topic))
        if "urls" in take:
            text = _noted(made, "urls", text, self._without_urls(text))
        if "casefold" in take:
            text = _noted(made, "casefold", text, fold_case(text, compose=self.unicode != "keep"))
        if "whitespace" in take or (made and self.whitespace):  # blanks are tidied after every change
            text = _noted(made, "whitespace", text, tidy_blanks(text))
        return hidden.show(text)

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


def _noted(made: set[str], kind: str, before: str, after: str) -> str:
    """`after`; and `kind` among the changes that were made, if it is one."""
    if after != before:
        made.add(kind)
    return after
