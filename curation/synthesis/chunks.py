"""Documents cut into chunks: by section, paragraph and sentence, within a number of tokens.

A text becomes atoms (a sentence, a row of a table, a line of code), which together hold every character that is not blank.
Atoms are gathered into chunks. A chunk ends where its section does, or when it is full: then at the last paragraph if that
leaves it half full at least, else at the last sentence. Within a section a chunk begins with the last sentences of the one
before. `minimum` joins what is too small to a neighbour.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

from curation.synthesis.chunk_blocks import Block, blocks_of
from curation.synthesis.chunk_sentences import sentence_starts
from curation.synthesis.chunk_tokens import Count, counter
from curation.synthesis.documents import text_of
from curation.synthesis.model import CHUNKS, Chunk, Document
from curation.synthesis.sections import ChunkSettings
from curation.writers.atomic import write_atomic

_LONG = 8  # characters of a token at most, in anything but blanks
_HALF = 0.5  # of a chunk that must be filled, for it to end at a paragraph


@dataclass(frozen=True)
class _Atom:
    """text[start:end], not blank at either end. block: its place among the blocks. section: of headings, counted."""

    start: int
    end: int
    tokens: int
    block: int
    section: int
    shape: str


@dataclass(frozen=True)
class _Piece:
    """Atoms first to last (exclusive); own: the first that the piece before does not hold."""

    first: int
    own: int
    last: int


class _Atoms:
    """The atoms of a text. tokens(first, last): how many those between have together, in no time."""

    def __init__(self, atoms: list[_Atom]) -> None:
        self.all = atoms
        self._sums = [0, *accumulate(atom.tokens for atom in atoms)]

    def tokens(self, first: int, last: int) -> int:
        return self._sums[last] - self._sums[first]


def chunk_all(folder: Path, documents: Sequence[Document], settings: ChunkSettings) -> list[Chunk]:
    """The chunks of all documents, in order, also as `chunks.jsonl` in `folder`, which appears whole.

    Raises RecipeError where the tokenizer cannot be loaded.
    """
    count = counter(settings.tokenizer)
    chunks = [
        chunk
        for document in documents
        for chunk in _cut(document.document_id, text_of(folder, document.document_id), settings, count)
    ]
    lines = [json.dumps(chunk.as_json(), ensure_ascii=True, separators=(",", ":")) + "\n" for chunk in chunks]
    write_atomic(folder / CHUNKS, "".join(lines).encode("ascii"), mode=0o600)
    return chunks


def cut(document_id: str, text: str, settings: ChunkSettings) -> list[Chunk]:
    """The chunks of one text, in order: `chunk.text == text[chunk.start:chunk.end]`, not blank at either end.

    Every character that is not blank is in a chunk, but for stretches under `minimum` tokens that fit to no neighbour.
    No chunk has more than `tokens`. headings: of the section of its first words, that section's own heading included.
    Raises RecipeError where the tokenizer cannot be loaded.
    """
    return _cut(document_id, text, settings, counter(settings.tokenizer))


def _cut(document_id: str, text: str, settings: ChunkSettings, count: Count) -> list[Chunk]:
    blocks = blocks_of(text)
    atoms = _Atoms(_atoms(text, blocks, settings.tokens, count))
    pieces = [piece for section in _sections(atoms.all) for piece in _gathered(atoms, *section, settings)]
    kept = _joined(atoms, pieces, settings)
    return [
        _chunk(f"{document_id}/{number:04d}", document_id, text, atoms.all, blocks, piece, count)
        for number, piece in enumerate(kept)
    ]


def _chunk(
    chunk_id: str, document_id: str, text: str, atoms: list[_Atom], blocks: list[Block], piece: _Piece, count: Count
) -> Chunk:
    start, end = atoms[piece.first].start, atoms[piece.last - 1].end
    own = atoms[piece.own : piece.last]
    speaking = next((atom for atom in own if atom.shape != "heading"), own[0])
    headings = blocks[speaking.block].headings
    return Chunk(chunk_id, document_id, start, end, text[start:end], headings, count([text[start:end]])[0])


def _atoms(text: str, blocks: list[Block], most: int, count: Count) -> list[_Atom]:
    """Each of at most `most` tokens, the blanks up to the next atom counted with it."""
    spans: list[tuple[int, int, int]] = []  # start, end, block
    for number, block in enumerate(blocks):
        for start, end in _parts(text, block):
            spans += [(*part, number) for part in _split(text, start, end, most, count)]
    ends = [start for start, _, _ in spans[1:]] + [spans[-1][1]] if spans else []
    tokens = count([text[start:end] for (start, _, _), end in zip(spans, ends, strict=True)])
    section = 0
    atoms: list[_Atom] = []
    for (start, end, number), held in zip(spans, tokens, strict=True):
        starts = blocks[number].level and not (atoms and atoms[-1].shape == "heading")
        section += bool(starts)
        atoms.append(_Atom(start, end, min(held, most), number, section, blocks[number].shape))
    return atoms


def _parts(text: str, block: Block) -> list[tuple[int, int]]:
    """The sentences of a paragraph, the lines of a table or of code, a heading as it is; none of them blank."""
    body = text[block.start : block.end]
    if block.shape == "text":
        starts = sentence_starts(body)
    elif block.shape == "heading":
        starts = [0]
    else:
        starts = [0, *(place + 1 for place, character in enumerate(body) if character == "\n")]
    parts = []
    for start, end in zip(starts, [*starts[1:], len(body)], strict=True):
        found = _trimmed(body, start, end)
        if found:
            parts.append((block.start + found[0], block.start + found[1]))
    return parts


def _split(text: str, start: int, end: int, most: int, count: Count) -> list[tuple[int, int]]:
    """The stretch, cut at blanks, where there are any, until no part has more than `most` tokens."""
    found: list[tuple[int, int]] = []
    waiting = [(start, end)]
    while waiting:
        start, end = waiting.pop()
        length = end - start
        if length < 2 or (length <= _LONG * most and count([text[start:end]])[0] <= most):
            found.append((start, end))
            continue
        # A stretch that must be far too long is not counted, or a page without a blank would be counted twenty times.
        middle = start + (most * _LONG // 2 if length > _LONG * most else length // 2)
        reach = min(length, _LONG * most) // 4
        blanks = [place for place in range(middle - reach, middle + reach) if text[place].isspace()]
        cut_at = min(blanks, key=lambda place: abs(place - middle)) if blanks else middle
        halves = (_trimmed(text, cut_at, end), _trimmed(text, start, cut_at))
        waiting += [half for half in halves if half is not None]
    return found


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    """The stretch without blanks at its ends; None for nothing else."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _sections(atoms: list[_Atom]) -> list[tuple[int, int]]:
    """First and last (exclusive) atom of every section."""
    borders = [place for place, atom in enumerate(atoms) if not place or atom.section != atoms[place - 1].section]
    return list(zip(borders, [*borders, len(atoms)][1:], strict=True))


