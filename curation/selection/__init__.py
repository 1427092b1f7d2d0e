"""Choosing which records stay: by what was measured about them, by what they cover, within a budget and its shares."""
