"""Which requests a generation makes: how many, about what, of which type, difficulty and language.

A plan is a function of the recipe and of what there is to ask about. Nothing is drawn twice alike: seeds are dealt like
cards, so that each is shown as often as any other, and everything that is taken "in turns" is balanced by itself and
against the others.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from math import gcd, lcm

from curation.errors import InputError
from curation.language.codes import language_code
from curation.synthesis.anchors import sentences_to_ask_about
from curation.synthesis.model import Chunk, Kind, Origin, Unit
from curation.synthesis.recipe import GenerateRecipe

SEEDS = 1 << 31


def plan(recipe: GenerateRecipe, chunks: Sequence[Chunk], origins: Sequence[Origin]) -> list[Unit]:
    """The units of a run, in the order in which they are finalised. The sum of `wanted` is `ask.items`, if that is set.

    The same arguments give the same plan; more chunks or origins at the end leave the plan of those before them alone,
    unless `ask.items` spreads a fixed number over all. Raises InputError where there is nothing to ask about.
    """
    ask = recipe.ask
    if recipe.source.kind == "seeds":
        drawn = _seed_calls(recipe, origins)
    elif recipe.source.kind == "documents":
        drawn = _calls(recipe, "qa", [(chunk.text, chunk.chunk_id, ()) for chunk in chunks], ask.per_chunk)
        drawn = _anchored(recipe, chunks, list(drawn)) if recipe.anchor == "sentence" else drawn
    else:
        kind: Kind = "instruction" if recipe.source.kind == "texts" else recipe.source.how
        about = [origin for origin in origins if kind != "complete" or wants_answer(origin, recipe.gates.answer_min)]
        drawn = _calls(recipe, kind, [(origin.content_hash, "", (origin.record_id,)) for origin in about], 1)
    turns = _Turns(recipe)
    units = [turns.dress(number, call) for number, call in enumerate(drawn)]
    if not units:
        raise InputError(*_nothing(recipe, bool(chunks or origins)))
    return units


def wants_answer(origin: Origin, least: int) -> bool:
    """Whether a record has no answer to its last question, or one that the gates would call too short: under `least`
    characters, of which a Chinese one counts double."""
    from curation.synthesis.gates.quote import width

    role, said = origin.turns[-1] if origin.turns else ("", "")
    return role != "assistant" or not said.strip() or width(said.strip()) < least


@dataclass(frozen=True)
class _Call:
    """A unit before types, languages and difficulties are dealt out. about: what its sampling seed depends on."""

    kind: Kind
    wanted: int
    about: tuple[object, ...]
    chunk_id: str = ""
    record_ids: tuple[str, ...] = ()
    anchors: tuple[tuple[int, int], ...] = ()


def _calls(
    recipe: GenerateRecipe, kind: Kind, sources: Sequence[tuple[str, str, tuple[str, ...]]], each: int
) -> Iterator[_Call]:
    """The calls about chunks or records. sources: text, chunk and records of each."""
    shares = spread(recipe.ask.items, len(sources)) if recipe.ask.items else [each] * len(sources)
    for (text, chunk_id, record_ids), items in zip(sources, shares, strict=True):
        for number, wanted in enumerate(_sizes(items, recipe.per_call)):
            yield _Call(kind, wanted, (text, number), chunk_id, record_ids)


def _anchored(recipe: GenerateRecipe, chunks: Sequence[Chunk], calls: Sequence[_Call]) -> Iterator[_Call]:
    """The calls about chunks with a sentence for each item. Where a chunk has fewer sentences than items, a sentence comes
    again with another question type, as long as there are types."""
    wanted: Counter[str] = Counter()
    for call in calls:
        wanted[call.chunk_id] += call.wanted
    least, types = recipe.gates.quote_min if recipe.gates.quote else 1, len(recipe.ask.types)
    drawn = {}
    before: Chunk | None = None
    for chunk in chunks:
        known = before.end - chunk.start if before and before.document_id == chunk.document_id else 0
        if items := wanted[chunk.chunk_id]:
            draw = random.Random(_seed(recipe.ask.seed, "sentences", chunk.text))
            found = sentences_to_ask_about(chunk.text, items, draw, least=least, known=known)
            drawn[chunk.chunk_id] = iter([found[turn(place, types, len(found))] for place in range(items)])
        before = chunk
    for call in calls:
        yield replace(call, anchors=tuple(islice(drawn[call.chunk_id], call.wanted)))


def _seed_calls(recipe: GenerateRecipe, origins: Sequence[Origin]) -> Iterator[_Call]:
    """The calls that show a few seeds each, dealt from a pack that is shuffled whenever it is used up."""
    if not origins:
        return
    ids = [origin.record_id for origin in origins]
    shown = min(recipe.ask.examples, len(ids))
    draw = random.Random(_seed(recipe.ask.seed, "seeds"))
    pack: list[str] = []
    for number, wanted in enumerate(_sizes(recipe.ask.items or len(ids), recipe.per_call)):
        hand: list[str] = []
        while len(hand) < shown:
            if not pack:
                pack = draw.sample(ids, len(ids))
            card = next((card for card in pack if card not in hand), None)
            if card is None:  # what is left of the pack is in hand already
                pack = []
                continue
            pack.remove(card)
            hand.append(card)
        yield _Call("similar", wanted, (*hand, number), record_ids=tuple(hand))


def spread(items: int, places: int) -> list[int]:
    """`items` over so many places, as evenly as can be: any two differ by one at most, and one alone is in the middle."""
    if not places:
        return []
    ends = [(number * items + places // 2) // places for number in range(places + 1)]
    return [after - before for before, after in pairwise(ends)]


def _sizes(items: int, most: int) -> list[int]:
    return [min(most, items - done) for done in range(0, items, most)]


class _Turns:
    """Deals out what is taken in turns.

    Plain turns of several lists would couple them: of two difficulties and four types, asked one by one, each type would
    always be of the same difficulty. So whenever lists have come round together, the later one skips a place: where all
    calls are of one size, every combination is asked for alike.
    """

    def __init__(self, recipe: GenerateRecipe) -> None:
        self._recipe = recipe
        self._languages = [language_code(name) for name in recipe.ask.languages]
        self._asked = 0

    def dress(self, number: int, call: _Call) -> Unit:
        """The unit of the call at place `number` (from 0)."""
        ask = self._recipe.ask
        types: tuple[str, ...] = ()
        difficulty = ""
        period = 1
        if call.kind == "qa":
            first = self._asked
            types = tuple(ask.types[(first + place) % len(ask.types)] for place in range(call.wanted))
            period = len(ask.types) // gcd(len(ask.types), self._recipe.per_call)
            difficulty = ask.difficulties[turn(number, period, len(ask.difficulties))]
            period *= len(ask.difficulties)
        self._asked += call.wanted
        return Unit(
            unit_id=f"u{number + 1:05}",
            kind=call.kind,
            wanted=call.wanted,
            chunk_id=call.chunk_id,
            record_ids=call.record_ids,
            language=self._languages[turn(number, period, len(self._languages))] if self._languages else "",
            types=types,
            difficulty=difficulty,
            turns=ask.turns if call.kind in ("qa", "similar") else 1,
            reasoning=ask.reasoning,
            seed=_seed(ask.seed, *call.about),
            anchors=call.anchors,
        )


def turn(number: int, period: int, length: int) -> int:
    """Whose turn it is among `length`, where others come round every `period`."""
    return (number + number // lcm(period, length)) % length


def _seed(*parts: object) -> int:
    """A number below 2^31 out of what the parts say."""
    told = "\x00".join(map(str, parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(told, digest_size=4).digest(), "big") % SEEDS


def _nothing(recipe: GenerateRecipe, found: bool) -> tuple[str, str]:
    """Why there is nothing to ask about, and the way out."""
    if recipe.source.kind == "documents":
        return "The documents hold no text to ask about.", "Set chunks.minimum lower if they are very short."
    if found:  # every record has an answer
        said = f"Every record has an answer of at least {recipe.gates.answer_min} characters: nothing is to complete."
        return said, "Set gates.answer_min higher to have short answers written anew."
    return f"There are no {recipe.source.kind} to work from.", "Check the files: studio inspect FILE"
