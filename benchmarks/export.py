"""How much of a model is lost on the way to GGUF: an export with every type, as a table for docs/export.md.

    python benchmarks/export.py RUN [--runs-dir DIR] [--prompts 50] [--from EXPORT_FOLDER]

RUN is a finished training. Needs llama.cpp's tools (`studio export --setup`). `--from` only prints the table of an export
that was made before, with all four types.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

QUANTS = ("f16", "q8_0", "q5_k_m", "q4_k_m")


def exported(run: str, runs: str, prompts: int) -> Path:
    """The folder of a new export of RUN. One that fails a check is measured like any other."""
    words = [part for quant in QUANTS for part in ("--quant", quant)]
    command = [sys.executable, "-m", "studio", "export", run, "--runs-dir", runs, "--to", "gguf", "--json"]
    done = subprocess.run([*command, *words, "--prompts", str(prompts)], capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    return Path(runs) / json.loads(done.stdout.splitlines()[0])["run"]


def table(folder: Path) -> str:
    """One line a type."""
    summary = json.loads((folder / "export.json").read_bytes())
    files = {
        name.rpartition("-")[2].removesuffix(".gguf").lower(): facts
        for name, facts in summary["results"]["gguf"]["files"].items()
    }
    checks = {check["check"]: check for check in summary["checks"]}
    lines = [
        "| type | bytes | bits a weight | other types | top-1 agreement | KL a token, mean (largest) | within bounds |",
        "|:--|--:|--:|--:|--:|--:|:--|",
    ]
    for quant, facts in files.items():
        check = checks[f"gguf {quant}"]
        figures = check["figures"]
        lines.append(
            f"| {quant} | {facts['bytes']:,} | {facts['bits']:.2f} | {len(facts['fallbacks'])} of {facts['tensors']} | "
            f"{figures['top1']:.1%} | {figures['kl_mean']:.2g} ({figures['kl_max']:.2g}) | {'yes' if check['passed'] else 'no'} |"
        )
    merged = checks["merged"]
    tokens = checks[f"gguf {next(iter(files))}"]["figures"]["tokens"]
    return "\n".join([*lines, "", f"{tokens:,} tokens. Merged: {merged['said']}. {checks['template']['said']}."])


def main() -> None:
    """Export, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", nargs="?", default="last")
    parser.add_argument("--runs-dir", default="runs")
    parser.add_argument("--prompts", type=int, default=50)
    parser.add_argument("--from", dest="folder", type=Path)
    asked = parser.parse_args()
    print(table(asked.folder or exported(asked.run, asked.runs_dir, asked.prompts)))


if __name__ == "__main__":
    main()
