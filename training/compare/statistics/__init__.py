"""What counts and losses can show and what they cannot: pure functions of numbers. docs/statistics.md has the formulas."""

from training.compare.statistics.bootstrap import bootstrap_mean, bootstrap_ratios
from training.compare.statistics.conclude import Conclusion, conclude
from training.compare.statistics.forgetting import Forgetting, forgetting
from training.compare.statistics.interval import Interval
from training.compare.statistics.kappa import Agreement, agreement, cohens_kappa
from training.compare.statistics.length import LengthControlled, length_controlled
from training.compare.statistics.paired import (
    LossDifference,
    SuiteDifference,
    all_suites,
    loss_difference,
    suite_differences,
)
from training.compare.statistics.power import detectable_rate, votes_needed
from training.compare.statistics.preference import Preference, preference
from training.compare.statistics.rates import Counts, paired_difference, wilson, win_rate
from training.compare.statistics.sign import holm, sign_test

__all__ = [
    "Agreement",
    "Conclusion",
    "Counts",
    "Forgetting",
    "Interval",
    "LengthControlled",
    "LossDifference",
    "Preference",
    "SuiteDifference",
    "agreement",
    "all_suites",
    "bootstrap_mean",
    "bootstrap_ratios",
    "cohens_kappa",
    "conclude",
    "detectable_rate",
    "forgetting",
    "holm",
    "length_controlled",
    "loss_difference",
    "paired_difference",
    "preference",
    "sign_test",
    "suite_differences",
    "votes_needed",
    "wilson",
    "win_rate",
]
