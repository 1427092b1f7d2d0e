"""Dialects of chat markup: how a text is split into marks and what is said, and how a dialogue is written.

Splitting is exact: the pieces of a text, joined, are the text. All scanning is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from curation.formats.exchange import Dialogue

Pieces = list[tuple[str, str]]  # (role, what is said), or ("", marks)

MAX_PREAMBLE = 4000  # characters before the first mark that may be a system prompt; more is a text that quotes markup


class Dialect(NamedTuple):
    """One way of writing a conversation as text. `split` returns None for a text that is no such conversation."""

    name: str
    title: str
    split: Callable[[str], Pieces | None]
    write: Callable[[Dialogue], str]


class _Cut:
    """Cuts a text into pieces from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.pieces: Pieces = []

    def mark(self, end: int) -> None:
        """Everything up to `end` is marks."""
        if end > self.at:
            self.pieces.append(("", self.text[self.at : end]))
            self.at = end

    def say(self, role: str, end: int) -> None:
        """Everything up to `end` is said by `role`; white space around it counts as marks."""
        said = self.text[self.at : end]
        self.mark(self.at + len(said) - len(said.lstrip()))
        said = said.strip()
        self.pieces.append((role, said))
        self.at += len(said)
        self.mark(end)

    def dialogue(self) -> Pieces | None:
        """The pieces, if they are an optional system prompt, then questions (in one or two turns) and answers."""
        roles = [role for role, _ in self.pieces if role]
        spoken = "".join({"system": "s", "user": "u", "assistant": "a"}[role] for role in roles)
        return self.pieces if re.fullmatch(r"s?(?:u{1,2}a)+", spoken) else None


_ROLES = {
    "Human": "user",
    "User": "user",
    "Instruction": "user",
    "Input": "user",
    "Assistant": "assistant",
    "Response": "assistant",
    "System": "system",
}
_CLOSE = re.compile(r"\s*(?:</s>|<\|endoftext\|>|<\|end_of_text\|>)?\s*\Z")
_LONGEST_CLOSE = 64  # characters at the end of what is said in which the closing mark is looked for


def _splitter(header: re.Pattern[str], twice: str = "", never: str = "\0") -> Callable[[str], Pieces | None]:
    """A splitter for dialects where a header, whose first group is a name in _ROLES, stands before what is said.

    twice: the name that alone may stand as a second turn of the user, right after "Instruction". never: a mark that
    can only stand at the end of what is said.
    """

    def split(text: str) -> Pieces | None:
        found = list(header.finditer(text))
        if len(found) < 2:
            return None
        cut = _Cut(text)
        begin = found[0].start()
        if text[:begin].strip():
            if begin > MAX_PREAMBLE:
                return None
            cut.say("system", begin)
        before = ""
        for match, end in zip(found, [*(match.start() for match in found[1:]), len(text)], strict=True):
            role, name = _ROLES[match[1]], match[1]
            if role == "user" and _ROLES.get(before) == "user" and (before, name) != ("Instruction", twice):
                return None
            before = name
            cut.mark(match.end())
            close = _CLOSE.search(text, max(match.end(), end - _LONGEST_CLOSE), end)
            cut.say(role, close.start() if close else end)
            cut.mark(end)
        if any(never in said for role, said in cut.pieces if role):
            return None
        return cut.dialogue()

    return split


_S_HUMAN = re.compile(r"<s>\s?(Human|User|Assistant|System)\s?[:：]")
_HASH_HUMAN = re.compile(r"(?<!#)###[ \t]?(Human|User|Assistant|System)[ \t]?[:：]")
_HASH_INSTRUCTION = re.compile(r"^###[ \t]?(Instruction|Input|Response|System)[ \t]?[:：]", re.MULTILINE)


def _write_s_human(found: Dialogue) -> str:
    system = "" if found.system is None else f"<s>System: {found.system.strip()}\n</s>"
    return system + "".join(
        f"<s>Human: {question.strip()}\n</s><s>Assistant: {answer.strip()}\n</s>" for question, answer in found.pairs
    )


