"""`docs/preflight.md`, read off the checks themselves: `python -m training.preflight.reference docs/preflight.md`.

A test compares the page with what this module says, so that the two cannot drift apart.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from training.preflight.registry import checks

_HEAD = """\
# Preflight

<!-- The findings are made from the checks: python -m training.preflight.reference docs/preflight.md. Edit those. -->

What ruins a fine-tuning run is mostly silent: a mask that trains the questions, an end mark that is never learned, answers
that were cut away. `studio preflight` looks at the very tensors that `studio train` would train, and trains nothing:

```sh
studio preflight --data clean.csv --model smollm2 --preset quick
studio preflight --data chats.jsonl --model ./model --set data.max_length=2048 --show 3
```

Of each finding it says how many records it is about, shows one, and says how to mend it, with the `--set` where one
helps. `studio train` does the same before its first step.

| option | meaning |
|:-------|:--------|
| `DATA…`, `--data`, `--model` | what is trained on what, as in [`studio train`](train.md) |
| `--preset`, `--recipe`, `--set`, `--max-steps`, `--seed` | how, as there |
| `--allow FINDING` | do not stop at this finding; repeatable |
| `--show N`, `--show RECORD` | show the [tokens](#tokens) of N records, or of one; repeatable |
| `--weights` | load the model too, for what only it can tell |
| `--probe` | measure that memory: two real steps with the longest records, in a process of their own |
| `--memory` | estimate the memory that training takes, too: some seconds; see [memory](memory.md) |
| `--json`, `--plain`, `--quiet` | as everywhere: see [the command line](cli.md) |

| level | meaning |
|:------|:--------|
| block | the run does not start. `--allow FINDING` starts it all the same; that is recorded in the run |
| warn | most likely not what is wanted |
| note | worth knowing |

The exit code is 1 when a finding blocks, else 0. `--json` prints one object: the findings, the lengths, and with `--show`
the tokens.

## What is looked at

Ids and labels of every record, held-out ones included, as the trainer gets them. Laws that need the template again
(its marks, its prompts, reading back) are checked on about 256 records, with every combination of roles among them.
Texts are looked at as a whole, but for languages (2,000 records) and personal data (5,000 messages). `--weights` loads the
model too, for what only it can tell: whether packed records see each other, and whether the markers of the template were
ever learned.

Reading and tokenizing aside, 100,000 records of 426 tokens each take about 9 s of CPU (`benchmarks/preflight_speed.py`).

## Tokens

`--show N` prints N records as the model is given them, those first that findings name; `--show RECORD` prints one by its
id. What is trained stands between ‹ and ›, and is green where there are colours:

```
sarcasm.csv:2: 18 of 54 tokens are trained
<|im_start|>user
Is the sky blue?<|im_end|>
<|im_start|>assistant
‹Wow, you're asking that? Next, you'll tell me water is wet.<|im_end|>›
```

## Lengths

The histogram counts tokens before anything is cut or left out, and says which `data.max_length` holds 95, 99 and 100 % of
the records whole.

## Findings
"""


def reference() -> str:
    """The page as Markdown."""
    return _HEAD + "\n" + "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| finding | level | what it is |"
    yield "|:--------|:------|:-----------|"
    for check in checks():
        for name, reason in check.reasons.items():
            yield f"| [`{name}`](#{name}) | {', '.join(reason.levels)} | {reason.what} |"
    for check in checks():
        for name, reason in check.reasons.items():
            yield f"\n### {name}\n"
            yield f"{reason.what}\n"
            yield f"**Why.** {reason.why}\n"
            yield f"**What to do.** {reason.fix}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
