"""Of a plan: how many customers are contacted, left alone and left out, and in words why nobody is contacted."""

from datetime import timedelta
from typing import TYPE_CHECKING

from jobs.tables import Run
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.score import CUSTOMER_360

if TYPE_CHECKING:
    from collections.abc import Mapping

# What a count of `left_out` means, and how a sentence says it.
LEFT_OUT_WORDS = {
    "no_score": "without a churn or a CLV score",
    "below_minimum_churn": "less likely to leave than campaign_minimum_churn",
    "no_consent": "without consent to marketing",
    "planned_before": "in a plan of an earlier date whose window still runs",
    "beyond_size": "ranked behind the last one planned",
    "withdrawn": "who took the consent back since the plan",
    "control": "left alone by chance for comparison",
}


def plan_counts(run: Run) -> dict[str, int]:
    """Customers of the run's date by arm and by reason of being in none; each of them once."""
    from pyspark.sql import functions as F

    from features.campaigns import LEFT_OUT, fates

    settings = run.settings
    of_campaign = run.read(CAMPAIGN_ASSIGNMENT).filter(F.col("campaign_id") == settings.campaign_id)
    day = F.col("as_of_date")
    earliest = run.as_of_date - timedelta(days=settings.campaign_window_days)
    counted = fates(
        run.read(CUSTOMER_360).filter(day == F.lit(run.as_of_date)),
        of_campaign.filter(day == F.lit(run.as_of_date)),
        of_campaign.filter((day >= F.lit(earliest)) & (day < F.lit(run.as_of_date))),
        minimum_churn=settings.campaign_minimum_churn,
        consent_required=settings.consent_required,
    )
    found = {row.fate: row.customer_count for row in counted.collect()}
    return {name: found.get(name, 0) for name in ("treatment", "control", *LEFT_OUT)}


def why_nobody(run: Run, counts: "Mapping[str, int]") -> str:
    """Why the file of the run's date is empty, in one line; `counts` are of all customers but those contacted."""
    settings, customers = run.settings, sum(counts.values())
    if counts["no_score"] < customers:
        told = [f"{count:,} {LEFT_OUT_WORDS[name]}" for name, count in counts.items() if count]
        return f"nobody to contact of {customers:,} customers: {', '.join(told)}"
    nobody = f"nobody to contact: none of {customers:,} customers has a churn and a CLV score yet"
    needed = f"training them needs {settings.days_to_train} days"
    if not settings.has_prices:
        return f"{nobody}; the data have no prices, so there is no CLV"
    if settings.first_date is None:
        return f"{nobody}; {needed} of history"
    days = (run.as_of_date - settings.first_date).days + 1
    if days < settings.days_to_train:
        return f"{nobody}; the history is {days} days long, {needed}"
    return f"{nobody}; the history of {days} days is long enough: train the models, whose log says what is left out"
