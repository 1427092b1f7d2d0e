"""Damaged and hostile inputs, written deterministically, each with what a sound reader makes of it.

Good records are Alpaca objects (`instruction`, `output`) or texts, so that they are also records for a whole run.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

MIB = 1 << 20
CODECS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": lambda data: gzip.compress(data, 6, mtime=0),
    ".zst": lambda data: zstandard.compress(data, 3),
    ".bz2": lambda data: bz2.compress(data, 9),
    ".xz": lambda data: lzma.compress(data, preset=0),
}


@dataclass(frozen=True)
class Damaged:
    """One input. good: records that must come out; bad: quarantined things by reason; blank: blank lines.

    error: the name of the error class raised instead, for input that as a whole cannot be read. at: where given, the
    line of the first bad thing.
    """

    name: str
    path: Path
    good: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    blank: int = 0
    error: str | None = None
    at: int | None = None


BROKEN_LINES: dict[str, tuple[bytes, str]] = {
    "cut-in-string": (b'{"instruction": "a", "output": "b', "bad_json"),
    "no-closing-brace": (b'{"instruction": "a", "output": "b"', "bad_json"),
    "single-quotes": (b"{'instruction': 'a', 'output': 'b'}", "bad_json"),
    "trailing-comma": (b'{"instruction": "a", "output": "b",}', "bad_json"),
    "bare-key": (b'{instruction: "a", "output": "b"}', "bad_json"),
    "comment": (b'{"instruction": "a" /* why */, "output": "b"}', "bad_json"),
    "leading-zero": (b'{"instruction": "a", "output": "b", "n": 012}', "bad_json"),
    "python-literal": (b'{"instruction": "a", "output": None}', "bad_json"),
    "bad-escape": (b'{"instruction": "a", "output": "\\x41"}', "bad_json"),
    "bad-unicode-escape": (b'{"instruction": "a", "output": "\\u12G4"}', "bad_json"),
    "words": (b"this line is no JSON at all", "bad_json"),
    "html": (b"<html><body>502 Bad Gateway</body></html>", "bad_json"),
    "object-then-words": (b'{"instruction": "a", "output": "b"} and more', "bad_json"),
    "lone-brace": (b"{", "bad_json"),
    "array": (b"[1, 2, 3]", "not_object"),
    "array-of-objects": (b'[{"instruction": "a", "output": "b"}]', "not_object"),
    "number": (b"42", "not_object"),
    "string": (b'"just a string"', "not_object"),
    "null": (b"null", "not_object"),
    "true": (b"true", "not_object"),
    "two-objects": (b'{"instruction": "a", "output": "b"}{"instruction": "c", "output": "d"}', "several_values"),
    "two-objects-spaced": (b'{"instruction": "a"} {"output": "d"}', "several_values"),
    "object-and-array": (b'{"instruction": "a", "output": "b"} [1]', "several_values"),
    "duplicate-key": (b'{"instruction": "a", "output": "b", "output": "c"}', "duplicate_key"),
    "duplicate-key-nested": (b'{"instruction": "a", "output": "b", "m": {"k": 1, "k": 2}}', "duplicate_key"),
    "duplicate-key-escaped": (b'{"instruction": "a", "output": "b", "out\\u0070ut": "c"}', "duplicate_key"),
    "duplicate-key-spaced": (b'{"instruction" : "a", "output" :"b", "output"\t: "c"}', "duplicate_key"),
    "duplicate-key-hidden": (b'{"output": 1, "output": "\\u0022\\u0022", "instruction": "a"}', "duplicate_key"),
    "nan": (b'{"instruction": "a", "output": "b", "score": NaN}', "not_a_number"),
    "infinity": (b'{"instruction": "a", "output": "b", "score": Infinity}', "not_a_number"),
    "minus-infinity-nested": (b'{"instruction": "a", "output": "b", "s": [{"x": -Infinity}]}', "not_a_number"),
    "huge-float": (b'{"instruction": "a", "output": "b", "score": 1e400}', "number_out_of_range"),
    "minus-huge-float": (b'{"instruction": "a", "output": "b", "score": -1.5E+999}', "number_out_of_range"),
    "5000-digits": (b'{"instruction": "a", "output": "b", "n": ' + b"7" * 5000 + b"}", "number_out_of_range"),
    "high-surrogate": (b'{"instruction": "a", "output": "\\ud800"}', "lone_surrogate"),
    "low-surrogate": (b'{"instruction": "a", "output": "x\\uDC00y"}', "lone_surrogate"),
    "surrogate-in-key": (b'{"instruction": "a", "output": "b", "\\udbff": 1}', "lone_surrogate"),
    "raw-surrogate": (b'{"instruction": "a", "output": "\xed\xa0\x80"}', "lone_surrogate"),
    "nul-in-string": (b'{"instruction": "a", "output": "b\x00c"}', "nul_byte"),
    "nul-outside": (b'{"instruction": "a",\x00 "output": "b"}', "nul_byte"),
    "nul-line": (b"\x00" * 40, "nul_byte"),
    "tab-in-string": (b'{"instruction": "a", "output": "b\tc"}', "control_character"),
    "escape-in-string": (b'{"instruction": "a", "output": "\x1b]0;owned\x07"}', "control_character"),
    "byte-ff": (b'{"instruction": "a", "output": "\xff"}', "invalid_encoding"),
    "latin-1": (b'{"instruction": "a", "output": "caf\xe9"}', "invalid_encoding"),
    "cut-character": (b'{"instruction": "a", "output": "\xe4\xbd"}', "invalid_encoding"),
    "overlong-slash": (b'{"instruction": "a", "output": "\xc0\xaf"}', "invalid_encoding"),
    "deep-65-arrays": (b'{"instruction": "a", "output": ' + b"[" * 64 + b"]" * 64 + b"}", "too_deep"),
    "deep-10000-objects": (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "too_deep"),
    "deep-100000-open": (b'{"a": ' + b"[" * 100_000, "too_deep"),
    "1001-keys": (json.dumps({f"k{n}": n for n in range(1001)}).encode(), "too_many_keys"),
    "20000-keys-nested": (
        json.dumps({"instruction": "a", "m": {f"k{n}": n for n in range(20_000)}}).encode(),
        "too_many_keys",
    ),
    "17-mib": (b'{"instruction": "a", "output": "' + b"x" * (17 * MIB) + b'"}', "too_long"),
}

ODD_BUT_SOUND: dict[str, bytes] = {
    "escaped-nul": b'{"instruction": "a", "output": "b\\u0000c"}',
    "line-separator": '{"instruction": "a\u2028b\u2029c", "output": "d\u0085e\x0cf"}'.replace("\x0c", "\\f").encode(),
    "mark-in-the-middle": b'\xef\xbb\xbf{"instruction": "a", "output": "b"}',
    "30-digits": b'{"instruction": "a", "output": "b", "n": 123456789012345678901234567890}',
    "spaced": b'{ "instruction" : "a" ,\t"output"\t:\t"b" } ',
    "escaped-pair": b'{"instruction": "a", "output": "\\ud83d\\ude00"}',
    "looks-doubled": b'{"instruction": "say \\"output\\": no", "output": "\\\\\\": \\\\", "o": {"output": ": \\""}}',
    "64-deep": b'{"instruction": "a", "output": "b", "d": ' + b"[" * 63 + b"]" * 63 + b"}",
    "1000-keys": json.dumps({"instruction": "a", "output": "b"} | {f"k{n}": n for n in range(998)}).encode(),
    "bidi-and-escape": '{"instruction": "\u202eabc", "output": "\\u001b[2J"}'.encode(),
    "carriage-return": b'{"instruction": "a", "output": "b"}\r',
}

# Elements that are unbalanced: in an array they must not take their neighbours along.
UNBALANCED: dict[str, bytes] = {
    "cut-in-string": BROKEN_LINES["cut-in-string"][0],
    "no-closing-brace": BROKEN_LINES["no-closing-brace"][0],
    "no-closing-quote": b'{"instruction": "a, "output": "b"}',
    "brace-for-bracket": b'{"instruction": ["a"}, "output": "b"}',
    "open-array": b'{"instruction": [["a"], "output": "b"}',
    "brace-too-many": b'{"instruction": {"a": 1}}, "output": "b"}',
}


class _Writer:
    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.found: list[Damaged] = []

    def good(self, number: int) -> bytes:
        """One sound record."""
        words = ["river", "stone", "晨光", "question", "模型", "naïve", "data", "😀", "answer", "语言"]
        text = " ".join(self.random.choices(words, k=self.random.randint(3, 30)))
        return json.dumps({"instruction": f"{number} {text}", "output": text[::-1]}, ensure_ascii=False).encode()

    def goods(self, count: int) -> list[bytes]:
        return [self.good(number) for number in range(count)]

    def add(self, file: str, data: bytes, good: int = 0, *, error: str | None = None, **facts: object) -> None:
        path = self.folder / file
        path.write_bytes(data)
        self.found.append(Damaged(file, path, good, error=error, **facts))  # type: ignore[arg-type]

    def spliced(self, part: bytes) -> tuple[list[bytes], int]:
        """Some sound records with `part` among them: first, last or in the middle."""
        lines = self.goods(self.random.randint(3, 9))
        place = self.random.choice((0, len(lines) // 2, len(lines)))
        lines.insert(place, part)
        return lines, place + 1


def write_damaged(folder: Path, seed: int = 0) -> list[Damaged]:
    """Write the inputs into `folder` (which must be empty). The same seed writes the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = _Writer(folder, seed)
    for part in (_lines, _arrays, _json_files, _streams, _tables, _encodings, _whole_files, _parquets, _places):
        part(writer)
    return writer.found


