# ruff: noqa: E501 (patterns)
"""Rules for English names: titles, greetings, introductions, signatures, labels, given names, public figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from curation.privacy.names import cues, words
from curation.privacy.spans import Span

# A word with a capital: any alphabet that has them; O'Brien, Jean-Luc, McDonald, D. and JR.
UPPER = "A-ZÀ-ÖØ-ÞĀĂĄĆČĎĐĒĘĚĞĢĪİŁŃŇŌŐŒŘŚŞŠŢŤŪŮŰŸŹŻŽȘȚ"
LETTER = "A-Za-zÀ-ÖØ-öø-ʯ"
WORD = rf"(?:[{UPPER}][{LETTER}]*(?:['’‘`][{UPPER}][{LETTER}]+|['’](?!s\b)[{LETTER}]{{2,}})?(?:-[{LETTER}]+)*)"
PARTICLE = r"(?:van der|van den|van de|van|von|de la|de los|del|della|de|da|dos|di|du|la|le|bin|ibn|al|el|ter|ten|zu)"
INITIAL = rf"(?:[{UPPER}]\.)+(?=[ ]?[{UPPER}])"
NAME = rf"(?:{INITIAL}[ ]?)?{WORD}(?:[ \u00a0](?:{PARTICLE}[ -])?(?:al-|el-)?(?:{INITIAL}|{WORD})){{0,4}}"
TITLE = (
    r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Professor|Doctor|Nurse|Sir|Madam|Lady|Lord|Captain|Capt|Lieutenant|Lt|Sergeant|Sgt|"
    r"Colonel|Col|Major|Officer|Detective|Inspector|Judge|Justice|Reverend|Rev|Father|Sister|Brother|Rabbi|Imam|Coach|"
    r"Senator|Uncle|Aunt|Auntie|Grandma|Grandpa|Señora|Señor|Señorita|Monsieur|Madame|Mme|Herr|Frau)"
)
# Words with a capital that no name begins or goes on with.
NOT_A_NAME = frozenset(
    "The A An And Or But If In On At To Of For From With By As Is Are Was Were Be Been Am I You He She It We They Me Him "
    "Her Us Them My Your His Its Our Their This That These Those Who What When Where Why How Which Yes No Not Please Thanks "
    "Thank Hi Hello Hey Dear Sir Madam Customer Customers Team All Everyone Support Regards Best Kind Warm Sincerely Yours "
    "Mr Mrs Ms Miss Dr Prof Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April June July "
    "August September October November December Write Explain Describe Compare Create Generate Give List Name Date Address "
    "Phone Email Subject Re Fw Fwd Cc Bcc Q Question Answer User Assistant System Human Input Output Note Here There Then "
    "Now Today Tomorrow Yesterday Can Could Would Should Will Shall May Might Must Do Does Did Has Have Had Let Get Make Use "
    "Street Avenue Road Inc Ltd LLC Corp Company University College School Hospital Bank Hotel Church Committee Department "
    "Manager Director Engineer President Sales Hiring Applicant Sender Recipient Guest Mom Mum Dad Sorry Good Great Happy "
    "Congratulations Welcome God Lord Jesus Christ English French German Spanish Chinese American British Indian European "
    "Python Java Linux Windows Google Apple Microsoft Vegan Muslim Christian Jewish Just Looking Calling Writing Going Sure "
    "Also However Still Only Once After Before Because While Since Until Although So Well Ok Okay Order Ref Reference Diary "
    "Editor Reader Friend Friends Colleagues Colleague Students Parents Neighbour Neighbor Ladies Gentlemen Professor Doctor "
    "Nurse Officer Captain Coach Student Patient Teacher Client Employee Remind Learn Ask Tell Call Meet Contact Send Reply Bill "
    "Grade Class Success Guests Guest Attendees Interviewer Candidate Driver Owner Signed Appointment Grandma Grandpa Uncle Aunt "
    "Senior Junior Chief Head Summarise Summarize Translate Complaint Forward Ship Mail Invoice Prepare Introduce Congratulate "
    "Imagine Suppose Consider Remember Discuss Design Develop Build Find Show Add Remove Follow Try Buy Visit See Read Say".split()
)
# Behind or within a run of capitalised words these make it the name of something else.
THINGS = frozenset(
    "University College School Hospital Institute Foundation Inc Ltd LLC Corp Corporation Company Bank Group Airport Station "
    "Street Road Avenue Lane Drive County River Lake Beach Island Islands Park Bridge Tower Museum Library Church Cathedral "
    "Stadium Arena Prize Award Medal Cup League Theorem Law Laws Method Test Syndrome Disease Effect Equation Algorithm "
    "Principle Distribution Transform Series Number Constant Act Treaty Convention Dynasty Empire Era Age War Battle Day Eve "
    "Valley Mountains Mountain Desert Ocean Sea Bay Gulf Canal Falls Canyon City Town State Hall House Building Center Centre "
    "Theatre Theater Festival Orchestra Band Records Studios Airlines Hotel Restaurant Cafe Press Times Post News Journal "
    "Investments Incorporated Limited Holdings Partners Magazine Show Club Party Committee Council Court Department Ministry Agency Framework Library Engine Pro Plus".split()
)
_EPONYM = re.compile(
    r"['’]?s?[ ](?:law|laws|theorem|disease|syndrome|effect|equation|algorithm|principle|paradox|transform|distribution|test|"
    r"constant|number|numbers|series|method|rule|diagram|scale|cipher|model|hypothesis|conjecture|lemma|inequality|process|"
    r"chain|filter|curve|function|formula|salad|telescope|engine|cat|dog|razor|hierarchy|pyramid|era|dynasty|programming|"
    r"library|framework|language)\b"
)
# What people do and companies and places do not.
_DOES = re.compile(
    r"[ ](?:lives|lived|is from|was born|spent|told|said|says|asked|works (?:at|as|in)|moved|married|smiled|laughed|cried)\b"
)
_PLACE_WORDS = frozenset(
    "San Santa Santo Saint St St. Los Las Fort Port Mount Mt New North South East West Lake Great Old".split()
)
# In front of an item of a list, a heading or a placeholder.
_LISTED = re.compile(r"(?:^|\n)\s*(?:\d+[.)]|[-*•])[ ]$|\*\*$|\[$|\"$")
# Given names that software has taken: alone they are nobody.
_SOFTWARE = frozenset(
    "Julia Ada Ruby Pascal Perl Swift Alexa Siri Cortana Claude Gemini Jasmine Jade Haskell Django Maven".split()
)
_TITLED = re.compile(rf"(?<![{LETTER}])(?i:{TITLE})\b\.?[ \u00a0]+(?:(?i:and|&)[ ](?:Mrs|Ms|Dr)\.?[ ])?(?P<n>{NAME})")
_TITLED_SMALL = re.compile(r"(?<![A-Za-z])(?:mr|mrs|ms|dr|prof)\.? (?P<n>[a-z]{3,}(?: [a-z]{3,})?)")
_GREETING = re.compile(
    rf"(?:^|(?<=[\n\"“:>]))\s*(?i:dear|hi|hello|hey|hiya|good (?:morning|evening|afternoon))[ ,]+(?P<n>{NAME})(?=\s*(?:[,!:\n.]|$|-|and\b))",
    re.M,
)
_LABEL = re.compile(
    rf"(?:^|(?<=[\n;,.|(]))[ \t]*(?i:(?:full |first |last |patient |customer |client |student |contact |guest )?names?|patient|student|"
    rf"applicant|candidate|interviewer|interviewee|employee|customer|client|tenant|landlord|driver|owner|registered owner|"
    rf"attendees|guests|contact(?: person)?|signed(?: by)?|prescribed for|bill(?:ed)? to|ship(?:ped)? to|sold to|deliver to|attn|"
    rf"attention|from|to|cc|bcc|sender|recipient|author|reported by|prepared by|witness|beneficiary|emergency contact|"
    rf"next of kin|account holder|cardholder|to whom it may concern)\s*[:：]\s*(?P<n>{NAME})"
)
_INTRODUCTION = re.compile(
    rf"\b(?i:my (?:full |first |last )?name is|my name's|name's|i am called|calls? me|i am|i'm|i’m|this is|it's|it’s|"
    rf"(?:is|was|are|were) (?:called|named)|named|called|(?:maiden |full |sur)?name is|identified (?:himself|herself|as)|speaking with|spoke (?:to|with)|"
    rf"behalf of|signed by|written by my|married to|addressed to|parcel for|appointment for|payable to|the desk of)[ ,:\"“]+"
    rf"(?P<n>{NAME})"
)
_TITLE_WORDS = frozenset(TITLE[3:-1].lower().split("|"))
_NAME_IS = re.compile(r"(?i)\b(?:my (?:full |first |last )?name is|my name's|(?:maiden|sur|full|middle) ?name is)[ ]$")
_SMALL_INTRODUCTION = re.compile(
    r"\b(?i:my (?:full |first )?name is|my name's|i am called|call me)[ ]+(?P<n>[a-z]{3,}(?: [a-z]{3,})?)"
    r"(?=\s*(?:$|[,.!?\n]|and\b|from\b|i\b|but\b))"
)
_KIN = re.compile(
    rf"\b(?i:my|his|her|our|their|your|the)[ ](?i:late |older |younger |elder |little |ex-|best |new |former |old )?(?i:"
    rf"husband|wife|son|daughter|brother|sister|mother|father|uncle|aunt|cousin|nephew|niece|friend|neighbou?r|colleague|"
    rf"coworker|boss|manager|teacher|doctor|therapist|dentist|landlord|tenant|nanny|babysitter|roommate|flatmate|partner|"
    rf"boyfriend|man|woman|boy|girl|guy|girlfriend|fianc[ée]e?|grandson|granddaughter|assistant|student|patient|client|defendant|pharmacist|"
    rf"plumber|lawyer|nurse|pal|mate|classmate|grandmother|grandfather|stepson|stepdaughter|godson|intern|nominee)"
    rf"(?:'s name)?,?[ ](?:(?:is|was) )?(?:(?:called|named) )?(?:(?:{TITLE})\.? )?(?P<n>{NAME})"
)
_SIGN_OFF = re.compile(
    rf"(?i:regards|sincerely|yours|faithfully|cheers|thanks|thank you|thx|love|best|wishes|respectfully|cordially|truly|sent from|xoxo)"
    rf"[^\n{LETTER}]{{0,4}}(?:\n\s*){{1,2}}(?:(?:{TITLE})\.? )?(?P<n>{NAME})[ ]*(?=$|[\n,(])"
)
_DASHED = re.compile(rf"(?:[.!?)]|\n)\s*(?:--|[-—–~])[ ]?(?P<n>[{LETTER}]{{3,}}(?: [{UPPER}][{LETTER}]+)?)\s*$")
_SPEAKER = re.compile(rf"(?:^|\n)(?P<n>{NAME})(?=:[ ])")
_CAPITALISED = re.compile(rf"(?<![{LETTER}'’-]){NAME}")
_SMALL = re.compile(r"(?<![A-Za-z'’@./_-])([a-z]{4,})(?: ([a-z]{3,}))?(?![A-Za-z@_])")
_SENTENCE = re.compile(r"[^\n.!?]*(?:[.!?](?!\s)[^\n.!?]*)*(?:[.!?]+[ ]*|\n+|$)")
_CAPITAL = re.compile(rf"(?<![{LETTER}])[{UPPER}][{LETTER}]+")
_GENERAL = re.compile(
    r"\b(?:born in (?:\d{3,4}|[A-Z])|\d{4}\s?[-–—]\s?\d{4}\)|[12]\d{3} film|century|Nobel|theorem|philosoph\w+|physicist|mathematician|"
    r"poet|poem by|novel|novelist|playwright|composer|symphon\w+|painter|painted|sculptor|emperor|empress|dynasty|"
    r"king of|queen of|prime minister|president of the (?:United|Republic)|(?:US|U\.S\.|American|French|Russian|former) president|"
    r"directed by|starring|actor|actress|album|singer|band|Grammy|Oscar|Academy Award|Pulitzer|World War|Revolution|"
    r"civil rights|explorer|astronaut|inventor|invented by|discovered by|founder of|founded by|CEO of|mythology|legend|"
    r"in the style of|quote by|famous|written by|published (?:in|by)|biography|championship|Olympic|World Cup)\b"
)
_PRIVATE = re.compile(
    r"\b(?i:my|phone|e-?mail|address|patient|customer|appointment|invoice|tenant|landlord|neighbou?r|lease|passport|employee|"
    r"applicant|candidate|our|i|i'm|me|dear|regards|account|prescription|complaint|parcel|delivery)\b"
)


def rules(text: str) -> Iterator[Span]:
    """Names that stand where names stand, and capitalised runs that begin with a given name; no model is asked."""
    for pattern, recogniser, score, needed in (
        (_TITLED, "en_title", 0.9, _TITLE_WORDS),
        (_GREETING, "en_greeting", 0.86, cues.GREETING),
        (_SIGN_OFF, "en_signature", 0.87, "\n"),
        (_LABEL, "en_label", 0.87, ":："),
        (_INTRODUCTION, "en_introduction", 0.86, cues.INTRODUCTION),
        (_KIN, "en_kin", 0.87, cues.KIN),
    ):
        if not cues.stand_in(text, needed):
            continue
        for match in pattern.finditer(text):
            for start, end in _trim(text, *match.span("n")):
                cue = text[match.start() : match.start("n")]
                if _fits(text[start:end], recogniser) or _NAME_IS.search(cue):
                    yield Span(start, end, "PERSON", score, recogniser)
    for match in _SPEAKER.finditer(text):
        first, _, rest = match["n"].partition(" ")
        if (rest and _is_given(first)) or (first in words.given_names()[0] and not rest):
            yield Span(*match.span("n"), "PERSON", 0.8, "en_speaker")
    for match in _DASHED.finditer(text):
        if _is_given(match["n"].split(" ")[0].title()):
            yield Span(*match.span("n"), "PERSON", 0.8, "en_signature")
    yield from _given(text)
    yield from _small(text)


def _fits(name: str, recogniser: str) -> bool:
    """After a title or in a greeting any word is a name; after "this is" or "from:" only a likely one."""
    if recogniser in ("en_title", "en_greeting", "en_signature", "en_kin"):
        return len(name) > 1
    parts = re.findall(rf"[{LETTER}]+", name)
    given = any(_is_given(part.title()) for part in parts)
    family = any(part.title() in words.family_names() for part in parts)
    return given or family


def _is_given(word: str) -> bool:
    return word in words.given_names()[0] or word in words.given_names()[1]


def _trim(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The part of a run of capitalised words that may be a name: up to the first word that belongs to none."""
    cut = end
    for match in re.finditer(rf"[{LETTER}'’]+", text[start:end]):
        if match[0] in NOT_A_NAME or (match[0].title() in NOT_A_NAME and match[0].isupper() and len(match[0]) > 1):
            cut = start + match.start()
            break
    while cut > start and text[cut - 1] in " .-\u00a0'’,":
        cut -= 1
    if cut > start:
        yield start, cut


