"""Documents that strangers send: nothing they do stops a run, takes more than its bounds, or reaches anybody."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from document_makers import SAMPLES, converted, docx, encrypted_pdf, epub, inflated, locked, pdf, sample_documents

from curation.errors import InputError, Stopped
from curation.json_lines import lines_of
from curation.synthesis.documents import convert_all, text_of
from curation.synthesis.sections import SourceSettings

OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000
# A font of glyph numbers, which does not say which letters those are.
UNNAMED = re.sub(
    rb"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica .*>>",
    b"<< /Type /Font /Subtype /Type0 /BaseFont /Odd /Encoding /Identity-H /DescendantFonts [<< /Type /Font /Subtype "
    b"/CIDFontType2 /BaseFont /Odd /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>] >>",
    pdf([[("words that nobody can read", 9, 72, 700)]]),
)


UNREADABLE = [
    ("a.pdf", b"", "empty"),
    ("a.pdf", b"no pdf at all", "ends in .pdf and is none"),
    ("a.pdf", b"%PDF-1.7\n" + bytes(range(256)) * 40, "broken"),
    ("a.pdf", encrypted_pdf(), "password"),
    ("a.pdf", UNNAMED, "fonts do not say which letters"),
    ("a.docx", OLD_OFFICE, "password"),
    ("a.doc", OLD_OFFICE, "old Office file"),
    ("a.docx", locked(sample_documents.docx()), "password"),
    ("a.docx", sample_documents.docx()[:1500], "broken archive"),
    ("a.pptx", sample_documents.packed({"ppt/presentation.xml": "<a/>"}), "broken"),
    ("a.epub", sample_documents.packed({"x.txt": "words"}), "no docx, pptx or epub"),
    ("a.docx", inflated(sample_documents.docx(), 1 << 30), "unpacks to more than 1,024 MiB"),
    ("a.docx", inflated(docx("<w:p/>"), 300 << 20, only=b"word/document.xml"), "a part of it unpacks to more than"),
    ("a.docx", sample_documents.packed({f"word/{n}": "" for n in range(20_001)} | {"word/document.xml": ""}), "parts"),
    ("a.txt", random.Random(0).randbytes(5000), "binary data"),
    ("a.txt", "Ж Ы Ф Щ Ю".encode("koi8-r") * 400, "encoding that is not known"),
    ("a.xyz", b"words", "says nothing about what it holds"),
]


def test_what_cannot_be_read_has_a_reason(tmp_path: Path) -> None:
    paths = []
    for number, (name, data, _) in enumerate(UNREADABLE):
        paths.append(tmp_path / f"{number:02d}{name}")
        paths[-1].write_bytes(data)
    (tmp_path / "good.md").write_text("Good words.", encoding="utf-8")
    found, warned = converted([*paths, tmp_path / "good.md"], tmp_path / "run")
    assert [Path(document.path).name for document in found] == ["good.md"]
    rows = lines_of(tmp_path / "run" / "unread.jsonl")
    assert [row["path"] for row in rows] == [str(path) for path in paths]
    assert [
        row["reason"] for row, (*_, reason) in zip(rows, UNREADABLE, strict=True) if reason not in row["reason"]
    ] == []
    assert warned == [f"{row['path']} was left out: {row['reason']}" for row in rows]


def test_every_cut_of_a_document_is_survived(tmp_path: Path) -> None:
    """Cut short and damaged at random: a text or a reason, and the next one is read."""
    drawn = random.Random(7)
    makers = (sample_documents.pdf(), sample_documents.docx(), sample_documents.pptx(), sample_documents.epub())
    for number in range(60):
        raw = bytearray(makers[number % 4])
        if number % 3:
            for _ in range(drawn.choice((1, 20, 300))):
                raw[drawn.randrange(len(raw))] = drawn.randrange(256)
        else:
            del raw[drawn.randrange(len(raw)) :]
        (tmp_path / f"{number:02d}.{('pdf', 'docx', 'pptx', 'epub')[number % 4]}").write_bytes(bytes(raw))
    (tmp_path / "good.md").write_text("Good words.", encoding="utf-8")
    found, _ = converted([tmp_path], tmp_path / "run", SourceSettings(timeout=20))
    assert Path(found[-1].path).name == "good.md"
    rows = lines_of(tmp_path / "run" / "unread.jsonl")
    twins = 61 - len(found) - len(rows)
    assert len(rows) > 10
    assert 0 <= twins < 30  # damage where no text is leaves the text as it was


def test_time(tmp_path: Path) -> None:
    words = [("All words of a page, again and again, in a row.", 9, 72, 20 + 10 * row) for row in range(80)]
    (tmp_path / "a.pdf").write_bytes(pdf([words] * 300))
    (tmp_path / "b.pdf").write_bytes(sample_documents.pdf())
    began = time.monotonic()
    found, warned = converted([tmp_path], tmp_path / "run", SourceSettings(timeout=2))
    assert time.monotonic() - began < 30
    assert [Path(document.path).name for document in found] == ["b.pdf"]
    assert "longer than 2 seconds (source.timeout)" in warned[0]


def test_memory(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(sample_documents.pdf())
    os.truncate(tmp_path / "a.pdf", 300 << 20)
    (tmp_path / "b.docx").write_bytes(
        docx("<w:p><w:r><w:t>Words</w:t></w:r></w:p>", **{"word/media/x.bin": bytes(300 << 20)})
    )
    (tmp_path / "c.docx").write_bytes(sample_documents.docx())
    found, warned = converted([tmp_path], tmp_path / "run", SourceSettings(memory=256))
    assert [Path(document.path).name for document in found] == ["c.docx"]
    assert [("took more than 256 MiB (source.memory)" in said) for said in warned] == [True, True]
    enough, _ = converted([tmp_path / "b.docx"], tmp_path / "more", SourceSettings(memory=2048))
    assert text_of(tmp_path / "more", enough[0].document_id) == "Words\n"


def test_a_stop_is_heard_while_a_document_is_converted(tmp_path: Path) -> None:
    words = [("All words of a page, again and again, in a row.", 9, 72, 20 + 10 * row) for row in range(80)]
    (tmp_path / "a.pdf").write_bytes(pdf([words] * 300))
    began = time.monotonic()
    with pytest.raises(Stopped):
        convert_all(
            [str(tmp_path)], SourceSettings(), tmp_path / "run", lambda _: None, lambda: time.monotonic() > began + 3
        )
    assert time.monotonic() - began < 10
    assert not [child for child in psutil.Process().children() if "documents.child" in " ".join(child.cmdline())]


def test_the_converting_process_ends_with_the_run(tmp_path: Path) -> None:
    words = [("All words of a page, again and again, in a row.", 9, 72, 20 + 10 * row) for row in range(80)]
    (tmp_path / "a.pdf").write_bytes(pdf([words] * 300))
    script = f"""
