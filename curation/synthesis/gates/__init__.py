"""What an item must pass before it is in the dataset: one small file a gate, `chain` puts them in their order."""

from curation.synthesis.gates.chain import Gates

__all__ = ["Gates"]
