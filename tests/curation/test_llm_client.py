"""The client against a real server on this machine that does what endpoints do."""

from __future__ import annotations

import datetime
import ipaddress
import re
import threading
import time
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from llm_server import FAULTS, PASSING, Fault, FaultyServer, last_user_text

from curation.errors import InputError
from curation.llm.address import read_address
from curation.llm.client import STOP_GRACE, connect
from curation.llm.model import CallFailed, ChatMessage, ChatRequest, FailureKind

SCHEMA = {"type": "object", "properties": {"winner": {"enum": ["A", "B"]}}, "required": ["winner"]}

KINDS = {
    "429": "rate_limited", "429_later": "rate_limited", "429_date": "rate_limited", "429_forever": "rate_limited",
    "500": "server", "503_later": "server", "error_in_200": "server",
    "drop": "connection", "drop_midway": "cut_stream", "cut": "cut_stream", "no_done": "cut_stream", "no_finish": "cut_stream",
    "hang": "timeout", "drip": "timeout", "drip_headers": "timeout",
    "html": "not_json", "empty": "not_json", "half_json": "not_json", "garbage": "not_json", "huge": "not_json",
    "gzip": "not_json", "no_choices": "no_choices", "null_content": "empty", "length": "truncated",
    "filter": "refused", "redirect": "refused", "400": "refused", "401": "no_key",
}  # fmt: skip
"""What each fault of the server is called by the client."""

_SHOWN = ("drop_midway", "no_finish", "filter", "cut", "no_done", "garbage", "drip")
"""Those of which a stream shows something before they show themselves."""


def ask(text: str = "Where is the library?", **more: object) -> ChatRequest:
    return ChatRequest("", (ChatMessage("user", text),), **more)  # type: ignore[arg-type]


def patience(fault: str) -> float:
    """Seconds: few where the fault lasts for as long as one is waited for."""
    return 0.4 if KINDS[fault] == "timeout" else 2.0


