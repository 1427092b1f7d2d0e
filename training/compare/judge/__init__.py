"""A language model as judge: which of two answers is better, asked in both orders, and how good each one is."""
