"""Texts to vectors, for finding what means the same: the embedded model, or any sentence-transformers one."""

from curation.embedding.encoder import DEFAULT, Encoder, encoder

__all__ = ["DEFAULT", "Encoder", "encoder"]
