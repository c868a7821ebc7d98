"""Make the run's date visible: all of it in one commit, or nothing.

Reads `feature_customer`, `score_*`, `clean_customers`, `clean_consent`,
`clean_identity`, `ops_gate`; writes `customer_360`.

Refused (exit code 4) while a gate of the date failed or was not run, and where a customer has two rows, as when scores
were written again after their gate. A date that is published stays as it is.
"""

import logging

from jobs import runtime
from jobs.errors import GateRefusedError
from jobs.tables import Run
from schemas.clean import CLEAN_CONSENT, CLEAN_CUSTOMERS
from schemas.feature import FEATURE_CUSTOMER
from schemas.identity import CLEAN_IDENTITY
from schemas.ops import GATED_LAYERS, OPS_GATE
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

log = logging.getLogger("nightjar")


def main(arguments: list[str]) -> None:
    """Publish the run's date."""
    run = runtime.run_of(runtime.parser("publish", __doc__).parse_args(arguments))
    if run.is_published():
        log.info("step=publish %s is published already and stays as it is", run.as_of_date)
        return
    refuse_without_gates(run)
    from pyspark.sql import functions as F

    from features.consent import known_consent
    from features.customers import customer_360, repeated_customers
    from features.persons import accounts_of_persons

    of_date = F.col("as_of_date") == F.lit(run.as_of_date)
    tables = (FEATURE_CUSTOMER, SCORE_RFM, SCORE_EMBEDDING, SCORE_CHURN, SCORE_CLV)
    snapshot, rfm, embedding, churn, clv = (run.read(table).filter(of_date) for table in tables)
    consents = known_consent(run.read(CLEAN_CONSENT), run.as_of_date)
    persons = accounts_of_persons(run.read(CLEAN_IDENTITY), run.as_of_date) if run.exists(CLEAN_IDENTITY) else None
    people = run.known(CLEAN_CUSTOMERS)
    rows = customer_360(snapshot, rfm, embedding, churn, clv, people=people, consents=consents, persons=persons)
    if count := repeated_customers(rows).count():
        raise GateRefusedError(
            f"{run.as_of_date} is not published: {count} customers have more than one row; features or scores changed "
            "after their gates, run the gates of layers feature and score again"
        )
    with runtime.step("publish", as_of_date=run.as_of_date):
        run.replace(rows, CUSTOMER_360)


def refuse_without_gates(run: Run) -> None:
    """Raise unless every gate of the date ran and passed."""
    from pyspark.sql import functions as F

    results = run.read(OPS_GATE).filter(F.col("as_of_date") == F.lit(run.as_of_date)).collect()
    passed = {row.layer for row in results}
    failed = [row for row in results if not row.is_success]
    if failed:
        row = failed[0]
        raise GateRefusedError(
            f"{run.as_of_date} is not published: {len(failed)} expectations failed, first {row.table_name} "
            f"{row.expectation}; mend the data, run the gate of layer {row.layer} again"
        )
    missing = [layer for layer in GATED_LAYERS if layer not in passed]
    if missing:
        raise GateRefusedError(
            f"{run.as_of_date} is not published: gate {', '.join(missing)} has not run; "
            f"run `python -m jobs.gate --layer {missing[0]} --as-of {run.as_of_date}`"
        )


if __name__ == "__main__":
    runtime.start(main)
