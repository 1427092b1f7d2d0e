"""Looking at records one at a time, in any order, without reading what is not looked at.

`open_records` takes what a user names (a file, a folder, a run, `hf:NAME`) and gives a `RecordList`: its records are
found by `grow`, in a thread of the caller's, while those found already can be read. Memory grows by some bytes a record.
"""

from curation.browsing.model import Order, Raw, Record
from curation.browsing.opening import open_records
from curation.browsing.record_list import RecordList

__all__ = ["Order", "Raw", "Record", "RecordList", "open_records"]
