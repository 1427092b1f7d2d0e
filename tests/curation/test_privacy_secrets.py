"""Secrets by provider, by shape and by what they are assigned to; and what only stands where a secret would."""

from __future__ import annotations

import base64
import json
import random
import string

import pytest

from curation.privacy.secrets.placeholder import entropy, is_placeholder
from curation.privacy.spans import resolve
from curation.privacy.structured import StructuredFinder

RANDOM = random.Random(7)
WORDS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def drawn(size: int, alphabet: str = WORDS) -> str:
    """Random characters, at least one of them a digit: made here so that no file holds what looks like a key."""
    return "".join(RANDOM.choices(alphabet, k=size - 1)) + "7"


KEYS = {
    "openai": "sk-proj-" + drawn(64),
    "openai_legacy": "sk-" + drawn(20) + "T3BlbkFJ" + drawn(20),
    "anthropic": "sk-ant-api03-" + drawn(95),
    "openrouter": "sk-or-v1-" + drawn(64, HEX),
    "sk (dashscope, deepseek)": "sk-" + drawn(32, HEX),
    "huggingface": "hf_" + drawn(34),
    "aws_id": "AKIA" + drawn(16, string.ascii_uppercase + string.digits),
    "gcp": "AIza" + drawn(35),
    "gcp_oauth": "GOCSPX-" + drawn(28),
    "github": "ghp_" + drawn(36),
    "github_pat": "github_pat_" + drawn(22) + "_" + drawn(59),
    "gitlab": "glpat-" + drawn(20),
    "slack": "xoxb-" + drawn(11, string.digits) + "-" + drawn(12, string.digits) + "-" + drawn(24),
    "slack_hook": "https://hooks.slack.com/services/T0"
    + drawn(7, "ABCDEFGH0123")
    + "/B0"
    + drawn(7, "ABCDEFGH0123")
    + "/"
    + drawn(24),
    "stripe": "sk_live_" + drawn(24),
    "stripe_hook": "whsec_" + drawn(32),
    "twilio": "SK" + drawn(32, HEX),
    "sendgrid": "SG." + drawn(22) + "." + drawn(43),
    "npm": "npm_" + drawn(36),
    "pypi": "pypi-AgEIcHlwaS5vcmc" + drawn(70),
    "groq": "gsk_" + drawn(52),
    "xai": "xai-" + drawn(80),
    "perplexity": "pplx-" + drawn(48),
    "replicate": "r8_" + drawn(37),
    "digitalocean": "dop_v1_" + drawn(64, HEX),
    "telegram_bot": drawn(10, string.digits) + ":AA" + drawn(33),
    "mailgun": "key-" + drawn(32, HEX),
    "shopify": "shpat_" + drawn(32, HEX),
    "zhipu": drawn(32, HEX) + "." + drawn(16),
    "aliyun": "LTAI5t" + drawn(18),
    "tencent": "AKID" + drawn(32),
    "volcengine": "AKLT" + drawn(40),
}


def find(text: str) -> list[tuple[str, str]]:
    return [(s.entity, text[s.start : s.end]) for s in resolve(StructuredFinder().find([text], [""])[0])]


@pytest.mark.parametrize("provider", KEYS)
@pytest.mark.parametrize(
    "around", ["{}", "我的密钥{}泄露了。", "key = '{}'", "Use {}, please.", "curl -H 'x: {}' a.b", "K={}\n"]
)
def test_keys_of_providers(provider, around):
    assert find(around.format(KEYS[provider])) == [("API_KEY", KEYS[provider])]


@pytest.mark.parametrize("provider", sorted(set(KEYS) - {"telegram_bot", "slack_hook"}))
def test_a_key_of_one_repeated_character_is_a_placeholder(provider):
    """sk-xxxxxxxx and the like: the same shape with nothing drawn in it."""
    key = KEYS[provider]
    size = max(5, len(key) - 12)
    assert not [s for s in find(f"use {key[: len(key) - size]}{'x' * size} here") if s[0] == "API_KEY"]


def test_keys_that_need_their_providers_name():
    azure, aws, aliyun = drawn(32, HEX), "wJalrXUtnFEMI" + drawn(27), drawn(30)
    assert ("API_KEY", azure) in find(f"Azure OpenAI resource, key {azure}")
    assert find(f"file digest {azure}") == []
    assert ("API_KEY", aws) in find(f"aws secret: {aws}")
    assert ("API_KEY", aliyun) in find(f"阿里云的是 {aliyun}")


def test_storage_key_of_azure_masks_the_whole_connection_string():
    key = base64.b64encode(bytes(RANDOM.randrange(256) for _ in range(64))).decode()
    text = f"DefaultEndpointsProtocol=https;AccountName=acme;AccountKey={key};EndpointSuffix=core.windows.net"
    assert find(text) == [("CONNECTION_STRING", text)]


def jwt(header: object) -> str:
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{head}.{drawn(40)}.{drawn(43)}"