def _lines(writer: _Writer) -> None:
    codecs = list(CODECS)
    for index, (name, (line, reason)) in enumerate(BROKEN_LINES.items()):
        lines, at = writer.spliced(line)
        codec = codecs[index % len(codecs)] if len(line) < MIB else ".zst"
        data = CODECS[codec](b"\n".join(lines) + b"\n")
        writer.add(f"line-{name}.jsonl{codec}", data, len(lines) - 1, bad={reason: 1}, at=at)
    for name, line in ODD_BUT_SOUND.items():
        lines, _ = writer.spliced(line)
        writer.add(f"odd-{name}.jsonl", b"\n".join(lines), len(lines))
    lines = [*writer.goods(3), b"", b" \t ", *writer.goods(2), b"\r"]
    writer.add("blank-lines.jsonl", b"\n".join(lines) + b"\n", 5, blank=3)
    writer.add("cr-only.jsonl", b"\r".join(writer.goods(6)) + b"\r", 6)
    every = [line for name, (line, _) in BROKEN_LINES.items() if name != "17-mib"]
    counts: dict[str, int] = {}
    for name, (_, reason) in BROKEN_LINES.items():
        if name != "17-mib":
            counts[reason] = counts.get(reason, 0) + 1
    mixed = [piece for line in every for piece in (line, writer.good(0))]
    writer.add("everything.jsonl", b"\n".join(mixed), len(every), bad=counts, at=1)


