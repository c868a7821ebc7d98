"""# nightly: one business day from landed files to customer tables and the campaign file

**Produces** for its `as_of_date` (the last full business day): the raw, clean and feature tables, the scores,
`customer_360` with that date published, `campaign_assignment`, the files under `exports/`, `reports/<as_of_date>.html`.
While a gate refuses, yesterday's date stays the newest published one and no export leaves.

**A rerun** is always safe: a job killed anywhere and run again leaves the same rows, and a date that is already
published stays as it is. Clear the failed task *with its downstream tasks*.

**When a task fails,** its log ends with an exit code: 0 done, 1 unexpected, 2 usage or missing input, 3 contract
broken, 4 gate refused, 75 temporary. 1, 75 and a killed process have been retried twice; others
fail at once, for a retry changes nothing.

- `wait_for_files` holds a scheduled run until the hand-over hour; a past day passes at once. Fails only when the date
  asked for is not over.
- `ingest_logs` (landing files to raw and clean tables) 2: there is no `landing/`, a file that this date read before is
  gone, or something under it lies in no place of a landing file; the log names it. Or the date is far after all that
  was landed. Or an earlier night read files and was never finished: repair and clear that one from `ingest_logs`, then
  this one; no night goes on without the rows of those before it. A source that changed its columns or types stops
  alone: the log names file and column, the others go on, and `check_clean` refuses.
- `check_clean` 4: the log names the expectation and the rows. A day whose files never came fails here, by its volume,
  and a source that sends nothing on a weekday on which it always did.
  Repair or replace the day's files, clear `ingest_logs`; until then every later night stops at its own `ingest_logs`.
- `build_features` (daily tiles, customer snapshot) 3: a column breaks its contract, nothing was written: our fault.
- `check_features` 4: compare with yesterday's report; after the repair clear `build_features`.
- `score_customers` 2: no model is registered; run `train_models` for this date, then clear.
- `check_scores` 4: most often a model gone astray; return to its previous version, clear `score_customers`.
- `publish` 4: a gate of the date refused or has not run; clear that gate first.
- `run_campaign` (measure, plan, export) and `write_report`: the tables are published already; clear this task alone.
- `start_spark`, `stop_spark` (engine `spark` on one machine only: one Spark for the night) 2: the log says what is
  missing. 75: the server did not start; its log is `.spark-server.log` in the lake. A server that dies later harms no
  task: those after it start a Spark of their own.

**Another day:** `airflow dags test nightly 2017-12-31`, or trigger with `{"as_of_date": "2017-12-31"}`, or
`airflow backfill create --dag-id nightly --from-date 2017-12-29 --to-date 2017-12-31 --max-active-runs 1`;
without its last option a backfill runs ten days at once, but a day builds on the day before.
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable
from tasks import DAG_DEFAULTS, ZONE, hand_over_task, job_task, share_spark

with DAG(
    dag_id="nightly",
    description="One business day: logs in, customer tables and the campaign file out",
    doc_md=__doc__,
    # Midnight, not three: a backfill then takes its dates as they are typed, first and last included.
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone=ZONE.key),
    dagrun_timeout=timedelta(hours=8),  # three of waiting, minutes of work, and done before people look at eight
    tags=["nightjar", "daily"],
    **DAG_DEFAULTS,
) as dag:
    wait_for_files = hand_over_task("wait_for_files")
    ingest_logs = job_task("ingest_logs", "ingest", "conform")
    check_clean = job_task("check_clean", "gate", options=["--layer", "clean"])
    build_features = job_task("build_features", "tile", "snapshot")
    check_features = job_task("check_features", "gate", options=["--layer", "feature"])
    score_customers = job_task("score_customers", "score")
    check_scores = job_task("check_scores", "gate", options=["--layer", "score"])
    publish = job_task("publish", "publish", outlets=[Asset("customer_360")])
    run_campaign = job_task(
        "run_campaign",
        "measure_campaign",
        "plan_campaign",
        "export_campaign",
        outlets=[Asset("campaign_assignment")],
    )
    write_report = job_task("write_report", "report")

    wait_for_files >> ingest_logs >> check_clean >> build_features >> check_features
    check_features >> score_customers >> check_scores >> publish >> run_campaign >> write_report
    share_spark(first=ingest_logs, last=write_report)
