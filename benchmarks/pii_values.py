"""Values to be found, one maker an entity: by Faker where it has them, with check digits of our own where it has not.

Check digits are computed here, apart from the code that is measured.
"""

# ruff: noqa: D102  (a method draws a value of the entity it is named after)

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import random
import string
from dataclasses import dataclass, field
from typing import Literal

from faker import Faker

Split = Literal["tuning", "held_out"]
SEEDS = {"tuning": 11, "held_out": 20_261}
LOCALES = {
    "tuning": {"en": ("en_US", "en_GB"), "zh": ("zh_CN",)},
    "held_out": {"en": ("en_US", "en_CA", "en_AU", "de_DE", "fr_FR", "es_ES"), "zh": ("zh_CN", "zh_TW")},
}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
EIP55 = (  # the test vectors of EIP-55
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
BECH32 = ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq")


@dataclass
class Maker:
    """Draws values. `entity` calls the method of that name in lower case."""

    split: Split
    language: str
    rng: random.Random = field(init=False)
    fakes: list[Faker] = field(init=False)
    banks: list[Faker] = field(init=False)

    def __post_init__(self) -> None:
        seed = SEEDS[self.split] * 31 + len(self.language) + ord(self.language[0])
        self.rng = random.Random(seed)
        self.fakes = [Faker(locale) for locale in LOCALES[self.split][self.language]]
        countries = (
            ("en_GB", "de_DE") if self.split == "tuning" else ("en_GB", "fr_FR", "es_ES", "it_IT", "nl_NL", "pl_PL")
        )
        self.banks = [Faker(locale) for locale in countries]  # other locales' IBANs are too short to be any
        for number, fake in enumerate([*self.fakes, *self.banks]):
            fake.seed_instance(seed + number)

    def fake(self) -> Faker:
        return self.rng.choice(self.fakes)

    def digits(self, count: int) -> str:
        return "".join(self.rng.choices(string.digits, k=count))

    def letters(self, count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
        return "".join(self.rng.choices(alphabet, k=count))

    def widen(self, value: str) -> str:
        """Now and then full-width characters or a zero-width one in the middle: what a mask must see through."""
        if self.language == "zh" and self.rng.random() < (0.12 if self.split == "held_out" else 0.05):
            return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)
        if self.split == "held_out" and self.rng.random() < 0.03:
            return value[: len(value) // 2] + "\u200b" + value[len(value) // 2 :]
        return value

    def email_address(self) -> str:
        fake = self.fake()
        user = self.rng.choice([fake.user_name(), f"{fake.user_name()}.{self.digits(2)}", fake.user_name() + "+x"])
        user = user if user.isascii() else "user" + self.digits(4)
        domain = self.rng.choice(["gmail.com", "qq.com", "corp.example.co.uk", "mail.uni-bonn.de", "163.com", "foo.io"])
        return self.widen(f"{user}@{domain}")

    def phone_number(self) -> str:
        mobile = self.rng.choice(["13", "15", "17", "18", "19"]) + self.digits(9)
        spaced = f"{mobile[:3]} {mobile[3:7]} {mobile[7:]}"
        if self.language == "zh":
            land = f"0{self.rng.choice(['10', '21', '755', '571'])}-{self.rng.choice('2345678')}{self.digits(7)}"
            forms = [mobile, mobile, spaced, spaced.replace(" ", "-"), f"+86 {mobile}", f"+86-{spaced}", land]
            if self.split == "held_out":
                forms += [
                    f"86{mobile}",
                    f"(+86){mobile}",
                    f"+852 {self.rng.choice('569')}{self.digits(3)} {self.digits(4)}",
                ]
                forms += [
                    f"09{self.digits(2)}-{self.digits(3)}-{self.digits(3)}",
                    f"400-{self.digits(3)}-{self.digits(4)}",
                ]
            return self.widen(self.rng.choice(forms))
        own = self.fake().phone_number()
        area, exchange = (
            self.rng.choice(["212", "415", "646", "312", "737"]),
            f"{self.rng.randint(2, 9)}{self.digits(2)}",
        )
        line = self.digits(4)
        forms = [own, own, f"({area}) {exchange}-{line}", f"{area}-{exchange}-{line}", f"+1 {area} {exchange} {line}"]
        if self.split == "held_out":
            forms += [f"{area}.{exchange}.{line}", f"+44 20 7{self.digits(3)} {self.digits(4)}", f"+86 {mobile}"]
            forms += [
                f"+49 30 {self.rng.randint(2, 8)}{self.digits(6)}",
                f"{area}{exchange}{line}",
                f"1-800-{exchange}-{line}",
            ]
        return self.widen(self.rng.choice(forms))

    def cn_id_card(self) -> str:
        region = self.rng.choice(["110105", "310104", "440305", "510107", "330106", "420111", "620102"])
        born = f"{self.rng.randint(1940, 2015)}{self.rng.randint(1, 12):02}{self.rng.randint(1, 28):02}"
        body = region + born + self.digits(3)
        total = sum(
            int(d) * w for d, w in zip(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2), strict=True)
        )
        whole = body + "10X98765432"[total % 11]
        forms = [whole, whole, whole.lower()]
        if self.split == "held_out":
            forms += [f"{whole[:6]} {whole[6:14]} {whole[14:]}", f"{whole[:6]}-{whole[6:14]}-{whole[14:]}"]
        return self.widen(self.rng.choice(forms))

    def hk_id_card(self) -> str:
        prefix = self.rng.choice(["A", "K", "R", "Z", "WX"])
        body = self.digits(6)
        values = [36 if len(prefix) == 1 else ord(prefix[0]) - 55, ord(prefix[-1]) - 55, *map(int, body)]
        check = -sum(v * w for v, w in zip(values, range(9, 1, -1), strict=True)) % 11
        mark = "A" if check == 10 else str(check)
        return self.widen(self.rng.choice([f"{prefix}{body}({mark})", f"{prefix}{body}{mark}"]))

    def tw_id_card(self) -> str:
        while True:
            whole = self.rng.choice(string.ascii_uppercase) + self.rng.choice("12") + self.digits(8)
            code = "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(whole[0]) + 10
            total = (
                code // 10 + code % 10 * 9 + sum(int(d) * w for d, w in zip(whole[1:9], range(8, 0, -1), strict=True))
            )
            if (total + int(whole[9])) % 10 == 0:
                return self.widen(whole)

    def passport(self) -> str:
        forms = [
            "E" + self.digits(8),
            "EJ" + self.digits(7),
            "G" + self.digits(8),
            self.rng.choice("ACX") + self.digits(8),
        ]
        return self.widen(self.rng.choice([*forms, "5" + self.digits(8)] if self.split == "held_out" else forms))

    def credit_card(self) -> str:
        prefix, length = self.rng.choice(
            [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3530", 16)]
            + [("622202", 19), ("622848", 19), ("621700", 19), ("625", 16)] * (2 if self.language == "zh" else 1)
        )
        body = prefix + self.digits(length - len(prefix) - 1)
        doubled = [int(d) * (2 if i % 2 == 0 else 1) for i, d in enumerate(reversed(body))]
        whole = body + str(-sum(v - 9 if v > 9 else v for v in doubled) % 10)
        cuts = (0, 4, 10, 15) if length == 15 else (*range(0, length, 4), length)
        parts = [whole[a:b] for a, b in itertools.pairwise(cuts)]
        return self.widen(self.rng.choice([whole, whole, " ".join(parts), "-".join(parts)]))

    def cn_uscc(self) -> str:
        alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
        body = "91" + self.rng.choice(["110105", "440300", "310000"]) + self.letters(9, alphabet)
        total = sum(alphabet.index(c) * pow(3, i, 31) for i, c in enumerate(body))
        return self.widen(body + alphabet[-total % 31])

    def license_plate(self) -> str:
        head = self.rng.choice("京沪粤浙苏川鄂湘") + self.rng.choice("ABCDE")
        tail = self.rng.choice(
            ["D" + self.digits(5), "F" + self.digits(5), self.digits(5), "Q7" + self.digits(3), self.digits(3) + "XY"]
        )
        return head + self.rng.choice(["", "·" if self.split == "tuning" else "•", ""]) + tail

    def iban_code(self) -> str:
        whole = self.rng.choice(self.banks).iban()
        return self.widen(self.rng.choice([whole, whole, " ".join(whole[i : i + 4] for i in range(0, len(whole), 4))]))

    def us_ssn(self) -> str:
        return self.widen(f"{self.rng.randint(101, 665)}-{self.rng.randint(10, 99)}-{self.rng.randint(1000, 9999)}")

    def ip_address(self) -> str:
        fake = self.fake()
        forms = [fake.ipv4_public(), fake.ipv4_public(), fake.ipv4_private(), fake.ipv6()]
        short = f"2001:db8:{self.letters(2, '123456789')}::{self.letters(2, '123456789')}"
        return self.widen(self.rng.choice([*forms, short] if self.split == "held_out" else forms))

    def mac_address(self) -> str:
        plain = self.fake().mac_address()
        forms = [plain, plain.upper(), plain.replace(":", "-").upper()]
        bare = plain.replace(":", "")
        dotted = ".".join((bare[:4], bare[4:8], bare[8:]))
        return self.widen(self.rng.choice([*forms, dotted] if self.split == "held_out" else forms))

    def date_of_birth(self) -> str:
        born = self.fake().date_of_birth(minimum_age=18, maximum_age=90)
        if self.language == "zh":
            forms = [
                f"{born.year}年{born.month}月{born.day}日",
                f"{born:%Y-%m-%d}",
                f"{born:%Y/%m/%d}",
                f"{born:%Y.%m.%d}",
            ]
        else:
            forms = [
                f"{born:%Y-%m-%d}",
                f"{born:%m/%d/%Y}",
                f"{born:%B %d, %Y}",
                f"{born.day} {born:%b %Y}",
                f"{born:%d.%m.%Y}",
            ]
        return self.rng.choice(forms if self.split == "held_out" else forms[:3])

    def medical_record(self) -> str:
        forms = [self.digits(8), "ZY" + self.digits(7), self.digits(6)]
        return self.widen(self.rng.choice([*forms, f"MR-{self.digits(6)}"] if self.split == "held_out" else forms))

    def chat_id(self) -> str:
        return self.rng.choice(
            ["wxid_" + self.letters(12, string.ascii_lowercase + string.digits), "lily_" + self.digits(4)]
        )

    def qq(self) -> str:
        return self.rng.choice("123456789") + self.digits(self.rng.randint(6, 9))

    def url_token(self) -> str:
        host = self.rng.choice(["app.example.com", "api.foo.io", "files.corp.cn"])
        forms = [
            f"https://{host}/reset?token={self.letters(32)}",
            f"https://{host}/v1/x?id=3&api_key={self.letters(24)}",
        ]
        if self.split == "held_out":
            forms += [f"https://{host}/f.zip?X-Amz-Expires=60&X-Amz-Signature={self.letters(64, '0123456789abcdef')}"]
            forms += [
                f"https://deploy:{self.letters(14)}@{host}/repo.git",
                f"https://{host}/cb#access_token={self.letters(40)}",
            ]
        return self.rng.choice(forms)

    def crypto(self) -> str:
        body = b"\x00" + bytes(self.rng.randrange(256) for _ in range(20))
        number = int.from_bytes(body + hashlib.sha256(hashlib.sha256(body).digest()).digest()[:4])
        coin = ""
        while number:
            number, rest = divmod(number, 58)
            coin = BASE58[rest] + coin
        leading = len(body) - len(body.lstrip(b"\x00"))
        forms = [
            "1" * leading + coin,
            "0x" + self.letters(40, "0123456789abcdef"),
            self.rng.choice(EIP55),
            self.rng.choice(BECH32),
        ]
        return self.rng.choice(forms)

    def api_key(self) -> str:
        upper, hexes = string.ascii_uppercase + string.digits, "0123456789abcdef"
        forms = [
            "sk-" + self.letters(20) + "T3BlbkFJ" + self.letters(20), "sk-proj-" + self.letters(60), "hf_" + self.letters(34),
            "sk-ant-api03-" + self.letters(93) + "AA", "AKIA" + self.letters(16, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"),
            "AIza" + self.letters(35), "ghp_" + self.letters(36), "glpat-" + self.letters(20), "sk-" + self.letters(32, hexes),
        ]  # fmt: skip
        if self.split == "held_out":
            forms += [
                f"xoxb-{self.digits(11)}-{self.digits(12)}-{self.letters(24)}", "sk_live_" + self.letters(24), "npm_" + self.letters(36),
                "SK" + self.letters(32, hexes), f"SG.{self.letters(22)}.{self.letters(43)}", "pypi-AgEIcHlwaS5vcmc" + self.letters(60),
                f"{self.letters(32, hexes)}.{self.letters(16)}", "LTAI5t" + self.letters(18), "AKID" + self.letters(32),
                "github_pat_" + self.letters(22) + "_" + self.letters(59), "ASIA" + self.letters(16, upper), "gsk_" + self.letters(52),
            ]  # fmt: skip
        return self.rng.choice(forms)

    def jwt(self) -> str:
        def part(data: object) -> str:
            return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")

        return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'sub': self.digits(6)})}.{self.letters(43)}"

    def private_key(self) -> str:
        kind = self.rng.choice(["RSA ", "", "EC ", "OPENSSH "])
        body = "\n".join(self.letters(64) for _ in range(4))
        return f"-----BEGIN {kind}PRIVATE KEY-----\n{body}\n-----END {kind}PRIVATE KEY-----"

    def connection_string(self) -> str:
        word = self.letters(12) + self.digits(2)
        forms = [
            f"postgresql://app:{word}@db.corp.cn:5432/main",
            f"mysql://root:{word}@10.2.3.4/shop",
            f"redis://:{word}@cache:6379/0",
        ]
        if self.split == "held_out":
            forms += [f"mongodb+srv://svc:{word}@cluster0.abcde.mongodb.net/app", f"amqp://u:{word}@mq.local:5672//"]
            forms += [f"Server=tcp:sql1.corp.cn,1433;Database=hr;User ID=sa;Password={word};Encrypt=true"]
        return self.rng.choice(forms)

    def secret(self) -> str:
        forms = [
            "Hunter" + self.digits(2) + "!x",
            self.letters(20) + "7",
            "p@ss" + self.digits(4) + "W",
            self.letters(10) + "#9",
        ]
        return self.rng.choice(forms)
