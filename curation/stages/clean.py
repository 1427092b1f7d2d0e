"""Cleaning: what a text says stays, the debris of its way here goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator

from curation.collector import at_rest
from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext
from curation.stages.cleaning.entities import HTML_SIGN
from curation.stages.cleaning.text import KINDS, Cleaning

# A text that still changes after this many rounds was made to; it is left as it is, so that cleaning stays idempotent.
MOST_ROUNDS = 10

# Words by which a record speaks of HTML; in addresses, file names and tags they do not count.
_TOPIC = (
    r"(?i)(?:^|[^\w./<=&?#%@:-]|\p{Han})(?:x?html5?|css3?|xml|svg|jsx|javascript|web ?pages?|markup)"
    r"(?:$|[^\w/>=.:-]|[.:-](?:\s|$)|\p{Han})|网页|網頁|标签|標籤|前端|タグ|マークアップ|웹 ?페이지|태그"
)

_BIT_OF = {kind: 1 << index for index, kind in enumerate(KINDS)}
_NAMES_OF = [[kind for kind, bit in _BIT_OF.items() if bits & bit] for bits in range(1 << len(KINDS))]
_TOLD_OF = [f"{', '.join(names)}; score: characters fewer" for names in _NAMES_OF]


class Clean(RecordStage):
    """Clean texts: Unicode, HTML, web addresses, unseen characters, line ends, white space, letter case.

    Code (fenced blocks, indented blocks, code spans) and Markdown are left alone unless asked otherwise; only line ends
    and characters nobody sees are put right in code too. Cleaning what is clean changes nothing.
    """

    name: ClassVar[str] = "clean"
    reasons: ClassVar[Mapping[str, str]] = {
        "html": "HTML became plain text, or character references such as &amp; were decoded",
        "urls": "web addresses were removed or replaced",
        "unicode": "mojibake was repaired, or characters were brought to one normal form",
        "control_chars": "control, zero-width or bidirectional characters, or terminal escapes were removed",
        "casefold": "letters were case-folded",
        "newlines": "CR LF, CR, U+2028 or U+2029 became a line feed",
        "whitespace": "trailing blanks, runs of blanks, or more than one blank line were removed",
        "emptied": "nothing was left of its prompt or of its answer",
    }

    part: Part = Field(
        default="record", description="which turns are cleaned: of the whole record, its prompt, its answer, …"
    )
    unicode: Literal["nfc", "nfkc", "keep"] = Field(
        default="nfc",
        description="normal form: nfc; nfkc (also compatibility forms such as ﬁ or Ａ; full-width punctuation, "
        "U+3000 and … are kept, as Chinese is written with them); keep",
    )
    mojibake: bool = Field(
        default=True, description="repair UTF-8 that was read in another encoding (cafÃ© becomes café)"
    )
    html: Literal["auto", "always", "keep"] = Field(
        default="auto",
        description="auto: HTML becomes text, unless it is code, a page somebody asked for, or what the record is "
        "about; always: every tag HTML knows goes; keep: nothing is done",
    )
    urls: Literal["keep", "remove", "replace"] = Field(default="keep", description="what becomes of web addresses")
    url_token: str = Field(
        default="<URL>", min_length=1, max_length=100, description="what replaces them, with urls: replace"
    )
    control_chars: bool = Field(
        default=True,
        description="remove control, zero-width and bidirectional characters; joiners stay in emoji and in scripts "
        "that need them",
    )
    newlines: bool = Field(default=True, description="make every line end a line feed")
    whitespace: bool = Field(default=True, description="tidy blanks and blank lines; indentation, tables and code stay")
    casefold: bool = Field(default=False, description="fold letter case; template markers and placeholders keep theirs")
    code: Literal["keep", "clean"] = Field(
        default="keep", description="leave code alone, or clean it as if it were prose"
    )

    @field_validator("url_token")
    @classmethod
    def _token_is_clean(cls, token: str) -> str:
        strictest = Cleaning(unicode="nfkc", html="always", urls="remove")
        if strictest.clean(token, strictest.steps)[0] != token:
            raise ValueError("the token would itself be changed by cleaning; take something like <URL> or [LINK]")
        return token

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One edit for each turn that changed; one decision for each record with such turns."""
        with at_rest():
            changed = self._changed(batch.turns)
        if changed.is_empty():
            return Decisions.none()
        emptied = sorted(_emptied(batch.turns, changed))
        gone = pl.col("record_id").is_in(pl.Series(emptied, dtype=pl.String).implode())
        records = changed.group_by("record_id", maintain_order=True).agg(
            pl.col("kinds").bitwise_or(), score=pl.col("fewer").sum().cast(pl.Float64)
        )
        kinds = records["kinds"].to_list()
        rows = records.with_columns(
            action=pl.when(gone).then(pl.lit("drop")).otherwise(pl.lit("edit")),
            reason=pl.when(gone)
            .then(pl.lit("emptied"))
            .otherwise(pl.Series([_NAMES_OF[bits][0] for bits in kinds], dtype=pl.String)),
            detail=pl.Series([_TOLD_OF[bits] for bits in kinds], dtype=pl.String),
        )
        edits = changed.filter(~gone)
        return Decisions.of(rows, edits.select("record_id", "turn", "after"))

    def _changed(self, turns: pl.DataFrame) -> pl.DataFrame:
        """The turns that cleaning changes: `record_id, turn, after, kinds (bits), fewer (characters)`."""
        cleaning = Cleaning(**self.model_dump(exclude={"part"}))
        if not cleaning.signs:
            return _as_frame(turns, {}, {})
        roles = PART_ROLES[self.part]
        chosen = pl.lit(True) if roles is None else pl.col("role").is_in(roles)
        any_sign = chosen & pl.col("content").str.contains("|".join(cleaning.signs.values()))
        # Whether a record speaks of HTML is asked of all its turns as they are now, so they go along, round by round.
        state = turns.with_columns(any_sign.alias("dirty"), place=pl.int_range(pl.len()))
        state = _records_of(state, state.filter("dirty"))
        kinds: dict[int, int] = {}
        after: dict[int, str] = {}
        for _ in range(MOST_ROUNDS):
            moved = self._round(state, cleaning, kinds)
            if not moved:
                return _as_frame(turns, after, kinds)
            after.update(moved)
            frame = pl.DataFrame(
                {"place": list(moved), "content": list(moved.values())},
                schema={"place": pl.Int64, "content": pl.String},
            )
            state = _records_of(state, state.join(frame, on="place", how="semi"))
            state = state.update(frame, on="place").with_columns(any_sign.alias("dirty"))
        unsettled = set(state["place"])
        return _as_frame(turns, {place: text for place, text in after.items() if place not in unsettled}, kinds)

    def _round(self, state: pl.DataFrame, cleaning: Cleaning, kinds: dict[int, int]) -> dict[int, str]:
        """Clean every dirty turn once. Returns the new text of each that changed, by place; adds to `kinds`."""
        topics = self._topics(state)
        names = list(cleaning.signs)
        bits = [
            pl.when(pl.col("content").str.contains(sign)).then(1 << index).otherwise(0)
            for index, sign in enumerate(cleaning.signs.values())
        ]
        dirty = state.filter("dirty").select("place", "record_id", "role", "content", signed=pl.sum_horizontal(bits))
        steps = [{name for index, name in enumerate(names) if bits & 1 << index} for bits in range(1 << len(names))]
        moved: dict[int, str] = {}
        for place, record, role, content, signed in dirty.iter_rows():
            cleaned, changes = cleaning.clean(
                content, steps[signed], conversation=role != "text", topic=record in topics
            )
            if cleaned != content:
                moved[place] = cleaned
                made = kinds.get(place, 0)
                for kind in changes:
                    made |= _BIT_OF[kind]
                kinds[place] = made
        return moved

    def _topics(self, state: pl.DataFrame) -> set[str]:
        """The records that speak of HTML and have something that might be HTML."""
        if self.html != "auto":
            return set()
        marked = _records_of(state, state.filter(pl.col("dirty") & pl.col("content").str.contains(HTML_SIGN)))
        return set(marked.filter(pl.col("content").str.contains(_TOPIC))["record_id"])