def _arrays(writer: _Writer) -> None:
    for name, (element, reason) in BROKEN_LINES.items():
        balanced = name not in UNBALANCED and reason not in ("several_values",)
        if not balanced or name in ("words", "html", "object-then-words", "lone-brace", "nul-line", "deep-100000-open"):
            continue
        elements, _ = writer.spliced(element)
        data = b"[\n  " + b",\n  ".join(elements) + b"\n]\n"
        writer.add(f"element-{name}.json", data, len(elements) - 1, bad={reason: 1})
    for name, element in UNBALANCED.items():
        for style, comma in (("lines", b",\n"), ("tight", b",")):
            elements = writer.goods(6)
            elements.insert(3, element)
            data = b"[" + comma.join(elements) + b"]"
            # up to the brace too many, that one is an object
            good = 7 if name == "brace-too-many" else 6
            writer.add(f"unbalanced-{name}-{style}.json", data, good, bad={"bad_json": 1})
    elements = [element for good in writer.goods(20) for element in (UNBALANCED["no-closing-brace"], good)]
    writer.add("unbalanced-every-other.json", b"[" + b",\n".join(elements) + b"]", 20, bad={"bad_json": 20})


def _json_files(writer: _Writer) -> None:
    goods = writer.goods(7)
    array = b"[" + b", ".join(goods) + b"]"
    writer.add("array-not-closed.json", array[:-1], 7, bad={"truncated": 1})
    writer.add("array-cut-in-element.json", array[:-9], 6, bad={"truncated": 1})
    writer.add("array-comma-missing.json", b"[" + b" ".join(goods) + b"]", 7)
    writer.add("array-comma-trailing.json", b"[" + b",".join(goods) + b",,]", 7)
    writer.add("array-brace-too-many.json", b"[" + b"},".join(goods) + b"]", 7, bad={"bad_json": 6})
    writer.add("array-words-between.json", b"[" + b", see below, ".join(goods) + b"]", 7, bad={"bad_json": 6})
    writer.add("array-then-words.json", array + b"\nthat is all", 7, bad={"bad_json": 1})
    writer.add("two-arrays.json", array + b"\n" + array, 14)
    wrapped = b'{"version": "1", "data": ' + array + b', "licence": {"name": "x"}}'
    writer.add("wrapped.json", wrapped, 7)
    writer.add("wrapped-cut.json", wrapped[: wrapped.index(b'"licence"')], 7, bad={"truncated": 1})
    writer.add("single-object.json", json.dumps(json.loads(goods[0]), indent=2).encode(), 1)
    writer.add("objects-one-after-the-other.json", b"\n".join(b"{\n" + good[1:] for good in goods), 7)
    writer.add("json-lines.json", b"\n".join(goods), 7)
    writer.add("array.jsonl", array, 7)
    writer.add("html.json", b"<!DOCTYPE html>\n<p>Not Found</p>\n", error="InputError")
    long = b'{"instruction": "a", "output": "' + b"\\\\" * (9 * MIB) + b'"}'
    writer.add("element-long.json", b"[" + b",".join([*goods, long, *goods]) + b"]", 14, bad={"too_long": 1})


