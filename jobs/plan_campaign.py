"""Choose customers for the retention campaign of a published date, and leave a random share of them alone.

Reads `customer_360`, `campaign_assignment`; writes `campaign_assignment`.

A plan is made once: a rerun, or a changed setting, does not draw again.
"""

import logging
from datetime import timedelta

from jobs import runtime
from jobs.errors import GateRefusedError
from jobs.plan_counts import plan_counts, why_nobody
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.score import CUSTOMER_360

log = logging.getLogger("nightjar")


def main(arguments: list[str]) -> None:
    """Plan the run's date."""
    run = runtime.run_of(runtime.parser("plan_campaign", __doc__).parse_args(arguments))
    from pyspark.sql import functions as F

    from features.campaigns import assignments
    from features.customers import repeated_customers

    settings = run.settings
    if not run.is_published():
        raise GateRefusedError(f"{run.as_of_date} is not published; a campaign is planned from published dates only")
    of_campaign = run.read(CAMPAIGN_ASSIGNMENT).filter(F.col("campaign_id") == settings.campaign_id)
    of_date = F.col("as_of_date") == F.lit(run.as_of_date)
    if of_campaign.filter(of_date).head(1):
        log.info("step=plan_campaign %s %s is planned already; the plan stays", settings.campaign_id, run.as_of_date)
        return
    customers = run.read(CUSTOMER_360).filter(of_date)
    if count := repeated_customers(customers).count():
        raise GateRefusedError(
            f"customer_360 has {count} customers with more than one row of {run.as_of_date}, who would be contacted "
            "twice; restore the lake from a backup"
        )
    window = timedelta(days=settings.campaign_window_days)
    # Later plans count too: where an older date is repaired, whom they chose would be contacted twice.
    in_window = F.col("as_of_date").between(F.lit(run.as_of_date - window), F.lit(run.as_of_date + window))
    plan = assignments(
        customers,
        of_campaign.filter(in_window),
        settings.campaign_id,
        size=settings.campaign_size,
        control_share=settings.campaign_control_share,
        minimum_churn=settings.campaign_minimum_churn,
        consent_required=settings.consent_required,
        seed=settings.seed,
    )
    with runtime.step("plan_campaign", campaign=settings.campaign_id) as facts:
        run.replace(plan, CAMPAIGN_ASSIGNMENT, also=f"campaign_id = '{settings.campaign_id}'")
        counts = plan_counts(run)
        facts.update(counts)
    if not counts.pop("treatment"):
        log.warning("step=plan_campaign %s", why_nobody(run, counts))


if __name__ == "__main__":
    runtime.start(main)
