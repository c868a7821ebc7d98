"""Measure what the arms of earlier plans did since, as known at the run's date.

Reads `campaign_assignment`, `feature_customer_day`; writes `campaign_result`.

Every plan of the last two windows is measured each night: interim until its window is over, then final, and through one
more window again, for returns that came late; days after its own window do not count. Uplift is treatment less control,
by intention to treat, with Welch's 95% interval.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs import runtime
from jobs.tables import Run
from schemas.campaign import CAMPAIGN_ASSIGNMENT, CAMPAIGN_RESULT
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.identity import CLEAN_IDENTITY

if TYPE_CHECKING:
    from pyspark.sql import Row


def main(arguments: list[str]) -> None:
    """Measure at the run's date."""
    run = runtime.run_of(runtime.parser("measure_campaign", __doc__).parse_args(arguments))
    from pyspark.sql import functions as F

    from features.campaigns import arm_totals, outcomes
    from features.persons import other_accounts

    window = run.settings.campaign_window_days
    earliest = run.as_of_date - timedelta(days=2 * window)
    is_running = (F.col("as_of_date") >= F.lit(earliest)) & (F.col("as_of_date") < F.lit(run.as_of_date))
    plans = run.read(CAMPAIGN_ASSIGNMENT).filter(is_running)
    if not plans.head(1):
        run.clear(CAMPAIGN_RESULT)
        return
    with runtime.step("measure_campaign"):
        others = None
        if run.exists(CLEAN_IDENTITY):
            dates = [row.as_of_date for row in plans.select("as_of_date").distinct().collect()]
            others = other_accounts(run.read(CLEAN_IDENTITY), dates)
        done = outcomes(plans, run.known(FEATURE_CUSTOMER_DAY), run.as_of_date, window, others)
        totals = arm_totals(done).collect()
        rows = run.spark.createDataFrame(results(run, totals), CAMPAIGN_RESULT.struct)
        run.replace(rows, CAMPAIGN_RESULT)


def results(run: Run, totals: list["Row"]) -> list[tuple]:
    """Rows of `campaign_result`; the treatment row tells the uplift."""
    from models.uplift import Arm, welch_interval

    arms = {(row.campaign_id, row.as_of_date, row.arm): row for row in totals}

    def arm(row: "Row") -> Arm:
        return Arm(row.customer_count, row.mean, row.variance or 0.0)

    made = []
    for (campaign_id, as_of_date, name), row in sorted(arms.items()):
        control = arms.get((campaign_id, as_of_date, "control"))
        uplift = welch_interval(arm(row), arm(control)) if name == "treatment" and control else None
        facts = (row.observed_days, row.is_final, row.customer_count, row.buyer_count, row.net_revenue, row.mean)
        made.append((run.as_of_date, campaign_id, as_of_date, name, *facts, *(uplift or (None, None, None))))
    return made


if __name__ == "__main__":
    runtime.start(main)
