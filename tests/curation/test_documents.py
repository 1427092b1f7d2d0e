"""Documents to texts: what a conversion keeps, what it leaves out, and what a later leg finds."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path

import pytest
from document_makers import SAMPLES, converted, docx, epub, pdf, sample_documents

from curation.errors import InputError, Stopped
from curation.json_lines import lines_of
from curation.synthesis.documents import convert_all, text_of
from curation.synthesis.documents.pdf_text import Line, markdown
from curation.synthesis.model import DOCUMENTS, TEXTS, Document, read_rows
from curation.synthesis.sections import SourceSettings

Samples = dict[str, tuple[Document, str]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which all samples are."""
    folder = tmp_path_factory.mktemp("samples")
    _, warned = converted([SAMPLES], folder)
    assert warned == []
    return folder


@pytest.fixture(scope="module")
def samples(whole: Path) -> Samples:
    """Every sample by its name."""
    rows: list[Document] = read_rows(whole / DOCUMENTS, Document)
    return {Path(document.path).name: (document, text_of(whole, document.document_id)) for document in rows}


@pytest.mark.parametrize(
    ("name", "title", "converter", "sentence"),
    [
        ("heron_manual.md", "The Heron: owner's manual", "text utf-8", "It must stop before it reaches half of its travel."),
        ("harrow_light.txt", "", "text utf-8", "It is 31 metres high and has\n142 steps"),
        ("library_guide_zh.html", "嘉水市图书馆读者指南", "markitdown", "其中最重的一箱县志就是在这台磅秤上称的，一百一十七斤。"),
        ("ferry_handbook.pdf", "Quillan Sound Ferries: passenger handbook", "pdfplumber", "A piano needs four carriers"),
        ("orchard_press.docx", "The press at Brannoch orchard", "markitdown", "at 180 bar for half an hour."),
        ("roof_bees.pptx", "Bees on a town roof", "markitdown", "asked for one jar of honey as rent."),
        ("river_lanterns_zh.epub", "灯河镇的河灯", "markitdown", "写得最多的字是“归”。"),
    ],
)  # fmt: skip
def test_every_kind_is_converted(samples: Samples, name: str, title: str, converter: str, sentence: str) -> None:
    document, text = samples[name]
    assert document.title == title
    assert document.converter.startswith(converter)
    assert sentence in text
    assert document.characters == len(text)
    assert document.text_digest == hashlib.sha256(text.encode()).hexdigest()
    assert document.digest == hashlib.sha256((SAMPLES / name).read_bytes()).hexdigest()
    assert document.document_id.startswith(Path(name).stem)


@pytest.mark.parametrize(
    ("name", "headings"),
    [
        ("library_guide_zh.html", ["# 嘉水市图书馆读者指南", "## 办证", "## 借阅规则", "## 开放时间", "## 自习室",
                                    "## 一个小故事"]),
        ("ferry_handbook.pdf", ["# Quillan Sound Ferries: passenger handbook", "## Tickets", "## Luggage and bicycles",
                                "## Weather", "## The boats", "## Lost property", "## Complaints"]),
        ("orchard_press.docx", ["# The press at Brannoch orchard", "# Bringing apples", "# From apple to juice",
                                "# Varieties", "# Cleaning", "# Wasps"]),
        ("roof_bees.pptx", ["# Bees on a town roof", "# Why a roof", "# What a hive needs", "### Notes:",
                            "# Weights through the year", "# Harvest"]),
        ("river_lanterns_zh.epub", ["# 第一章 镇子与河", "# 第二章 怎样做一盏灯", "# 第三章 做灯的人"]),
    ],
)  # fmt: skip
def test_headings_stay(samples: Samples, name: str, headings: list[str]) -> None:
    assert [line for line in samples[name][1].split("\n") if line.startswith("#")] == headings


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("library_guide_zh.html", "| 读者类型 | 册数 | 借期 | 续借 |", "| 少儿 | 15 | 30 天 | 两次，各 15 天 |"),
        ("ferry_handbook.pdf", "| Crossing | Single | Return | Time |",
         "| Orrin to Fennay | 9 crowns | 15 crowns | 35 minutes |"),
        ("orchard_press.docx", "| Variety | Ripe | Sugar | Good for |", "| Lady Ashmore | early October | 11 percent | juice |"),
        ("roof_bees.pptx", "| Month | Weight | What it means |", "| June | 41 kg | time for the first honey |"),
    ],
)  # fmt: skip
def test_tables_stay(samples: Samples, name: str, head: str, row: str) -> None:
    lines = samples[name][1].split("\n")
    place = lines.index(head)
    assert set(lines[place + 1]) == set("| -")
    assert row in lines[place + 2 :]


