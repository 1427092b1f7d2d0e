"""Speed of the `clean` stage: records a CPU-second on made-up records of about 500 characters, a fifth of them dirty.

    python benchmarks/stage_clean.py [--records 50000] [--dirty 0.2]

One process, one polars thread; CPU time is user + system of the whole process. The dirty records share these kinds of
dirt evenly: HTML, character references, mojibake, decomposed letters, zero-width characters, CR LF, trailing blanks,
runs of blanks, blank lines, web addresses. A third of the records is Chinese.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import time

os.environ["POLARS_MAX_THREADS"] = "1"

import polars as pl

from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch
from curation.stage import StageContext
from curation.stages.clean import Clean

WORDS = (
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an "
    "they which one you were her all she there would their we him been has when who will more no if out so "
    "said what up its about into than them can only other new some could time these two may then do first any "
    "my now such like our over man me even most made after also did many before must through years where much "
    "your way well down should because each people Mr how too little state good very make world still own see "
    "men work long get here between both life being "
).split()
HAN = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所"
    "民得经十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日"
    "那社义事平形相全表间样与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想"
    "已通并提直题党程展五果料象员革位入常文总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指"
)


def prose(draw: random.Random) -> str:
    """About 500 characters of English, or 250 of Chinese (about as many bytes)."""
    if draw.random() < 1 / 3:
        return "".join(draw.choice(HAN) + ("，" if draw.random() < 0.08 else "") for _ in range(250)) + "。"
    return " ".join(draw.choice(WORDS) for _ in range(110)).capitalize() + "."


def soil(text: str, kind: int) -> str:
    """One kind of dirt in the middle of a text."""
    at = len(text) // 2
    head, tail = text[:at], text[at:]
    return (
        f"<p>{head}</p>\n<ul><li>one</li><li><b>two</b></li></ul><p>{tail}</p>",
        f"{head} Tom &amp; Jerry&nbsp;say &quot;so&quot; {tail}",
        f"{head} cafÃ© donâ€™t {tail}",
        f"{head} cafe\u0301 {tail}",
        f"{head}\u200b{tail}\ufeff",
        f"{head}\r\n{tail}\r\n",
        f"{head}   \n{tail}  ",
        f"{head}    {tail}",
        f"{head}\n\n\n\n{tail}",
        f"{head} see https://example.com/a?b=c now {tail}",
    )[kind]


def corpus(records: int, dirty: float) -> list[Batch]:
    """Shards of 4096 records, one turn each."""
    draw = random.Random(1)
    texts = [prose(draw) for _ in range(records)]
    for number in range(int(records * dirty)):
        place = int(number / dirty)
        texts[place] = soil(texts[place], number % 10)
    ids = [f"made.jsonl:{number + 1}" for number in range(records)]
    whole_records = pl.DataFrame({"record_id": ids}).select(
        pl.col(name) if name == "record_id" else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in RECORD_SCHEMA.items()
    )
    turns = pl.DataFrame({"record_id": ids, "turn": 0, "role": "text", "content": texts}, schema=TURN_SCHEMA)
    return [Batch(whole_records[at : at + 4096], turns[at : at + 4096]) for at in range(0, records, 4096)]


def cpu_seconds() -> float:
    """User and system time of this process, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=50_000)
    parser.add_argument("--dirty", type=float, default=0.2)
    options = parser.parse_args()
    shards = corpus(options.records, options.dirty)
    clean, context = Clean(urls="replace"), StageContext()
    clean.decide(shards[0], context)  # imports ftfy and compiles expressions once a process
    before, began = cpu_seconds(), time.perf_counter()
    edited = sum(clean.decide(shard, context).rows.height for shard in shards)
    spent, wall = cpu_seconds() - before, time.perf_counter() - began
    print(
        json.dumps(
            {
                "records": options.records,
                "edited": edited,
                "megabytes": round(
                    sum(len(text.encode()) for shard in shards for text in shard.turns["content"]) / 1e6, 1
                ),
                "cpu_seconds": round(spent, 2),
                "wall_seconds": round(wall, 2),
                "records_per_cpu_second": round(options.records / spent),
            }
        )
    )


if __name__ == "__main__":
    main()
