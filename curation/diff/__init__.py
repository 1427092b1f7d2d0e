"""What is different: between what a run read and what it kept, and between any two datasets."""

from curation.diff.compare import compare
from curation.diff.index import ReviewIndex
from curation.diff.model import MARKS, OPEN, STATUSES, Cause, Counts, FieldChange, Filter, Head, Hunk

__all__ = [
    "MARKS",
    "OPEN",
    "STATUSES",
    "Cause",
    "Counts",
    "FieldChange",
    "Filter",
    "Head",
    "Hunk",
    "ReviewIndex",
    "compare",
]
