"""How well the topics of a map agree with topics that are known, in English and Chinese: purity and adjusted Rand index.

    python benchmarks/map_quality.py

Twelve topics of unequal size, put into words by templates, at several numbers of records; then sixty topics of very
different size, most of them of three or six records. Printed as rows of the table in docs/map.md.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "curation"))

from known_topics import TOPICS, agreement, known_topics
from planted_topics import records as sixty_topics

from curation.embedding.encoder import encode_each_once, encoder
from curation.topics.clusters import cluster


def row(name: str, texts: Sequence[str], labels: list[str]) -> None:
    found = cluster(encode_each_once(encoder(), texts))
    purity, rand = agreement(labels, found.topics.tolist())
    count = int(found.topics.max()) + 1
    print(f"| {name} | {len(texts):,} | {len(set(labels))} | {count} | {purity:.2f} | {rand:.2f} |", flush=True)


def main() -> None:
    print("| set | records | topics | found | purity | adjusted Rand |\n|:--|--:|--:|--:|--:|--:|")
    for topics, counts in ((12, (120, 300, 1200)), (6, (60, 300)), (3, (120,))):
        for count in counts:
            records, labels = known_topics(count, tuple(TOPICS)[:topics])
            row("templates, en and zh", [f"{each['question']}\n{each['answer']}" for each in records], labels)
    told = list(sixty_topics(0))
    row(
        "templates, 60 topics of 3 to 62 records",
        [f"{asked}\n{answered}" for _, asked, answered in told],
        [name for name, *_ in told],
    )


if __name__ == "__main__":
    main()
