"""Difference of two arms' means with its interval, by Welch's t (Welch 1947)."""

import math
from typing import NamedTuple


class Arm(NamedTuple):
    """Customers of an arm, and mean and sample variance of their outcome."""

    count: int  # type: ignore[assignment]  # a tuple's own method of this name is not missed
    mean: float
    variance: float


def welch_interval(treatment: Arm, control: Arm, confidence: float = 0.95) -> tuple[float, float, float] | None:
    """(difference, low, high) of treatment minus control; None where an arm has fewer than two customers."""
    from scipy.stats import t

    if min(treatment.count, control.count) < 2:
        return None
    parts = [arm.variance / arm.count for arm in (treatment, control)]
    spread, difference = math.sqrt(sum(parts)), treatment.mean - control.mean
    if spread == 0:
        return difference, difference, difference
    degrees = sum(parts) ** 2 / sum(
        part**2 / (arm.count - 1) for part, arm in zip(parts, (treatment, control), strict=True)
    )
    margin = float(t.ppf((1 + confidence) / 2, degrees)) * spread
    return difference, difference - margin, difference + margin
