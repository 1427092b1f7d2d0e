"""Documents to texts: found, converted in a process of their own, and kept where their chunks can be looked up."""

from curation.synthesis.documents.convert import convert_all, text_of

__all__ = ["convert_all", "text_of"]
