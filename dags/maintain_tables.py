"""# maintain_tables: thin old snapshots, compact and clean the Delta tables, once a week

**Produces** no new rows, and deletes some: of snapshots and scores older than `snapshot_retention_days` (35), counted
back from its `as_of_date`, only month-ends stay. Published rows, tiles and clean rows are kept. Then, for every table
of the lake, it rewrites small files into large ones (OPTIMIZE) and deletes files that no version within the retention
time uses (VACUUM). Before all that, landed files lose rows that ingest refused because their customer was erased; only
where there are any it waits for jobs that run on the lake, and they wait for it.

**A rerun** is safe at any time, and beside `nightly`: readers keep the version they opened; of two writers one commits,
the other gets exit code 75 and tries again.

**When it fails,** the log ends with an exit code: 0 done, 1 unexpected, 2 usage or missing input, 3 contract broken,
4 gate refused, 75 temporary. 1, 75 and a killed process have been retried; others fail at once.

- `maintain_tables`: the log names the table; those before it are done. Nothing waits for this DAG: repair, then clear.

**Another day:** `airflow dags test maintain_tables`. The date decides
what is old: a later one deletes more.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from tasks import DAG_DEFAULTS, ZONE, job_task

with DAG(
    dag_id="maintain_tables",
    description="Thin old snapshots, compact the Delta tables, delete files no longer used, once a week",
    doc_md=__doc__,
    # Saturday noon: the night is over, and Sunday's training finds compact tables.
    schedule=CronTriggerTimetable("0 12 * * SAT", timezone=ZONE.key),
    dagrun_timeout=timedelta(hours=6),  # three tries of at most one hour and a half, with room
    tags=["nightjar", "weekly"],
    **DAG_DEFAULTS,
) as dag:
    job_task(
        "maintain_tables",
        "maintain",
        execution_timeout=timedelta(minutes=90),  # rewrites a week of every table; disk-bound
    )
