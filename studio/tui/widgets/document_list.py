"""The documents of a generation, and how much of each is covered by what was accepted."""

from __future__ import annotations

from studio.tui.i18n import N_
from studio.tui.widgets.scrolled import ScrolledText


class DocumentPane(ScrolledText):
    """Shows what `generate_documents.documents_content` makes."""

    HELP = N_(
        "The documents: chunks, items accepted, and how much of the text the quotes of accepted items cover. Below them, how "
        "question types, languages and headings are spread; documents that could not be read begin with ✗."
    )