def _write_hash_human(found: Dialogue) -> str:
    system = [] if found.system is None else [f"### System: {found.system.strip()}"]
    said = [f"### Human: {question.strip()}\n### Assistant: {answer.strip()}" for question, answer in found.pairs]
    return "\n".join(system + said)


def _write_hash_instruction(found: Dialogue) -> str:
    system = [] if found.system is None else [f"### System:\n{found.system.strip()}"]
    said = [
        f"### Instruction:\n{question.strip()}\n\n### Response:\n{answer.strip()}" for question, answer in found.pairs
    ]
    return "\n\n".join(system + said)


_LLAMA2_OPEN = re.compile(r"\s*(?:<s>)?\s*\[INST\]")
_LLAMA2_SYSTEM = re.compile(r"\s*<<SYS>>")
_BLANK = re.compile(r"\s*\Z")
_LLAMA2_MARKS = ("[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "</s>")


def _split_llama2(text: str) -> Pieces | None:
    cut = _Cut(text)
    while not _BLANK.match(text, cut.at):
        opened = _LLAMA2_OPEN.match(text, cut.at)
        asked = text.find("[/INST]", cut.at)
        if opened is None or asked < 0:
            return None
        first = cut.at == 0
        cut.mark(opened.end())
        system = _LLAMA2_SYSTEM.match(text, cut.at)
        if first and system is not None:
            closed = text.find("<</SYS>>", cut.at, asked)
            if closed < 0:
                return None
            cut.mark(system.end())
            cut.say("system", closed)
            cut.mark(closed + len("<</SYS>>"))
        cut.say("user", asked)
        cut.mark(asked + len("[/INST]"))
        end = text.find("</s>", cut.at)
        cut.say("assistant", end if end >= 0 else len(text))
        cut.mark(end + len("</s>") if end >= 0 else len(text))
    cut.mark(len(text))
    if any(mark in said for role, said in cut.pieces if role for mark in _LLAMA2_MARKS):
        return None
    return cut.dialogue()


def _write_llama2(found: Dialogue) -> str:
    system = "" if found.system is None else f"<<SYS>>\n{found.system.strip()}\n<</SYS>>\n\n"
    written = []
    for index, (question, answer) in enumerate(found.pairs):
        begin = system if index == 0 else ""
        written.append(f"<s>[INST] {begin}{question.strip()} [/INST] {answer.strip()} </s>")
    return "".join(written)


_CHATML = re.compile(r"<\|im_start\|>[ \t]*(system|user|assistant)[ \t]*(?=\n)")


def _split_chatml(text: str) -> Pieces | None:
    cut = _Cut(text)
    while True:
        opened = _CHATML.search(text, cut.at)
        if opened is None:
            break
        if text[cut.at : opened.start()].strip():
            return None
        cut.mark(opened.end())
        end = text.find("<|im_end|>", cut.at)
        cut.say(opened[1], end if end >= 0 else len(text))
        if end >= 0:
            cut.mark(end + len("<|im_end|>"))
    if text[cut.at :].strip() or any("<|im_start|>" in said for role, said in cut.pieces if role):
        return None
    cut.mark(len(text))
    return cut.dialogue()


def _write_chatml(found: Dialogue) -> str:
    said = [] if found.system is None else [("system", found.system)]
    for question, answer in found.pairs:
        said += [("user", question), ("assistant", answer)]
    return "".join(f"<|im_start|>{role}\n{text.strip()}<|im_end|>\n" for role, text in said)


DIALECTS = (
    Dialect("llama2", "Llama-2 chat ([INST] <<SYS>>)", _split_llama2, _write_llama2),
    Dialect("chatml", "ChatML (<|im_start|>)", _split_chatml, _write_chatml),
    Dialect("s_human", "<s>Human: … </s><s>Assistant: …", _splitter(_S_HUMAN, never="</s>"), _write_s_human),
    Dialect("hash_human", "### Human: / ### Assistant:", _splitter(_HASH_HUMAN), _write_hash_human),
    Dialect(
        "hash_instruction",
        "### Instruction: / ### Response:",
        _splitter(_HASH_INSTRUCTION, twice="Input"),
        _write_hash_instruction,
    ),
)
