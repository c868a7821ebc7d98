"""Welch's interval against scipy's own, and where it cannot be told."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from models.uplift import Arm, welch_interval


def arm(values):
    return Arm(len(values), float(np.mean(values)), float(np.var(values, ddof=1)))


def test_the_interval_is_welchs():
    treatment, control = [30.0, 0.0, 12.5, 41.25, 7.0], [5.0, 0.0, 9.75]
    expected = ttest_ind(treatment, control, equal_var=False).confidence_interval(0.9)
    difference, low, high = welch_interval(arm(treatment), arm(control), 0.9)
    assert difference == pytest.approx(np.mean(treatment) - np.mean(control))
    assert (low, high) == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("treated", "left"), [(1, 5), (5, 1), (0, 0)])
def test_an_arm_of_fewer_than_two_tells_nothing(treated, left):
    assert welch_interval(Arm(treated, 1.0, 0.0), Arm(left, 1.0, 0.0)) is None


def test_without_any_spread_the_interval_is_the_difference():
    assert welch_interval(Arm(3, 2.0, 0.0), Arm(4, 0.5, 0.0)) == (1.5, 1.5, 1.5)
