"""datatrove's side of `quality_agreement.py`; runs in a virtual environment that has datatrove, not in the
project's.

usage: quality_agreement_peer.py CORPUS.jsonl OUT.jsonl    (corpus: {"id", "text"} a line)

Every filter gets every document as read. OUT has one line a filter: name, CPU seconds, and for each document
the reason it was dropped for ("" = kept); the C4 filter also says what the text became.
"""

import json
import sys
import time
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from datatrove.utils.text import split_into_words


def main(corpus: str, out: str) -> None:
    """Run each filter over the whole corpus, one after the other."""
    with Path(corpus).open(encoding="utf-8") as file:
        records = [json.loads(line) for line in file]
    filters = {
        "gopher": GopherQualityFilter(),
        "c4": C4QualityFilter(),
        "c4_no_punct": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
        "repetition": GopherRepetitionFilter(),
    }
    split_into_words("Load the tokenizer before the clock starts.")
    with Path(out).open("w", encoding="utf-8") as file:
        for name, the_filter in filters.items():
            documents = [Document(text=r["text"], id=str(r["id"])) for r in records]
            start = time.process_time()
            verdicts = [the_filter.filter(document) for document in documents]
            seconds = time.process_time() - start
            line = {
                "filter": name,
                "cpu_seconds": seconds,
                "reasons": ["" if verdict is True else verdict[1] for verdict in verdicts],
                "texts": [d.text for d in documents] if name.startswith("c4") else None,
            }
            file.write(json.dumps(line) + "\n")
        # The four filters one after the other on each document, as a datatrove pipeline runs them: the words
        # of a document are split once and shared as long as no filter changed the text.
        start = time.process_time()
        order = ("repetition", "gopher", "c4_no_punct", "fineweb")
        reasons = []
        for record in records:
            document = Document(text=record["text"], id=str(record["id"]))
            reason = ""
            for name in order:
                verdict = filters[name].filter(document)
                if verdict is not True:
                    reason = f"{name}:{verdict[1]}"
                    break
            reasons.append(reason)
        seconds = time.process_time() - start
        file.write(json.dumps({"filter": "pipeline", "cpu_seconds": seconds, "reasons": reasons, "texts": None}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