def _given(text: str) -> Iterator[Span]:
    """Runs of capitalised words with a given name in them: surely a name with a second word, less so alone."""
    sure, doubtful = words.given_names()
    for match in _CAPITALISED.finditer(text):
        for start, end in _parts(text, *match.span()):
            if _a_thing(text, start, end):
                continue
            parts = list(re.finditer(rf"[{LETTER}'’-]+", text[start:end]))
            plain = [_plain(part[0]) for part in parts]
            family = [word in words.family_names() for word in plain]
            for at, word in enumerate(plain):
                last = at == len(plain) - 1
                more = any(family[at + 1 :])
                if not last and ((word in sure and (more or len(word) > 3)) or (word in doubtful and more)):
                    yield Span(start + parts[at].start(), end, "PERSON", 0.87, "en_given")
                elif last and word in sure and len(word) > 3:
                    yield Span(start + parts[at].start(), end, "PERSON", 0.86, "en_given_alone")
                else:
                    continue
                break


def looks_like_a_person(text: str, span: Span) -> bool:
    """Whether what a model took for an organisation or a place is a person: by its last word, or by what it does."""
    name = re.sub(r"['’]s$", "", text[span.start : span.end])
    parts = name.split(" ")
    if _a_thing(text, span.start, span.end) or not all(re.fullmatch(rf"{WORD}|[{UPPER}]\.", part) for part in parts):
        return False
    if parts[0].lower() in words.common_words() or parts[0] in NOT_A_NAME:
        return False
    if len(parts) == 1:
        return bool(_DOES.match(text, span.end))
    hyphened = parts[0].split("-")[0] in words.given_names()[0]
    initial = len(parts) == 3 and len(parts[1].rstrip(".")) == 1
    return len(parts) <= 3 and (_plain(parts[-1]) in words.family_names() or hyphened or initial)


