"""What would fail silently, found in the very tensors that will be trained: `studio preflight`.

`examine` looks at everything and returns a Report of Findings; blocking ones stop a run. The reasons are a closed set,
documented in docs/preflight.md.
"""

from training.preflight.context import PreflightContext
from training.preflight.finding import Finding, Lengths, Level, Reason, Report
from training.preflight.registry import check_allowed, context_of, examine, examine_session, examine_weights, reasons

__all__ = [
    "Finding",
    "Lengths",
    "Level",
    "PreflightContext",
    "Reason",
    "Report",
    "check_allowed",
    "context_of",
    "examine",
    "examine_session",
    "examine_weights",
    "reasons",
]
