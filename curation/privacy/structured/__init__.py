"""The structured tier: what is known by its shape, its checksum and the words beside it, in English and Chinese."""

from __future__ import annotations

from curation.privacy.structured.finder import StructuredFinder

__all__ = ["StructuredFinder"]