def _plain(word: str) -> str:
    return word.title() if word.isupper() and len(word) > 2 else word


def _after_place(text: str, start: int) -> bool:
    """Whether the word before the place says that a place follows."""
    return bool(re.search(r"\b(?:in|near|across|throughout|from|to|of|at|visit)[ ]$", text[max(0, start - 12) : start]))


def _a_thing(text: str, start: int, end: int, *, model: bool = False) -> bool:
    """Whether the run names a thing: a word of THINGS in it, "&" beside it, an eponym, a word with an article alone.

    model: a model took it for a person, which decides for names that are places too (Charlotte, Austin).
    """
    run = text[start:end]
    if run.lower().replace(".", "") in words.english_things() or run.split(" ")[0] in _PLACE_WORDS:
        return True
    if run in words.english_places() and not (
        model and run in words.given_names()[1] and not _after_place(text, start)
    ):
        return True
    if _EPONYM.match(text, end) or text[end : end + 3] == " & " or text[max(0, start - 3) : start] == " & ":
        return True
    following = re.match(rf"['’]?s?[ ]([{UPPER}][{LETTER}]+)", text[end : end + 24])
    if (following and following[1] in THINGS) or not THINGS.isdisjoint(re.findall(rf"[{LETTER}]+", run)):
        return True
    if text.startswith((" family", " household", " couple", " residence"), end):
        return False
    return " " not in run and bool(
        run in _SOFTWARE or re.search(r"\b(?i:the|a|an)[ ]$", text[max(0, start - 5) : start])
    )


