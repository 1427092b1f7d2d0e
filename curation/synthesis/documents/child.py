"""The converting process: `python -P -m curation.synthesis.documents.child MIB`.

It reads one question a line from its standard input, {"path", "kind", "seconds"} with the path's bytes in hexadecimal, and
writes one answer a line, {"text", "title", "converter", "digest"} or {"reason"}. Answers are JSON, since what wrote them
has read a stranger's file. It ends when its input does.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from curation.synthesis.documents.kinds import Unread
from curation.synthesis.documents.limits import end_after, end_with_parent, seal

GRACE = 10.0  # seconds after which the process ends by itself when nobody killed it in time


def main(memory: int) -> None:
    """Answer questions until there are no more."""
    end_with_parent()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    from curation.synthesis.documents import read

    read.load()
    seal(memory)
    _say(answers, {"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        end_after(float(asked["seconds"]) + GRACE)
        _say(answers, _answer(Path(os.fsdecode(bytes.fromhex(asked["path"]))), asked["kind"]))
        end_after(0)


def _answer(path: Path, kind: str) -> dict[str, Any]:
    from curation.synthesis.documents import read

    try:
        raw = path.read_bytes()
        digest = hashlib.sha256(raw).hexdigest()
        found = read.read(raw, kind)
    except Unread as unread:
        return {"reason": unread.reason}
    except MemoryError:
        return {"memory": True}
    except RecursionError:
        return {"reason": "it is nested too deeply"}
    except OSError as error:
        return {"reason": f"it cannot be read: {error.strerror or type(error).__name__}"}
    except Exception as error:
        return {"reason": f"it is broken: {_named(error)}"}
    return {"text": found.text, "title": found.title, "converter": found.converter, "digest": digest}


def _named(error: BaseException) -> str:
    """The error's kind alone: its words may hold the document's."""
    return type(error).__name__


def _say(answers: Any, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
