"""What a template cannot do, said so that a user can go on."""

from __future__ import annotations

from curation.errors import StudioError


class TemplateError(StudioError):
    """A conversation cannot be written by this template, or nobody can tell which of its characters are the answers."""

    def of_record(self, record_id: str) -> TemplateError:
        """The same error, naming the record it came up in."""
        return TemplateError(f"Record {record_id}: {self.message}", self.hint)
