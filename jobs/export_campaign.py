"""Write the campaign file of a planned date: the customers to contact, most worth keeping first.

Reads `campaign_assignment`, `customer_360`, `clean_consent`, `clean_identity`, `ops_erased_customer`; writes
`contacts.csv` and `manifest.json` in `exports/<campaign>/<as_of_date>/`.

The folder appears whole or not at all. The arm that is left alone never leaves the house, nor does who took the consent
back since the plan was made, whichever run brought that, or was erased.
"""

import hashlib
import json
import logging
import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from features.spreadsheet import csv_text, safe_text
from jobs import runtime
from jobs.errors import MissingInputError
from jobs.plan_counts import LEFT_OUT_WORDS, plan_counts, why_nobody
from jobs.pseudonyms import key_of, pseudonym
from jobs.tables import Run
from schemas.campaign import CAMPAIGN_ASSIGNMENT
from schemas.clean import CLEAN_CONSENT
from schemas.identity import CLEAN_IDENTITY
from schemas.ops import OPS_ERASED_CUSTOMER
from schemas.score import CUSTOMER_360

if TYPE_CHECKING:
    from pyspark.sql import Row

log = logging.getLogger("nightjar")

COLUMNS = ("customer_id", "priority_rank", "segment", "churn_probability", "expected_net_revenue", "value_at_risk")
HORIZONS = ("churn_horizon_days", "clv_horizon_days")
DECIMALS = {"churn_probability": 4, "expected_net_revenue": 2, "value_at_risk": 2}


def main(arguments: list[str]) -> None:
    """Export the plan of the run's date."""
    run = runtime.run_of(runtime.parser("export_campaign", __doc__).parse_args(arguments))
    from pyspark.sql import functions as F

    campaign_id = run.settings.campaign_id
    is_plan = (F.col("as_of_date") == F.lit(run.as_of_date)) & (F.col("campaign_id") == campaign_id)
    plan = run.read(CAMPAIGN_ASSIGNMENT).filter(is_plan).orderBy("priority_rank").collect()
    if not plan and not run.is_published():
        raise MissingInputError(
            f"{campaign_id} has no plan for {run.as_of_date}; run `python -m jobs.plan_campaign` first"
        )
    chosen = [row for row in plan if row.arm == "treatment"]
    contacts = not_erased(run, with_consent(run, chosen) if run.settings.consent_required else chosen)
    folder = run.settings.exports / campaign_id / str(run.as_of_date)
    counts = {
        "contact_count": len(contacts),
        "control_count": len(plan) - len(chosen),
        "withdrawn_count": len(chosen) - len(contacts),
    }
    left_out = {name: count for name, count in plan_counts(run).items() if name not in ("treatment", "control")}
    empty = None
    if not contacts:
        others = {"control": counts["control_count"], "withdrawn": counts["withdrawn_count"]}
        empty = why_nobody(run, {**left_out, **others})
        log.warning("step=export_campaign %s", empty)
    with runtime.step("export_campaign", **counts, folder=folder):
        told = {**horizons(run), **counts, "left_out": left_out, "why_empty": empty}
        write_folder(folder, contacts_csv(contacts), manifest(run, told))


def with_consent(run: Run, chosen: list["Row"]) -> list["Row"]:
    """The contacts who said yes to marketing, and on none of their accounts no, by all that the lake knows now.

    A consent of a day after the plan's has not begun, as at its publication; one taken back counts, whatever its day.
    """
    from features.consent import MARKETING, begun_consent, newest_consent
    from features.persons import accounts_of_persons

    # Whom two accounts are known to be by now, whichever run found it out.
    persons = accounts_of_persons(run.read(CLEAN_IDENTITY), date.max) if run.exists(CLEAN_IDENTITY) else None
    consents = begun_consent(run.read(CLEAN_CONSENT), run.as_of_date)
    granted = newest_consent(consents, MARKETING, persons).filter("is_granted")
    plans = run.read(CAMPAIGN_ASSIGNMENT).filter(f"as_of_date = DATE'{run.as_of_date}'").select("customer_id")
    allowed = {row.customer_id for row in granted.join(plans, "customer_id", how="left_semi").collect()}
    return [row for row in chosen if row.customer_id in allowed]


def not_erased(run: Run, chosen: list["Row"]) -> list["Row"]:
    """The contacts without those on the list of the erased, whatever a plan still says."""
    if not run.exists(OPS_ERASED_CUSTOMER):
        return chosen
    refused = {row.customer_hash for row in run.read(OPS_ERASED_CUSTOMER).select("customer_hash").collect()}
    key = key_of(run.settings)
    return [row for row in chosen if pseudonym(row.customer_id, key) not in refused]


def contacts_csv(contacts: list["Row"]) -> str:
    """The file's text: a line a contact, and no value that a spreadsheet would take for a formula."""
    cells = ([_cell(row[name], DECIMALS.get(name)) for name in COLUMNS] for row in contacts)
    return csv_text([COLUMNS, *cells])


def _cell(value: object, decimals: int | None) -> str:
    if value is None:
        return ""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return safe_text(str(value)) if isinstance(value, str) else str(value)


def horizons(run: Run) -> dict[str, int | None]:
    """The horizons of the date's scores, which a changed setting does not change; null where nobody was scored."""
    from pyspark.sql import functions as F

    customers = run.read(CUSTOMER_360).filter(F.col("as_of_date") == F.lit(run.as_of_date))
    return customers.agg(*(F.max(name).alias(name) for name in HORIZONS)).collect()[0].asDict()


def manifest(run: Run, told: dict[str, Any]) -> dict[str, object]:
    """What the marketer's system checks before it sends."""
    settings = run.settings
    return {
        "campaign_id": settings.campaign_id,
        "as_of_date": str(run.as_of_date),
        "dataset": settings.dataset,
        "is_simulated": settings.is_simulated,
        "is_historic": settings.is_historic,
        "licence": settings.licence,
        "currency": settings.currency,
        **told,
        "consent_required": settings.consent_required,
        "columns": list(COLUMNS),
        "meanings": {name: _with_days(CAMPAIGN_ASSIGNMENT[name].comment, told) for name in COLUMNS},
        "left_out_meanings": {name: f"customers {LEFT_OUT_WORDS[name]}" for name in told["left_out"]},
    }


def _with_days(meaning: str, told: dict[str, Any]) -> str:
    """A column's meaning with the number of days in place of a horizon's name, where the date has scores."""
    for name in HORIZONS:
        if told[name] is not None:
            meaning = meaning.replace(f"`{name}`", f"{told[name]} days")
    return meaning


def write_folder(folder: Path, contacts: str, about: dict[str, object]) -> None:
    """Write both files beside the folder, then put them in its place."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    data = contacts.encode()
    files = {"contacts.csv": {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}}
    (partial / "contacts.csv").write_bytes(data)
    (partial / "manifest.json").write_text(json.dumps(about | {"files": files}, indent=2) + "\n")
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)  # here as below: a killed run may have left it
    if folder.exists():
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    runtime.start(main)
