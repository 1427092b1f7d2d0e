"""Words that the suites are made of, in both languages, and what all extraction begins with."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

KINDS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "en": {
        "fruit": ("apple", "pear", "cherry", "plum", "banana", "peach", "mango", "grape"),
        "animal": ("horse", "rabbit", "tiger", "sheep", "monkey", "goat", "camel", "whale"),
        "colour": ("red", "blue", "green", "yellow", "purple", "brown", "white", "pink"),
        "tool": ("hammer", "saw", "wrench", "drill", "chisel", "screwdriver", "pliers", "shovel"),
        "country": ("France", "Brazil", "Japan", "Kenya", "Norway", "Canada", "Egypt", "Peru"),
        "musical instrument": ("piano", "violin", "flute", "trumpet", "guitar", "cello", "drum", "harp"),
    },
    "zh": {
        "水果": ("苹果", "梨", "樱桃", "李子", "香蕉", "桃子", "芒果", "葡萄"),
        "动物": ("马", "兔子", "老虎", "绵羊", "猴子", "山羊", "骆驼", "鲸鱼"),
        "颜色": ("红色", "蓝色", "绿色", "黄色", "紫色", "棕色", "白色", "粉色"),
        "工具": ("锤子", "锯子", "扳手", "电钻", "凿子", "螺丝刀", "钳子", "铲子"),
        "国家": ("法国", "巴西", "日本", "肯尼亚", "挪威", "加拿大", "埃及", "秘鲁"),
        "乐器": ("钢琴", "小提琴", "长笛", "小号", "吉他", "大提琴", "鼓", "竖琴"),
    },
}
NAMES: Mapping[str, tuple[str, ...]] = {
    "en": ("Anna", "Ben", "Clara", "David", "Emma", "Frank", "Grace", "Henry", "Iris", "Jack", "Karen", "Leo"),
    "zh": ("王芳", "李伟", "张敏", "刘洋", "陈静", "杨磊", "赵娜", "黄涛", "周杰", "吴丽", "徐强", "孙燕"),
}
CITIES: Mapping[str, tuple[str, ...]] = {
    "en": (
        "Oslo",
        "Lima",
        "Cairo",
        "Paris",
        "Tokyo",
        "Boston",
        "Madrid",
        "Sydney",
        "Berlin",
        "Dublin",
        "Prague",
        "Rome",
    ),
    "zh": ("北京", "上海", "广州", "成都", "西安", "杭州", "南京", "武汉", "重庆", "天津", "苏州", "青岛"),
}
_FENCE = re.compile(r"```[\w-]*[ \t]*\n?(?P<inside>.*?)\n?```", re.DOTALL)


def plain(answer: str) -> str:
    """The answer without white space around it, full-width letters, digits and marks as usual ones (NFKC)."""
    return unicodedata.normalize("NFKC", answer).strip()


def unfenced(answer: str) -> str:
    """What stands in the one code block that is all of the answer; else the answer, stripped."""
    found = _FENCE.fullmatch(answer.strip())
    return found["inside"].strip() if found else answer.strip()
