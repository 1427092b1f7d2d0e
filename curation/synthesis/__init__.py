"""Synthetic records from documents, seeds and records through a language model: grounded, gated, and never paid for twice."""
