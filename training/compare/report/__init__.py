"""The report of a comparison: its numbers (`compare.json`), a page (`compare.html`), a section for a model card (`card.md`)."""

from training.compare.report.facts import compare_facts
from training.compare.report.written import CARD, FACTS, PAGE, write_report

__all__ = ["CARD", "FACTS", "PAGE", "compare_facts", "write_report"]