from pathlib import Path
from document_makers import converted
converted([{str(tmp_path / "a.pdf")!r}], Path({str(tmp_path / "run")!r}))
"""
    keys = {**os.environ, "OPENAI_API_KEY": "sk-the-canary-sings"}
    run = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parent, env=keys)
    children: list[psutil.Process] = []
    while not children and run.poll() is None:
        time.sleep(0.1)
        children = psutil.Process(run.pid).children()
    time.sleep(2)
    environments = [child.environ() for child in children]
    run.kill()
    run.wait()
    assert len(environments) == 1
    assert "OPENAI_API_KEY" not in environments[0]
    assert psutil.wait_procs(children, timeout=8)[1] == []


ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 10}">' for n in range(10))


def test_entities_neither_grow_nor_read_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the canary sings", encoding="utf-8")
    reading = f'<!ENTITY e9 SYSTEM "file://{tmp_path}/secret">'
    for number, entities in enumerate((ENTITIES, reading)):
        doctype = f"<!DOCTYPE x [{entities}]>"
        words = "<w:body><w:p><w:r><w:t>x&e9;</w:t></w:r></w:p></w:body>"
        word = f'<w:document xmlns:w="{sample_documents.WORD}">{words}</w:document>'
        page = f"{doctype}<html><body><p>x&e9;</p></body></html>"
        (tmp_path / f"{number}.docx").write_bytes(docx(f'<?xml version="1.0"?>{doctype}{word}'))
        (tmp_path / f"{number}.epub").write_bytes(epub(page))
        (tmp_path / f"{number}.html").write_text(page, encoding="utf-8")
    (tmp_path / "good.md").write_text("Good words.", encoding="utf-8")
    found, _ = converted([*tmp_path.glob("[01].*"), tmp_path / "good.md"], tmp_path / "run", SourceSettings(timeout=20))
    texts = [text_of(tmp_path / "run", document.document_id) for document in found]
    assert texts[-1] == "Good words.\n"
    assert all(len(text) < 1000 and "canary" not in text for text in texts)


def test_pictures_of_other_files_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_text("the canary sings", encoding="utf-8")
    (tmp_path / "a.docx").write_bytes(_with_picture(f"file://{tmp_path}/secret.png"))
    found, _ = converted([tmp_path / "a.docx"], tmp_path / "run")
    text = text_of(tmp_path / "run", found[0].document_id)
    assert "Words" in text
    assert "canary" not in text
    assert "dGhlIGNhbmFyeSBzaW5ncw" not in text  # in Base64


def test_nesting(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<div>" * 30_000 + "deep words" + "</div>" * 30_000, encoding="utf-8")
    (tmp_path / "b.md").write_text("> " * 30_000 + "deep words", encoding="utf-8")
    (tmp_path / "c.docx").write_bytes(docx("<w:tbl><w:tr><w:tc>" * 3000 + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * 3000))
    found, _ = converted([tmp_path], tmp_path / "run", SourceSettings(timeout=30))
    assert "b.md" in [Path(document.path).name for document in found]


def test_control_characters_and_surrogates_do_not_get_through(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("a\x00\x1b[31mb\x07\x9b c\r\nd\u2028e\x0cf".encode().replace(b"\x00", b""))
    (tmp_path / "b.html").write_text("<p>x&#27;[0m&#0;y&#xD800;z</p>", encoding="utf-8")
    found, _ = converted([tmp_path], tmp_path / "run")
    texts = [text_of(tmp_path / "run", document.document_id) for document in found]
    assert texts[0] == "a[31mb c\nd\ne\nf\n"
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", texts[1])


@pytest.mark.parametrize("text", [" " * 300_000 + "x", "." * 300_000, ". " * 150_000, "|" * 300_000, "`" * 300_000,
                                  "# " * 150_000, "\n" * 300_000 + "x", "-" * 300_000, "“" * 300_000, "a" * 300_000])  # fmt: skip
def test_long_runs_of_anything_are_read_and_cut_in_no_time(tmp_path: Path, text: str) -> None:
    from curation.synthesis.chunks import cut
    from curation.synthesis.sections import ChunkSettings

    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    began = time.process_time()
    found, _ = converted([tmp_path], tmp_path / "run")
    cut("a", text_of(tmp_path / "run", found[0].document_id), ChunkSettings())
    assert time.process_time() - began < 5


PROBE = """
import socket, subprocess, sys
from curation.synthesis.documents.limits import NotAllowed, seal
seal(300)
refused = []
for name, attempt in {
    "connect": lambda: socket.create_connection(("127.0.0.1", 9)),
    "resolve": lambda: socket.getaddrinfo("localhost", 80),
    "start": lambda: subprocess.run(["/bin/true"]),
    "remove": lambda: __import__("os").remove(sys.argv[1]),
}.items():
    try:
        attempt()
    except NotAllowed:
        refused.append(name)