def test_a_json_web_token_has_a_header_that_reads():
    token = jwt({"alg": "HS256", "typ": "JWT"})
    assert find(f"Bearer {token}") == [("JWT", token)] and find(f"令牌{token}。") == [("JWT", token)]
    assert "JWT" not in {entity for entity, _ in find("see " + jwt({"a": 1}))}
    assert "JWT" not in {entity for entity, _ in find(f"see eyJ{drawn(20)}.{drawn(20)}.{drawn(20)}")}


@pytest.mark.parametrize("kind", ["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\\n"])
def test_private_keys_in_pem(kind, newline):
    lines = [f"-----BEGIN {kind}PRIVATE KEY-----", *(drawn(64) for _ in range(3)), f"-----END {kind}PRIVATE KEY-----"]
    pem = newline.join(lines)
    assert find(f"私钥：{pem} 请保密") == [("PRIVATE_KEY", pem)]
    cut = newline.join(lines[:-1])
    ((entity, value),) = find(f"begin {cut} and so on")
    assert entity == "PRIVATE_KEY" and lines[3] in value
    assert find(pem.replace("PRIVATE", "PUBLIC")) == []


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:Zx8Kq2Lm@db.inner.cn:5432/main",
        "postgresql+asyncpg://app:Zx8Kq2Lm@db/main",
        "mysql://root:p%40ss9w0rd@10.0.3.7:3306/shop?charset=utf8",
        "redis://:Zx8Kq2Lm@cache:6379/0",
        "mongodb+srv://svc:Zx8Kq2Lm@c0.ab1cd.mongodb.net/app?retryWrites=true",
        "amqps://u:Zx8Kq2Lm@mq.inner:5671/v",
        "Server=tcp:sql1.corp.cn,1433;Database=hr;User ID=sa;Password=Zx8Kq2Lm!;Encrypt=true",
        "jdbc:mysql://db.corp.cn:3306/hr?user=sa&password=Zx8Kq2Lm",
    ],
)
def test_connection_strings(text):
    assert find(f"连接 {text} 失败") == [("CONNECTION_STRING", text)]
    for placeholder in ("password", "<password>", "${DB_PASSWORD}", "your_password", "xxxxxxxx"):
        hidden = (
            text.replace("Zx8Kq2Lm!", placeholder).replace("Zx8Kq2Lm", placeholder).replace("p%40ss9w0rd", placeholder)
        )
        assert "CONNECTION_STRING" not in {entity for entity, _ in find(hidden)}


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: Tr0ub4dor&3", "Tr0ub4dor&3"),
        ("DB_PASSWORD=qwerty2020", "qwerty2020"),
        ('{"password": "s3cr3t!pw"}', "s3cr3t!pw"),
        ("config['pwd'] = 'x9Kq2Lm'", "x9Kq2Lm"),
        ("The password is Winter2024!", "Winter2024!"),
        ("密码是Gz#2023Admin，请保密", "Gz#2023Admin"),
        ("登录口令：abc12345", "abc12345"),
        ("密码改为Zx8Kq2Lm", "Zx8Kq2Lm"),
        ("api_key: 9f8e7d6c5b4a39281706f5e4d", "9f8e7d6c5b4a39281706f5e4d"),
        ('clientSecret = "8Q~xW2nLk0pVb7TzR4mYc1Hs"', "8Q~xW2nLk0pVb7TzR4mYc1Hs"),
        ("令牌为a8F3kQ9zL2mX7", "a8F3kQ9zL2mX7"),
        ("Authorization: Bearer 9xKq2LmZr8Tn4Vb6Wc1Hd3", "9xKq2LmZr8Tn4Vb6Wc1Hd3"),
        ("Authorization: Basic YWRtaW46aHVudGVyMjI=", "YWRtaW46aHVudGVyMjI="),
    ],
)
def test_assignments(text, secret):
    assert find(text) == [("SECRET", secret)]


@pytest.mark.parametrize(
    "text",
    [
        "password: ********",
        "password = input('Password: ')",
        "password=os.environ['DB_PASSWORD']",
        "password: str",
        "self.password = password1_hash(value)",
        "Password must be at least 8 characters.",
        "The password is incorrect",
        "token = YOUR_TOKEN",
        "api_key='sk-xxxxxxxxxxxxxxxxxxxxxxxx'",
        "api_key = <API_KEY>",
        "secret: ${{ secrets.GITHUB_TOKEN }}",
        "tokens: 4096, max_token_length=2048",
        "token: 123e4567-e89b-12d3-a456-426614174000",
        "access_token=%s",
        "let password = user.password2;",
        "密码：请输入",
        "密码长度不少于8位",
        "密钥长度为2048位",
        "令牌桶算法每秒放入100个令牌",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "git commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        "sk-learn and sk-image are packages",
        "AKIA is the prefix; hf_hub_download(repo)",
        "-----BEGIN PRIVATE KEY----- is the first line of such a file.",
    ],
)
def test_what_is_no_secret(text):
    assert find(text) == []


def test_entropy_in_bits_a_character():
    assert entropy("aaaa") == 0.0 and entropy("abab") == 1.0 and entropy("abcdefgh") == 3.0 and entropy("") == 0.0
    assert is_placeholder("your_password") and is_placeholder("${X}") and not is_placeholder("Zx8Kq2Lm")