def test_every_fault_of_the_server_is_expected_here() -> None:
    assert set(KINDS) == set(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_taken_for_an_answer(fault: str) -> None:
    with FaultyServer(faults=[fault]) as server, connect(server.address, attempts=1, timeout=patience(fault)) as model:
        began = time.monotonic()
        with pytest.raises(CallFailed) as failed:
            model.complete(ask())
        assert failed.value.kind == KINDS[fault]
        assert failed.value.message.endswith((".", "nothing")) and failed.value.attempts == 1
        assert time.monotonic() - began < 5
        assert len(server.requests) == 1
        assert model.ledger.summary().failures == {KINDS[fault]: 1}


@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_is_taken_for_the_end_of_a_stream(fault: str) -> None:
    pieces: list[str] = []
    with (
        FaultyServer(faults=[fault, None]) as server,
        connect(server.address, attempts=1, timeout=patience(fault)) as model,
    ):
        if fault == "length":
            reply = model.stream(ask(), pieces.append)
            assert (reply.finish_reason, reply.text) == ("length", "".join(pieces))
            return
        with pytest.raises(CallFailed) as failed:
            model.stream(ask(), pieces.append)
        assert failed.value.kind == KINDS[fault]
        assert bool(pieces) == (fault in _SHOWN)


@pytest.mark.parametrize("fault", PASSING)
def test_what_passes_is_asked_again(fault: str) -> None:
    with FaultyServer(faults=[fault]) as server, connect(server.address, attempts=2, timeout=1.0) as model:
        reply = model.complete(ask())
        assert reply.text == "You said: Where is the library?"
        assert (reply.prompt_tokens, reply.completion_tokens, reply.finish_reason) == (7, 6, "stop")
        assert 0 < reply.seconds < 1 and reply.model == "stub" and not reply.from_ledger
        assert len(server.requests) == 2


@pytest.mark.parametrize("fault", ["length", "filter", "redirect", "400", "401", "429_forever"])
def test_what_does_not_pass_is_not_asked_again(fault: str) -> None:
    with FaultyServer(faults=[fault]) as server, connect(server.address, attempts=4, timeout=2.0) as model:
        with pytest.raises(CallFailed):
            model.complete(ask())
        assert len(server.requests) == 1


def test_attempts_bound_how_often_a_call_is_tried() -> None:
    for attempts in (1, 3):
        with FaultyServer(faults=["500"] * 9) as server, connect(server.address, attempts=attempts) as model:
            with pytest.raises(CallFailed) as failed:
                model.complete(ask())
            assert len(server.requests) == attempts == failed.value.attempts


def test_the_timeout_is_of_the_whole_attempt() -> None:
    with FaultyServer(delay=1.0) as server:
        with connect(server.address, timeout=5.0) as model:
            assert model.complete(ask()).text
        with connect(server.address, attempts=1, timeout=0.3) as model:
            began = time.monotonic()
            with pytest.raises(CallFailed, match=r"0\.3 seconds"):
                model.complete(ask())
            assert time.monotonic() - began < 0.9


@pytest.mark.parametrize(("fault", "least"), [("429_later", 1.0), ("503_later", 1.0), ("429_date", 1.4)])
def test_an_endpoint_is_left_alone_for_as_long_as_it_asks(fault: str, least: float) -> None:
    with FaultyServer(faults=[fault]) as server, connect(server.address) as model:
        failing = threading.Thread(target=model.complete, args=(ask(),))
        failing.start()
        time.sleep(0.3)
        model.complete(ask("Another thread's question"))
        failing.join()
        first, *others = [seen.at for seen in server.requests]
        assert len(others) == 2 and all(least <= at - first < 4 for at in others)


def test_an_endpoint_that_wants_an_hour_is_not_waited_for() -> None:
    with FaultyServer(faults=["429_forever"]) as server, connect(server.address, attempts=5) as model:
        began = time.monotonic()
        for _ in range(20):
            with pytest.raises(CallFailed, match=r"left alone for another \d\d minutes") as failed:
                model.complete(ask())
            assert failed.value.kind == "rate_limited"
        assert failed.value.attempts == 0
        assert len(server.requests) == 1 and time.monotonic() - began < 5


def test_waits_grow_and_differ() -> None:
    with FaultyServer(faults=["500"] * 3) as server, connect(server.address, attempts=4) as model:
        model.complete(ask())
        times = [seen.at for seen in server.requests]
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert 0.2 < waits[0] < 1.0 and 0.45 < waits[1] < 1.6 and 0.95 < waits[2] < 2.6


def test_a_redirect_carries_nothing_to_another_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", "sk-canary-1234567890")
    with (
        FaultyServer() as other,
        FaultyServer(faults=["redirect"], redirect_to=f"{other.url}/chat/completions") as server,
    ):
        with connect(server.address, "STUB_KEY") as model, pytest.raises(CallFailed) as failed:
            model.complete(ask())
        assert failed.value.kind == "refused" and other.url in failed.value.message
        assert server.requests[0].headers["authorization"] == "Bearer sk-canary-1234567890"
        assert other.requests == []


def test_an_answer_without_end_is_left_when_it_is_too_large() -> None:
    with FaultyServer(faults=["huge"]) as server, connect(server.address, attempts=1) as model:
        with pytest.raises(CallFailed, match="larger than 32 MiB"):
            model.complete(ask())
        assert 32 << 20 <= server.sent < 64 << 20


def test_a_key_is_sent_and_its_refusal_is_told_apart_from_its_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", "sk-right")
    monkeypatch.setenv("OTHER_KEY", "sk-wrong-canary")
    with FaultyServer(key="sk-right") as server:
        with connect(server.address, "STUB_KEY") as model:
            assert model.complete(ask()).text
        with connect(server.address) as model, pytest.raises(CallFailed, match="wants a key") as failed:
            model.complete(ask())
        assert failed.value.kind == "no_key"
        with connect(server.address, "OTHER_KEY") as model, pytest.raises(CallFailed) as failed:
            model.complete(ask())
        assert failed.value.kind == "refused" and "Bearer [key]" in failed.value.message


def test_a_request_says_all_that_decides_its_answer() -> None:
    request = ChatRequest(
        "other",
        (ChatMessage("system", "Be brief."), ChatMessage("user", "图书馆在哪里？")),
        temperature=0.7,
        top_p=0.9,
        max_tokens=99,
        seed=5,
        stop=("###",),
        schema=SCHEMA,
    )
    with FaultyServer() as server, connect(server.address) as model:
        model.complete(request)
        model.complete(ask(seed=None))
        asked, plain = (seen.body for seen in server.requests)
    form = asked.pop("response_format")
    assert form["type"] == "json_schema" and form["json_schema"]["schema"] == SCHEMA
    assert asked == {
        "model": "other",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "图书馆在哪里？"}],
        "temperature": 0.7,
        "top_p": 0.9,
        "max_tokens": 99,
        "seed": 5,
        "stop": ["###"],
    }
    assert plain["model"] == "stub" and not {"seed", "stop", "response_format", "stream"} & set(plain)


