"""Compressed bytes to plain blocks: any number of members, bounded memory, and a clear word when the data breaks off.

Nothing here hands out more than it was asked for: a few kilobytes of zstd may hold gigabytes of zeros (1:32,671 was
measured), so every decompressor is fed small bites or asked for bounded output.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from curation.errors import InputError
from curation.readers.model import BLOCK, Limits

MAGIC: dict[str, tuple[bytes, ...]] = {
    "gz": (b"\x1f\x8b\x08",),
    "zst": (b"\x28\xb5\x2f\xfd", *(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))),
    "bz2": (b"BZh",),
    "xz": (b"\xfd7zXZ\x00",),
}
_BITE = 64 * 1024  # compressed bytes read at a time
_ZSTD_BITE = 2 * 1024  # a zstd block of 4 bytes can hold 128 KiB, so this holds at most 64 MiB
_XZ_MEMORY = 256 << 20  # `xz -9` needs 65 MiB; a header may ask for 4 GiB


class StreamBroken(Exception):
    """The stream cannot be read any further. `reason` is in QUARANTINE_REASONS. What came before stands."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


def compression_of(head: bytes) -> str:
    """The compression whose magic bytes `head` begins with, or "none"."""
    for name, magics in MAGIC.items():
        if head.startswith(magics):
            # three letters are little: a bzip2 block begins with pi, an empty stream ends with the root of pi
            if name == "bz2" and head[4:10] not in (b"1AY&SY", b"\x17rE8P\x90"):
                continue
            return name
    return "none"


def read_blocks(file: Path, compression: str, limits: Limits) -> Iterator[bytes]:
    """Decompressed blocks of `file`, about a mebibyte each.

    Raises StreamBroken where compressed data ends early, is damaged, or outgrows `limits`; InputError where the file
    itself cannot be read.
    """
    try:
        with file.open("rb") as opened:
            if compression == "none":
                while block := opened.read(BLOCK):
                    yield block
            else:
                yield from _gather(_inflate(iter(lambda: opened.read(_BITE), b""), compression, limits))
    except OSError as error:
        raise unreadable(file, error) from error


def first_block(blocks: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first block, to be looked at, and all of them; a stream that breaks at once breaks when it is read."""
    try:
        first = next(blocks, b"")
    except StreamBroken as broken:
        return b"", _breaking(broken)
    return first, chain((first,), blocks)


def _breaking(broken: StreamBroken) -> Iterator[bytes]:
    yield b""
    raise broken


def unreadable(file: Path, error: OSError) -> InputError:
    """The typed error for a file that the system will not let us read."""
    if isinstance(error, FileNotFoundError):
        return InputError(f"there is no file {file}", "Check the spelling, and that it was not moved meanwhile.")
    if isinstance(error, PermissionError):
        return InputError(
            f"no permission to read {file}", f"Make it readable (chmod u+r '{file}'), or leave it out of the inputs."
        )
    return InputError(f"cannot read {file}: {error.strerror or error}", "Copy it to a sound local disk and try again.")


def _gather(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Pieces of any size to blocks of a mebibyte, so that what follows works on few large blocks."""
    held: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            held.append(piece)
            size += len(piece)
            if size >= BLOCK:
                whole = b"".join(held)
                cut = size - size % BLOCK
                for start in range(0, cut, BLOCK):
                    yield whole[start : start + BLOCK]
                held, size = [whole[cut:]], size - cut
    except StreamBroken:
        if size:
            yield b"".join(held)
        raise
    if size:
        yield b"".join(held)


class _Member(Protocol):
    """One compressed stream of a file that may hold several. After `feed`, `rest` holds bytes beyond its end."""

    ended: bool
    rest: bytes

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)
        self.ended, self.rest = False, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._inner.eof:
            before = self._inner.copy()  # 40 KB; zlib keeps what it has when it meets an error
            try:
                piece = self._inner.decompress(data, BLOCK)
            except zlib.error:
                yield from (before.decompress(data[at : at + 1]) for at in range(len(data)))
                raise
            yield piece
            data = self._inner.unconsumed_tail
        self.ended, self.rest = self._inner.eof, self._inner.unused_data


class _Buffered:
    """bz2 and xz, whose decompressors keep the input they have not got to yet."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.ended, self.rest = False, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, BLOCK)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", BLOCK)
        self.ended, self.rest = self._inner.eof, self._inner.unused_data


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._error = zstandard.ZstdError
        self.ended, self.rest = False, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_BITE):
            try:
                piece = self._inner.decompress(data[start : start + _ZSTD_BITE])
            except self._error as error:
                raise ValueError(str(error)) from error
            yield piece
            if self._inner.eof:
                self.ended, self.rest = True, self._inner.unused_data + data[start + _ZSTD_BITE :]
                return


_MEMBERS: dict[str, Callable[[], _Member]] = {
    "gz": _Gzip,
    "zst": _Zstd,
    "bz2": lambda: _Buffered(bz2.BZ2Decompressor()),
    "xz": lambda: _Buffered(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)),
}


_ERRORS = (zlib.error, lzma.LZMAError, EOFError, OSError, ValueError)  # OSError is how bz2 says it


def _inflate(bites: Iterator[bytes], compression: str, limits: Limits) -> Iterator[bytes]:
    member: _Member | None = None
    taken = given = 0
    for bite in bites:
        taken += len(bite)
        data = bite
        while data:
            if member is None:
                data = data.lstrip(b"\0")  # members may be padded with zeros
                if not data:
                    break
                member = _MEMBERS[compression]()
            for piece in _guarded(member, data):
                given += len(piece)
                if given > limits.ratio_floor and given > limits.max_ratio * taken:
                    raise StreamBroken("decompression_bomb", f"{taken} bytes grew to more than {given}")
                if piece:
                    yield piece
            data = b""
            if member.ended:
                data, member = member.rest, None
    if member is not None:
        raise StreamBroken("truncated", f"the {compression} data ends too early")


def _guarded(member: _Member, data: bytes) -> Iterator[bytes]:
    try:
        yield from member.feed(data)
    except _ERRORS as error:
        raise StreamBroken("corrupt_stream", str(error)) from error
