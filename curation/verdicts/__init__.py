"""What a person decided about records: a journal on disk, the state it folds to, and where that state applies now."""

from curation.verdicts.fold import RecordVerdicts, Verdicts, fold, redoable, undoable
from curation.verdicts.journal import JOURNAL, Journal, merge, read_journal, read_named
from curation.verdicts.model import KINDS, Kind, Verdict

__all__ = [
    "JOURNAL",
    "KINDS",
    "Journal",
    "Kind",
    "RecordVerdicts",
    "Verdict",
    "Verdicts",
    "fold",
    "merge",
    "read_journal",
    "read_named",
    "redoable",
    "undoable",
]
