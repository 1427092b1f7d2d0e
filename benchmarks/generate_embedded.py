"""A generation with the small model of a package: no server, no network. What is accepted, and how long does it take?

    python benchmarks/generate_embedded.py SEEDS.csv [--items 20] [--runs-dir runs] [--set SECTION.KEY=VALUE]

SEEDS.csv holds a few examples, such as the 199 sarcastic answers that the README names. Where there is strace, every process is
watched, and a connection to anybody ends this with an error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

CONNECTS = re.compile(r"\b(?:connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?\b")


def main() -> None:
    """Generate, then tell the counts, the time and the accepted records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", type=Path)
    parser.add_argument("--items", type=int, default=20)
    parser.add_argument("--runs-dir", type=Path, default=Path("runs"))
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="SECTION.KEY=VALUE")
    options = parser.parse_args()
    words = [sys.executable, "-m", "studio", "generate", "--from-seeds", str(options.seeds), "-n", str(options.items),
             "--runs-dir", str(options.runs_dir), "--plain"]  # fmt: skip
    words += [word for setting in options.settings for word in ("--set", setting)]
    trace = Path(f"{options.runs_dir}.trace")
    watched = ["strace", "-f", "-qq", "-e", "trace=network", "-o", str(trace)] if shutil.which("strace") else []
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    began = time.monotonic()
    done = subprocess.run([*watched, *words], env=kept, check=False)
    seconds = time.monotonic() - began
    if done.returncode:
        sys.exit(done.returncode)
    folder = max(options.runs_dir.glob("*-generate-*"), key=lambda path: path.stat().st_mtime)
    counts = json.loads((folder / "summary.json").read_text())["counts"]
    if counts["requested"] != counts["accepted"] + counts["rejected"] + counts["failed"]:
        sys.exit(f"The counts do not add up: {counts}")
    if watched:
        found = [line for line in trace.read_text("utf-8", "replace").splitlines() if CONNECTS.search(line)]
        if found:
            sys.exit("It connected to somebody:\n" + "\n".join(found))
    print(f"\n{counts}, {seconds:.0f} s, {'no connection' if watched else 'connections not watched: no strace'}\n")
    for line in (folder / "dataset" / "train.jsonl").read_text().splitlines():
        record = json.loads(line)
        said = [message["content"] for message in record["messages"]]
        print(f"{record['id']}: {' → '.join(' '.join(text.split()) for text in said)}")


if __name__ == "__main__":
    main()
