"""Measured campaigns: what each arm did in the window, as known at the measuring date."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from schemas.campaign import CAMPAIGN_ASSIGNMENT, CAMPAIGN_RESULT
from schemas.feature import FEATURE_CUSTOMER_DAY

D = date(2024, 3, 1)
WINDOW = 10
TREATED = {"t1": 30.0, "t2": 0.0, "t3": 12.5, "t4": 41.25, "t5": 7.0}
CONTROL = {"k1": 5.0, "k2": 0.0, "k3": 9.75}


@pytest.fixture
def measured(make_run, frame, run_job):
    """`measured(days, *tiles)`: rows of `campaign_result` so many days after the plan, by arm."""

    def measure(days: int, *tiles: tuple[str, int, float], known_after: int = 0) -> dict[str, object]:
        plans = [{"customer_id": name, "arm": "treatment"} for name in TREATED]
        plans += [{"customer_id": name, "arm": "control"} for name in CONTROL]
        run = make_run(D)
        run.replace(
            frame(CAMPAIGN_ASSIGNMENT, *({"as_of_date": D, "campaign_id": "c", **plan} for plan in plans)),
            CAMPAIGN_ASSIGNMENT,
        )
        known = D + timedelta(days=known_after)
        rows = [
            {
                "customer_id": name,
                "event_date": D + timedelta(days=day),
                "ingest_date": known,
                "order_count": 1,
                "net_amount": amount,
            }
            for name, day, amount in tiles
        ]
        make_run(known).replace(frame(FEATURE_CUSTOMER_DAY, *rows), FEATURE_CUSTOMER_DAY)
        measuring = D + timedelta(days=days)
        run_job("measure_campaign", measuring, campaign_window_days=WINDOW)
        results = make_run(measuring).read(CAMPAIGN_RESULT).collect()
        return {row.arm: row for row in results if row.measured_date == measuring}

    return measure


def spent() -> list[tuple[str, int, float]]:
    return [(name, 3, amount) for name, amount in (TREATED | CONTROL).items() if amount]


def test_uplift_and_interval_are_those_of_welchs_test(measured):
    from scipy.stats import ttest_ind

    result = measured(WINDOW, *spent())
    test = ttest_ind(list(TREATED.values()), list(CONTROL.values()), equal_var=False)
    interval = test.confidence_interval(0.95)
    row = result["treatment"]
    mean = sum(TREATED.values()) / 5 - sum(CONTROL.values()) / 3
    assert row.uplift_per_customer == pytest.approx(mean)
    assert (row.uplift_low, row.uplift_high) == pytest.approx((interval.low, interval.high))
    assert result["control"].uplift_per_customer is None


def test_everybody_assigned_counts_also_who_bought_nothing(measured):
    result = measured(WINDOW, *spent())
    treated, control = result["treatment"], result["control"]
    assert (treated.customer_count, treated.buyer_count, treated.net_revenue) == (5, 4, Decimal("90.75"))
    assert (control.customer_count, control.buyer_count, control.net_revenue) == (3, 2, Decimal("14.75"))


def test_only_days_after_the_plan_and_in_the_window_count(measured):
    result = measured(WINDOW + 5, ("t1", 0, 100.0), ("t2", 1, 1.0), ("t3", WINDOW, 2.0), ("t4", WINDOW + 1, 100.0))
    assert result["treatment"].net_revenue == Decimal("3.00")
    assert result["treatment"].observed_days == WINDOW


def test_a_result_is_interim_until_the_window_is_over(measured):
    assert not measured(WINDOW - 1)["treatment"].is_final
    assert measured(WINDOW)["treatment"].is_final


def test_rows_not_yet_known_at_the_measuring_date_do_not_count(measured):
    assert measured(4, ("t1", 3, 10.0), known_after=5)["treatment"].net_revenue == 0


def test_on_the_day_of_the_plan_there_is_nothing_to_measure(measured):
    assert not measured(0)


def test_plans_two_windows_old_are_measured_no_more(measured):
    assert measured(2 * WINDOW)
    assert not measured(2 * WINDOW + 1)