def test_an_endpoint_that_takes_no_schema_is_asked_without_from_then_on() -> None:
    with FaultyServer(refuses=("response_format",)) as server, connect(server.address, attempts=1) as model:
        for number in range(3):
            assert model.complete(ask(f"{number}", schema=SCHEMA)).text == f"You said: {number}"
        forms = [seen.body.get("response_format", {}).get("type") for seen in server.requests]
        assert forms == ["json_schema", "json_object", None, None, None]


def test_an_endpoint_that_takes_a_schema_in_another_form_is_asked_in_that_from_then_on() -> None:
    with FaultyServer(refuses=("json_schema",)) as server, connect(server.address, attempts=1) as model:
        for number in range(3):
            assert model.complete(ask(f"{number}", schema=SCHEMA)).text == f"You said: {number}"
        told = [seen.body["response_format"] for seen in server.requests]
        assert told[0]["type"] == "json_schema"
        assert told[1:] == [{"type": "json_object", "schema": SCHEMA}] * 3


def test_an_error_of_the_server_that_speaks_of_no_form_forgets_no_schema() -> None:
    with FaultyServer(faults=["500", None]) as server, connect(server.address, attempts=2) as model:
        model.complete(ask(schema=SCHEMA))
        assert [seen.body["response_format"]["type"] for seen in server.requests] == ["json_schema"] * 2


def test_a_refusal_for_another_reason_forgets_no_schema() -> None:
    with FaultyServer(faults=["400", "400", None]) as server, connect(server.address, attempts=1) as model:
        with pytest.raises(CallFailed):
            model.complete(ask(schema=SCHEMA))
        model.complete(ask("again", schema=SCHEMA))
        assert ["response_format" in seen.body for seen in server.requests] == [True, False, True]


def test_fields_that_an_endpoint_does_not_know_are_replaced() -> None:
    refuses = ("max_tokens", "stream_options", "response_format")
    with FaultyServer(refuses=refuses) as server, connect(server.address, attempts=1) as model:
        pieces: list[str] = []
        model.stream(ask(max_tokens=42, schema=SCHEMA), pieces.append)
        assert server.requests[-1].body["max_completion_tokens"] == 42 and len(server.requests) == 5
        model.stream(ask("Once more"), pieces.append)
        assert len(server.requests) == 6


def test_a_stream_shows_its_pieces_as_they_come() -> None:
    text = "一行\u2028with every\u0085kind of\x0bline end\r\nand two  spaces, then 😀 "
    pieces: list[str] = []
    with FaultyServer(lambda body: text) as server, connect(server.address) as model:
        reply = model.stream(ask(), pieces.append)
        assert reply.text == "".join(pieces) == text and len(pieces) > 8
        assert reply.completion_tokens > 0 and reply.finish_reason == "stop"
        assert model.complete(ask()).text == text


