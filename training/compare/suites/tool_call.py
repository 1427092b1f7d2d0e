"""A call of a tool, written as JSON."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from training.compare.suites.json_object import parse, same_json
from training.compare.suites.words import CITIES, NAMES, unfenced

_TAGGED = re.compile(r"<tool_call>\s*(?P<inside>.*?)\s*</tool_call>", re.DOTALL)


def make(draw: random.Random, language: str, number: int) -> tuple[str, str]:
    """Weather, a reminder or a transfer: a tool with two parameters, both said in the request."""
    zh = language == "zh"
    city, name = draw.choice(CITIES[language]), draw.choice(NAMES[language])
    arguments: dict[str, Any]
    if number % 3 == 0:
        unit = draw.choice(("celsius", "fahrenheit"))
        tool, arguments = "get_weather", {"city": city, "unit": unit}
        signature = 'get_weather(city: string, unit: "celsius" | "fahrenheit")'
        request = f"用{unit}查询{city}的天气。" if zh else f"What is the weather in {city}, in {unit}?"
    elif number % 3 == 1:
        minutes = draw.randint(2, 90)
        tool, arguments = "set_reminder", {"person": name, "minutes": minutes}
        signature = "set_reminder(person: string, minutes: number)"
        request = f"{minutes}分钟后提醒{name}。" if zh else f"Remind {name} in {minutes} minutes."
    else:
        amount = draw.randint(5, 900)
        tool, arguments = "send_money", {"to": name, "amount": amount}
        signature = "send_money(to: string, amount: number)"
        request = f"给{name}转账{amount}元。" if zh else f"Send {amount} dollars to {name}."
    form = '{"name": "…", "arguments": {…}}'
    if zh:
        question = f"你可以调用这个工具：{signature}\n请求：{request}\n只输出JSON格式的调用：{form}"
    else:
        question = f"You can call this tool: {signature}\nRequest: {request}\nAnswer only with the call as JSON: {form}"
    return question, json.dumps({"name": tool, "arguments": arguments}, ensure_ascii=False)


def is_right(answer: str, expected: str, question: str) -> bool:  # noqa: ARG001 - as every suite
    """All of it is the call, in a code block or <tool_call> tags or neither: this name, just these arguments."""
    tagged = _TAGGED.fullmatch(answer.strip())
    return same_json(parse(unfenced(tagged["inside"] if tagged else answer)), json.loads(expected))