def _streams(writer: _Writer) -> None:
    goods = [writer.good(number) for number in range(1500)]
    data = b"\n".join(goods) + b"\n"
    for codec, compress in CODECS.items():
        if not codec:
            continue
        packed = compress(data)
        halves = compress(data[: len(data) // 2]) + compress(data[len(data) // 2 :])
        writer.add(f"members.jsonl{codec}", halves, 1500)
        writer.add(f"misnamed{codec[1:]}.jsonl", packed, 1500)
        cut = compress(b"\n".join(goods[:50]) + b"\n") + packed[:20]
        writer.add(f"cut.jsonl{codec}", cut, 50, bad={"truncated": 1}, at=51)
        rubbish = compress(b"\n".join(goods[:50]) + b"\n") + b"this is no member"
        writer.add(f"rubbish-behind.jsonl{codec}", rubbish, 50, bad={"corrupt_stream": 1}, at=51)
    flipped = bytearray(CODECS[".gz"](b"\n".join(goods[:50]) + b"\n"))
    flipped[-6] ^= 0xFF  # the checksum
    writer.add("checksum.jsonl.gz", bytes(flipped), 50, bad={"corrupt_stream": 1}, at=51)
    writer.add("plain-named-gz.jsonl.gz", data, 1500)
    zeros = b"0" * (66 * MIB)
    writer.add(
        "bomb.jsonl.zst", zstandard.compress(b"\n".join(goods[:5]) + b"\n" + zeros), 5, bad={"decompression_bomb": 1}
    )
    writer.add("bomb.txt.gz", gzip.compress(zeros, 1, mtime=0), bad={"decompression_bomb": 1})


def _tables(writer: _Writer) -> None:
    head, rows = b"instruction,output", [b'"q %d, or so",a%d' % (n, n) for n in range(6)]

    def table(*parts: bytes, newline: bytes = b"\n") -> bytes:
        return newline.join((head, *rows[:3], *parts, *rows[3:])) + newline

    writer.add("row-short.csv", table(b"only one cell"), 6, bad={"ragged_row": 1}, at=5)
    writer.add("row-long.csv", table(b"a,b,c,d"), 6, bad={"ragged_row": 1}, at=5)
    writer.add("row-empty-surplus.csv", table(b"a,b,,"), 7)
    writer.add("row-quote-open.csv", table(b'"never closed,b'), 6, bad={"bad_quoting": 1}, at=5)
    writer.add("row-quote-open-last.csv", b"\n".join((head, *rows, b'x,"open')), 6, bad={"bad_quoting": 1}, at=8)
    writer.add("row-quotes-lone.csv", table(b'a,"b', b"c,d", b'e,"f'), 7, bad={"bad_quoting": 2}, at=5)
    writer.add("row-after-quote.csv", table(b'"a"b,c'), 6, bad={"bad_quoting": 1}, at=5)
    writer.add("row-several-lines.csv", table(b'"a\nb\n\nc","d\r\ne"'), 7)
    writer.add("row-latin-1.csv", table(b"caf\xe9,b"), 6, bad={"invalid_encoding": 1}, at=5)
    writer.add("row-nul.csv", table(b"a\x00b,c"), 7)
    writer.add("row-long-17-mib.csv", table(b"a," + b"x" * (17 * MIB)), 6, bad={"too_long": 1}, at=5)
    writer.add("row-blank.csv", table(b"", b"  "), 6, blank=2)
    writer.add("rows-cr-only.csv", table(newline=b"\r"), 6)
    writer.add("rows-crlf.csv", table(newline=b"\r\n"), 6)
    writer.add("header-only.csv", head + b"\n", 0)
    writer.add("header-twice.csv", b"text,text\na,b\n", error="InputError")
    writer.add("header-broken.csv", b'"text"x,other\na,b\n', error="InputError")
    writer.add("semicolons.csv", b"instruction;output\n1,5;2,5\n3,5;4,5\n", 2)
    writer.add("quotes-as-text.tsv", b'instruction\toutput\n"He" said\tb\nc\t"open\n', 2)


def _encodings(writer: _Writer) -> None:
    lines = [
        json.dumps({"instruction": f"{n} 请写一篇关于春天的文章", "output": "好的，这是一篇文章。"}, ensure_ascii=False)
        for n in range(8)
    ]
    text = "\n".join(lines) + "\n"
    writer.add("utf-16.jsonl", text.encode("utf-16"), 8)
    writer.add("utf-16-be.jsonl", b"\xfe\xff" + text.encode("utf-16-be"), 8)
    writer.add("utf-16-odd.jsonl", text.encode("utf-16") + b"\x41", 8, bad={"invalid_encoding": 1}, at=9)
    half = text.encode("utf-16-le").replace("章".encode("utf-16-le"), b"\x00\xd8", 1)
    writer.add("utf-16-half-pair.jsonl", b"\xff\xfe" + half, 7, bad={"invalid_encoding": 1}, at=1)
    writer.add("gb18030.jsonl", text.encode("gb18030"), 8)
    broken = text.encode("gb18030").replace("春".encode("gb18030"), b"\xff\xff", 1)
    writer.add("gb18030-broken.jsonl", broken, 7, bad={"invalid_encoding": 1}, at=1)
    # the lines in UTF-8 are valid GB18030 too, if nonsense
    mixed = '{"output": "好的"}\n'.encode() * 6 + '{"output": "这是一个例子，好的"}\n'.encode("gb18030") * 5
    writer.add("mostly-utf-8.jsonl", mixed, 6, bad={"invalid_encoding": 5}, at=7)
    writer.add("utf-8-sig.jsonl", text.encode("utf-8-sig"), 8)
    latin = b'{"instruction": "a", "output": "\xe0 la carte"}\n'
    writer.add("latin-1.jsonl", latin * 4 + writer.good(0), 1, bad={"invalid_encoding": 4}, at=1)
    writer.add("latin-1.txt", "voilà\nplain\nça va\n".encode("latin-1"), 1, bad={"invalid_encoding": 2}, at=1)
    writer.add("latin-1.md", "# Voilà".encode("latin-1"), 0, bad={"invalid_encoding": 1}, at=1)


def _whole_files(writer: _Writer) -> None:
    noise = writer.random.randbytes(4096)
    for name, data in {
        "empty.jsonl": b"",
        "only-a-mark.jsonl": b"\xef\xbb\xbf",
        "only-blank-lines.jsonl": b"\n \n\t\n",
        "empty-inside.jsonl.gz": gzip.compress(b"", mtime=0),
        "noise.jsonl": noise,
        "noise.txt": noise,
        "zeros.jsonl": bytes(4096),
        "picture.json": b"\x89PNG\r\n\x1a\n" + noise,
        "office.csv": b"PK\x03\x04" + noise,
        "document.txt": b"%PDF-1.7\n" + noise,
        "twice-packed.jsonl.gz": gzip.compress(gzip.compress(noise, mtime=0), mtime=0),
        "data.xlsx": b"PK\x03\x04" + noise,
        "data.unknown": writer.good(0),
        "no-ending": writer.good(0),
    }.items():
        writer.add(name, data, error="InputError")
    for kind in ("jsonl", "json", "csv", "md"):
        corrupt = b"\x1f\x8b\x08\x00" + writer.random.randbytes(4096)
        writer.add(f"corrupt-at-once.{kind}.gz", corrupt, 0, bad={"corrupt_stream": 1}, at=1)


def _parquets(writer: _Writer) -> None:
    table = pa.Table.from_pylist([json.loads(good) for good in writer.goods(3000)])
    path = writer.folder / "groups.parquet"
    pq.write_table(table, path, row_group_size=1000, compression="none", use_dictionary=False)
    group = pq.ParquetFile(path).metadata.row_group(1)
    data = bytearray(path.read_bytes())
    start = group.column(0).data_page_offset
    data[start : start + 64] = b"\xff" * 64
    writer.add("groups.parquet", bytes(data), 2000, bad={"corrupt_stream": 1}, at=1001)
    sound = writer.folder / "rows.parquet"
    rows = [{"instruction": "a", "output": "b", "score": score} for score in (1.0, float("nan"), None)]
    pq.write_table(pa.Table.from_pylist(rows), sound)
    whole = sound.read_bytes()
    writer.add("rows.parquet", whole, 2, bad={"not_a_number": 1}, at=2)
    writer.add("parquet-cut.parquet", whole[:-20], error="InputError")
    writer.add("parquet-not.parquet", b'{"instruction": "a"}', error="InputError")
    writer.add("parquet-footer.parquet", whole[:-40] + b"\xff" * 32 + whole[-8:], error="InputError")
    writer.add("parquet-named.jsonl", whole, 2, bad={"not_a_number": 1}, at=2)
    writer.add("parquet-cut.parquet.gz", gzip.compress(whole, mtime=0)[:-30], 0, bad={"truncated": 1})


def _places(writer: _Writer) -> None:
    """Names under which there is nothing, or something that is no file."""
    folder = writer.folder / "places"
    for name in ("nothing", "unknown", "loop"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "unknown" / "a.bin").write_bytes(b"x")
    (folder / "unknown" / ".hidden.jsonl").write_bytes(writer.good(0))
    (folder / "loop" / "a.jsonl").write_bytes(writer.good(0))
    (folder / "loop" / "again").symlink_to(folder / "loop")
    (folder / "loop" / "nowhere.jsonl").symlink_to("missing.jsonl")
    (folder / "dangling.jsonl").symlink_to("missing.jsonl")
    (folder / "itself.jsonl").symlink_to("itself.jsonl")
    (folder / "a[1].jsonl").write_bytes(writer.good(0))
    os.mkfifo(folder / "pipe.jsonl")
    for name in ("nothing", "unknown", "dangling.jsonl", "itself.jsonl", "pipe.jsonl", "missing.jsonl", "*.json"):
        writer.found.append(Damaged(f"place-{name}", folder / name, error="InputError"))
    writer.found.append(Damaged("place-loop", folder / "loop", 1))
    writer.found.append(Damaged("place-brackets", folder / "a[1].jsonl", 1))
