"""CSV and TSV: cells, quotes, delimiters, and rows that are broken."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import InputError
from curation.readers import Bad, Limits, RawChunk, find_sources, parse_payload, read_chunks, sample_objects
from curation.readers.chunker import Chunker
from curation.readers.delimited import delimiter_of, read_delimited

cells = st.text(st.sampled_from('ab,;"\n\t 1é中\u2028'), max_size=8)


def read(
    text: bytes, kind: str = "csv", block: int = 1 << 20, **limits: int
) -> tuple[list[dict[str, str]], list[Bad], int]:
    chunks = Chunker("x", 10_000, 1 << 30, Limits(**limits))
    blocks = iter([text[at : at + block] for at in range(0, len(text), block)])
    found: list[RawChunk] = [*read_delimited(blocks, 0, Limits(**limits), chunks, "x.csv", kind), *chunks.rest()]
    records = [parse_payload(payload) for chunk in found for payload in chunk.payloads]
    return records, [bad for chunk in found for bad in chunk.bad], sum(chunk.blank for chunk in found)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(cells, cells, cells), max_size=8),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_csv_module_wrote_comes_back(rows: list[tuple[str, ...]], delimiter: str, newline: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerows([("one", "two", "three"), *rows])
    records, bad, blank = read(out.getvalue().encode(), block=1 << 16)
    assert bad == [] and blank == 0
    assert records == [dict(zip(("one", "two", "three"), row, strict=True)) for row in rows]


def test_positions_count_rows_and_lines_count_lines(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_bytes(b'q,a\n\n"1\n2",x\nbroken\n3,y\n')
    (chunk,) = read_chunks(find_sources([str(file)])[0], chunk_records=10, chunk_bytes=1000)
    assert (chunk.positions, chunk.lines, chunk.offsets) == ([1, 3], [3, 6], [5, 20])
    assert [(bad.line, bad.offset, bad.raw) for bad in chunk.bad] == [(5, 13, b"broken")]
    assert chunk.blank == 1


def test_one_open_quote_costs_one_row() -> None:
    rows = [f'"{n}, a","b {n}"' for n in range(50)]
    for at in (0, 10, 49):
        hurt = [*rows[:at], f'"{at}, a,b {at}', *rows[at + 1 :]]
        records, bad, _ = read(("q,a\n" + "\n".join(hurt) + "\n").encode(), block=100)
        assert len(records) == 49
        assert [(item.reason, item.line) for item in bad] == [("bad_quoting", at + 2)]


def test_a_quoted_cell_does_not_outgrow_the_limit() -> None:
    text = b'q,a\n1,x\n"' + b"line\n" * 1000 + b'",y\n2,z\n'
    records, bad, _ = read(text, max_bytes=500)
    assert records[0] == {"q": "1", "a": "x"} and records[-1] == {"q": "2", "a": "z"}
    assert bad[0].reason == "bad_quoting" and len(records) + len(bad) == 1003


@pytest.mark.parametrize(
    ("sample", "usual", "delimiter"),
    [
        (b"a;b\n1,5;2\n", ",", ";"),
        (b"a,b\n1;2,3;4\n", ",", ","),
        (b"a\tb\n1,2\t3\n", ",", "\t"),
        (b"a|b|c\n1|2|3\n", ",", "|"),
        (b"a,b\n1,2\n", "\t", ","),
        (b"sep=;\na;b\n", ",", ";"),
        (b"text\nhello, world\n", ",", ","),
        (b'a,b\n"x;y;z","1\n2"\n', ",", ","),
        (b"", "\t", "\t"),
    ],
)
def test_the_delimiter_is_found(sample: bytes, usual: str, delimiter: str) -> None:
    assert delimiter_of(sample, usual) == delimiter


def test_headers() -> None:
    assert read(b"sep=;\n\n a ;b;;\n1;2\n")[0] == [{"a": "1", "b": "2"}]
    assert read(b",a\n0,x\n")[0] == [{"column_1": "0", "a": "x"}]
    for text in (b"a,b,a\n", b'"a"b,c\n', b"\xff,b\n"):
        with pytest.raises(InputError, match=r"x\.csv"):
            read(text)


def test_a_bad_header_stops_a_run_before_it_begins(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("text,text\n1,2\n")
    with pytest.raises(InputError):
        sample_objects(find_sources([str(file)])[0])


def test_tsv_without_quoting_keeps_its_quotes() -> None:
    records, bad, _ = read(b'q\ta\n"He" said\tno\n5" disk\t"\n"a\tb"\t"c"\n', "tsv")
    assert bad == []
    assert records == [{"q": '"He" said', "a": "no"}, {"q": '5" disk', "a": '"'}, {"q": "a\tb", "a": "c"}]