def test_what_stands_around_a_page_goes(samples: Samples) -> None:
    text = samples["library_guide_zh.html"][1]
    assert not [
        word for word in ("首页", "联系我们", "visits", "font-family", "版权说明", "网站地图", "](") if word in text
    ]
    assert "保留着当年的木梁" in text  # a line ended before it


def test_running_heads_page_numbers_and_hyphens_of_a_pdf_go(samples: Samples) -> None:
    text = samples["ferry_handbook.pdf"][1]
    assert "edition of March" not in text
    assert "Page 2" not in text
    shown = sample_documents.pdf().decode("latin-1")
    cut = [line for line in shown.split("\n") if line.endswith("-) Tj ET")]
    assert len(cut) >= 2  # words that were cut in two at the end of a line
    _, parts = sample_documents.FERRY
    for part in parts:
        if isinstance(part, str):
            assert part.removeprefix("## ") in text


def test_the_samples_are_what_the_script_writes() -> None:
    for name, data in sample_documents.documents().items():
        there = (SAMPLES / name).read_bytes()
        if name.endswith(".pdf"):
            assert there == data
            continue
        with zipfile.ZipFile(io.BytesIO(data)) as made, zipfile.ZipFile(io.BytesIO(there)) as kept:
            assert kept.namelist() == made.namelist()
            assert all(
                kept.read(part) == made.read(part) for part in made.namelist() if part.endswith((".xml", ".xhtml"))
            )


def test_a_second_leg_converts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.pdf").write_bytes(b"%PDF-1.4\nnothing")
    inputs = [SAMPLES, tmp_path / "broken.pdf"]
    first = converted(inputs, tmp_path / "run")
    kept = (tmp_path / "run" / DOCUMENTS).read_bytes()
    monkeypatch.setattr(sys, "executable", "/nonexistent")  # no process can be started
    assert converted(inputs, tmp_path / "run") == first
    assert len(first[1]) == 1
    assert (tmp_path / "run" / DOCUMENTS).read_bytes() == kept


def test_an_interrupted_leg_goes_on_to_the_same_files(tmp_path: Path, whole: Path, samples: Samples) -> None:
    rows = tmp_path / "run" / DOCUMENTS
    with pytest.raises(Stopped):
        convert_all(
            [str(SAMPLES)],
            SourceSettings(),
            tmp_path / "run",
            lambda _: None,
            lambda: len(read_rows(rows, Document)) > 2,
        )
    assert len(read_rows(rows, Document)) == 3 < len(samples)
    converted([SAMPLES], tmp_path / "run")
    for name in [
        DOCUMENTS,
        "unread.jsonl",
        *(f"{TEXTS}/{document.document_id}.md" for document, _ in samples.values()),
    ]:
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes()


def test_lines_and_limit(tmp_path: Path) -> None:
    (tmp_path / "wiki.txt").write_text("First article.\n\n第二篇文章。\r\nThird article.", encoding="utf-8")
    found, _ = converted([tmp_path / "wiki.txt"], tmp_path / "a", SourceSettings(lines=True))
    assert [document.place for document in found] == [1, 3, 4]
    assert [text_of(tmp_path / "a", document.document_id) for document in found] == [
        "First article.\n", "第二篇文章。\n", "Third article.\n",
    ]  # fmt: skip
    assert len({document.document_id for document in found}) == 3
    whole, _ = converted([tmp_path / "wiki.txt"], tmp_path / "b", SourceSettings(lines=False))
    assert [document.place for document in whole] == [0]
    first, _ = converted([tmp_path / "wiki.txt"], tmp_path / "c", SourceSettings(lines=True, limit=2))
    assert first == found[:2]
    (tmp_path / "more.txt").write_text("Words.", encoding="utf-8")
    (one,), _ = converted([tmp_path / "wiki.txt", tmp_path / "more.txt"], tmp_path / "d", SourceSettings(limit=1))
    assert one == whole[0]


