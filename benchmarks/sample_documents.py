"""Write the PDF, DOCX, PPTX and EPUB of datasets/documents, the same bytes every time.

    python benchmarks/sample_documents.py [FOLDER]

The PDF, the DOCX and the EPUB are put together here, from the standard library alone, so that their sources can be read in
this file; the PPTX takes its layouts from python-pptx. Everything in them is invented.
"""

from __future__ import annotations

import io
import re
import sys
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sample_texts import BEES, FERRY, ORCHARD, RIVER, Table

STAMP = (2026, 1, 1, 0, 0, 0)


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "datasets" / "documents"
    for name, data in documents().items():
        (folder / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes")


def documents() -> dict[str, bytes]:
    """Every file by its name."""
    return {
        "ferry_handbook.pdf": pdf(),
        "orchard_press.docx": docx(),
        "roof_bees.pptx": pptx(),
        "river_lanterns_zh.epub": epub(),
    }


def packed(parts: Mapping[str, str | bytes], stored: Sequence[str] = ()) -> bytes:
    """An archive of `parts`, in their order, all from the same moment."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in parts.items():
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return out.getvalue()


# PDF: Helvetica, A4, a running head and a page number on every page, headings in larger letters, one ruled table.

WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 595, 842, 72, 770, 80
CHARACTERS = 84  # of a line of text in 11 points


class Page:
    """The drawing commands of a page."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.y = TOP

    def text(self, words: str, size: float = 11, font: str = "F1", x: float = LEFT, y: float | None = None) -> None:
        """Words at a place, by default at the left where the page has got to."""
        shown = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        self.commands.append(f"BT /{font} {size:g} Tf 1 0 0 1 {x:g} {self.y if y is None else y:g} Tm ({shown}) Tj ET")

    def rule(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A thin line."""
        self.commands.append(f"{x0:g} {y0:g} m {x1:g} {y1:g} l S")


def pdf() -> bytes:
    title, parts = FERRY
    pages = [Page()]
    pages[0].text(title, 20, "F2")
    pages[0].y -= 40
    for part in parts:
        if pages[-1].y < BOTTOM + 90:
            pages.append(Page())
        if isinstance(part, Table):
            draw_table(pages[-1], part)
        elif part.startswith("## "):
            pages[-1].y -= 8
            pages[-1].text(part[3:], 14, "F2")
            pages[-1].y -= 24
        else:
            for line in hyphenated(part):
                if pages[-1].y < BOTTOM:
                    pages.append(Page())
                pages[-1].text(line)
                pages[-1].y -= 14
            pages[-1].y -= 10
    for number, page in enumerate(pages, 1):
        page.text(f"{title}, edition of March", 8, y=808)
        page.text(f"Page {number} of {len(pages)}", 8, x=270, y=40)
    return assembled(title, ["\n".join(page.commands) for page in pages])


def draw_table(page: Page, table: Table) -> None:
    columns = [LEFT + place * 113 for place in range(len(table.rows[0]) + 1)]
    top = page.y + 14
    for row in table.rows:
        page.rule(columns[0], page.y + 14, columns[-1], page.y + 14)
        for x, cell in zip(columns, row, strict=False):
            page.text(cell, 10, x=x + 5)
        page.y -= 20
    page.rule(columns[0], page.y + 14, columns[-1], page.y + 14)
    for x in columns:
        page.rule(x, top, x, page.y + 14)
    page.y -= 16


def hyphenated(paragraph: str) -> list[str]:
    """The paragraph in lines; a long word at the end of a line is cut in two, as typesetting does."""
    lines: list[str] = []
    line = ""
    for word in paragraph.split():
        room = CHARACTERS - len(line) - 1
        if len(word) <= room:
            line = f"{line} {word}".strip()
        elif len(word) >= 8 and word.isalpha() and room >= 4:
            cut = min(room - 1, len(word) - 3)
            lines.append(f"{line} {word[:cut]}-")
            line = word[cut:]
        else:
            lines.append(line)
            line = word
    return [*lines, line]


def assembled(title: str, contents: Sequence[str]) -> bytes:
    """The file: objects, the table of their places, the trailer."""
    kids = " ".join(f"{5 + 2 * place} 0 R" for place in range(len(contents)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} /MediaBox [0 0 {WIDTH} {HEIGHT}] >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold /Encoding /WinAnsiEncoding >>",
    ]
    for place, content in enumerate(contents):
        fonts = "<< /F1 3 0 R /F2 4 0 R >>"
        objects.append(f"<< /Type /Page /Parent 2 0 R /Resources << /Font {fonts} >> /Contents {6 + 2 * place} 0 R >>")
        objects.append(f"<< /Length {len(content.encode('latin-1'))} >>\nstream\n{content}\nendstream")
    objects.append(f"<< /Title ({title}) >>")
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer\n<< /Size {size} /Root 1 0 R /Info {size - 1} 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + f"xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("latin-1")


# DOCX: styled headings, paragraphs, a list, a table.

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
OFFICE = "application/vnd.openxmlformats-officedocument.wordprocessingml"
XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


def docx() -> bytes:
    title, parts = ORCHARD
    body = [paragraph(title, "Title")]
    for part in parts:
        if isinstance(part, Table):
            body.append(word_table(part))
        elif part.startswith("## "):
            body.append(paragraph(part[3:], "Heading1"))
        elif part.startswith("- "):
            body.append(paragraph(part[2:], "ListParagraph", listed=True))
        else:
            body.append(paragraph(part))
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/></w:style>'
        for key, name in (("Title", "Title"), ("Heading1", "heading 1"), ("ListParagraph", "List Paragraph"))
    )
    bullets = '<w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/><w:lvlText w:val="-"/></w:lvl>'
    kinds = "".join(
        f'<Override PartName="/word/{part}.xml" ContentType="{OFFICE}.{kind}+xml"/>'
        for part, kind in (("document", "document.main"), ("styles", "styles"), ("numbering", "numbering"))
    )
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    targets = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    return packed({
        "[Content_Types].xml": f'{XML}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{kinds}</Types>',
        "_rels/.rels": f'{XML}<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{targets}/officeDocument" '
        'Target="word/document.xml"/></Relationships>',
        "word/_rels/document.xml.rels": f'{XML}<Relationships xmlns="{relations}">'
        f'<Relationship Id="r1" Type="{targets}/styles" Target="styles.xml"/>'
        f'<Relationship Id="r2" Type="{targets}/numbering" Target="numbering.xml"/></Relationships>',
        "word/styles.xml": f'{XML}<w:styles xmlns:w="{WORD}">{styles}</w:styles>',
        "word/numbering.xml": f'{XML}<w:numbering xmlns:w="{WORD}"><w:abstractNum w:abstractNumId="0">{bullets}'
        '</w:abstractNum><w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num></w:numbering>',
        "word/document.xml": f'{XML}<w:document xmlns:w="{WORD}"><w:body>{"".join(body)}</w:body></w:document>',
    })  # fmt: skip


def paragraph(words: str, style: str = "", *, listed: bool = False) -> str:
    number = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>' if listed else ""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{number}</w:pPr><w:r><w:t>{escape(words)}</w:t></w:r></w:p>"


def word_table(table: Table) -> str:
    rows = "".join(
        "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) + "</w:tr>" for row in table.rows
    )
    return f"<w:tbl>{rows}</w:tbl>"


# PPTX: a slide a part, bullets, a table, notes under the last one.


def pptx() -> bytes:
    from datetime import UTC, datetime

    from pptx import Presentation
    from pptx.util import Inches

    title, slides = BEES
    deck = Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[0])
    first.shapes.title.text, first.placeholders[1].text = title, "Notes from the roof of a market hall"
    for heading, points, table, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = heading
        slide.placeholders[1].text = "\n".join(points)
        if table:
            rows, columns = len(table.rows), len(table.rows[0])
            grid = slide.shapes.add_table(rows, columns, Inches(1), Inches(4), Inches(8), Inches(2)).table
            for across, row in enumerate(table.rows):
                for down, cell in enumerate(row):
                    grid.cell(across, down).text = cell
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    core = deck.core_properties
    core.title, core.author, core.last_modified_by = title, "", ""
    core.created = core.modified = datetime(*STAMP, tzinfo=UTC).replace(tzinfo=None)
    out = io.BytesIO()
    deck.save(out)
    with zipfile.ZipFile(out) as archive:
        parts = {name: archive.read(name) for name in archive.namelist() if not name.endswith(".jpeg")}
    parts["_rels/.rels"] = re.sub(rb"<Relationship [^>]*thumbnail[^>]*/>", b"", parts["_rels/.rels"])
    return packed(parts)


# EPUB: a chapter a file, in Chinese.


def epub() -> bytes:
    title, chapters = RIVER
    pages = {}
    for number, (heading, paragraphs) in enumerate(chapters, 1):
        text = "\n".join(f"<p>{chr(10).join(textwrap.wrap(each, 40))}</p>" for each in paragraphs)
        pages[f"OEBPS/chapter{number}.xhtml"] = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="zh">'
            f"<head><title>{heading}</title></head>\n<body><h1>{heading}</h1>\n{text}</body></html>\n"
        )
    names = [name.removeprefix("OEBPS/") for name in pages]
    items = "".join(
        f'<item id="c{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(names)
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(names)))
    package = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<package xmlns="http://www.idpf.org/2007/opf" version="3.0" '
        'unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        '<dc:identifier id="id">urn:uuid:00000000-0000-4000-8000-000000000001</dc:identifier>'
        f"<dc:title>{title}</dc:title><dc:language>zh</dc:language></metadata>"
        f"<manifest>{items}</manifest><spine>{spine}</spine></package>\n"
    )
    container = (
        '<?xml version="1.0"?>\n<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/content.opf" media-type="application/oebps-package+xml"/></rootfiles></container>\n'
    )
    return packed(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OEBPS/content.opf": package,
            **pages,
        },
        stored=("mimetype",),
    )


if __name__ == "__main__":
    main()