def test_a_stream_is_asked_again_only_while_nothing_was_shown() -> None:
    with FaultyServer(faults=["500", "cut", None]) as server, connect(server.address, attempts=5) as model:
        pieces: list[str] = []
        with pytest.raises(CallFailed) as failed:
            model.stream(ask(), pieces.append)
        assert (failed.value.kind, failed.value.attempts, len(server.requests)) == ("cut_stream", 2, 2)


def test_a_stream_stops_at_once() -> None:
    with FaultyServer(faults=["hang", "drip"]) as server, connect(server.address) as model:
        for _ in range(2):
            pieces: list[str] = []
            began = time.monotonic()
            until = began + 0.3
            reply = model.stream(ask(), pieces.append, should_stop=lambda until=until: time.monotonic() > until)
            assert time.monotonic() - began < 1.0
            assert (reply.finish_reason, reply.text) == ("stopped", "".join(pieces))
        assert model.ledger.summary().failures == {"stopped": 2} and len(server.requests) == 2


def test_a_stopped_call_may_still_get_the_answer_it_pays_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert STOP_GRACE == 3.0
    monkeypatch.setattr("curation.llm.client.STOP_GRACE", 1.0)
    with FaultyServer(delay=0.4) as server, connect(server.address) as model:
        assert model.complete(ask(), should_stop=lambda: True).text
        server.faults = ["hang"]
        began = time.monotonic()
        with pytest.raises(CallFailed) as failed:
            model.complete(ask(), should_stop=lambda: True)
        assert failed.value.kind == "stopped" and 1 <= time.monotonic() - began < 2.5


def test_a_wait_is_stopped_at_once() -> None:
    with FaultyServer(faults=["503_later"] * 9) as server, connect(server.address, attempts=9) as model:
        began = time.monotonic()
        with pytest.raises(CallFailed) as failed:
            model.complete(ask(), should_stop=lambda: bool(server.requests))
        assert failed.value.kind == "stopped" and time.monotonic() - began < 0.8


def test_closing_ends_what_other_threads_await() -> None:
    ends: list[str] = []

    def await_it() -> None:
        try:
            model.complete(ask())
        except CallFailed as failed:
            ends.append(failed.kind)

    with FaultyServer(faults=["hang"]) as server:
        model = connect(server.address)
        waiting = threading.Thread(target=await_it)
        waiting.start()
        while not server.requests:
            time.sleep(0.01)
        model._wire.close()
        waiting.join(3)
        assert ends == ["stopped"]
        model.close()


def test_a_prompt_that_no_json_carries_is_refused_unsent() -> None:
    with FaultyServer() as server, connect(server.address) as model:
        with pytest.raises(CallFailed, match="cannot be sent"):
            model.complete(ask("half a \ud83d character"))
        assert server.requests == []


def test_without_a_name_the_only_model_is_taken() -> None:
    with FaultyServer(models=("qwen/small:latest",)) as server, connect(server.url) as model:
        assert model.identity == f"{server.url}#qwen/small:latest" and "qwen/small" in model.name
        assert model.complete(ask()).model == "qwen/small:latest"
    with FaultyServer(models=("one", "two")) as server, pytest.raises(InputError, match="2 models") as failed:
        connect(server.url)
    assert "one, two" in failed.value.hint


def test_an_endpoint_that_is_not_there_says_so() -> None:
    with FaultyServer() as server:
        address = server.address
    with connect(address, attempts=2) as model, pytest.raises(CallFailed, match="cannot be reached") as failed:
        model.complete(ask())
    assert failed.value.kind == "connection" and failed.value.attempts == 2 and failed.value.hint


@pytest.mark.parametrize("host", ["no..host", "a b", "x" * 70 + ".local"])
def test_a_host_that_cannot_be_is_a_failure_like_others(host: str) -> None:
    with connect(f"https://{host}/v1#m", attempts=1) as model, pytest.raises(CallFailed) as failed:
        model.complete(ask())
    assert failed.value.kind == "connection"