def _records_of(turns: pl.DataFrame, some: pl.DataFrame) -> pl.DataFrame:
    """All turns of the records that `some` names."""
    return turns.join(some.select("record_id").unique(), on="record_id", how="semi", maintain_order="left")


def _as_frame(turns: pl.DataFrame, after: Mapping[int, str], kinds: Mapping[int, int]) -> pl.DataFrame:
    places = sorted(after)
    return (
        turns[places]
        .with_columns(
            after=pl.Series([after[place] for place in places], dtype=pl.String),
            kinds=pl.Series([kinds[place] for place in places], dtype=pl.Int64),
        )
        .filter(pl.col("content") != pl.col("after"))
        .select(
            "record_id",
            "turn",
            "after",
            "kinds",
            fewer=pl.col("content").str.len_chars().cast(pl.Int64) - pl.col("after").str.len_chars().cast(pl.Int64),
        )
    )


def _emptied(turns: pl.DataFrame, changed: pl.DataFrame) -> set[str]:
    """Ids of records whose prompt, or answer, held text and holds none after cleaning."""
    blank = changed.filter(pl.col("after").str.strip_chars() == "")
    if blank.is_empty():
        return set()
    sides = (
        _records_of(turns, blank)
        .join(changed.select("record_id", "turn", "after"), on=["record_id", "turn"], how="left")
        .with_columns(after=pl.coalesce("after", "content"), prompt=pl.col("role").is_in(PART_ROLES["prompt"] or ()))
        .group_by("record_id", "prompt")
        .agg(had=(pl.col("content") != "").any(), has=(pl.col("after").str.strip_chars() != "").any())
    )
    return set(sides.filter(pl.col("had") & ~pl.col("has"))["record_id"])