def _gathered(atoms: _Atoms, first: int, last: int, settings: ChunkSettings) -> list[_Piece]:
    """One section's atoms in pieces of at most `tokens`."""
    pieces: list[_Piece] = []
    begin = own = first
    while own < last:
        stop = _filled(atoms, begin, own, last, settings.tokens)
        if stop == own:  # the sentences to be repeated leave no room
            begin += 1
            continue
        if stop < last:
            stop = _good_end(atoms, begin, own, stop, last, settings)
        pieces.append(_Piece(begin, own, stop))
        begin = _repeated(atoms, own, stop, settings.overlap) if stop < last else stop
        own = stop
    return pieces


def _filled(atoms: _Atoms, begin: int, own: int, last: int, most: int) -> int:
    """Where a piece from `begin` is full."""
    held, stop = atoms.tokens(begin, own), own
    while stop < last and held + atoms.all[stop].tokens <= most:
        held += atoms.all[stop].tokens
        stop += 1
    return stop


def _good_end(atoms: _Atoms, begin: int, own: int, stop: int, last: int, settings: ChunkSettings) -> int:
    """`stop`, or an earlier end: at a paragraph, and so that enough is left for a piece behind it."""
    for place in range(stop, own, -1):
        if atoms.all[place].block != atoms.all[place - 1].block and atoms.all[place - 1].shape != "heading":
            if atoms.tokens(begin, place) >= _HALF * settings.tokens:
                stop = place
            break
    while stop > own + 1 and atoms.tokens(stop, last) < settings.minimum:
        stop -= 1
    return stop


def _repeated(atoms: _Atoms, own: int, stop: int, overlap: int) -> int:
    """The first of the sentences before `stop` that the next piece repeats."""
    begin = stop
    while begin > own + 1 and atoms.all[begin - 1].shape == "text" and atoms.tokens(begin - 1, stop) <= overlap:
        begin -= 1
    return begin


def _joined(atoms: _Atoms, pieces: list[_Piece], settings: ChunkSettings) -> list[_Piece]:
    """The pieces, small ones joined to the one behind or before them, or left out."""
    kept: list[_Piece] = []
    waiting = list(reversed(pieces))
    while waiting:
        piece = waiting.pop()
        if atoms.tokens(piece.first, piece.last) >= settings.minimum:
            kept.append(piece)
            continue
        before, behind = kept[-1] if kept else None, waiting[-1] if waiting else None
        same = before is not None and atoms.all[before.own].section == atoms.all[piece.own].section
        if not same and behind and atoms.tokens(piece.first, behind.last) <= settings.tokens:
            waiting[-1] = _Piece(piece.first, piece.own, behind.last)
        elif before and atoms.tokens(before.first, piece.last) <= settings.tokens:
            kept[-1] = _Piece(before.first, before.own, piece.last)
        elif behind and same and atoms.tokens(piece.first, behind.last) <= settings.tokens:
            waiting[-1] = _Piece(piece.first, piece.own, behind.last)
    return kept
