"""Which column is which: the names that data sets use, in English and Chinese, and how a name is looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SYSTEM = ("system", "system_prompt", "system_message", "系统", "系统提示", "系统提示词", "系统指令", "系统消息")
HISTORY = ("history", "历史", "历史对话", "对话历史")

INSTRUCTION = ("instruction", "指令", "指示")
INPUT = ("input", "context", "question", "query", "输入", "上下文", "问题")
OUTPUT = ("output", "response", "answer", "target", "输出", "回答", "答案", "回复", "响应")
INSTANCES = ("instances",)

# Pairs of columns that hold a question and its answer; within a pair, the first name that is there counts.
QUESTION_ANSWER: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("question", "query", "q", "问题", "提问", "问", "题目", "询问", "查询", "指令", "ask"),
        ("answer", "response", "reply", "a", "output", "答案", "回答", "答", "回复", "答复", "解答", "输出", "响应"),
    ),
    (("input", "输入"), ("output", "target", "response", "answer", "输出", "回答", "答案", "回复")),
    (("user", "human", "用户"), ("assistant", "gpt", "bot", "chatbot", "助手", "机器人")),
)

PROMPT = ("prompt", "提示", "提示词")
COMPLETION = ("completion", "response", "output", "answer", "补全", "回答", "答案", "回复", "输出")
CHOSEN = ("chosen", "chosen_response", "采纳", "优选")
REJECTED = ("rejected", "rejected_response", "拒绝", "劣选")
LABEL = ("label",)
KTO_TAG = ("kto_tag",)

MESSAGES = ("messages", "消息")
CONVERSATIONS = ("conversations", "conversation", "对话", "会话")
TEXT = (
    "text",
    "content",
    "full_text",
    "document",
    "body",
    "passage",
    "sentence",
    "文本",
    "内容",
    "正文",
    "全文",
    "文章",
    "句子",
)


class Columns:
    """The columns of an object, found by any of several names; case, spaces, hyphens and underscores do not count."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._actual: Mapping[str, str] = {plain(key): key for key in reversed(list(keys))}

    def first(self, names: Iterable[str]) -> str | None:
        """The actual name of the first of `names` that is there, or None."""
        for name in names:
            actual = self._actual.get(plain(name))
            if actual is not None:
                return actual
        return None


def plain(name: str) -> str:
    """A column name as it is compared."""
    return name.strip().casefold().replace("_", "").replace("-", "").replace(" ", "")


def missing(what: str, names: tuple[str, ...]) -> str:
    """The sentence for a column that is not there."""
    shown = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    return f"there is no column for {what} ({shown})"
