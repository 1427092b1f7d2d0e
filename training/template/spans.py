"""Where the answers lie in a rendered conversation, for templates that do not say it (or say it loosely).

An answer begins where the text rendered up to its turn, with a generation prompt, ends: exactly what the model sees when
it is asked. It ends after the end mark that follows its content. Where the content is not there word for word, its end is
found by rendering again with an invisible character behind it. Each step is verified; what cannot be verified is an error,
never a guess.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from training.template.errors import TemplateError
from training.template.guards import Span, unused

Chat = Sequence[Mapping[str, str]]
Render = Callable[[Chat, bool], str]  # (messages, generation prompt) -> text

ANSWERED = "assistant"


def derive(chat: Chat, text: str, ends: Sequence[str], render: Render, opened: bool = False) -> list[Span]:
    """One span for each answer of `chat`, which was rendered as `text`, with a generation prompt if `opened`. ends: what
    the template writes after an answer. Raises TemplateError for an answer that cannot be told from the rest."""
    searched = _Searched(chat, text, tuple(ends), render, opened)
    found = [searched.span(turn) for turn in searched.answers]
    for turn, (left, right) in zip(searched.answers, pairwise(found), strict=False):
        if left[1] > right[0]:
            raise _lost(turn, "it overlaps the next one")
    return found


def tighten(
    chat: Chat, text: str, marked: Sequence[Span], ends: Sequence[str], render: Render, opened: bool, guard: str
) -> list[Span]:
    """Spans from the marks of a template that is not ours: from the generation prompt up to the end mark, no more.
    guard: the character before an end mark that stands in a message ("": there is none)."""
    answers = [index for index, message in enumerate(chat) if message["role"] == ANSWERED]
    joined: list[Span] = []
    for start, end in marked:
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = (joined[-1][0], end)
        elif end > start:
            joined.append((start, end))
    if len(joined) != len(answers):
        return derive(chat, text, ends, render, opened)
    found = []
    for turn, (start, end) in zip(answers, joined, strict=True):
        prompt = render(chat[:turn], True)
        if text.startswith(prompt) and start < len(prompt) <= end:
            start = len(prompt)
        found.append((start, _end_of_marked(text, start, end, ends, guard)))
    return found


def _end_of_marked(text: str, start: int, end: int, ends: Sequence[str], guard: str) -> int:
    """After the first end mark inside the span, or the one right behind it."""
    outside = f"(?<!{guard})" if guard else ""
    inside = re.compile(outside + f"(?:{'|'.join(map(re.escape, ends))})").search(text, start, end)
    return inside.end() if inside else _after_end_mark(text, end, ends) or end


@dataclass(frozen=True)
class _Searched:
    """A conversation whose answers are looked for in its text. Special tokens inside messages are wrapped already, so
    that an end mark in `text` is the template's own."""

    chat: Chat
    text: str
    ends: tuple[str, ...]
    render: Render
    opened: bool

    @cached_property
    def answers(self) -> list[int]:
        return [index for index, message in enumerate(self.chat) if message["role"] == ANSWERED]

    @cached_property
    def marker(self) -> str:
        return unused([self.text, *(message["content"] for message in self.chat)], 1)

    def whole(self, changed: Mapping[int, str]) -> str:
        """The conversation with some contents changed, rendered as `text` was."""
        chat = [{**m, "content": changed[at]} if at in changed else m for at, m in enumerate(self.chat)]
        return self.render(chat, self.opened)

    def behind(self, turn: int) -> str:
        """A content with the marker behind it, but before white space at its end, so that it is still stripped."""
        content = self.chat[turn]["content"]
        body = content.rstrip()
        return body + self.marker + content[len(body) :]

    def span(self, turn: int) -> Span:
        """Where the answer in message `turn` lies."""
        if turn == 0:
            raise _lost(turn, "the conversation begins with it")
        prompt = self.render(self.chat[:turn], True)
        asked = len(prompt) if self.text.startswith(prompt) else None
        if asked is not None and (end := self._verbatim(turn, asked)) is not None:
            return asked, end
        content_end = self.content_ends[turn]
        end = _after_end_mark(self.text, content_end, self.ends)
        if end is None:
            raise _lost(turn, "no end mark follows it")
        if asked is None or asked > content_end:
            asked = self._behind_header(turn, content_end)
        return asked, end

    def _verbatim(self, turn: int, start: int) -> int | None:
        """The end of an answer that stands at `start` word for word, with its end mark behind it."""
        body = self.chat[turn]["content"].strip()
        at = _after_blank(self.text, start)
        return _after_end_mark(self.text, at + len(body), self.ends) if self.text.startswith(body, at) else None

    @cached_property
    def content_ends(self) -> dict[int, int]:
        """For each answer, the position in `text` behind the last character of its content that is no white space."""
        marked = self.whole({turn: self.behind(turn) for turn in self.answers})
        if marked.count(self.marker) == len(self.answers) and marked.replace(self.marker, "") == self.text:
            at = [index for index, char in enumerate(marked) if char == self.marker]
            return {turn: index - earlier for earlier, (turn, index) in enumerate(zip(self.answers, at, strict=True))}
        return {turn: self._content_end(turn) for turn in self.answers}

    def _content_end(self, turn: int) -> int:
        """The same for an answer whose content the template looks into: only the marker stands in its place."""
        _, found, rest = self.whole({turn: self.marker}).partition(self.marker)
        if not found or self.marker in rest or not self.text.endswith(rest):
            raise _lost(turn, "the template rewrites it")
        return len(self.text) - len(rest)

    def _behind_header(self, turn: int, content_end: int) -> int:
        """Where an answer begins that a template writes differently once other turns follow: the system prompt moves to
        the last question (Mistral), or the reasoning that the prompt opens is left out (Qwen 3.5, DeepSeek R1). Then the
        header is what prompt and conversation have in common between the message before and the answer."""
        before = {**self.chat[turn - 1], "content": self.chat[turn - 1]["content"].rstrip() + self.marker}
        opening = self.render([*self.chat[: turn - 1], before], True).partition(self.marker)[2]
        parts = self.whole({turn - 1: before["content"], turn: self.marker}).split(self.marker)
        marked = self.whole({turn - 1: self.behind(turn - 1)})
        at = marked.find(self.marker)
        if len(parts) == 3 and at >= 0 and marked.replace(self.marker, "") == self.text:
            header = _shared(parts[1], opening)
            for begin in range(at, _after_blank(self.text, at) + 1):
                if header and self.text.startswith(header, begin) and begin + len(header) <= content_end:
                    return begin + len(header)
        raise _lost(turn, "the text before it changes with the turns that follow")


def _after_blank(text: str, at: int) -> int:
    """The first position from `at` on that is no white space."""
    return len(text) - len(text[at:].lstrip())


def _after_end_mark(text: str, at: int, ends: Sequence[str]) -> int | None:
    """The position behind the end mark that follows `at`, white space between them allowed."""
    at = _after_blank(text, at)
    return next((at + len(mark) for mark in ends if text.startswith(mark, at)), None)


def _shared(one: str, other: str) -> str:
    """The beginning two headers share; where they part inside a word or a mark, up to the one before."""
    length = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    shared = one[:length]
    if length in (len(one), len(other)):
        return shared
    return shared[: max(shared.rfind(border) for border in (">", "]", "\n", " ")) + 1]


def _lost(turn: int, why: str) -> TemplateError:
    return TemplateError(
        f"The answer in message {turn + 1} cannot be told from the rest: {why}.",
        "Mark the answers in a template of your own with {% generation %}, or take a built-in one, such as chatml.",
    )
