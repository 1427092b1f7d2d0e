"""A key is shown by nothing and kept nowhere, whatever an endpoint says back."""

from __future__ import annotations

import copy
import importlib
import logging
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from file_keyring import FileKeyring
from hypothesis import given
from hypothesis import strategies as st
from llm_server import FAULTS, FaultyServer

from curation.llm.client import connect
from curation.llm.keys import ApiKey, Masker, masked
from curation.llm.model import CallFailed, ChatMessage, ChatRequest

CANARY = "sk-canary-5up3rs3cr3t-0123456789abcdef"
ASK = ChatRequest("", (ChatMessage("user", "What is my key?"),))

ASKS_EVERYTHING = """
import logging, sys
from pathlib import Path
logging.basicConfig(filename="debug.log", level=logging.DEBUG)
from curation.llm.client import connect
from curation.llm.model import CallFailed, ChatMessage, ChatRequest
with connect(sys.argv[1], "STUB_KEY", attempts=1, timeout=0.4, ledger=Path("calls.sqlite")) as model:
    print(model, vars(model), model.name, model.identity)
    for number in range(int(sys.argv[2])):
        request = ChatRequest("", (ChatMessage("user", f"What is my key? {number}"),))
        for asked in (model.complete, lambda request: model.stream(request, lambda piece: print(piece, end=""))):
            try:
                print(asked(request))
            except CallFailed as failed:
                print(failed.kind, failed.message, failed.hint, repr(failed), file=sys.stderr)
                logging.exception("failed")
    model.ledger.close()
    model.complete(request)  # a crash
"""


def test_the_key_is_in_no_file_and_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", CANARY)
    kinds = [fault for fault in FAULTS if not fault.startswith("429_")]  # after those, others are not even sent
    faults = [fault for fault in kinds for _ in range(2)]
    with FaultyServer(lambda body: f"It is {CANARY}, or is it?", faults=faults, models=(CANARY,)) as server:
        program = [sys.executable, "-c", ASKS_EVERYTHING, f"{server.url}#stub", str(len(kinds) + 8)]
        ran = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 1 and "closed" in ran.stderr and ran.stdout.count("It is [key], or is it?") >= 4
        assert {seen.headers["authorization"] for seen in server.requests} == {f"Bearer {CANARY}"}
        assert len(server.requests) >= len(faults)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {"debug.log", "calls.sqlite"} <= {file.name for file in files}
    for said in (ran.stdout.encode(), ran.stderr.encode(), *(file.read_bytes() for file in files)):
        assert CANARY.encode() not in said and b"0123456789abcdef" not in said


@pytest.fixture
def in_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts passwords into a keyring of the test's own, for this process and those that it starts."""
    file = tmp_path / "keyring" / "keys.json"
    file.parent.mkdir()
    before = keyring.get_keyring()
    monkeypatch.setenv("FILE_KEYRING", str(file))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.delenv("STUB_KEY", raising=False)
    keyring.set_keyring(FileKeyring())

    def put(**passwords: str) -> None:
        file.write_text("{}")
        for name, password in passwords.items():
            keyring.set_password("studio", name, password)

    yield put
    keyring.set_keyring(before)


def test_a_key_of_the_keyring_is_in_no_other_file_and_no_output(
    tmp_path: Path, in_keyring: Callable[..., None]
) -> None:
    in_keyring(STUB_KEY=CANARY)
    folder = tmp_path / "run"
    folder.mkdir()
    faults = [fault for fault in ("400", "401", "500", "error_in_200", "html") for _ in range(2)]
    with FaultyServer(lambda body: f"It is {CANARY}, or is it?", faults=faults, key=CANARY) as server:
        program = [sys.executable, "-c", ASKS_EVERYTHING, f"{server.url}#stub", "7"]
        ran = subprocess.run(program, cwd=folder, capture_output=True, text=True, timeout=120)
        assert ran.returncode == 1 and ran.stdout.count("It is [key], or is it?") >= 4
        assert {seen.headers["authorization"] for seen in server.requests} == {f"Bearer {CANARY}"}
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {"debug.log", "calls.sqlite"} <= {file.name for file in files}
    for said in (ran.stdout.encode(), ran.stderr.encode(), *(file.read_bytes() for file in files)):
        assert CANARY.encode() not in said and b"0123456789abcdef" not in said