def _parts(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A run of capitalised words without the words in front that begin no name."""
    for match in re.finditer(rf"[{LETTER}'’-]+", text[start:end]):
        if match[0] not in NOT_A_NAME:
            yield from _trim(text, start + match.start(), end)
            return


def _small(text: str) -> Iterator[Span]:
    """Names in small letters: introduced or titled anywhere; given names only where nothing has a capital."""
    for match in _SMALL_INTRODUCTION.finditer(text):
        first, _, second = match["n"].partition(" ")
        if _is_given(first.title()) or first not in words.common_words():
            end = len(match["n"]) if second and second not in words.common_words() else len(first)
            yield Span(match.start("n"), match.start("n") + end, "PERSON", 0.8, "en_introduction")
    for match in _TITLED_SMALL.finditer(text):
        first, _, second = match["n"].partition(" ")
        two = second.title() in words.family_names()
        yield Span(match.start("n"), match.start("n") + len(match["n"] if two else first), "PERSON", 0.75, "en_title")
    lines = text.split("\n")
    at = 0
    for line in lines:
        if not any(character.isupper() for character in line):
            for match in _SMALL.finditer(line):
                for group in (1, 2):
                    if match[group] in words.lower_given_names() and match[group] not in words.common_words():
                        end = match.end(group)
                        if group == 1 and match[2] and match[2] not in words.common_words():
                            end = match.end(2)
                        yield Span(at + match.start(group), at + end, "PERSON", 0.65, "en_small")
                        break
        at += len(line) + 1


def worth(text: str) -> Iterator[tuple[int, int]]:
    """The passages a model should look at: sentences with a capital that begins no common word, joined where they touch.

    In instruction data most sentences have none. Names in small letters are left to the rules.
    """
    sure, unsure = words.given_names()
    start = end = -1
    for match in _SENTENCE.finditer(text):
        for word in _CAPITAL.findall(match[0]):
            if word.lower() not in words.common_words() or word in unsure or word in sure:
                if end == match.start() and end - start < 2_000:
                    end = match.end()
                else:
                    if end > start:
                        yield start, end
                    start, end = match.span()
                break
    if end > start:
        yield start, end


def tidy(text: str, spans: Sequence[Span]) -> Iterator[Span]:
    """What a model found, without possessives, titles and lines that are no part of a name, and with the words that are."""
    for span in spans:
        if span.entity != "PERSON":
            if text[span.start : span.end] in words.english_places():
                yield replace(span, entity="LOCATION")
                continue
            person = looks_like_a_person(text, span)
            shorter = len(re.sub(r"['’]s$", "", text[span.start : span.end]))
            yield replace(span, entity="PERSON", score=0.7, end=span.start + shorter) if person else span
            continue
        name = text[span.start : span.end]
        for line in re.finditer(r"[^\n;|:]+", name):
            start, end = span.start + line.start(), span.start + line.end()
            title = re.match(rf"\s*(?i:{TITLE})\b\.?\s+|[^{LETTER}]+", text[start:end])
            start += title.end() if title else 0
            found = re.match(rf"{NAME}(?:,? (?:Jr|Sr|II|III)\b\.?)?", text[start:end])
            if found is None or re.search(r"\d", text[start:end]):
                continue
            for first, last in _parts(text, start, start + found.end()):
                more = re.match(rf"(?:[ ](?:{PARTICLE} )?{WORD}(?![{LETTER}.]))+", text[last:])
                more_end = last + (more.end() if more else 0)
                for a, b in _trim(text, first, more_end):
                    initials = re.search(rf"(?<![{LETTER}])(?:[{UPPER}]\.[ ]?)+$", text[max(0, a - 9) : a])
                    a -= len(initials[0]) if initials else 0
                    if text[a:b] in words.english_places() and _a_thing(text, a, b, model=True):
                        yield replace(span, start=a, end=b, entity="LOCATION")
                    elif b - a > 1 and not _a_thing(text, a, b, model=True) and not _a_word(text, a, b):
                        yield replace(span, start=a, end=b)


def _a_word(text: str, start: int, end: int) -> bool:
    """Whether one word that a model took for a name is more likely a common word, a heading or a place."""
    word = text[start:end]
    sure, unsure = words.given_names()
    parts = re.findall(rf"[{LETTER}]+", word)
    if len(parts) > 1:
        return parts[0] not in sure | unsure and all(part.lower() in words.common_words() for part in parts)
    if word in sure:
        return False
    strange = word not in unsure and _plain(word) not in words.family_names()
    if strange and (_LISTED.search(text[max(0, start - 6) : start]) or text[end : end + 2] in (" (", "**", '"')):
        return True
    doubtful = word in words.given_names()[1]
    if re.search(r"\b(?:in|near|across|throughout)[ ]$", text[max(0, start - 12) : start]):
        return True
    return not doubtful and (word.lower() in words.common_words() or text[end : end + 1] == ":")


def public(text: str, span: Span) -> bool:
    """Whether the span names a public figure, or somebody in a sentence of general knowledge."""
    full, alone = words.public_english()
    name = re.sub(r"['’]s$", "", text[span.start : span.end]).strip()
    parts = name.split()
    known = name.lower().rstrip(".") in full or (len(parts) == 1 and name in alone)
    known = known or any(" ".join(parts[at:]).lower() in full for at in range(1, len(parts) - 1))
    if known:
        return True
    start = max(text.rfind("\n", 0, span.start), text.rfind(". ", 0, span.start)) + 1
    ends = [at for mark in ("\n", ". ") if (at := text.find(mark, span.end)) >= 0]
    sentence = text[start : min(ends, default=len(text))]
    return span.score <= 0.85 and not _PRIVATE.search(sentence) and bool(_GENERAL.search(sentence))
