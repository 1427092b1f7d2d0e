"""Small tasks made by program and scored by extraction, to see whether a model still can what it could before.

No network and no data: a suite is a rule that makes cases by a seed, and a rule that says whether an answer is right.
They are easy on purpose. A suite does not say how good a model is; it says whether the second side does worse than the
first at something that both were asked in the same words.
"""

from training.compare.suites.run import run_suites, suite_means
from training.compare.suites.suite import SUITES, Case, cases, score

__all__ = ["SUITES", "Case", "cases", "run_suites", "score", "suite_means"]
