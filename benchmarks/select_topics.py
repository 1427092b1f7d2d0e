"""How many planted topics a selection reaches, beside a random draw of the same size, on three corpora. Prints a table.

    OMP_NUM_THREADS=1 python benchmarks/select_topics.py [--share 0.1] [--seeds 7 8 9] [--only ways|templates|tasks]

ways: 100 topics in English and in Chinese, the largest a hundred times the smallest (sizes fall as 1/rank), each a subject that
is asked about in the same twelve ways; no answers. templates: sixty topics of 3 to 62 records, questions and answers out of
templates (tests/curation/planted_topics.py). tasks: seventy topics of 4 to 160 records, tasks of fourteen kinds with answers from
a word to a paragraph (tests/curation/planted_tasks.py). --seeds: which topics are large and which small in the latter two. The
vectors are those of the embedded model. Random draws are the mean of 200.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "curation"))

from planted_tasks import tasks
from planted_topics import records as templates

from curation.readers import dumps_exact
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, content_hash
from curation.selection.model import I64
from curation.stage import StageContext
from curation.stages.select import Select
from curation.stages.topics import Topics

ENGLISH = (
    "sourdough bread;rose bushes;tax returns;mountain bikes;violin lessons;coral reefs;steam engines;wedding speeches;"
    "tropical fish;house insurance;solar panels;marathon training;watercolour painting;roman roads;knee injuries;"
    "mobile games;bee keeping;job interviews;ice hockey;paper recycling;sign language;night trains;coffee roasting;"
    "chess openings;baby sleep;vaccines;glaciers;jazz drumming;river pollution;book binding;sailing knots;mortgages;"
    "dinosaur fossils;hair dyes;school lunches;volcanoes;public libraries;guide dogs;leather shoes;wind turbines;"
    "cheese making;space telescopes;opera singers;street markets;bridge building;migraine;perfume;old clocks;"
    "pottery glazes;city parking"
).split(";")
CHINESE = (
    "书法练习;高铁车票;中秋月饼;太极拳;房屋贷款;熊猫保护;普洱茶;围棋布局;京剧脸谱;电动汽车;北京烤鸭;感冒发烧;量子计算;敦煌壁画;"
    "农村电商;婴儿奶粉;篮球比赛;垃圾分类;高考志愿;古筝演奏;台风预警;珍珠养殖;长城修缮;手机屏幕;糖尿病饮食;旧书交易;竹编工艺;"
    "航天火箭;宠物猫咪;水稻种植;冰雪旅游;法律援助;老人护理;丝绸织造;地铁换乘;面试技巧;葡萄酿酒;地震逃生;博物馆导览;羽毛球拍;"
    "陶瓷烧制;股票基金;花卉市场;方言调查;动画电影;盐湖风光;中药煎煮;古代钱币;跳绳训练;蜂蜜真假"
).split(";")
ASKED = {
    "en": (
        "Give me three tips about {}.|What do beginners get wrong about {}?|Write a short poem on {}.|Explain {} to a child.|"
        "How has thinking about {} changed over the years?|What does it cost to get started with {}?|"
        "Summarise the arguments for and against {}.|Which questions should I ask an expert on {}?|"
        "Draft an e-mail to a friend who is interested in {}.|What are common words used when talking of {}?|"
        "Tell a funny story that has to do with {}.|Make a plan for a weekend around {}."
    ).split("|"),
    "zh": (
        "请给我三条关于{}的建议。|初学者在{}方面常犯什么错误？|写一首关于{}的短诗。|用孩子能听懂的话解释{}。|多年来人们对{}的看法有什么变化？|"
        "开始接触{}要花多少钱？|总结支持和反对{}的理由。|关于{}我应该问专家什么问题？|给对{}感兴趣的朋友写一封邮件。|"
        "谈论{}时常用哪些词语？|讲一个和{}有关的笑话。|围绕{}安排一个周末。"
    ).split("|"),
}
DRAWS = 200
WAYS_SIZE = 3_000
Exchange = tuple[str, str, str]  # topic, question, answer


def main() -> None:
    """Print how many topics each way to choose reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--seeds", type=int, nargs="+", default=(7, 8, 9))
    parser.add_argument("--only", choices=("ways", "templates", "tasks"))
    options = parser.parse_args()
    corpora = {
        "ways": [planted(WAYS_SIZE)],
        "templates": [list(templates(seed)) for seed in options.seeds],
        "tasks": [tasks(seed) for seed in options.seeds],
    }
    print("| corpus | way | topics reached | worst |\n|:--|:--|--:|--:|")
    for name, made in corpora.items():
        if options.only in (None, name):
            found: dict[str, list[float]] = {}
            for each in made:
                for way, share in reached(each, options.share):
                    found.setdefault(way, []).append(share)
            for way, shares in found.items():
                print(f"| {name} | {way} | {np.mean(shares):.1%} | {min(shares):.1%} |", flush=True)


