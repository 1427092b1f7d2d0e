"""What becomes of a value that was found: an operator turns it into a mask. `make` gives the one of a name.

| operator | what stands there afterwards | needs the key |
|:---------|:-----------------------------|:--------------|
| replace | `<PERSON>` | |
| pseudonym | `<PERSON_3f2a91c0>`, the same for the same value | yes |
| fake | another name, a number nobody has, an address of nowhere | yes |
| partial | `138****5678`, `张**`, `j***@example.com` | |
| hash | `<PERSON:` and 64 digits of SHA-256, salted with the key, `>` | yes |
| drop, flag | nothing is masked: the record goes, or is pointed out | |

No mask holds a quotation mark, a backslash, a line feed or a control character, so that it may stand inside a string of
JSON.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from curation.privacy.operators.fakes import Fakes
from curation.privacy.operators.labels import label, labelled, salted
from curation.privacy.operators.partial import partial
from curation.privacy.pseudonyms import Pseudonyms

OperatorName = Literal["replace", "pseudonym", "fake", "partial", "hash", "drop", "flag"]
Operator = Callable[[str, str], str]
"""From entity type and value to the mask."""

KEYED: frozenset[OperatorName] = frozenset({"pseudonym", "fake", "hash"})
UNMASKED: frozenset[OperatorName] = frozenset({"drop", "flag"})


def make(name: OperatorName, pseudonyms: Pseudonyms | None, digits: int) -> Operator:
    """The operator of that name. `pseudonyms` is needed by those in KEYED; `digits` is the length of a pseudonym."""
    if name == "partial":
        return partial
    if name == "replace":
        return lambda entity, _: label(entity)
    if name in UNMASKED or pseudonyms is None:
        raise ValueError(f"operator {name} masks nothing, or has no key")
    keyed = pseudonyms
    if name == "pseudonym":
        return lambda entity, value: labelled(entity, keyed.name(entity, value, digits))
    if name == "hash":
        return lambda entity, value: salted(entity, value, keyed.salt)
    return Fakes(keyed, digits).fake
