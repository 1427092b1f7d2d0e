"""Chinese addresses: from the place named first down to the road and the number; what stops earlier is a place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from curation.privacy.names import words
from curation.privacy.names.chinese import HAN
from curation.privacy.spans import Span

_NUMBER = r"(?:[0-9０-９]+|[一二三四五六七八九十百零〇]+)"
_DETAIL = (
    r"(?:[A-Za-zＡ-Ｚ]?[0-9０-９]+(?:[-－—][0-9０-９]+)*|[一二三四五六七八九十百]+|[A-Za-z甲乙丙丁东西南北])"
    r"(?:号楼|号院|号|弄|栋|幢|座|单元|室|楼|层|户|组|门|区|期|房)"
)
_ROAD = rf"[{HAN}]{{1,8}}?(?:大道|大街|胡同|公路|路|街|道|巷|弄|里|村|庄|屯|段|堤|环|坊|园|苑|小区|新村|社区)"
_BUILDING = rf"[{HAN}A-Za-z0-9]{{2,10}}?(?:大厦|广场|中心|小区|花园|公寓|大楼|写字楼|宿舍|新村|家园|国际|苑|城|府|园)"
# The least that makes an address of it: a road with a number, or a house with a room.
CORE = re.compile(rf"{_ROAD}(?:[{HAN}]{{0,3}}[段侧])?{_NUMBER}(?:[-－—][0-9０-９]+)?(?:号|弄)")
_TAIL = re.compile(
    rf"(?:[，, 　]?(?:{_DETAIL}|{_BUILDING}(?:{_DETAIL})|{_BUILDING}(?![{HAN}])|[0-9０-９]{{3,4}}(?![0-9])))+"
)
_UNIT = re.compile(r"[省市区县镇乡州盟旗]|街道|村")
# A character before which no place begins: what stands in front of an address.
_STOP = re.compile(r"[在到于住是为至往寄位家址送去来从向给找和与及的了我你他她有请把被往]")


def addresses(text: str) -> Iterator[Span]:
    """Addresses by rules alone."""
    for core in CORE.finditer(text):
        start = _start(text, core.start(), core.end())
        tail = _TAIL.match(text, core.end())
        yield Span(start, tail.end() if tail else core.end(), "ADDRESS", 0.85, "zh_address")


def _start(text: str, start: int, end: int) -> int:
    """Where the address begins whose road lies at start: at a known place, or behind the last word that is none."""
    left = start
    while left > 0 and start - left < 30 and re.match(rf"[{HAN}]", text[left - 1]):
        left -= 1
    known = [at for at in range(left, end - 1) if any(text[at : at + size] in words.places() for size in (2, 3, 4))]
    if known:
        return min(known)
    stops = [match.end() for match in _STOP.finditer(text, left, end - 3)]
    begin = max(stops, default=left)
    return begin if begin < end - 3 else start


def join(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """Places of a model that touch, as one: an address where they come down to a number, else a place."""
    places = sorted((span for span in spans if span.entity == "LOCATION"), key=lambda span: span.start)
    runs: list[list[int]] = []
    for span in places:
        if runs and span.start <= runs[-1][1] + 1 and not text[runs[-1][1] : span.start].strip(" ，,　"):
            runs[-1][1] = max(runs[-1][1], span.end)
        else:
            runs.append([span.start, span.end])
    for start, end in runs:
        tail = _TAIL.match(text, end)
        last = tail.end() if tail else end
        piece = text[start:last]
        if re.search(rf"{_NUMBER}(?:-[0-9]+)?(?:号|弄|栋|幢|座|单元|室|楼)|[0-9]{{3,4}}室?$", piece) and (
            CORE.search(piece) or _UNIT.search(piece) or re.search(_BUILDING, piece)
        ):
            yield Span(start, last, "ADDRESS", 0.88, "zh_places")
        else:
            yield Span(start, end, "LOCATION", 0.85, "zh_places")
    for span in spans:
        if span.entity != "LOCATION":
            yield span