def reached(made: Sequence[Exchange], share: float) -> Iterator[tuple[str, float]]:
    """The share of topics that each way to choose reaches."""
    batch, topic = batch_of(made)
    count, keep = len(set(topic.tolist())), round(share * len(topic))
    draw = np.random.default_rng(1)
    drawn = [len(set(topic[draw.choice(len(topic), keep, replace=False)])) for _ in range(DRAWS)]
    yield "random", float(np.mean(drawn)) / count
    prints = with_places(Select(fraction=share).fingerprint(batch, StageContext()))
    ways = {
        "`coverage`": Select(fraction=share),
        "`coverage`, `counted: record`": Select(fraction=share, counted="record"),
        "`spread`": Select(fraction=share, by="spread"),
    }
    for told, stage in ways.items():
        yield told, reached_by(stage, prints, topic) / count
    quota = Select(fraction=share, quota="topic")
    stage = Topics()
    groups = stage.decide(with_places(stage.fingerprint(batch, StageContext())).lazy(), StageContext()).rows
    numbers = groups["values"].str.json_path_match("$.topic")
    found = with_group(prints, groups["record_id"], numbers)
    yield "`coverage`, `quota: topic`, found", reached_by(quota, found, topic) / count
    known = with_group(prints, prints["record_id"], pl.Series(topic).cast(pl.String))
    yield "`coverage`, `quota: topic`, known", reached_by(quota, known, topic) / count


def with_places(prints: pl.DataFrame) -> pl.DataFrame:
    """Fingerprints as the engine hands them on."""
    return prints.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt64))


def with_group(prints: pl.DataFrame, ids: pl.Series, groups: pl.Series) -> pl.DataFrame:
    """Fingerprints with the group of each record."""
    named = pl.DataFrame({"record_id": ids, "group": groups})
    return prints.drop("group").join(named, on="record_id", how="left", maintain_order="left")


def reached_by(stage: Select, prints: pl.DataFrame, topic: I64) -> int:
    """Choose, and count the topics."""
    rows = stage.decide(prints.lazy(), StageContext()).rows
    kept = prints["record_id"].is_in(rows.filter(pl.col("action") == "annotate")["record_id"].implode()).to_numpy()
    return len(set(topic[kept].tolist()))


def batch_of(made: Sequence[Exchange]) -> tuple[Batch, I64]:
    """Records, and the number of the topic of each; a record without an answer has one turn."""
    known = sorted({topic for topic, _, _ in made})
    rows, turns = [], []
    for number, (_, asked, answered) in enumerate(made):
        chat = [turn for turn in (("user", asked), ("assistant", answered)) if turn[1]]
        name = f"planted:{number}"
        rows.append((name, content_hash(chat), "planted", "messages", [], dumps_exact({})))
        turns += [(name, place, *turn) for place, turn in enumerate(chat)]
    frames = pl.DataFrame(rows, RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, TURN_SCHEMA, orient="row")
    return Batch(*frames), np.asarray([known.index(topic) for topic, _, _ in made])


def planted(records: int) -> list[Exchange]:
    """Questions alone; topics of both languages in turns, from large to small."""
    subjects = [subject for pair in zip(ENGLISH, CHINESE, strict=True) for subject in pair]
    weights = 1 / np.arange(1, len(subjects) + 1)
    sizes = np.maximum(1, np.round(records * weights / weights.sum())).astype(int)
    draw = np.random.default_rng(7)
    made = []
    for subject, size in zip(subjects, sizes.tolist(), strict=True):
        ways = ASKED["zh" if subject in CHINESE else "en"]
        first = draw.permutation(len(ways))
        for place in range(size):
            again = f" ({place // len(ways)})" if place >= len(ways) else ""
            made.append((subject, ways[first[place % len(ways)]].format(subject) + again, ""))
    return made


if __name__ == "__main__":
    main()