try:
    with open(sys.argv[1], "wb", buffering=0) as opened:
        opened.write(b"words")
except OSError as error:
    refused.append(error.strerror)
try:
    bytearray(400 << 20)
except MemoryError:
    refused.append("memory")
bytearray(200 << 20)
print(refused)
"""


def test_what_the_converting_process_may_not_do(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"")
    said = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path / "kept")], capture_output=True, text=True, check=False, timeout=60
    )
    assert said.stdout.strip() == "['connect', 'resolve', 'start', 'remove', 'File too large', 'memory']", said.stderr
    assert (tmp_path / "kept").read_bytes() == b""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_the_network_is_not_touched(tmp_path: Path) -> None:
    """Watched by the kernel: pages and documents full of addresses, and every sample."""
    picture = '<img src="http://127.0.0.1:9/x.png"><link rel=stylesheet href="http://127.0.0.1:9/x.css">'
    (tmp_path / "a.html").write_text(
        f"<base href='http://127.0.0.1:9/'>{picture}<p>Words of a page</p>", encoding="utf-8"
    )
    (tmp_path / "b.docx").write_bytes(_with_picture("http://127.0.0.1:9/x.png"))
    (tmp_path / "c.epub").write_bytes(epub(f"<html><body>{picture}<p>Words in a book</p></body></html>"))
    script = textwrap.dedent(f"""
        from pathlib import Path
        from document_makers import converted
        print(len(converted([{str(tmp_path)!r}, {str(SAMPLES)!r}], Path({str(tmp_path / "run")!r}))[0]))
    """)
    traced = subprocess.run(
        ["strace", "-f", "-e", "trace=connect,sendto", "-o", str(tmp_path / "trace.log"), sys.executable, "-c", script],
        capture_output=True, text=True, check=False, timeout=120, cwd=Path(__file__).parent,
    )  # fmt: skip
    if "ptrace" in traced.stderr.lower() and "not permitted" in traced.stderr.lower():
        pytest.skip("strace may not trace here")
    assert traced.stdout.strip() == str(3 + len(list(SAMPLES.iterdir()))), traced.stderr
    assert "AF_INET" not in (tmp_path / "trace.log").read_text()


def test_nothing_readable_is_an_error_with_the_reasons(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(encrypted_pdf())
    with pytest.raises(InputError) as caught:
        converted([tmp_path], tmp_path / "run")
    assert "password" in caught.value.hint


def _with_picture(address: str) -> bytes:
    relations = (
        f'{sample_documents.XML}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="r9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" '
        f'Target="{address}" TargetMode="External"/></Relationships>'
    )
    drawing = "http://schemas.openxmlformats.org/drawingml/2006"
    picture = (
        f'<w:p><w:r><w:drawing><wp:inline xmlns:wp="{drawing}/wordprocessingDrawing"><a:graphic xmlns:a="{drawing}/main">'
        f'<a:graphicData><pic:pic xmlns:pic="{drawing}/picture"><pic:blipFill><a:blip r:link="r9" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"/></pic:blipFill></pic:pic>'
        "</a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>"
    )
    return docx(f"{picture}<w:p><w:r><w:t>Words</w:t></w:r></w:p>", **{"word/_rels/document.xml.rels": relations})
