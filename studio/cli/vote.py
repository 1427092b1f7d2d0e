"""Blind votes without a screen: two answers under each other, a letter typed, for screen readers and simple terminals."""

from __future__ import annotations

import sys

from studio.cli.output import Output
from studio.exit_codes import ExitCode
from studio.runs.folder import RunFolder, reference

_KEYS = {"l": "left", "r": "right", "t": "tie", "b": "bad"}
_ASK = "[l]eft, [r]ight, [t]ie, [b]oth bad, [u]ndo, [q]uit: "


def vote(folder: RunFolder, out: Output) -> int:
    """Ask about every pair that is not voted on, until none is left or the input ends. Votes are kept one by one."""
    from studio.cli.compare_summary import tell_votes
    from studio.runs.compare_begin import recipe_of
    from training.compare.model import PROMPTS, Prompt, last_answers, read
    from training.compare.votes import VoteBook

    recipe_of(folder)
    book = VoteBook(folder.path)
    prompts = {prompt.prompt_id: prompt for prompt in read(folder.path / PROMPTS, Prompt)}
    while (prompt_id := book.next_unvoted(prompts)) is not None:
        answers = last_answers(folder.path)
        done, total = book.progress()
        left, right = book.order_of(prompt_id)
        _show(out, f"Pair {done + 1} of {total}", _question(prompts[prompt_id]))
        _show(out, "Left", answers[prompt_id, left].text)
        _show(out, "Right", answers[prompt_id, right].text)
        choice = _choose(out)
        if choice == "q":
            done, total = book.progress()
            out.say(f"{done} of {total} pairs are voted on; your votes count when all are.")
            out.say(f"Go on with 'studio compare --vote {reference(folder)}'.")
            return int(ExitCode.OK)
        if choice == "u":
            out.say("Taken back." if book.undo() else "There is no vote to take back.")
        else:
            book.cast(prompt_id, _KEYS[choice])  # type: ignore[arg-type]
    out.say("Every pair is voted on.")
    tally = tell_votes(folder.path)
    out.json_line(tally) if out.json else out.data("\n".join(f"{name}: {count}" for name, count in tally.items()))
    return int(ExitCode.OK)


def _question(prompt: object) -> str:
    messages = getattr(prompt, "messages", ())
    return "\n\n".join(f"{message.role}: {message.content}" for message in messages)


def _show(out: Output, title: str, text: str) -> None:
    out.data(f"── {title}")
    out.data(text)
    out.data("")


def _choose(out: Output) -> str:
    """One of the letters; the end of the input is q."""
    while True:
        sys.stderr.write(_ASK)
        sys.stderr.flush()
        line = sys.stdin.readline()
        word = line.strip().lower()[:1]
        if not line or word in (*_KEYS, "u", "q"):
            return word if line else "q"
        out.warn(f"'{word}' is none of them.")
