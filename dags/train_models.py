"""# train_models: inputs of sequence models and new models from the stored snapshots, once a week

**Produces** `feature_customer_week` and `feature_event_sequence` of its `as_of_date`, then new versions of the
embedding, segment, churn, BTYD, CLV, review, product-vector and session-pattern models in the MLflow registry of the
lake, trained on the snapshots, tiles, orders, clicks and reviews up to that date. The next night uses the models.

**A rerun** is safe: what is stored of a published date stays, and training for the same date makes the same models and
keeps their versions. It may run beside `nightly`, which writes neither of the two tables; all others it only reads,
each at one whole Delta version.

**When it fails,** the log ends with an exit code: 0 done, 1 unexpected, 2 usage or missing input, 3 contract broken,
4 gate refused, 75 temporary. 1, 75 and a killed process have been retried; others fail at once.

- `write_sequences` 2: the date has no snapshot, or what a run brought is not in the tiles; finish that night, which the
  log names, then clear. Training does not read the two tables: by hand, `python -m jobs.train` goes on without them.
- `train_models` 2: the date has no snapshot; run its night first. A model for which the shop has too little history is
  left out with a warning, and the version before it stays in use.

**Another day:** `airflow dags test train_models 2017-12-31`, or trigger with `{"as_of_date": "2017-12-31"}`.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable
from tasks import DAG_DEFAULTS, ZONE, job_task

with DAG(
    dag_id="train_models",
    description="Inputs of sequence models, and new models of all that is trained, once a week",
    doc_md=__doc__,
    # Sunday noon, when the night is over. A trigger timetable: the last full day is Saturday, not a week ago.
    schedule=CronTriggerTimetable("0 12 * * SUN", timezone=ZONE.key),
    dagrun_timeout=timedelta(hours=12),  # three tries of an hour, then two of four, and the pauses between
    tags=["nightjar", "weekly"],
    **DAG_DEFAULTS,
) as dag:
    write_sequences = job_task("write_sequences", "sequences")
    train_models = job_task(
        "train_models",
        "train",
        retries=1,  # hours of work: a second failure needs a person
        execution_timeout=timedelta(hours=4),  # a small shop needs minutes on two cores; room for a large one
    )

    write_sequences >> train_models
