"""The name-and-place tier: people, addresses, places and organisations."""

from curation.privacy.names.finder import NameFinder

__all__ = ["NameFinder"]
