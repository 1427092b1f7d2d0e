"""Where the answers lie in a rendered conversation, for templates that do not say it (or say it loosely).

An answer begins where the text rendered up to its turn, with a generation prompt, ends: exactly what the model sees when
it is asked. It ends after the end mark that follows its content; where the content ends is found by rendering again with
an invisible character behind it. Each step is verified; what cannot be verified is an error, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

from training.template.errors import TemplateError
from training.template.guards import Span, unused

Chat = Sequence[Mapping[str, str]]
Render = Callable[[Chat, bool], str]  # (messages, generation prompt) -> text
Whole = Callable[[Chat], str]  # as the text at hand was rendered

ANSWERED = "assistant"


def derive(chat: Chat, text: str, ends: Sequence[str], render: Render, opened: bool = False) -> list[Span]:
    """One span for each answer of `chat`, which was rendered as `text`, with a generation prompt if `opened`."""
    answers = [index for index, message in enumerate(chat) if message["role"] == ANSWERED]
    if not answers:
        return []
    marker = unused([text, *(message["content"] for message in chat)], 1)

    def whole(other: Chat) -> str:
        return render(other, opened)

    bodies = _content_ends(chat, text, answers, marker, whole)
    found = []
    for turn, end in zip(answers, bodies, strict=True):
        closed = _after_stop(text, end, ends)
        if closed is None:
            raise _lost(turn, "no end mark follows it")
        found.append((_start(chat, text, turn, end, marker, render, whole), closed))
    if any(left[1] > right[0] for left, right in pairwise(found)):
        raise _lost(answers[0], "it overlaps the next one")
    return found


def tighten(
    chat: Chat, text: str, marked: Sequence[Span], ends: Sequence[str], render: Render, opened: bool
) -> list[Span]:
    """Spans from the marks of a template that is not ours: from the generation prompt up to the end mark, no more."""
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
        found.append((start, _end_of_marked(text, start, end, ends)))
    return found


def _end_of_marked(text: str, start: int, end: int, ends: Sequence[str]) -> int:
    """After the first end mark inside the span, or the one right behind it."""
    inside = [at + len(mark) for mark in ends if (at := text.find(mark, start, end)) >= 0]
    if inside:
        return min(inside)
    return _after_stop(text, end, ends) or end


def _content_ends(chat: Chat, text: str, answers: Sequence[int], marker: str, whole: Whole) -> list[int]:
    """For each answer, the position in `text` behind the last character of its content that is no white space."""
    marked = whole([_marked(m, marker) if m["role"] == ANSWERED else m for m in chat])
    if marked.count(marker) == len(answers) and marked.replace(marker, "") == text:
        at = [index for index, char in enumerate(marked) if char == marker]
        return [index - earlier for earlier, index in enumerate(at)]
    return [_content_end(chat, text, turn, marker, whole) for turn in answers]


def _content_end(chat: Chat, text: str, turn: int, marker: str, whole: Whole) -> int:
    """The same for one answer whose content the template looks into: only the marker stands in its place."""
    replaced = whole([{**m, "content": marker} if index == turn else m for index, m in enumerate(chat)])
    _, found, behind = replaced.partition(marker)
    if not found or marker in behind or not text.endswith(behind):
        raise _lost(turn, "the template rewrites it")
    return len(text) - len(behind)


def _marked(message: Mapping[str, str], marker: str) -> dict[str, str]:
    """The marker stands before white space at the end, so that a template that strips it still does."""
    content = message["content"]
    body = content.rstrip()
    return {**message, "content": body + marker + content[len(body) :]}


def _after_stop(text: str, end: int, ends: Sequence[str]) -> int | None:
    """The position behind the end mark that follows `end`, white space between them allowed."""
    at = end + len(text[end:]) - len(text[end:].lstrip())
    return next((at + len(mark) for mark in ends if text.startswith(mark, at)), None)


def _start(chat: Chat, text: str, turn: int, end: int, marker: str, render: Render, whole: Whole) -> int:
    """Where the generation prompt before an answer ends."""
    if turn == 0:
        raise _lost(turn, "the conversation begins with it")
    prompt = render(chat[:turn], True)
    if text.startswith(prompt) and len(prompt) <= end:
        return len(prompt)
    # Some templates write earlier turns differently once others follow: the system prompt moves to the last question
    # (Mistral), or the reasoning that the prompt opens is left out (Qwen 3.5, DeepSeek R1). Then the header is what
    # the prompt and the conversation have in common between the message before and the answer.
    bare = {**chat[turn - 1], "content": chat[turn - 1]["content"].rstrip() + marker}
    opening = render([*chat[: turn - 1], bare], True).partition(marker)[2]
    hollow = [*chat[: turn - 1], bare, {**chat[turn], "content": marker}, *chat[turn + 1 :]]
    written = _between(whole(hollow), marker)
    if written is not None:
        header = _shared(written, opening)
        marked = whole([_marked(m, marker) if index == turn - 1 else m for index, m in enumerate(chat)])
        at = marked.find(marker)
        if header and at >= 0 and marked.replace(marker, "") == text:
            blank = len(text[at:]) - len(text[at:].lstrip())
            for begin in range(at, at + blank + 1):
                if text.startswith(header, begin) and begin + len(header) <= end:
                    return begin + len(header)
    raise _lost(turn, "the text before it changes with the turns that follow")


def _between(text: str, marker: str) -> str | None:
    """What stands between two markers, if there are just two."""
    parts = text.split(marker)
    return parts[1] if len(parts) == 3 else None


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
