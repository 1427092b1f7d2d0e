"""A comparison in a real terminal on a real small model, screen by screen: watched, judged, voted on blind, traced back.

    python benchmarks/compare_walk.py FILE.csv [--model smollm2] [--keep FOLDER] [--out docs/compare_walk.md]

Curates FILE (question, answer), trains a LoRA adapter on it, opens a comparison with a judge in this process in tmux, votes on
every pair by a rule that sees only what a person would see (the shorter answer is the better one), reveals, and goes from an
answer to a training record and its ledger. Checks on the way what the files say, and writes down the screens. Some
minutes on a CPU.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "studio"))

PROMPTS = 20


def studio(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "studio", *words], cwd=folder, check=True)


def main() -> None:
    import test_tui_walkthrough as walk

    from studio.runs.compare_begin import begin_compare
    from studio.runs.compared import read_compared
    from studio.runs.folder import every
    from studio.runs.stop import request_stop, wait_until_free
    from training.compare.model import JUDGEMENTS, last_answers
    from training.compare.report import compare_facts
    from training.compare.votes import VoteBook

    walk.PATIENCE = 900
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--model", default="smollm2")
    parser.add_argument("--keep", type=Path, help="where the runs stay, and are found again")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    folder = (asked.keep or Path(tempfile.mkdtemp(prefix="studio-walk-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "runs").is_dir():
        (folder / asked.file.name).write_bytes(asked.file.read_bytes())
        studio(folder, "curate", "--in", asked.file.name, "--set", "split.validation=0.12", "--quiet")
        settings = ("model.quantization=none",)
        studio(folder, "train", "--data", "last", "--model", asked.model, "--preset", "quick", "--quiet",
               *(word for setting in settings for word in ("--set", setting)))  # fmt: skip
    settings = [f"prompts.limit={PROMPTS}", f"judge.model={asked.model}", "losses.records=20", "sampling.max_tokens=48"]
    run = begin_compare(
        "last" if not asked.keep else training(folder), folder / "runs", preset="quick", settings=settings
    )
    screens: list[tuple[str, str]] = []
    terminal = walk.Tmux(folder)

    def keep(title: str, screen: str) -> None:
        screens.append((title, screen.rstrip().replace(f"{folder}/", "")))

    try:
        terminal.studio(str(run.path))
        terminal.until("1 Data")
        terminal.keys("6")
        keep("Both answers grow beside each other", terminal.until(r"[1-9]\d* tokens · \d+\.\d/s · writing …(.|\n)*▌"))
        terminal.until("waiting for you")
        rows = [json.loads(line) for line in (run.path / JUDGEMENTS).read_text().splitlines()]
        pairs = [row for row in rows if row.get("verdicts")]
        assert len(rows) == PROMPTS and all([one["first"] for one in row["verdicts"]] == ["a", "b"] for row in pairs)

        book = VoteBook(run.path)
        total = book.progress("walker")[1]
        terminal.keys("v")
        screen = terminal.until(rf"0 of {total} voted")
        assert "/s ·" not in screen and "B tuned" not in screen
        keep("Blind: neither names nor speeds are shown", screen)
        order = [prompt.prompt_id for prompt in read_compared(run.path).prompts]
        for number in range(1, total + 1):
            prompt_id = book.next_unvoted(order, "walker")
            assert prompt_id is not None
            left, right = (last_answers(run.path)[prompt_id, side].text for side in book.order_of(prompt_id))
            terminal.keys("Left" if len(left) < len(right) else "Right" if len(right) < len(left) else "t")
            walk.wait(lambda number=number: book.progress("walker")[0] == number, lambda: terminal.screen)
            if number == 3:
                terminal.keys("u")
                walk.wait(lambda: book.progress("walker")[0] == 2, lambda: terminal.screen)
                terminal.keys("Left")
                walk.wait(lambda: book.progress("walker")[0] == 3, lambda: terminal.screen)
        terminal.keys("R")
        time.sleep(1)
        if "Show which side is which" in terminal.screen:
            terminal.keys("y")
        facts = compare_facts(run.path)
        assert facts["votes"]["tally"]["votes"] == total
        keep("What it shows", terminal.until(r"Blind votes +\d+ votes?"))
        terminal.keys("Escape", "w")
        terminal.until("The report is")
        assert (run.path / "compare.html").is_file()
        terminal.keys("g", "o")
        terminal.until("Training records nearest to the answer of B")
        terminal.until(r"alike \d\.\d\d")
        terminal.keys("Enter")
        keep(
            "From an answer to a training record and its ledger",
            terminal.until(r"Curation \S+-curate-(.|\n)*It begins in"),
        )
        print(facts["conclusion"]["sentence"])
        for line in facts["conclusion"]["evidence"]:
            print("-", line)
    finally:
        request_stop(run)
        wait_until_free(run, 30)
        terminal.do("kill-server")
        for other in every(folder / "runs"):
            assert re.search(r"-(curate|train|compare)-", other.name)
    if asked.out:
        asked.out.write_text(page(screens, asked.file.name, facts["conclusion"]), encoding="utf-8")


def training(folder: Path) -> str:
    return str(sorted((folder / "runs").glob("*-train-*"))[-1])


def page(screens: list[tuple[str, str]], name: str, conclusion: dict) -> str:
    parts = [
        "# A comparison, screen by screen\n",
        "<!-- Made by `python benchmarks/compare_walk.py FILE --out docs/compare_walk.md`. -->\n",
        f"What a terminal of 120 by 40 showed while SmolLM2 (135 million parameters) was compared with a LoRA adapter trained on "
        f"{name} for 24 steps, on a CPU. The judge is SmolLM2 itself, asked in both orders; the votes are a script's, which "
        "prefers the shorter answer, so read them as an example of the way, not as a finding.\n",
    ]
    for title, screen in screens:
        lines = "\n".join(line.rstrip() for line in screen.splitlines())
        parts.append(f"## {title}\n\n```text\n{lines}\n```\n")
    parts.append(
        "## The conclusion\n\n" + "\n".join(f"- {line}" for line in (conclusion["sentence"], *conclusion["caveats"]))
    )
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
