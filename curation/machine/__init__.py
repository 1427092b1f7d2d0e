"""Text that a language model left in an answer: rules in English and Chinese, and the perplexity of a small model."""
