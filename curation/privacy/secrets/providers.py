"""Keys of known providers by the shape they publish, tokens with a readable header, keys in PEM, connection strings."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable

from curation.privacy.secrets.placeholder import entropy, is_placeholder, is_random
from curation.privacy.structured.context import near, words
from curation.privacy.structured.rule import Judged, Rule

_B, _E = r"(?<![A-Za-z0-9_/+.-])", r"(?![A-Za-z0-9_/+=-])"
_START = r"(?:(?<![A-Za-z0-9_.+-])|(?<=[A-Z_]=))"
# name, what every text with such a key contains (Rust), the key; the named group `r` is the part drawn at random
_KEYS: tuple[tuple[str, str, str], ...] = (
    ("openai", "sk-", r"sk-(?:(?:proj|svcacct|admin|None)-)(?P<r>[A-Za-z0-9_-]{20,200})"),
    ("openai_legacy", "T3BlbkFJ", r"sk-(?P<r>[A-Za-z0-9]{16,24}T3BlbkFJ[A-Za-z0-9]{16,24})"),
    ("anthropic", "sk-ant-", r"sk-ant-(?:[a-z]{2,8}[0-9]{2}-)?(?P<r>[A-Za-z0-9_-]{24,120})"),
    ("openrouter", "sk-or-", r"sk-or-(?:v[0-9]-)?(?P<r>[A-Za-z0-9]{32,80})"),
    ("sk", "sk-[A-Za-z0-9]{18}", r"sk-(?P<r>[A-Za-z0-9]{18,64})"),  # DashScope (Qwen), DeepSeek, Moonshot and others
    ("huggingface", "hf_|api_org_", r"(?:hf|api_org)_(?P<r>[A-Za-z0-9]{30,40})"),
    ("aws_id", "A[A-Z]{3}[A-Z0-9]{12}", r"(?:AKIA|ASIA|AROA|AIDA|ABIA|ACCA)(?P<r>[A-Z0-9]{16})"),
    ("gcp", "AIza", r"AIza(?P<r>[A-Za-z0-9_-]{35})"),
    ("gcp_oauth", "GOCSPX-|ya29", r"(?:GOCSPX-(?P<r>[A-Za-z0-9_-]{28})|ya29\.[A-Za-z0-9_-]{40,300})"),
    ("github", "gh[pousr]_", r"gh[pousr]_(?P<r>[A-Za-z0-9]{36,251})"),
    ("github_pat", "github_pat_", r"github_pat_(?P<r>[A-Za-z0-9]{22}_[A-Za-z0-9]{59})"),
    ("gitlab", "gl[a-z]{2,5}-", r"gl(?:pat|rt|dt|ptt|soat|cbt|ft|imt|agent|oas)-(?P<r>[A-Za-z0-9_-]{20,64})"),
    ("slack", "xox[a-z]-|xapp-", r"(?:xox[abeoprs]|xapp)-(?P<r>[A-Za-z0-9-]{10,250})"),
    ("slack_hook", "hooks.slack.com", r"https://hooks\.slack\.com/services/(?P<r>T[A-Z0-9]{8,12}/B[A-Z0-9]{8,12}/[A-Za-z0-9]{20,28})"),
    ("stripe", "(?:live|test)_", r"(?:[sr]k|whsec)_(?:live|test)_(?P<r>[A-Za-z0-9]{16,120})"),
    ("stripe_hook", "whsec_", r"whsec_(?P<r>[A-Za-z0-9+/]{32,64})"),
    ("twilio", "(?:SK|AC)[0-9a-f]{32}", r"(?:SK|AC)(?P<r>[0-9a-f]{32})"),
    ("sendgrid", r"SG\.", r"SG\.(?P<r>[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64})"),
    ("npm", "npm_", r"npm_(?P<r>[A-Za-z0-9]{36})"),
    ("pypi", "pypi-", r"pypi-AgE[A-Za-z0-9_-]{6,20}(?P<r>[A-Za-z0-9_-]{50,250})"),
    ("groq", "gsk_", r"gsk_(?P<r>[A-Za-z0-9]{40,60})"),
    ("xai", "xai-", r"xai-(?P<r>[A-Za-z0-9]{40,90})"),
    ("perplexity", "pplx-", r"pplx-(?P<r>[A-Za-z0-9]{40,60})"),
    ("replicate", "r8_", r"r8_(?P<r>[A-Za-z0-9]{36,40})"),
    ("digitalocean", "do[opr]_v1_", r"do[opr]_v1_(?P<r>[0-9a-f]{64})"),
    ("telegram_bot", "[0-9]{8}:A", r"[0-9]{8,10}:(?P<r>AA[A-Za-z0-9_-]{33})"),
    ("mailgun", "key-[0-9a-f]{32}", r"key-(?P<r>[0-9a-f]{32})"),
    ("shopify", "shp[a-z]{2}_", r"shp(?:at|ca|pa|ss)_(?P<r>[0-9a-fA-F]{32})"),
    ("zhipu", r"[0-9a-f]{32}\.", r"(?P<r>[0-9a-f]{32}\.[A-Za-z0-9]{16})"),
    ("aliyun", "LTAI", r"LTAI(?P<r>[A-Za-z0-9]{12,26})"),
    ("tencent", "AKID", r"AKID(?P<r>[A-Za-z0-9]{32})"),
    ("volcengine", "AKLT", r"AKLT(?P<r>[A-Za-z0-9_-]{30,60})"),
    ("azure_storage", "AccountKey=", r"(?<=AccountKey=)(?P<r>[A-Za-z0-9+/]{86}==)"),
)  # fmt: skip
# shapes that anything may have, so only beside the provider's name: name, trigger, shape, lexicon
_CONTEXT_KEYS = (
    (
        "azure",
        "azure|ocp-apim|subscription-key",
        re.compile(rf"{_B}[0-9a-f]{{32}}{_E}"),
        words("azure", "subscription-key", "ocp-apim"),
    ),
    (
        "aws_secret",
        "aws|secret[ _]?access",
        re.compile(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])"),
        words("aws", "secret[ _]?access[ _]?key", "aws_secret_access_key"),
    ),
    (
        "aliyun_secret",
        "access[ _]?key[ _]?secret|aliyun|阿里云",
        re.compile(rf"{_B}[A-Za-z0-9]{{30}}{_E}"),
        words("access[ _]?key[ _]?secret", "aliyun", "阿里云"),
    ),
)
_JWT = re.compile(
    r"(?<![A-Za-z0-9_-])(eyJ[A-Za-z0-9_-]{8,1000})\.(?:[A-Za-z0-9_-]{8,8000})\.(?:[A-Za-z0-9_-]{10,2000})"
)
_PEM = re.compile(
    r"-----BEGIN ((?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?)-----"
    r"(?:[A-Za-z0-9+/=\s:,.()\\]|-(?!-)){16,20000}-----END \1-----"
)
_PEM_CUT = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----(?:\\n|\s){1,8}"
    r"(?:[A-Za-z0-9+/=]{40,80}(?:\\n|\s){0,4}){1,400}"
)
_SCHEMES = (
    "postgres|postgresql|mysql|mariadb|mongodb|redis|rediss|amqp|amqps|mssql|sqlserver|oracle|clickhouse|cockroachdb|kafka|"
    "cassandra|neo4j|bolt|ldap|ldaps|smtp|smtps|imap|mqtt|nats|elasticsearch|couchdb|snowflake|redshift|trino"
)
_CONNECTION = re.compile(
    rf"(?<![A-Za-z0-9])(?:jdbc:)?(?:{_SCHEMES})(?:\+[a-z0-9]{{1,16}})?://[^\s:/@'\"<>]{{0,128}}:([^\s@'\"<>]{{3,256}})@[A-Za-z0-9_.\[\]:,/?&=%+~-]{{2,500}}",
    re.I,
)
_ADO = re.compile(
    r"(?<![A-Za-z0-9])(?:Server|Data Source|Host|Driver|DefaultEndpointsProtocol|"
    r"Endpoint|Provider|Database)\s?=[^\n\"'`]{1,400}?;\s?"
    r"(?:Password|Pwd|AccountKey|SharedAccessKey)\s?=\s?([^;\s\"'`]{3,256})"
    r"(?:;[A-Za-z][A-Za-z ]{1,40}=[^;\s\"'`]{1,128}){0,12};?",
    re.I,
)
_JDBC = re.compile(
    r"jdbc:[a-z0-9:]{2,40}(?:@//|//|@)[^\s\"'<>]{3,300}?[?&;]password=([^\s&;\"'<>]{3,128})[^\s\"'<>]{0,200}", re.I
)


def provider_rules() -> tuple[Rule, ...]:
    """The rules for API_KEY, JWT, PRIVATE_KEY and CONNECTION_STRING."""
    keys = [
        Rule(
            f"key_{name}",
            "API_KEY",
            trigger,
            re.compile((_START if not shape.startswith("(?<=") else "") + f"(?:{shape}){_E}"),
            _key,
        )
        for name, trigger, shape in _KEYS
    ]
    named = [
        Rule(f"key_{name}", "API_KEY", f"(?i)(?:{trigger})", pattern, _beside(lexicon))
        for name, trigger, pattern, lexicon in _CONTEXT_KEYS
    ]
    return (
        *keys,
        *named,
        Rule("jwt", "JWT", r"eyJ[A-Za-z0-9_-]+\.", _JWT, _jwt),
        Rule("pem", "PRIVATE_KEY", "PRIVATE KEY", _PEM, lambda match: (*match.span(), 1.0)),
        Rule("pem_cut", "PRIVATE_KEY", "PRIVATE KEY", _PEM_CUT, lambda match: (*match.span(), 0.95)),
        Rule("connection_url", "CONNECTION_STRING", r"://[^\s]*:[^\s]+@", _CONNECTION, _connection),
        Rule("connection_parts", "CONNECTION_STRING", r"(?i)(?:password|pwd|key)\s?=", _ADO, _connection),
        Rule("connection_jdbc", "CONNECTION_STRING", r"(?i)jdbc:", _JDBC, _connection),
    )


def _key(match: re.Match[str]) -> Judged:
    """A key of a known shape whose random part looks drawn, or the whole where the shape names none."""
    body = match.group("r") or match.group()
    told = re.search(r"your|x{4}|\*{3}|\.\.\.|<|placeholder|here$", body, re.I)
    sound = not told and is_random(body) and any(c.isdigit() or c.isupper() for c in body)
    return (*match.span(), 0.98) if sound else None


def _beside(lexicon: re.Pattern[str]) -> Callable[[re.Match[str]], Judged]:
    def judge(match: re.Match[str]) -> Judged:
        body = match.group()
        mixed = any(c.isdigit() for c in body) and any(c.isalpha() for c in body)
        drawn = mixed and entropy(body) >= 2.8
        return (*match.span(), 0.9) if drawn and near(match, lexicon, size=32) else None

    return judge


def _jwt(match: re.Match[str]) -> Judged:
    """Three parts whose first decodes to a JSON object with an algorithm."""
    head = match.group(1)
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return (*match.span(), 1.0) if isinstance(header, dict) and ("alg" in header or "typ" in header) else None


def _connection(match: re.Match[str]) -> Judged:
    """A string with a password that is none of the manual's."""
    end = match.end() - len(match.group()) + len(match.group().rstrip(".,;:!?"))
    return None if is_placeholder(match.group(1)) else (match.start(), end, 0.99)