def test_the_same_text_is_read_once(tmp_path: Path) -> None:
    for name in ("a.txt", "b.md"):
        (tmp_path / name).write_text("The same words.", encoding="utf-8")
    found, warned = converted([tmp_path / "a.txt", tmp_path / "b.md", tmp_path / "a.txt"], tmp_path / "run")
    assert [Path(document.path).name for document in found] == ["a.txt"]
    assert "was named before" in warned[0]
    assert "holds the same text as" in warned[1]


def test_an_id_says_which_text_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One text.", encoding="utf-8")
    before, _ = converted([tmp_path / "a.txt"], tmp_path / "one")
    (tmp_path / "b.txt").write_text("Another.", encoding="utf-8")
    both, _ = converted([tmp_path / "b.txt", tmp_path / "a.txt"], tmp_path / "two")
    assert both[1].document_id == before[0].document_id
    (tmp_path / "a.txt").write_text("One text!", encoding="utf-8")
    after, _ = converted([tmp_path / "a.txt"], tmp_path / "one")
    assert after[0].document_id != before[0].document_id
    assert text_of(tmp_path / "one", after[0].document_id) == "One text!\n"


@pytest.mark.parametrize(
    "name", ["a b.txt", "-rf.txt", "[x].txt", "行\n尾.txt", "\u202egnp.txt", "..txt.txt", "%2e%2e.md"]
)
def test_odd_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("Some words.", encoding="utf-8")
    found, _ = converted([tmp_path / name], tmp_path / "run")
    assert text_of(tmp_path / "run", found[0].document_id) == "Some words.\n"
    assert found[0].document_id.replace("-", "").replace("_", "").isalnum()


def test_names_that_are_no_text(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/\xff\xfe.pdf"
    Path(os.fsdecode(raw)).write_bytes(pdf([[("Words in a file", 11, 72, 700)]]))
    found, _ = converted([tmp_path], tmp_path / "run")
    assert found[0].path.endswith("\\xff\\xfe.pdf")
    assert text_of(tmp_path / "run", found[0].document_id) == "Words in a file\n"


@pytest.mark.parametrize("name", ["../x", "x/../y", "a\0b", "none"])
def test_no_text_outside_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.md").write_text("secret", encoding="utf-8")
    (tmp_path / "run" / TEXTS).mkdir(parents=True)
    with pytest.raises(InputError, match="not there"):
        text_of(tmp_path / "run", name)


def test_what_was_asked_for_and_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "manual.pdf").write_bytes(pdf([[("Words", 11, 72, 700)]]))
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for given, said in (
        (str(tmp_path / "manaul.pdf"), "no document"),
        ("https://example.com/a.pdf", "is an address"),
        (str(tmp_path / "*.docx"), "no document matches"),
        (str(tmp_path / "empty"), "holds no document"),
        (str(tmp_path / "pipe.txt"), "no regular file"),
        ("/dev/zero", "no regular file"),
    ):
        with pytest.raises(InputError, match=said):
            converted([given], tmp_path / "run")
    with pytest.raises(InputError, match="no document was given"):
        converted([], tmp_path / "run")


