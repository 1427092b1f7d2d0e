"""Signs of a well-made answer that can be read off its text: it ends, what it opens is closed, it is what was asked for."""
