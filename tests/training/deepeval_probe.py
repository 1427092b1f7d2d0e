"""Run as a program: judge a folder by metrics of DeepEval, and tell what was opened and whom it spoke to.

python deepeval_probe.py FOLDER ADDRESS METRIC...
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

reached: list[str] = []
written: list[str] = []


def watch(event: str, arguments: tuple) -> None:
    if event == "socket.connect":
        reached.append(repr(arguments[1]))
    elif event == "socket.getaddrinfo":
        reached.append(repr(arguments[0]))
    elif event == "open" and isinstance(arguments[0], str) and isinstance(arguments[1], str) and "w" in arguments[1]:
        written.append(arguments[0])


sys.addaudithook(watch)


def main(folder: str, address: str, *metrics: str) -> None:
    from training.compare.judge.run import judge_all, judge_at
    from training.compare.sections import JudgeSettings

    settings = JudgeSettings(model=address, attempts=1, timeout=10.0, pairwise=False, deepeval=tuple(metrics))
    with judge_at(settings, Path(folder)) as model:
        done = judge_all(Path(folder), model, settings, lambda event: None, lambda: False)
    print(json.dumps({
        "judged": done.judged, "reused": done.reused, "failures": dict(done.failures), "reached": sorted(set(reached)),
        "written": written, "here": sorted(path.name for path in Path().iterdir()), "key": os.environ.get("CONFIDENT_API_KEY"),
        "leaked": os.environ.get("LEAKED"),
    }))  # fmt: skip


if __name__ == "__main__":
    main(*sys.argv[1:])
