"""How many planted topics a selection reaches, beside a random draw of the same size.

    OMP_NUM_THREADS=1 python benchmarks/select_topics.py [--records 1000] [--share 0.1]

100 topics in English and in Chinese, the largest a hundred times the smallest (sizes fall as 1/rank), each a subject that is
asked about in twelve ways; the same twelve ways for all subjects of a language, so that wording alone does not tell topics
apart. The vectors are those of the embedded model. Random draws are the mean of 200.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import polars as pl

from curation.readers import dumps_exact
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, content_hash
from curation.selection.choose import By
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
WAYS: tuple[By, ...] = ("coverage", "spread")
DRAWS = 200


def main() -> None:
    """Print how many topics each way to choose reaches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--share", type=float, default=0.1)
    options = parser.parse_args()
    batch, topic = planted(options.records)
    stage = Select(fraction=options.share, part="prompt")
    began = time.process_time()
    prints = with_places(stage.fingerprint(batch, StageContext()))
    print(f"{len(batch)} records, embedded in {time.process_time() - began:.1f} CPU-seconds")
    sizes = np.bincount(topic)
    keep = round(options.share * len(batch))
    print(f"{len(sizes)} topics of {sizes.min()} to {sizes.max()} records; {keep} kept")
    draw = np.random.default_rng(1)
    reached = [len(set(topic[draw.choice(len(batch), keep, replace=False)])) for _ in range(DRAWS)]
    print(f"{'random':>16}: {np.mean(reached):5.1f} of {len(sizes)} topics ({min(reached)} to {max(reached)})")
    for by in WAYS:
        reached_by(Select(fraction=options.share, by=by, part="prompt"), prints, topic, by)
    quota = Select(fraction=options.share, quota="topic", part="prompt")
    found = Topics(part="prompt")
    groups = found.decide(with_places(found.fingerprint(batch, StageContext())).lazy(), StageContext()).rows
    numbers = groups["values"].str.json_path_match("$.topic")
    print(f"the stage `topics` finds {numbers.n_unique()}")
    reached_by(quota, with_group(prints, groups["record_id"], numbers), topic, "found topics")
    planted_ones = pl.Series(topic).cast(pl.String)
    reached_by(quota, with_group(prints, prints["record_id"], planted_ones), topic, "planted topics")


def with_places(prints: pl.DataFrame) -> pl.DataFrame:
    """Fingerprints as the engine hands them on."""
    return prints.with_columns(ordinal=pl.int_range(pl.len(), dtype=pl.UInt64))


def with_group(prints: pl.DataFrame, ids: pl.Series, groups: pl.Series) -> pl.DataFrame:
    """Fingerprints with the group of each record."""
    named = pl.DataFrame({"record_id": ids, "group": groups})
    return prints.drop("group").join(named, on="record_id", how="left", maintain_order="left")


def reached_by(stage: Select, prints: pl.DataFrame, topic: np.ndarray, told: str) -> None:  # type: ignore[type-arg]
    """Choose, and print the number of topics."""
    began = time.process_time()
    rows = stage.decide(prints.lazy(), StageContext()).rows
    kept = prints["record_id"].is_in(rows.filter(pl.col("action") == "annotate")["record_id"].implode()).to_numpy()
    spent = time.process_time() - began
    print(f"{told:>16}: {len(set(topic[kept])):5d} of {topic.max() + 1} topics, {spent:.1f} CPU-seconds")


def planted(records: int) -> tuple[Batch, np.ndarray]:  # type: ignore[type-arg]
    """Records and the number of the topic of each; topics of both languages in turns, from large to small."""
    subjects = [subject for pair in zip(ENGLISH, CHINESE, strict=True) for subject in pair]
    weights = 1 / np.arange(1, len(subjects) + 1)
    sizes = np.maximum(1, np.round(records * weights / weights.sum())).astype(int)
    draw = np.random.default_rng(7)
    rows, turns, topic = [], [], []
    for number, (subject, size) in enumerate(zip(subjects, sizes.tolist(), strict=True)):
        ways = ASKED["zh" if subject in CHINESE else "en"]
        first = draw.permutation(len(ways))
        for place in range(size):
            asked = ways[first[place % len(ways)]].format(subject) + (
                f" ({place // len(ways)})" if place >= len(ways) else ""
            )
            name = f"planted:{len(rows)}"
            rows.append((name, content_hash([("user", asked)]), "planted", "messages", [], dumps_exact({})))
            turns.append((name, 0, "user", asked))
            topic.append(number)
    frames = pl.DataFrame(rows, RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, TURN_SCHEMA, orient="row")
    return Batch(*frames), np.asarray(topic)


if __name__ == "__main__":
    main()
