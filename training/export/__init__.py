"""From an adapter to what other programs run: merged weights, GGUF, Ollama, LM Studio, the Hub; each loaded back and checked."""
