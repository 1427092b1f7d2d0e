"""What the differences between several arms come to, in a few sentences that claim no more than they carry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from training.compare.statistics.sign import holm
from training.experiment.statistics import Difference

Word = Literal["better", "worse", "mixed", "not shown"]


def family(found: Sequence[Difference], confidence: float) -> list[dict[str, Any]]:
    """Differences that are looked at together, as in report.json: `p_holm` is corrected for their number, and `holds`
    says whether what is shown would still be."""
    corrected = holm({str(at): one.p for at, one in enumerate(found)})
    return [
        {
            **one.as_json(),
            "p_holm": corrected[str(at)],
            "holds": one.verdict != "not shown" and corrected[str(at)] < 1 - confidence,
        }
        for at, one in enumerate(found)
    ]


def story(differences: Sequence[Mapping[str, Any]], plain: Sequence[bool], unit: str) -> tuple[Word, str]:
    """A word and some sentences on how the arms that choose did against those that do not.

    plain: which of the differences those are. Only what holds for all differences together is called better or worse.
    """
    against: dict[str, list[Mapping[str, Any]]] = {}
    for one, is_plain in zip(differences, plain, strict=True):
        if is_plain:
            against.setdefault(one["other"], []).append(one)
    sentences = [_against(other, ones, unit) for other, ones in against.items()]
    held = {one["verdict"] for ones in against.values() for one in ones if one["holds"]}
    word: Word = "mixed" if len(held) > 1 else next(iter(held), "not shown")
    loose = [one for ones in against.values() for one in ones if one["verdict"] != "not shown" and not one["holds"]]
    if loose:
        names = _listed([f"{one['arm']} and {one['other']}" for one in loose])
        sentences.append(
            f"Between {names} the intervals leave out zero, but not by enough for {len(differences)} differences looked at "
            "together."
        )
    return word, " ".join(sentences)


def _against(other: str, ones: Sequence[Mapping[str, Any]], unit: str) -> str:
    parts = []
    for verdict in ("better", "worse"):
        names = [f"{one['arm']} ({one['mean']:+.4f})" for one in ones if one["verdict"] == verdict and one["holds"]]
        if names:
            parts.append(f"{_listed(names)} {'is' if len(names) == 1 else 'are'} {verdict}")
    open_ones = [f"{one['arm']} ({one['mean']:+.4f})" for one in ones if not one["holds"]]
    if open_ones:
        parts.append(f"for {_listed(open_ones)} no difference is shown")
    return f"Against {other}, {'; '.join(parts)} ({unit})."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