def test_the_environment_comes_before_the_keyring(
    in_keyring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_keyring(STUB_KEY="sk-of-the-keyring", OTHER_KEY="another")
    assert ApiKey("STUB_KEY").reveal() == "sk-of-the-keyring"
    monkeypatch.setenv("STUB_KEY", "  ")
    assert ApiKey("STUB_KEY").reveal() == "sk-of-the-keyring"
    monkeypatch.setenv("STUB_KEY", "sk-of-the-environment")
    assert ApiKey("STUB_KEY").reveal() == "sk-of-the-environment"
    assert pickle.loads(pickle.dumps(ApiKey("OTHER_KEY"))).reveal() == "another"


@pytest.mark.parametrize("backend", ["none", "locked", "null", "fail", "broken", "bad"])
def test_without_a_key_anywhere_both_ways_are_told(
    backend: str, in_keyring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    in_keyring(**{"locked": {"STUB_KEY": "LOCKED"}, "bad": {"STUB_KEY": "sk canary"}}.get(backend, {}))
    if backend in ("null", "fail"):
        keyring.set_keyring(importlib.import_module(f"keyring.backends.{backend}").Keyring())
    if backend == "broken":
        monkeypatch.delenv("FILE_KEYRING")
    with pytest.raises(CallFailed) as failed:
        connect("http://localhost:1/v1#m", "STUB_KEY")
    said = f"{failed.value.message} {failed.value.hint}"
    assert failed.value.kind == "no_key" and "canary" not in said and "LOCKED" not in said
    assert "export STUB_KEY=" in said and "keyring set studio STUB_KEY" in said
    assert ("holds characters that no key has" if backend == "bad" else "no keyring has an entry") in said
    whole = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    ours = [str(frame.locals) for frame in whole.stack if "/curation/llm/" in frame.filename]
    assert ours and not any("canary" in shown or "LOCKED" in shown for shown in ours)


@pytest.mark.parametrize("fault", ["400", "401", "error_in_200", "500", "hang", "cut", "redirect"])
def test_a_traceback_with_all_its_variables_shows_no_key(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", CANARY)
    with FaultyServer(faults=[fault]) as server:
        model = connect(server.address, "STUB_KEY", attempts=1, timeout=0.5)
        try:
            model.complete(ASK)
        except CallFailed as failed:
            whole = traceback.TracebackException.from_exception(failed, capture_locals=True)
            assert CANARY not in "".join(whole.format())
            assert CANARY not in f"{failed!r} {failed.message} {failed.hint}"
            copied = pickle.loads(pickle.dumps(failed))
            assert (copied.kind, copied.attempts, copied.message) == (failed.kind, failed.attempts, failed.message)
        else:
            pytest.fail("no failure")
        model.close()


def test_a_key_shows_itself_in_no_form(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("STUB_KEY", f"  {CANARY}\n")
    key = ApiKey("STUB_KEY")
    assert key.reveal() == CANARY
    logging.getLogger("test").warning("%s %r", key, key)
    shown = f"{key} {key!r} {key!s:>40} {[key]} {dir(key)} {caplog.text}".encode() + pickle.dumps(key)
    assert CANARY.encode() not in shown and b"STUB_KEY" in shown
    assert pickle.loads(pickle.dumps(key)).reveal() == copy.deepcopy(key).reveal() == CANARY
    assert not hasattr(key, "__dict__")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (CANARY, None),
        ("hf_canary0123456789", None),
        ("STUB_KEY", None),
        ("STUB_KEY", "   "),
        ("STUB_KEY", "sk-canary\r\nX-Other: header"),
        ("STUB_KEY", "sk-canary-ключ"),
        ("STUB_KEY", "sk canary"),
    ],
)
def test_what_is_no_key_is_not_quoted(variable: str, value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STUB_KEY", raising=False)
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(CallFailed) as failed:
        connect("http://localhost:1/v1#m", variable)
    assert failed.value.kind == "no_key" and failed.value.hint
    assert "canary" not in f"{failed.value.message} {failed.value.hint}"
    whole = traceback.TracebackException.from_exception(failed.value, capture_locals=True)
    ours = [
        shown for frame in whole.stack if "/curation/llm/" in frame.filename for shown in (frame.locals or {}).values()
    ]
    assert value is None or (ours and not any("canary" in shown for shown in ours))


@given(st.data())
def test_a_key_that_comes_in_pieces_is_masked(data: st.DataObject) -> None:
    key_text = data.draw(st.text("ab", min_size=12, max_size=14))
    parts = st.sampled_from([key_text, *(key_text[:size] for size in range(1, 12)), key_text[-3:], "a", "b", "c"])
    text = "".join(data.draw(st.lists(parts, max_size=12))) + "c"
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("STUB_KEY", key_text)
        key = ApiKey("STUB_KEY")
    masker, shown, rest = Masker(key), [], text
    while rest:
        size = data.draw(st.integers(1, 6))
        shown.append(masker.feed(rest[:size]))
        rest = rest[size:]
    shown.append(masker.rest())
    assert "".join(shown) == text.replace(key_text, "[key]")
    assert not any(key_text in piece for piece in shown)


@pytest.mark.parametrize(("end", "shown"), [("sk-can", "sk-can"), ("sk-canary-5up", "[key]"), (CANARY, "[key]")])
def test_a_key_that_is_cut_off_is_masked_too(end: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", CANARY)
    assert masked(f"It is {end}", ApiKey("STUB_KEY")) == f"It is {shown}"


def test_a_placeholder_is_a_word_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_KEY", "ollama")
    with FaultyServer(lambda body: "Use ollama for it: ollama") as server:
        with connect(server.address, "STUB_KEY") as model:
            assert model.complete(ASK).text == "Use ollama for it: ollama"
        assert server.requests[0].headers["authorization"] == "Bearer ollama"