def test_patterns_folders_and_what_is_left_out(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", ".hidden.txt", "picture.png", "deep/c.md"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_text(f"Words of {name}.", encoding="utf-8")
    (tmp_path / "in" / "loop").symlink_to(tmp_path / "in")
    found, warned = converted([tmp_path / "in"], tmp_path / "run")
    assert [Path(document.path).name for document in found] == ["a.txt", "b.txt", "c.md"]
    assert any("picture.png was left out" in said for said in warned)
    found, _ = converted([tmp_path / "in" / "*.txt"], tmp_path / "run2")
    assert [Path(document.path).name for document in found] == ["a.txt", "b.txt"]


def test_what_a_file_holds_counts_more_than_its_ending(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(sample_documents.pdf())
    (tmp_path / "b.html").write_bytes(sample_documents.docx())
    (tmp_path / "c").write_bytes(sample_documents.epub())
    (tmp_path / "d.html").write_text(
        "<title>Marks</title><p>A file that begins with %PDF-1.7 is one.</p>", encoding="utf-8"
    )
    found, _ = converted([tmp_path / name for name in ("a.docx", "b.html", "c", "d.html")], tmp_path / "run")
    assert [document.title for document in found] == [
        "Quillan Sound Ferries: passenger handbook", "The press at Brannoch orchard", "灯河镇的河灯", "Marks",
    ]  # fmt: skip


def test_the_encodings_of_pages(tmp_path: Path) -> None:
    chinese = "图书馆周一闭馆整理图书，还书箱二十四小时开放。我们在这里等你来。"
    cases = [
        (f"一、{chinese}", "gb18030", "gb2312"),
        (f"二、{chinese}", "gb18030", ""),
        (f"三、{chinese}", "utf-8", "utf-8"),
        (f"四、{chinese}", "utf-8", ""),
        ("Café à la crème", "latin-1", "latin-1"),
    ]
    for number, (words, encoding, declared) in enumerate(cases):
        meta = f'<meta charset="{declared}">' if declared else ""
        page = f"<html><head>{meta}</head><body><p>{words}</p></body></html>"
        (tmp_path / f"{number}.html").write_bytes(page.encode(encoding))
    found, _ = converted([tmp_path], tmp_path / "run")
    assert [text_of(tmp_path / "run", document.document_id) for document in found] == [
        f"{words}\n" for words, *_ in cases
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_the_encodings_of_texts(tmp_path: Path, encoding: str) -> None:
    words = "图书馆周一闭馆整理图书，还书箱二十四小时开放。\n我们在这里等你来，不要忘了带书。"
    for lines in (False, True):
        (tmp_path / "a.txt").write_bytes(words.encode(encoding))
        found, _ = converted([tmp_path / "a.txt"], tmp_path / f"run{lines}", SourceSettings(lines=lines))
        texts = [text_of(tmp_path / f"run{lines}", document.document_id) for document in found]
        assert texts == ([f"{line}\n" for line in words.split("\n")] if lines else [words + "\n"])


def test_pages_without_main_part(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<title>A page</title><header>Site name</header><div class='sidebar'>Other pages</div><div id=menu>Menu</div>"
        "<p>The words of <b>the</b> <a href='http://example.com'>page</a> <img src='http://example.com/x.png' alt='y'>"
        " stay_as they* are.</p><pre>code  {\n  x\n}</pre><footer>Imprint</footer>",
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text(
        "<div class='sidebar'><p>All words are in here, oddly.</p></div>", encoding="utf-8"
    )
    found, _ = converted([tmp_path / "a.html", tmp_path / "b.html"], tmp_path / "run")
    first, second = (text_of(tmp_path / "run", document.document_id) for document in found)
    assert first == "The words of the page stay_as they* are.\n\n```\ncode  {\n  x\n}\n```\n"
    assert second == "All words are in here, oddly.\n"


def test_a_document_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf([[]]))
    (tmp_path / "b.txt").write_text(" \n\n", encoding="utf-8")
    (tmp_path / "c.docx").write_bytes(docx("<w:p/>"))
    (tmp_path / "d.epub").write_bytes(epub("<html><body></body></html>"))
    with pytest.raises(InputError, match="none of the documents can be read"):
        converted([tmp_path], tmp_path / "run")
    rows = lines_of(tmp_path / "run" / "unread.jsonl")
    assert [row["reason"].split(";")[0] for row in rows] == ["it holds no text"] * 4


def _line(
    text: str, *, size: float = 11, box: int = 0, lines: int = 3, x0: float = 72, x1: float = 500, y: float = 400
) -> Line:
    return Line(text, size, False, box, lines, (x0, y, x1, y + size), (72, 500))


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["河水漫过了石桥", "第三级台阶。"], "河水漫过了石桥第三级台阶。"),
        (["an infor-", "mation desk"], "an information desk"),
        (["a well-", "known man, well-known"], "a well-known man, well-known"),
        (["a soft\xad", "ened word"], "a softened word"),
        (["the ﬁrst ﬂight of a ⼈"], "the first flight of a 人"),
        (["•", "the point itself", "• another"], "- the point itself\n\n- another"),
        (["1. first", "2) second"], "1. first\n\n2) second"),
    ],
)
def test_lines_of_a_pdf_become_paragraphs(lines: list[str], text: str) -> None:
    assert markdown([[_line(line) for line in lines]]) == text


def test_paragraphs_of_a_pdf_go_on_over_pages_and_end_where_they_do() -> None:
    first = [
        _line("The boat was"),
        _line("late that day.", x1=200),
        _line("Nobody"),
        _line("complained, but they", y=100),
    ]
    second = [_line("waited.", x1=110), _line("Next part", box=1), _line("indented here", x0=90, box=1)]
    assert markdown([first, second]) == (
        "The boat was late that day.\n\nNobody complained, but they waited.\n\nNext part\n\nindented here"
    )
