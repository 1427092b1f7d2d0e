"""What a finished run looks like to a reader: `report.html` in a browser, and the dataset card on a hub."""

from curation.report.card import build_card
from curation.report.page import build_report

__all__ = ["build_card", "build_report"]
