"""Weights of language models: finding them by name, fetching, converting, and the cache they are kept in."""