def test_what_one_thread_learned_about_an_endpoint_no_other_forgets() -> None:
    with FaultyServer(refuses=("response_format",), delay=0.3) as server, connect(server.address, attempts=1) as model:
        slow = threading.Thread(target=model.complete, args=(ask("begun before"),))
        slow.start()
        time.sleep(0.1)
        server.delay = 0.0
        model.complete(ask(schema=SCHEMA))
        slow.join()
        model.complete(ask("later", schema=SCHEMA))
        assert len(server.requests) == 5


def test_certificates_are_verified(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    pem = own_certificate(tmp_path)
    with FaultyServer(tls=pem) as server:
        with connect(server.address, attempts=1) as model, pytest.raises(CallFailed) as failed:
            model.complete(ask())
        assert failed.value.kind == "connection" and "SSL_CERT_FILE" in failed.value.hint
        assert server.requests == []
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        with connect(server.address, attempts=1) as model:
            assert model.complete(ask()).text


def test_a_proxy_of_the_environment_does_not_see_what_goes_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultyServer() as proxy, FaultyServer() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with connect(server.address) as model:
            model.complete(ask())
        assert len(server.requests) == 1 and proxy.requests == []


@pytest.mark.parametrize(
    ("address", "with_key", "wrong"),
    [
        ("http://localhost:8000/v1#m", True, ""),
        ("http://127.0.0.1:8000/v1/#m", True, ""),
        ("http://[::1]:8000#m", True, ""),
        ("https://api.example.com/v1#m", True, ""),
        ("http://192.168.1.5:8000/v1#m", False, ""),
        ("http://gpu-box:8000/v1#m", False, ""),
        ("http://gpu.local/v1#m", False, ""),
        ("http://192.168.1.5:8000/v1#m", True, "key would go to 192.168.1.5 in the clear"),
        ("http://api.example.com/v1#m", False, "over the internet in the clear"),
        ("http://localhost.example.com/v1#m", True, "in the clear"),
        ("https://me:sk-canary@example.com/v1#m", True, "password or a query"),
        ("https://example.com/v1?key=sk-canary#m", True, "password or a query"),
        ("ftp://example.com/v1", False, "no address"),
        ("http://", False, "no address"),
        ("http://host:port/v1", False, "no address"),
        ("qwen", False, "no address"),
    ],
)
def test_addresses(address: str, with_key: bool, wrong: str) -> None:
    if not wrong:
        read = read_address(address, with_key=with_key)
        assert read.url.endswith("/v1") and read.model == "m" and str(read) == f"{read.url}#m"
        return
    with pytest.raises(InputError, match=wrong) as failed:
        read_address(address, with_key=with_key)
    assert failed.value.hint and "canary" not in f"{failed.value.message} {failed.value.hint}"


def test_a_fault_for_certain_prompts_only() -> None:
    def answer(body: dict) -> str:
        if "bad" in last_user_text(body):
            raise Fault("null_content")
        return "fine"

    with FaultyServer(answer) as server, connect(server.address, attempts=1) as model:
        assert model.complete(ask("good")).text == "fine"
        with pytest.raises(CallFailed):
            model.complete(ask("bad"))
        assert server.billed == 1


def test_the_page_about_it_runs(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "llm.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert all(f"| `{kind}` |" in page for kind in get_args(FailureKind))
    monkeypatch.chdir(tmp_path)
    with FaultyServer() as server:
        exec(compile(code.replace("http://localhost:8000/v1#qwen", server.address), "llm.md", "exec"), {})
        assert server.billed == 2
    said = capsys.readouterr().out
    assert "图书馆几点开门？ You said: 图书馆几点开门？" in said and "library?stop" in said and "answered=2" in said


def own_certificate(folder):
    """A certificate for 127.0.0.1 that nobody signed but itself, with its key, as one PEM file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    certificate = (
        builder.not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "own.pem"
    no_password = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return pem
