# ruff: noqa: E501 (patterns)
"""English postal addresses: a number and a street, what is written around them, boxes, British postcodes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from curation.privacy.names.english import LETTER, UPPER
from curation.privacy.spans import Span

_SUFFIX = (
    r"(?:Street|Str|St|Avenue|Aven|Ave|Av|Road|Rd|Boulevard|Blvd|Lane|Ln|Drive|Dr|Court|Ct|Circle|Cir|Place|Pl|Square|Sq|"
    r"Terrace|Ter|Terr|Trail|Trl|Parkway|Pkwy|Highway|Hwy|Route|Way|Close|Crescent|Cres|Grove|Gardens|Gdns|Mews|Row|Walk|"
    r"Hill|Park|Vale|View|Rise|Green|Gate|Quay|Wharf|Bend|Hollow|Loop|Pass|Path|Pike|Plaza|Point|Ridge|Run|Alley|Aly|Bridge|"
    r"Causeway|Commons|Cove|Crossing|Expressway|Freeway|Glen|Heights|Junction|Landing|Manor|Meadow|Meadows|Mill|Mount|Oval|"
    r"Parade|Esplanade|Broadway|Turnpike|Valley|Village|Yard|Strasse|Straße|Rue)"
)
_KINDS = frozenset(_SUFFIX[3:-1].split("|"))
_WORDS = re.compile(r"[^\W\d_]+")
_DIGIT = re.compile(r"\d")
_DIRECTION = r"(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\.?"
_CAP = rf"(?:[{UPPER}][{LETTER}'’.-]*|\d{{1,3}}(?:st|nd|rd|th))"
_UNIT = (
    r"(?:(?:Apt|Apartment|Suite|Ste|Unit|Flat|Floor|Fl|Room|Rm|Building|Bldg|Lot|Level|PMB|Studio)\.?[ ]?#?[A-Za-z0-9][A-Za-z0-9-]{0,5}\b"
    r"|#[ ]?[A-Za-z0-9-]{1,6}\b|\d{1,2}(?:st|nd|rd|th)[ ](?:Floor|floor))"
)
_POSTCODE = (
    r"(?:[A-Z]{1,2}\d[A-Z\d]?[ ]?\d[A-Z]{2}|[A-Z]\d[A-Z][ ]?\d[A-Z]\d|\d{5}(?:-\d{4})?|\d{4}[ ]?[A-Z]{2}\b|\d{4}\b)"
)
_STATES = (
    r"(?:A[KLRZ]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]|"
    r"Alabama|Alaska|Arizona|Arkansas|California|Colorado|Connecticut|Delaware|Florida|Georgia|Hawaii|Idaho|Illinois|Indiana|"
    r"Iowa|Kansas|Kentucky|Louisiana|Maine|Maryland|Massachusetts|Michigan|Minnesota|Mississippi|Missouri|Montana|Nebraska|"
    r"Nevada|New (?:Hampshire|Jersey|Mexico|York)|(?:North|South) (?:Carolina|Dakota)|Ohio|Oklahoma|Oregon|Pennsylvania|"
    r"Rhode Island|Tennessee|Texas|Utah|Vermont|(?:West )?Virginia|Washington|Wisconsin|Wyoming)"
)
_NUMBER = r"(?<![\w.,/$£€#:-])(?<!\d[ ])\d{1,5}[A-Za-z]?(?:[-/]\d{1,4}[A-Za-z]?)?"
_STREET = rf"(?:{_DIRECTION}[ ])?(?:{_CAP}[ ]){{1,4}}{_SUFFIX}\b\.?(?:[ ]{_DIRECTION}(?![{LETTER}]))?"
CORE = re.compile(rf"(?:{_UNIT},?[ ])?{_NUMBER}[ ]{_STREET}")
BOX = re.compile(
    r"(?:\b\d{3,6}[ ])?\b(?:P\.?[ ]?O\.?[ ]?Box|PO Box|Post Office Box|Box)[ ]?#?\d{2,6}\b(?:,[ ]Rural Route[ ]\d+)?"
)
_CITY = rf"[{UPPER}][{LETTER}'’.-]+(?:[ ][{UPPER}][{LETTER}'’.-]+){{0,2}}"
_SEPARATOR = r"(?:[ ]?,[ ]?\n?[ ]*|[ ]?\n[ ]*|[ ])"
# What may follow the street: units; then a town with a state or a code; else towns after commas before a code.
_TAIL = re.compile(
    rf"(?:{_SEPARATOR}{_UNIT})*"
    rf"(?:(?:{_SEPARATOR}{_CITY}){{0,2}}?{_SEPARATOR}(?:{_STATES}\b{_SEPARATOR})?{_POSTCODE}(?![\w-])"
    rf"|,[ ]{_CITY},?[ ]{_STATES}\b|{_SEPARATOR}Dublin[ ]\d{{1,2}}|,[ ]{_CITY}(?=[ ]*(?:$|[\n.;]|is\b|was\b|and\b|for\b|with\b|has\b|at\b|on\b)))?"
)
# Streets of other countries: the number comes last, the kind of street first or at the end of the word.
ABROAD = re.compile(
    rf"(?:(?<![\w.])\d{{1,6}}[ ])?(?:(?:Rue|Via|Viale|Calle|Avenida|Avda\.|Rua|Plaza|Piazza|Avenue|Boulevard|Chemin|Allée|Paseo|Carrera|"
    rf"Travessa|Largo|Corso|ul\.|Ul\.|os\.|C/|Rruga|Strada|Trg|ulica)[ ](?:(?:de|des|du|della|dei|di|la|las|los|el|do|da|dos)[ ])*"
    rf"[{UPPER}][{LETTER}'’.-]+(?:[ ](?:(?:de|la|di|do|da)[ ])?[{UPPER}][{LETTER}'’.-]+){{0,3}}"
    rf"|[{UPPER}][{LETTER}-]+(?:stra(?:ss|ß)e|str\.|gatan?|vej|vei|veien|vegen|vägen|katu|tie|straat|laan|weg|gade|gasse|allee|platz|stræti|plein|dreef|kade|hof)"
    rf"|(?:[{UPPER}][{LETTER}'’.-]+[ ]){{1,3}}(?:u\.|utca|út|tér|körút)),?[ ]\d{{1,5}}[A-Za-z]?\b"
    rf"|(?<![\w.])(?:\d{{1,6}}[ ])?(?:[{UPPER}][{LETTER}'’-]+[ ]){{1,3}}\d{{1,5}}[ ](?:St\.|St\b|street\b)"
    rf"|the corner of [^\n.,]{{3,60}} and [{UPPER}][^\n.,]{{2,40}}"
)
_CUE = re.compile(
    r"(?i:\baddress(?: is| of [^\n:,.]{1,40}? is|:)|\blives? (?:at|on)|\bliving at|\breside[sd]? at|\bresident of|\blocated (?:at|on)|"
    r"\b(?:ship|deliver|mail|send|sent|shipped|delivered|mailed|return|one)(?: it| them| this| the \w+)? to|\baddress(?:es)?(?: for \w+)? (?:to|with)|\bthey are:|\bit is|\bis in|\buser:|\bmoved? (?:to|from)|\bbilling address|"
    r"\boffice (?:is )?(?:at|on)|\bstay(?:ing)? at|\bfind (?:me|us) at|\bmeet (?:me |us )?at|\bcome to|\bfrom|\bat|\bvisit)[ ]?:?\s+"
)
# A line of words with capitals and numbers, in any order, that may run over commas and lines.
_PIECE = rf"(?:[{UPPER}][{LETTER}'’.-]*|\d{{1,6}}[A-Za-z]?(?:[-/]\d{{1,4}})?|{_POSTCODE}|{_UNIT}|de|la|der|van|do|da|del|of|the|på|i)"
_HOUSE = re.compile(r"\b(?:Apt|Suite|Ste|Flat)\.? ?#?\d+|\b[A-Z]{2}[ \n]+\d{5}\b")
_FREE = re.compile(rf"{_PIECE}(?:(?:[ ]?,[ ]?\n?[ ]*|[ ]*\n\s*,?[ ]?|[ ])(?={_PIECE}){_PIECE}){{1,14}}")


def addresses(text: str) -> Iterator[Span]:
    """Addresses, each from its number (or its unit) to its code."""
    if _DIGIT.search(text) or "the corner of" in text:
        yield from _streets(text)
        yield from _others(text)


def _streets(text: str) -> Iterator[Span]:
    if _KINDS.isdisjoint(_WORDS.findall(text)):
        return
    for core in CORE.finditer(text):
        if not _a_count(text, core):
            tail = _TAIL.match(text, core.end())
            yield Span(core.start(), tail.end() if tail else core.end(), "ADDRESS", 0.91, "en_street")


def _others(text: str) -> Iterator[Span]:
    """Boxes, what stands behind words that announce an address, streets of other countries, and blocks of lines."""
    for box in BOX.finditer(text):
        tail = _TAIL.match(text, box.end())
        end = tail.end() if tail else box.end()
        if not box[0].startswith("Box") or end > box.end() or "Rural" in box[0]:
            yield Span(box.start(), end, "ADDRESS", 0.91, "en_box")
    for cue in _CUE.finditer(text):
        free = _FREE.match(text, cue.end())
        if free and (
            _is_address(free[0])
            or (cue[0].lower().startswith("live") and re.search(rf"[{LETTER}]{{3,}} \d{{1,4}}$", free[0]))
        ):
            yield Span(free.start(), free.end(), "ADDRESS", 0.9, "en_cue")
    for street in ABROAD.finditer(text):
        free = _FREE.match(text, street.start())
        yield Span(
            street.start(),
            max(street.end(), free.end() if free and _is_block(free[0]) else 0),
            "ADDRESS",
            0.9,
            "en_abroad",
        )
    for free in _FREE.finditer(text) if _HOUSE.search(text) else ():
        number = re.search(r"(?<!\w)\d|(?:Apt|Suite|Ste|Flat|Unit)\b", free[0])
        if number and _is_block(free[0]):
            yield Span(free.start() + number.start(), free.end(), "ADDRESS", 0.9, "en_block")


def _a_count(text: str, core: re.Match[str]) -> bool:
    """Whether the number counts or numbers something: 5 Street photographers, Chapter 7 Lane detection, in 2019 Main St."""
    before = text[max(0, core.start() - 12) : core.start()]
    after = text[core.end() : core.end() + 2]
    words = core[0].split()
    if re.search(r"(?i:chapter|version|section|figure|table|step|page|level|in|since|until|by|the)\s$", before):
        return len(words) < 3 or bool(re.fullmatch(r"(?:1[89]|20)\d\d", words[0]))
    return (bool(re.match(r" [a-z]", text[core.end() : core.end() + 2])) and len(words) == 2) or after.startswith("'s")


def _is_block(piece: str) -> bool:
    """A room or a flat, another number and two words: an address in whatever order."""
    return (
        bool(_HOUSE.search(piece))
        and len(re.findall(r"\d+", piece)) >= 2
        and len(re.findall(rf"[{LETTER}]{{3,}}", piece)) >= 3
    )


def _is_address(piece: str) -> bool:
    """A number and two words, and either a separator between them or a number of a house in front."""
    numbers = re.findall(r"(?<![\w.])\d{1,6}[A-Za-z]?(?!\w)", piece)
    names = re.findall(rf"[{UPPER}][{LETTER}]{{2,}}", piece)
    months = re.search(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\b", piece)
    return len(numbers) >= 1 and len(names) >= 2 and not months and (len(numbers) >= 2 or piece[0].isdigit())
