"""Two models side by side on the same prompts: answers, votes, judgements, losses, and what they show."""
