"""# train_models: new models from the stored snapshots, once a week

**Produces** new versions of the embedding, segment, churn and CLV models in the MLflow registry (`$NIGHTJAR_LAKE/models`),
trained on the snapshots up to its `as_of_date`. The next night scores with them.

**Rerun:** safe. Training for the same date makes the same models again; until all have passed their checks, scoring keeps
the versions it has. It may run beside `nightly`: it only reads tables, and Delta hands it one whole version of each.

| task | what it does | if it fails |
|---|---|---|
| `train_models` | fits, calibrates, checks and registers every model | 2: too few snapshots: run more nights first. 4: a new model is worse than its predecessor or misses its checks: the log has the numbers; the old ones stay in use |

**Exit codes** of the jobs: 0 done, 1 unexpected, 2 usage or missing input, 3 contract broken, 4 gate refused, 5 already
published, 75 temporary. 1, 75 and a killed process are retried; the others fail at once.

**Another day:** `airflow dags test train_models 2017-12-31`, or trigger with `{"as_of_date": "2017-12-31"}`.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from tasks import DAG_DEFAULTS, ZONE, job_task

with DAG(
    dag_id="train_models",
    description="New embedding, segment, churn and CLV models, once a week",
    doc_md=__doc__,
    # Sunday noon, when the night is over. A trigger timetable: the last full day is Saturday, not a week ago.
    schedule=CronTriggerTimetable("0 12 * * SUN", timezone=ZONE.key),
    dagrun_timeout=timedelta(hours=9),  # one try of four hours, its retry, and the pause between
    tags=["nightjar", "weekly"],
    **DAG_DEFAULTS,
):
    job_task(
        "train_models",
        "train",
        retries=1,  # hours of work: a second failure needs a person
        execution_timeout=timedelta(hours=4),  # two cores and a year of snapshots need minutes; leave room for a large shop
    )
