"""Widgets: they get frames and snapshots, show them, and post what the user did."""
