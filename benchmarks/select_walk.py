"""What it takes to look at a dataset, to score it and to select 200 records of it, command by command. Prints docs/select_walk.md.

    nice python benchmarks/select_walk.py [FILE ...] [--ifd-records 200] [--keep 200] [--write]

Without files: the English and Chinese Alpaca demos of STUDIO_DATA or ../shared/data, else those of datasets/. Every command is
a process of its own with an empty cache, so that each pays for loading its models; wall and CPU seconds, and the most memory
that the process and its children held at once. On a busy machine only the CPU seconds say something.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from ifd import speed
from measure import Measured, measure

from curation.preview import take_sample
from curation.scoring.cache import ScoreCache
from curation.stages.ifd import Ifd

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "select_walk.md"
DEMOS = ("alpaca_en_demo.json", "alpaca_zh_demo.json")
SCORES = ("signals", "fit", "rarity", "conflicts")


def main() -> int:
    """Run everything, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--ifd-records", type=int, default=200, help="of each file, since IFD takes long")
    parser.add_argument("--keep", type=int, default=200)
    parser.add_argument("--ifd", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args()
    files = [file.resolve() for file in options.files] or found()
    if options.ifd:
        ifd_alone(files[0], options.ifd_records)
        return 0
    with tempfile.TemporaryDirectory(prefix="select-walk-") as folder:
        told = page(files, walk(files, options.keep, options.ifd_records, Path(folder)))
    print(told)
    if options.write:
        PAGE.write_text(told, encoding="utf-8")
    return 0


def found() -> list[Path]:
    """The files that are looked at where none is named."""
    data = Path(os.environ.get("STUDIO_DATA", ROOT.parent / "shared" / "data")) / "llamafactory"
    demos = [data / name for name in DEMOS]
    return demos if all(demo.is_file() for demo in demos) else sorted((ROOT / "datasets").glob("*.json"))


def walk(files: Sequence[Path], keep: int, ifd_records: int, folder: Path) -> Iterator[tuple[str, str, Measured, str]]:
    """What is done, the command, what it used, and a remark."""
    names = [str(file) for file in files]
    yield "the map", "`studio map`", ran(folder, "map", *names), ""
    for stage in SCORES:
        yield f"`{stage}`", f"`use: {stage}`", ran(folder, "curate", *curated(folder, stage, names)), ""
    for name in names:
        command = [sys.executable, __file__, name, "--ifd", "--ifd-records", str(ifd_records)]
        used = succeeded(measure(command, STUDIO_CACHE=str(folder / "cache-ifd")))
        yield f"`ifd`, {ifd_records} records of `{Path(name).name}`", "`use: ifd`", used, used.output.splitlines()[-1]
    given = [part for name in names for part in ("--in", name)]
    given += ["--recipe", "select", "--set", "select.fraction=null", "--set", f"select.records={keep}"]
    used = ran(folder, "curate", *given, "--out", str(folder / "chosen"))
    yield f"{keep} records selected", "recipe `select`", used, ""


def curated(folder: Path, stage: str, files: Sequence[str]) -> list[str]:
    """The arguments of a run of one stage."""
    recipe = folder / f"{stage}.yaml"
    recipe.write_text(f"stages:\n  - use: {stage}\n", encoding="utf-8")
    return [
        *(part for name in files for part in ("--in", name)),
        "--recipe",
        str(recipe),
        "--out",
        str(folder / f"out-{stage}"),
    ]


def ifd_alone(file: Path, count: int) -> None:
    """The child: the readings of the first records of a file, with the model loaded."""
    batch = take_sample([str(file)], count).batch
    texts = [(answer.before, answer.text) for answer in Ifd()._answers(batch)]
    with ScoreCache() as cache:
        speed(file.name, texts, Ifd().tokens, cache)


def ran(folder: Path, *words: str) -> Measured:
    """A command of the studio, which must succeed."""
    # A folder for each, since a run takes over the vectors that an earlier one left.
    place = folder / f"own-{len(list(folder.glob('own-*')))}"
    given = [*words, "--runs-dir", str(place / "runs"), "--plain"]
    place.mkdir()
    return succeeded(measure([sys.executable, "-m", "studio", *given], STUDIO_CACHE=str(place / "cache")))


def succeeded(used: Measured) -> Measured:
    """What a command used; it ends everything where it failed."""
    if used.code:
        sys.exit(used.output)
    return used


def page(files: Sequence[Path], rows: Iterator[tuple[str, str, Measured, str]]) -> str:
    """The page, with the load of the machine before and after."""
    before = os.getloadavg()[0]
    records = sum(len(take_sample([str(file)], 1_000_000).batch) for file in files)
    lines, notes = [], []
    for what, how, used, note in rows:
        print(f"{what}: {used.wall:.1f} s, {used.cpu:.1f} CPU-s, {used.peak / 1e9:.2f} GB; {note}", file=sys.stderr)
        lines.append(f"| {what} | {how} | {used.wall:.1f} | {used.cpu:.1f} | {used.peak / 1e9:.2f} |")
        notes += [note] if note else []
    listed = ", ".join(f"`{file.name}`" for file in files)
    return TEMPLATE.format(
        records=f"{records:,}",
        files=listed,
        cores=os.cpu_count(),
        before=f"{before:.0f}",
        after=f"{os.getloadavg()[0]:.0f}",
        rows="\n".join(lines),
        notes="\n".join(f"- {note}" for note in notes),
    )


TEMPLATE = """# A walk through selection

Made by `python benchmarks/select_walk.py --write`: {records} records ({files}) are mapped, scored and
selected from with the embedded models, each command in a process of its own and with an empty cache, on {cores} cores that had much else to do (a load
of {before} at the beginning and {after} at the end), so that the CPU seconds say more than the wall,
and nothing here shows what the clock would say on an idle machine.

| what | command or stage | wall, s | CPU, s | peak memory, GB |
|:--|:--|--:|--:|--:|
{rows}

Of `ifd` the model loaded, without the time it takes to load:

{notes}

A curation has a process for each core, and memory that they share is counted for each. Every line loads its models anew. In one
recipe texts are embedded once: the last line has `exact`, `near`, `signals`, `fit`,
`conflicts` and `topics` in it, and the choice.
"""


if __name__ == "__main__":
    sys.exit(main())
