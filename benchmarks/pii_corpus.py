"""Labelled texts for the search for personal data, made by Faker and by makers of our own, in English and Chinese.

Two splits: `tuning`, and `held_out` with other sentences (`pii_templates`), other seeds, other countries' Faker
providers and more ways of writing a value (full-width, zero-width characters, other groupings). Look-alikes are texts
that hold nothing to find.
"""

# ruff: noqa: D102  (a method draws a look-alike of the kind it is named after)

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from pii_templates import HELD_OUT, LOOKALIKES_HELD_OUT, LOOKALIKES_TUNING, TUNING
from pii_values import Maker, Split

__all__ = ["Case", "Lookalike", "Maker", "Split", "lookalikes", "positives"]


@dataclass(frozen=True)
class Case:
    """A text and what is to be found in it. spans: start, end, entity. kind: an entity, or "lookalike:<maker>"."""

    text: str
    language: str
    spans: tuple[tuple[int, int, str], ...]
    kind: str


class Lookalike(Maker):
    """Draws values that look like an entity and are none."""

    def order(self) -> str:
        forms = [
            f"2024{self.rng.randint(1, 12):02}{self.rng.randint(1, 28):02}{self.digits(10)}",
            "SF" + self.digits(13),
            self.digits(12),
        ]
        forms += (
            [f"PO-{self.digits(8)}", self.digits(16), self.digits(10)]
            if self.split == "held_out"
            else [self.digits(16)]
        )
        return self.rng.choice(forms)

    def timestamp(self) -> str:
        seconds = self.rng.randint(1_500_000_000, 1_790_000_000)
        return self.rng.choice(
            [
                str(seconds),
                f"{seconds}{self.digits(3)}",
                f"{seconds}.{self.digits(6)}",
                f"2024-05-{self.rng.randint(10, 28)}T10:{self.rng.randint(10, 59)}:33.123456Z",
            ]
        )

    def isbn(self) -> str:
        body = "978" + self.rng.choice(["7", "0", "1"]) + self.digits(8)
        whole = body + str(-sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(body)) % 10)
        return self.rng.choice([whole, f"{whole[:3]}-{whole[3]}-{whole[4:8]}-{whole[8:12]}-{whole[12]}"])

    def version(self) -> str:
        numbers = [str(self.rng.randint(0, 30)) for _ in range(self.rng.choice([3, 4]))]
        return self.rng.choice([".".join(numbers), ".".join(numbers) + "-rc1"])

    def price(self) -> str:
        amount = self.rng.randint(10_000, 99_999_999_999)
        return self.rng.choice([f"{amount:,}", str(amount), f"{amount / 100:.2f}", f"{amount:,}.00"])

    def sum(self) -> str:
        first, second = self.rng.randint(1000, 9_999_999), self.rng.randint(1000, 999_999)
        return self.rng.choice(
            [
                f"{first} + {second} = {first + second}",
                f"{first * second}",
                f"{first / second:.12f}",
                "3.14159265358979323846",
                "123 456 789 101",
                "100-200-3000",
            ]
        )

    def hash(self) -> str:
        return self.letters(self.rng.choice([32, 40, 64]), "0123456789abcdef")

    def uuid(self) -> str:
        return str(self.fake().uuid4())

    def placeholder(self) -> str:
        forms = ["YOUR_API_KEY", "<your-password>", "sk-xxxxxxxxxxxxxxxxxxxxxxxx", "${API_KEY}"]
        return self.rng.choice(
            [*forms, "os.environ['TOKEN']", "your_token_here", "********", "changeme"]
            if self.split == "held_out"
            else forms
        )

    def url(self) -> str:
        forms = [
            f"https://www.example.com/p/{self.digits(9)}?page={self.digits(2)}",
            f"https://item.shop.cn/{self.digits(12)}.html",
        ]
        return self.rng.choice(
            [*forms, f"https://cdn.x.io/{self.letters(22)}.png", f"https://arxiv.org/abs/2106.{self.digits(5)}"]
            if self.split == "held_out"
            else forms
        )

    def date(self) -> str:
        day = self.fake().date_between("-80y", "today")
        zh = [f"{day.year}年{day.month}月{day.day}日", f"{day:%Y-%m-%d}", f"{day:%Y%m%d}"]
        return self.rng.choice(
            zh if self.language == "zh" else [f"{day:%Y-%m-%d}", f"{day:%d/%m/%Y}", f"{day:%B} {day.day}, {day.year}"]
        )

    def code(self) -> str:
        forms = [
            "@app.route('/x')\ndef f(self, token: str) -> None: ...",
            "password = get_password(user)",
            "std::vector<int> a; x->b::c;",
        ]
        more = [
            "git clone git@github.com:foo/bar.git",
            "a = [0x1F, 0xFF]; m = x @ y.T",
            "import foo@1.2.3",
            "secret = config['secret']",
            "for (int i = 0; i < 1000000007; i++)",
            "echo $PASSWORD | base64",
        ]
        return self.rng.choice(forms + more if self.split == "held_out" else forms)

    def bad_check(self) -> str:
        """Numbers of the right shape whose checksum or date is wrong."""
        kind = self.rng.choice(["id", "card", "month"])
        if kind == "card":
            whole = "".join(c for c in self.credit_card().replace("\u200b", "") if c.isdigit())
            whole = "".join(str(int(c)) for c in whole)
            return whole[:-1] + str((int(whole[-1]) + self.rng.randint(1, 9)) % 10)
        whole = self.cn_id_card().replace("\u200b", "").replace(" ", "").replace("-", "")
        whole = "".join(chr(ord(c) - 0xFEE0) if ord(c) > 0xFF00 else c for c in whole)
        return (
            whole[:10] + "13" + whole[12:] if kind == "month" else whole[:-1] + ("X" if whole[-1] not in "xX" else "1")
        )


def positives(split: Split, language: str, per_entity: int) -> list[Case]:
    """`per_entity` labelled texts of every entity of the templates."""
    maker, cases = Maker(split, language), []
    for entity, sentences in (TUNING if split == "tuning" else HELD_OUT)[language].items():
        draw: Callable[[], str] = getattr(maker, entity.lower())
        for number in range(per_entity):
            head, tail = sentences[number % len(sentences)].replace("{{", "{").replace("}}", "}").split("{v}")
            value = maker.qq() if re.search("QQ|扣扣", head) else draw()
            spans = ((len(head), len(head) + len(value), entity),)
            cases.append(Case(head + value + tail, language, spans, entity))
    return cases


def lookalikes(split: Split, language: str, per_kind: int) -> list[Case]:
    """`per_kind` texts of every kind of look-alike; nothing in them is to be found."""
    maker, cases = Lookalike(split, language), []
    for kind, sentences in (LOOKALIKES_TUNING if split == "tuning" else LOOKALIKES_HELD_OUT)[language].items():
        draw: Callable[[], str] = getattr(maker, kind)
        for number in range(per_kind):
            cases.append(
                Case(sentences[number % len(sentences)].replace("{v}", draw()), language, (), f"lookalike:{kind}")
            )
    return cases
