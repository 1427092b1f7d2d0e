"""What contradicts what in a corpus: answers at the wrong question, and the same question answered differently."""
