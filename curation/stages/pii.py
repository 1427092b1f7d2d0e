"""The stage `pii`: finds what belongs to a person or must stay secret, and masks it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from curation.errors import StageError, StudioError, nearest
from curation.privacy import lists
from curation.privacy.carried import carried
from curation.privacy.entities import ENTITIES, MASKED
from curation.privacy.keys import KEY_ENV, Key, load_key
from curation.privacy.masking import Masked, Masking
from curation.privacy.operators import KEYED, UNMASKED, OperatorName, make
from curation.privacy.pseudonyms import DIGITS, Pseudonyms
from curation.privacy.search import Search
from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext


class Pii(RecordStage):
    """Mask personal data and secrets: e-mails, phones, ids, cards, keys, names, addresses, in English and Chinese.

    Whatever has a form is looked for in every language. Names and places need a model or rules for the language of the
    text; where there are none, the reason `not_searched` and the report say what could not be looked for. Only turns
    are masked: what other columns and tool calls carry is looked at and pointed out.

    The ledger says how many of which type were masked, never what they were. docs/pii.md explains operators and keys.
    """

    name: ClassVar[str] = "pii"
    version: ClassVar[int] = 2
    reasons: ClassVar[Mapping[str, str]] = {
        "masked": "Personal data or secrets in its texts were masked.",
        "masked_in_part": "Its texts were masked, but its other columns hold more, which cannot be masked.",
        "dropped_pii": "It holds data of a type whose operator is `drop`.",
        "dropped_columns": "Its other columns hold such data, and `columns` is `drop`.",
        "flagged": "It holds data of a type whose operator is `flag`; nothing was masked.",
        "columns": "Its other columns hold such data, which cannot be masked there.",
        "not_searched": "Nothing was found, but some types cannot be looked for in its language.",
    }

    only: tuple[str, ...] = Field(
        (), description="The only entity types to look for; empty: all that are on by default."
    )
    also: tuple[str, ...] = Field(
        (), description="Types to look for besides: ORGANIZATION, LOCATION, CN_USCC are off by default."
    )
    without: tuple[str, ...] = Field((), description="Types not to look for.")
    part: Part = Field("record", description="Which turns are searched and masked.")
    names: bool = Field(
        True, description="Look for names and places too, by models and rules; without, ten times as fast."
    )
    models: dict[str, str] = Field(
        {},
        description="By language, the model that finds names: a spaCy package, or a local or Hub transformers model.",
    )
    public_figures: Literal["keep", "mask"] = Field(
        "keep", description="Whether the names of people, places and companies of general knowledge are masked too."
    )
    thresholds: dict[str, float] = Field({}, description="By entity type, the least score (0 to 1) that counts.")
    allow: tuple[str, ...] = Field((), description="Values never to mask: texts, or /regular expressions/.")
    deny: dict[str, tuple[str, ...]] = Field(
        {},
        description="By entity type, what is always masked. It is part of the recipe, and so of the card: see deny_file.",
    )
    deny_file: str | None = Field(
        None, description="A file with more of them, a line each: an entity type, a blank, the text or /expression/."
    )
    operator: OperatorName = Field(
        "replace",
        description="What becomes of a value: its type, a pseudonym, a fake, a part of it, a hash; or drop, flag.",
    )
    operators: dict[str, OperatorName] = Field({}, description="By entity type, another operator.")
    digits: int = Field(DIGITS, ge=4, le=64, description="How many hexadecimal digits a pseudonym has.")
    columns: Literal["flag", "drop", "ignore"] = Field(
        "flag",
        description="What becomes of a record whose other columns or tool calls hold such data: it is not masked.",
    )
    key_env: str = Field(KEY_ENV, min_length=1, description="The environment variable that holds the key.")
    key_file: str | None = Field(None, description="A file that holds the key instead, readable only by its owner.")

    @field_validator("only", "also", "without", "thresholds", "operators", "deny")
    @classmethod
    def _known_types(cls, named: Any) -> Any:
        for name in named:
            if name not in ENTITIES:
                raise ValueError(f"there is no entity type '{name}'. {nearest(name, ENTITIES)}")
        return named

    @field_validator("thresholds")
    @classmethod
    def _scores(cls, thresholds: dict[str, float]) -> dict[str, float]:
        for entity, score in thresholds.items():
            if not 0.0 <= score <= 1.0:
                raise ValueError(f"the threshold of {entity} must be from 0 to 1")
        return thresholds

    @field_validator("allow")
    @classmethod
    def _allow_entries(cls, entries: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(lists.checked(entry) for entry in entries)

    @field_validator("deny")
    @classmethod
    def _deny_entries(cls, entries: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        return {entity: tuple(lists.checked(entry) for entry in several) for entity, several in entries.items()}

    @model_validator(mode="after")
    def _something_to_do(self) -> Pii:
        both = sorted(set(self.allow) & {entry for several in self.deny.values() for entry in several})
        if both:
            raise ValueError("an entry is both in allow and in deny")
        if not self.wanted() and not self.deny and not self.deny_file:
            raise ValueError("there is nothing to look for")
        return self

    def wanted(self) -> frozenset[str]:
        """The entity types that are looked for; without `names` none of the tier of names."""
        chosen = (set(self.only or MASKED) | set(self.also)) - set(self.without)
        return frozenset(name for name in chosen if self.names or ENTITIES[name].tier != "name")

    def operator_of(self, entity: str) -> OperatorName:
        """The name of the operator for a type."""
        return self.operators.get(entity, self.operator)

    def keyed(self) -> bool:
        """Whether an operator needs the key."""
        types = {*self.wanted(), *self.deny, *(ENTITIES if self.deny_file else ())}
        return any(self.operator_of(entity) in KEYED for entity in types)

    def check(self, column_types: Mapping[str, Mapping[str, str]]) -> None:  # noqa: ARG002
        """Raise StageError where the key is needed and is missing, or a list cannot be read."""
        if self.keyed():
            self.key()
        self._denied()

    def key(self) -> Key:
        """The user's key. Raises StageError."""
        return load_key(self.key_env, self.key_file)

    def assets(self) -> Mapping[str, str]:
        """Digests of models, word lists and the deny file, and the digest of a digest of the key."""
        found = dict(self.search().assets())
        if self.deny_file:
            found["deny_file"] = lists.digest(lists.read_list(self.deny_file))
        if self.keyed():
            found["key"] = self.key().digest()
        return found

    def search(self) -> Search:
        """What is looked for, and with what."""
        return Search(
            wanted=self.wanted(),
            names=self.names,
            models=tuple(sorted(self.models.items())),
            thresholds=tuple(sorted(self.thresholds.items())),
            public_figures=self.public_figures == "mask",
            allow=self.allow,
            deny=self._denied(),
        )

    def _denied(self) -> tuple[tuple[str, str], ...]:
        listed = lists.read_list(self.deny_file) if self.deny_file else ()
        return (*lists.pairs(self.deny), *listed)

    def masking(self) -> Masking:
        """The search and the operators, ready to mask texts."""
        search = self.search()
        types = {*search.wanted, *(entity for entity, _ in search.deny)}
        pseudonyms = Pseudonyms(self.key()) if self.keyed() else None
        names = {entity: self.operator_of(entity) for entity in sorted(types)}
        made = {name: make(name, pseudonyms, self.digits) for name in set(names.values()) - UNMASKED}
        return Masking(
            find=search.find,
            operators={entity: made[name] for entity, name in names.items() if name in made},
            allowed=search.allowed,
            fakes=frozenset(entity for entity, name in names.items() if name == "fake"),
        )

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One decision for each record that holds something, or in whose language something cannot be looked for."""
        try:
            return self._decide(batch)
        except StudioError:
            raise
        except Exception as error:  # whose message may quote a text of a record
            raise StageError(
                f"the search for personal data failed: {type(error).__name__}",
                "Its message is withheld, since it may hold text of a record. --set pii.names=false does without models.",
            ) from None

    def _decide(self, batch: Batch) -> Decisions:
        turns = chosen_turns(batch, self.part)
        search = self.search()
        languages = languages_of(turns) if self.names else [""] * turns.height
        texts = turns["content"].to_list()
        owners = turns["record"].to_list()
        masked = self.masking().mask(texts, languages, owners)
        told = _Told(self, batch)
        blind = search.blind(sorted(set(languages)))
        for owner, language, state in zip(owners, languages, masked, strict=True):
            told.add(owner, state, language, blind.get(language, ()))
        if self.columns != "ignore":
            told.look_at_columns(search)
        changed = [place for place, (text, state) in enumerate(zip(texts, masked, strict=True)) if state.text != text]
        edits = turns[changed].select(
            "record_id", "turn", after=pl.Series([masked[place].text for place in changed], dtype=pl.String)
        )
        return told.decisions(edits)


def chosen_turns(batch: Batch, part: Part) -> pl.DataFrame:
    """The turns of a part with the place of their record in the batch: `record_id, turn, content, record`."""
    roles = PART_ROLES[part]
    places = batch.records.select("record_id").with_row_index("record")
    turns = batch.turns if roles is None else batch.turns.filter(pl.col("role").is_in(roles))
    return turns.select("record_id", "turn", "content").join(places, on="record_id", maintain_order="left")


def languages_of(turns: pl.DataFrame) -> list[str]:
    """The language of each turn; of one too short to tell, that of its record; "" where neither can be told."""
    from curation.language.codes import UNKNOWN
    from curation.language.detect import detect_languages

    own = detect_languages(turns["content"])["language"]
    unknown = own == UNKNOWN
    if not unknown.any():
        return own.to_list()
    records = turns.group_by("record", maintain_order=True).agg(pl.col("content").str.join("\n"))
    whole = dict(zip(records["record"], detect_languages(records["content"])["language"], strict=True))
    found = [
        whole[record] if missing else language
        for record, language, missing in zip(turns["record"], own, unknown, strict=True)
    ]
    return ["" if language == UNKNOWN else language for language in found]


@dataclass
class _Record:
    """What is known of one record."""

    counts: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    column_names: set[str] = field(default_factory=set)
    recognisers: set[str] = field(default_factory=set)
    blind: dict[str, Sequence[str]] = field(default_factory=dict)  # by language, the types that cannot be looked for


class _Told:
    """Gathers what was found by record, and says it as decisions."""

    def __init__(self, stage: Pii, batch: Batch) -> None:
        self.stage, self.batch = stage, batch
        self.records: dict[int, _Record] = {}

    def add(self, place: int, state: Masked, language: str, blind: Sequence[str]) -> None:
        """What became of one text of the record at `place`."""
        if not (state.counts or state.left or blind):
            return
        record = self.records.setdefault(place, _Record())
        record.counts += state.counts
        record.left += state.left
        record.recognisers |= state.recognisers
        if blind and any(map(str.isalpha, state.text)):
            record.blind[language] = blind

    def look_at_columns(self, search: Search) -> None:
        """Search what the records carry besides their turns."""
        owners, names, texts = [], [], []
        for place, meta in enumerate(self.batch.records["meta"].to_list()):
            for name, text in carried(meta).items() if meta else ():
                owners.append(place)
                names.append(name)
                texts.append(text)
        if not texts:
            return
        languages = (
            languages_of(pl.DataFrame({"content": texts, "record": owners})) if self.stage.names else [""] * len(texts)
        )
        for place, name, text, spans in zip(owners, names, texts, search.find(texts, languages), strict=True):
            found = [span for span in spans if not search.allowed(text[span.start : span.end])]
            if found:
                record = self.records.setdefault(place, _Record())
                record.columns.update(span.entity for span in found)
                record.column_names.add(name if _COLUMN.fullmatch(name) else "…")
                record.recognisers.update(span.recogniser for span in found)

    def decisions(self, edits: pl.DataFrame) -> Decisions:
        """A row for each record about which there is something to say, in their order."""
        ids = self.batch.records["record_id"]
        rows = []
        for place in sorted(self.records):
            record = self.records[place]
            verdict = self._verdict(record)
            if verdict is not None:
                rows.append(
                    {"record_id": ids[place], **dict(zip(("action", "reason"), verdict, strict=True)), **_facts(record)}
                )
        if not rows:
            return Decisions.none()
        frame = pl.DataFrame(rows, schema={"record_id": pl.String, "action": pl.String, "reason": pl.String, **_FACTS})
        kept = frame.filter(pl.col("action") == "edit").select("record_id")
        return Decisions.of(frame, edits.join(kept, on="record_id", how="semi", maintain_order="left"))

    def _verdict(self, record: _Record) -> tuple[str, str] | None:
        """Action and reason: dropping before masking, masking before pointing out, and that before what was not searched."""
        if any(self.stage.operator_of(entity) == "drop" for entity in record.left):
            return "drop", "dropped_pii"
        if record.columns and self.stage.columns == "drop":
            return "drop", "dropped_columns"
        if record.counts:
            return "edit", "masked_in_part" if record.columns else "masked"
        if record.left:
            return "flag", "flagged"
        if record.columns:
            return "flag", "columns"
        return ("annotate", "not_searched") if record.blind else None


# A column name that may be told. Where data stands as keys, a name could be somebody's.
_COLUMN = re.compile("[A-Za-z_]{1,40}|[\u3400-\u9fff]{1,12}")
_FACTS = {"score": pl.Float64(), "values": pl.String(), "detail": pl.String()}


def _facts(record: _Record) -> dict[str, Any]:
    """The number of values as score, counts by entity type, and by which rules and models they were found.

    Names that begin with an underscore are for the ledger and the report, not for the dataset.
    """
    values: dict[str, Any] = dict(sorted(record.counts.items()))
    if record.left:
        values["_left"] = dict(sorted(record.left.items()))
    if record.columns:
        values["_columns"] = dict(sorted(record.columns.items()))
        values["_in_columns"] = sorted(record.column_names)
    if record.blind:
        values["_not_searched"] = {language: sorted(types) for language, types in sorted(record.blind.items())}
    number = sum((record.counts + record.left + record.columns).values())
    return {
        "score": float(number) if number else None,
        "values": json.dumps(values, ensure_ascii=False),
        "detail": ", ".join(sorted(record.recognisers)) or None,
    }
