"""Which evaluation items a text holds: by n-grams, or as a slightly edited copy.

The evaluation items are few and the records many, so the items are indexed and each batch is looked up: an inverted
index finds every pair that shares enough, exactly, where MinHash bands would find most of those whose *whole* texts are
alike; an item inside a long record has a small Jaccard similarity with it and would be missed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.dedup.shingles import CHARACTER, I64, U64, Tokens, fold, mix, tokenise
from curation.dedup.window import Compared, compare

WORDS, CHARACTERS = 3, 4  # of a shingle by which candidates are found; a slip of the pen spoils that many
CANDIDATE = 0.3  # share of an item's own shingles a record must hold to be looked at; a slip in 8 words leaves half
SIBLING = 0.5  # share of an item's shingles that another item has to have to show where their template varies
WITNESSES = 8  # siblings that are asked
ANCHOR = 6  # tokens by which whole items are found before they are compared
_BASE = 0xD1342543DE82EF95  # odd, so that it has an inverse modulo 2^64


class Hit(NamedTuple):
    """Text of evaluation item `item` in text `record`.

    way: ngram or near. score: the share of the item's own n-grams, or the Jaccard similarity. found, total: its
    own n-grams, or the character n-grams both have and either has. is_whole: found as a whole, not by n-grams.
    """

    record: int
    item: int
    way: str
    score: float
    found: int
    total: int
    is_whole: bool = False


@dataclass(frozen=True)
class Rules:
    """What counts; as documented on the parameters of the stage `decontaminate`. None switches a way off."""

    ngram: int | None
    characters: int
    min_words: int
    min_share: float
    min_hits: int
    common: int
    near: float | None

    @property
    def words(self) -> int:
        """Words that `characters` characters stand for."""
        return self.ngram or 13


class Rolling:
    """Hashes of any run of tokens, from prefix sums modulo 2^64 (Karp & Rabin 1987)."""

    def __init__(self, tokens: Tokens) -> None:
        count = len(tokens.hashes)
        self.kinds = tokens.kinds
        self.sizes: I64 = np.diff(tokens.offsets)
        self.firsts: I64 = tokens.offsets[:-1]
        self.records: I64 = np.repeat(np.arange(len(self.sizes)), self.sizes)
        # How many tokens there are from each one to the end of its text.
        self.room: I64 = np.repeat(tokens.offsets[1:], self.sizes) - np.arange(count)
        self._inverses = _powers(pow(_BASE, -1, 1 << 64), count + 1)
        self._sums = np.zeros(count + 1, dtype=np.uint64)
        np.cumsum(tokens.hashes * _powers(_BASE, count), out=self._sums[1:])

    def hashes(self, starts: I64, lengths: I64) -> U64:
        """The hash of `lengths` tokens from each of `starts` on; all of them must exist."""
        return mix((self._sums[starts + lengths] - self._sums[starts]) * self._inverses[starts])

    def grams(self, words: int, characters: int) -> tuple[I64, U64]:
        """Every n-gram that fits into its text: its first token, its hash. `words` tokens long where the first is a
        word, `characters` where it is a character of an unspaced script.
        """
        wanted = np.where(self.kinds == CHARACTER, characters, words)
        starts = np.flatnonzero(self.room >= wanted)
        return starts, self.hashes(starts, wanted[starts])


class Postings:
    """Hashes, each with the items it occurs in. A table of bits keeps most strangers from the binary search."""

    def __init__(self, hashes: U64, items: I64) -> None:
        order = np.lexsort((items, hashes))
        hashes, items = hashes[order], items[order]
        new = np.ones(len(hashes), dtype=bool)
        new[1:] = (hashes[1:] != hashes[:-1]) | (items[1:] != items[:-1])
        self.keys, starts = np.unique(hashes[new], return_index=True)
        self.items = items[new]
        self.offsets: I64 = np.append(starts, len(self.items))
        bits = min(max(16 * len(self.keys), 1 << 16), 1 << 26).bit_length() - 1
        self._shift = np.uint64(64 - bits)
        self._table = np.zeros(1 << bits, dtype=bool)
        self._table[self.keys >> self._shift] = True

    def spread(self) -> I64:
        """In how many items each hash occurs."""
        return np.diff(self.offsets)

    def without(self, limit: int) -> Postings:
        """Only the hashes that occur in at most `limit` items."""
        spread = self.spread()
        keep = np.repeat(spread <= limit, spread)
        return Postings(np.repeat(self.keys, spread)[keep], self.items[keep])

    def find(self, hashes: U64) -> tuple[I64, I64]:
        """Places in `hashes` that are known, and the number of the key each has."""
        places = np.flatnonzero(self._table[hashes >> self._shift])
        if not len(places):
            return places, places
        numbers = np.minimum(np.searchsorted(self.keys, hashes[places]), len(self.keys) - 1)
        known = self.keys[numbers] == hashes[places]
        return places[known], numbers[known]

    def expand(self, numbers: I64) -> tuple[I64, I64]:
        """Every item of the keys `numbers`: the index into `numbers`, and the item."""
        sizes = self.spread()[numbers]
        index = np.repeat(np.arange(len(numbers)), sizes)
        within = np.arange(len(index)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
        return index, self.items[self.offsets[numbers][index] + within]

    def shared(self, records: I64, hashes: U64) -> tuple[I64, I64, I64]:
        """Pairs of a record and an item, and how many different hashes they share."""
        places, numbers = self.find(hashes)
        seen = np.unique((records[places].astype(np.uint64) << np.uint64(32)) | numbers.astype(np.uint64))
        index, items = self.expand((seen & np.uint64(0xFFFFFFFF)).astype(np.int64))
        owners = seen[index] >> np.uint64(32) << np.uint64(32)
        pairs, counts = np.unique(owners | items.astype(np.uint64), return_counts=True)
        return (pairs >> np.uint64(32)).astype(np.int64), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int64), counts


@dataclass
class Index:
    """Evaluation items (different folded texts), ready to be looked for."""

    texts: Sequence[str]
    rules: Rules
    _siblings: dict[int, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rules = self.rules
        tokens = tokenise(self.texts)
        rolling = Rolling(tokens)
        self.lengths: I64 = rolling.sizes
        weights = np.where(tokens.kinds == CHARACTER, rules.words / rules.characters, 1.0)
        self.words = np.bincount(rolling.records, weights, len(self.texts))
        # 1e-9: so many characters as make `min_words` words must not fall short of them by rounding
        self.searched: NDArray[np.bool_] = (self.words >= rules.min_words - 1e-9) & (self.lengths > 0)
        self.grams = self._postings(rolling, rules.ngram or 13, rules.characters).without(rules.common)
        self.own_grams = np.bincount(self.grams.items, minlength=len(self.texts))
        self._all = self._postings(rolling, WORDS, CHARACTERS)
        self.shingles = self._all.without(rules.common)
        self.own_shingles = np.bincount(self.shingles.items, minlength=len(self.texts))
        self._index_wholes(rolling)

    def _postings(self, rolling: Rolling, words: int, characters: int) -> Postings:
        starts, hashes = rolling.grams(words, characters)
        items = rolling.records[starts]
        searched = self.searched[items]
        return Postings(hashes[searched], items[searched])

    def _index_wholes(self, rolling: Rolling) -> None:
        """Items without an n-gram of their own: too short for one, or made of what many share."""
        whole = np.flatnonzero(self.searched & (self.own_grams == 0))
        firsts = rolling.firsts[whole]
        self.anchor = int(min(ANCHOR, self.lengths[whole].min(initial=ANCHOR)))
        self.anchors = Postings(rolling.hashes(firsts, np.full(len(whole), self.anchor)), whole)
        self.wholes = np.zeros(len(self.texts), dtype=np.uint64)
        self.wholes[whole] = rolling.hashes(firsts, self.lengths[whole])

    def search(self, texts: Sequence[str]) -> list[Hit]:
        """Every hit in `texts`, ordered by text; the best first where a text has several."""
        rolling = Rolling(tokenise(texts))
        hits: dict[tuple[int, int], Hit] = {}
        asked: dict[tuple[int, int], Hit] = {}
        if self.rules.ngram is not None:
            for hit in (*self._found_whole(rolling), *self._found_grams(rolling, self.rules.ngram)):
                (hits if hit.found == hit.total else asked)[hit.record, hit.item] = hit
        if self.rules.near is not None:
            for hit in self._candidates(rolling):
                if (hit.record, hit.item) not in hits:
                    asked.setdefault((hit.record, hit.item), hit)
        for hit in self._verified(asked.values(), texts):
            hits[hit.record, hit.item] = hit
        return sorted(hits.values(), key=lambda hit: (hit.record, hit.way != "ngram", -hit.score, hit.item))

    def _found_whole(self, rolling: Rolling) -> Iterable[Hit]:
        """Items that stand somewhere in a text token by token."""
        starts = np.flatnonzero(rolling.room >= self.anchor)
        places, numbers = self.anchors.find(rolling.hashes(starts, np.full(len(starts), self.anchor)))
        index, items = self.anchors.expand(numbers)
        begins = starts[places[index]]
        fits = rolling.room[begins] >= self.lengths[items]
        begins, items = begins[fits], items[fits]
        same = rolling.hashes(begins, self.lengths[items]) == self.wholes[items]
        for record, item in zip(rolling.records[begins[same]].tolist(), items[same].tolist(), strict=True):
            yield Hit(record, item, "ngram", 1.0, 1, 1, is_whole=True)

    def _found_grams(self, rolling: Rolling, ngram: int) -> Iterable[Hit]:
        """Items of whose own n-grams a text holds enough."""
        starts, hashes = rolling.grams(ngram, self.rules.characters)
        records, items, counts = self.grams.shared(rolling.records[starts], hashes)
        totals = self.own_grams[items]
        enough = (counts >= np.minimum(self.rules.min_hits, totals)) & (counts >= self.rules.min_share * totals)
        for record, item, count, total in _rows(enough, records, items, counts, totals):
            yield Hit(record, item, "ngram", count / total, count, total)

    def _candidates(self, rolling: Rolling) -> Iterable[Hit]:
        """Items of whose own shingles a text holds enough to be worth a comparison."""
        starts, hashes = rolling.grams(WORDS, CHARACTERS)
        records, items, counts = self.shingles.shared(rolling.records[starts], hashes)
        totals = self.own_shingles[items]
        for record, item, count, total in _rows(counts >= CANDIDATE * totals, records, items, counts, totals):
            yield Hit(record, item, "near", 0.0, count, total)

    def _verified(self, asked: Iterable[Hit], texts: Sequence[str]) -> Iterable[Hit]:
        """Those that are copies and no look-alikes. All texts near an item are judged together, as they show where the
        template that it may be made from varies.
        """
        by_item: dict[int, list[Hit]] = defaultdict(list)
        for hit in asked:
            by_item[hit.item].append(hit)
        for item, hits in sorted(by_item.items()):
            found = compare(self.texts[item], [fold(texts[hit.record]) for hit in hits], self._witnesses(item))
            for hit, one in zip(hits, found, strict=True):
                if one.is_copy and (verified := self._as_hit(hit, one)):
                    yield verified

    def _as_hit(self, hit: Hit, one: Compared) -> Hit | None:
        if hit.way == "ngram":
            return hit
        if self.rules.near is not None and one.similarity >= self.rules.near:
            return hit._replace(score=one.similarity, found=one.shared, total=one.total)
        return None

    def _witnesses(self, item: int) -> list[str]:
        """Items that look like this one but are others: its siblings, if it was made from a template."""
        if item not in self._siblings:
            numbers = self._keys_of.get(item, np.zeros(0, dtype=np.int64))
            _, others = self._all.expand(numbers)
            counts = Counter(others.tolist())
            alike = [other for other, count in counts.most_common() if count >= SIBLING * len(numbers)]
            near = sorted(alike, key=lambda other: (-counts[other], other))
            self._siblings[item] = [self.texts[other] for other in near if other != item][:WITNESSES]
        return self._siblings[item]

    @cached_property
    def _keys_of(self) -> dict[int, I64]:
        """The numbers of each item's shingles."""
        numbers = np.repeat(np.arange(len(self._all.keys)), self._all.spread())
        order = np.argsort(self._all.items, kind="stable")
        items, starts = np.unique(self._all.items[order], return_index=True)
        return dict(zip(items.tolist(), np.split(numbers[order], starts[1:]), strict=True)) if len(items) else {}


def distinct(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Folded texts, each sequence of tokens once, and the place in `texts` where each stood first."""
    folded = [fold(text) for text in texts]
    rolling = Rolling(tokenise(folded))
    seen: dict[int, int] = {}
    for place, digest in enumerate(rolling.hashes(rolling.firsts, rolling.sizes).tolist()):
        if rolling.sizes[place]:
            seen.setdefault(digest, place)
    places = list(seen.values())
    return [folded[place] for place in places], places


def _rows(chosen: NDArray[np.bool_], *columns: I64) -> Iterable[tuple[int, ...]]:
    return zip(*(column[chosen].tolist() for column in columns), strict=True)


def _powers(factor: int, count: int) -> U64:
    """The powers 0 to count - 1 of `factor` modulo 2^64."""
    powers = np.full(count, factor, dtype=np.uint64)
    powers[:1] = 1
    return np.cumprod(powers, dtype=np.uint64)
