"""Which comparisons the tables of the READMEs show, and their words in English and Chinese."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Line:
    """One line: a comparison, a peer in it, which of the comparison's tables, and what tells how well both did."""

    comparison: str
    peer: str
    outcome: str
    table: int = 0


HEADLINE = (
    Line("curate", "data-juicer", "agree"),
    Line("curate", "datatrove", "agree"),
    Line("curate", "llm-sanitizer-pro", "agree"),
    Line("exact", "cleanllm", "agree"),
    Line("exact", "dtflow", "agree"),
    Line("near", "datasketch", "found"),
    Line("near", "text_dedup", "found"),
    Line("near", "rensa", "found"),
    Line("near", "gaoya", "found"),
    Line("filters", "datatrove", "agree", 5),
    Line("structured", "presidio-analyzer", "found"),
    Line("names", "presidio-analyzer", "found"),
    Line("embed", "sentence-transformers", "pairs", 2),
    Line("diff", "dtflow", "counts"),
    Line("open", "dtflow", "first"),
    Line("train", "trl", "weights"),
)

WORDS = {
    "en": {
        "heads": "| the same work | beside | CPU time, theirs : ours | memory, theirs : ours | what comes out, theirs : ours |",
        "curate": "a cheap recipe of seven stages",
        "exact": "exact duplicates alone",
        "near": "near duplicates",
        "filters": "filters of Gopher, C4, FineWeb",
        "structured": "personal data: numbers, mail, keys",
        "names": "personal data: names",
        "embed": "vectors",
        "diff": "two datasets compared",
        "open": "a file opened to look at",
        "train": "training, with the studio around it",
        "agree": "{agree:.1%} of decisions the same",
        "pairs": "{agree:.2%} of pairs decided alike",
        "found": "recall {theirs[recall]:.3f} : {ours[recall]:.3f}, precision {theirs[precision]:.3f} : {ours[precision]:.3f}",
        "same counts": "the same counts",
        "other counts": "other counts",
        "first": "first record after {theirs[first]:.1f} s : {ours[first]:.1f} s",
        "same weights": "the same weights, byte for byte",
        "other weights": "other weights",
        "caption": "More than 1: theirs takes more. One process each, side by side in one run; studio also writes ledger and report. ",
        "quick": "From a quick run on small inputs, where starting up is most of it. ",
        "link": "All tables, versions, and what was unfair to whom: [docs/benchmarks.md](docs/benchmarks.md).",
    },
    "zh": {
        "heads": "| 同样的工作 | 对手 | CPU 时间，对手 : 本项目 | 内存，对手 : 本项目 | 结果，对手 : 本项目 |",
        "curate": "七个低成本阶段的配方",
        "exact": "只去精确重复",
        "near": "近似重复",
        "filters": "Gopher、C4、FineWeb 过滤规则",
        "structured": "个人信息：号码、邮箱、密钥",
        "names": "个人信息：姓名",
        "embed": "向量",
        "diff": "比较两个数据集",
        "open": "打开文件浏览",
        "train": "训练（外面套着本项目）",
        "agree": "{agree:.1%} 的决定相同",
        "pairs": "{agree:.2%} 的文本对判断相同",
        "found": "召回率 {theirs[recall]:.3f} : {ours[recall]:.3f}，精确率 {theirs[precision]:.3f} : {ours[precision]:.3f}",
        "same counts": "计数相同",
        "other counts": "计数不同",
        "first": "{theirs[first]:.1f} 秒 : {ours[first]:.1f} 秒后见到第一条记录",
        "same weights": "权重逐字节相同",
        "other weights": "权重不同",
        "caption": "大于 1 表示对手用得更多。各用一个进程，在同一次运行中并排测量；本项目还要写账本和报告。",
        "quick": "这是小数据上的快速运行，启动占了大部分时间。",
        "link": "所有表格、版本，以及对谁不公平：[docs/benchmarks.md](docs/benchmarks.md)（英文）。",
    },
}


def outcome(line: Line, theirs: dict[str, Any], ours: dict[str, Any], words: dict[str, str]) -> str:
    """How the two compare in what came out."""
    if line.outcome == "counts":
        counts = ("removed", "changed", "added")
        return words["same counts" if all(theirs[key] == ours[key] for key in counts) else "other counts"]
    if line.outcome == "weights":
        return words["same weights" if ours["same_weights"] else "other weights"]
    return words[line.outcome].format(agree=theirs.get("agree", 0.0), theirs=theirs, ours=ours)
