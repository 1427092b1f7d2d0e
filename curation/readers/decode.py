"""Which encoding a text is in, and its bytes as UTF-8.

Byte order marks decide first. Without one, the lines of the head that are not plain ASCII vote: the text is UTF-8 if at
least half of them are valid UTF-8, so that a few damaged lines do not turn a whole file. Otherwise it is GB18030 (which
covers GBK and GB2312) if at least half are valid GB18030 *and* it reads like Chinese: at least 20 % of the characters
are among the most frequent ones. In Chinese they are about half; in Latin-1, Big5, EUC-KR or Cyrillic bytes that
happen to decode next to none, in EUC-JP, which shares the full stop, about 10 %. Anything else is taken for UTF-8, and
its lines that are not are quarantined one by one.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FREQUENT = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事"
    "成方多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第"
    "公此已工使情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话"
    "合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变"
    "请写答述句用词列以下，。、：；？！（）“”《》"
)
_MARK = "\udcff"  # becomes the byte FF, which no UTF-8 text has: the parser will call the record invalid_encoding
_SPLIT = re.compile(rb"[\r\n]")


def _mark_broken(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _MARK, error.end


codecs.register_error("curation.mark", _mark_broken)


def encoding_of(head: bytes) -> str:
    """The encoding of a text from its first bytes: utf-8, utf-8-sig, utf-16, utf-32 or gb18030."""
    for bom, name in _BOMS:
        if head.startswith(bom):
            return name
    lines = [line for line in _SPLIT.split(head) if not line.isascii()]
    if not lines or sum(_decodes(line, "utf-8") for line in lines) * 2 >= len(lines):
        return "utf-8"
    chinese = [line for line in lines if _decodes(line, "gb18030")]
    return "gb18030" if len(chinese) * 2 >= len(lines) and _reads_as_chinese(chinese) else "utf-8"


def _decodes(line: bytes, encoding: str) -> bool:
    """Whether the line is valid; it may end inside a character, since the head may be cut there."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(line)
    except UnicodeDecodeError:
        return False
    return True


def _reads_as_chinese(lines: list[bytes]) -> bool:
    text = b"\n".join(lines).decode("gb18030", "ignore")
    foreign = [character for character in text if character > "\x7f"]
    return sum(character in _FREQUENT for character in foreign) >= 0.2 * len(foreign) > 0


def as_utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    """The blocks in UTF-8 without a byte order mark; what cannot be decoded becomes the byte FF."""
    if encoding == "utf-8":
        yield from blocks
        return
    if encoding == "utf-8-sig":
        first = True
        for block in blocks:  # a block is never shorter than the mark, unless it is the whole source
            yield block.removeprefix(codecs.BOM_UTF8) if first else block
            first = False
        return
    decoder = codecs.getincrementaldecoder(encoding)("curation.mark")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", True).encode("utf-8", "surrogateescape")


def first_offset(encoding: str) -> int:
    """Where the text begins: behind the mark for utf-8-sig; the other encodings count in their UTF-8 form."""
    return len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0
