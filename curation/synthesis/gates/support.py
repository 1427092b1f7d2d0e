"""What an answer says is in its source: every number, every name, and enough of its words."""

from __future__ import annotations

from curation.synthesis.gates.looked import Looked, Turned, at, same_script
from curation.synthesis.gates.numerals import mentions
from curation.synthesis.gates.words import Known, content_words, known, names

# What is compared, by what was asked for. Rewriting takes other words, translating other names, and whoever completes or
# deepens a record adds to it.
_COMPARED = {"qa": ("numbers", "names", "words"), "rewrite": ("numbers", "names"), "translate": ("numbers",)}
FEW = 4  # content words below which a share says too little: then half of them is enough, whatever the setting


def support(looked: Looked) -> Turned | None:
    """Numbers and names must all be in the source; of the other words the share `gates.support`."""
    least, compared = looked.settings.support, _COMPARED.get(looked.unit.kind, ())
    if not least or not compared:
        return None
    source, count = known(looked.source), len(looked.exchanges)
    for place, exchange in enumerate(looked.exchanges):
        text = exchange.answer if looked.unit.kind == "qa" else f"{exchange.question}\n{exchange.answer}"
        if strange := strange_numbers(text, source):
            return Turned("unsupported", at(place, f"{strange} numbers", count))
        if "names" not in compared or not same_script(text, looked.source):
            continue
        if strange := strange_names([text], source):
            return Turned("unsupported", at(place, f"{strange} names", count))
        if "words" in compared:
            share, words = word_share(text, source)
            looked.scores["support"] = min(looked.scores.get("support", 1.0), round(share, 4))
            if share < (min(least, 0.5) if words < FEW else least):
                return Turned("unsupported", at(place, f"{share:.2f} of {words} words", count))
    return None


def strange_numbers(text: str, source: Known) -> int:
    """How many of the text's numbers the source does not have."""
    return sum(mention.isdisjoint(source.numbers) for mention in mentions(text))


def strange_names(texts: list[str], source: Known) -> int:
    """How many of the texts' names the source does not have."""
    return sum(not source.has_name(name) for name in names(texts))


def word_share(text: str, source: Known) -> tuple[float, int]:
    """Of the text's content words, the share that the source has (1 if there are none), and how many there are."""
    words = list(dict.fromkeys(content_words(text)))
    return (sum(source.has(word) for word in words) / len(words) if words else 1.0), len(words)
