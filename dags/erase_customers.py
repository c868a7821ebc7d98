"""# erase_customers: remove customers who asked for it

**Produces** nothing but less: the customers named in a file leave every table, landed file, export and page of the
lake, and are refused from then on. `ops_erasure` keeps the proof: rows before and after, nobody's name.

**Start it** by hand with `{"file": "/path/on/the/worker/ids.csv"}` (a column `customer_id`, or one id a line). The file
names people: keep it out of the lake, and delete it once the run has succeeded. Ids never go into Airflow itself, whose
database and logs nobody erases.

**A rerun** is safe: killed anywhere and run again with the same file, it completes. It waits for jobs of other DAGs
that run on the lake, and they wait for it.

**When it fails,** the log ends with an exit code: 0 done, 1 unexpected, or the search at the end still found somebody
(the log names the first file), 2 usage or missing input, 3 contract broken, 4 gate refused, 75 temporary. 1, 75 and a
killed process have been retried; others fail at once.

- `erase_customers` 2: the file is missing, names nobody, or names what may be no customer; the log says which line.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param
from tasks import DAG_DEFAULTS, job_task

with DAG(
    dag_id="erase_customers",
    description="Remove customers who asked for it, and prove it",
    doc_md=__doc__,
    schedule=None,
    dagrun_timeout=timedelta(hours=7),  # three tries of two hours, and the pauses between
    tags=["nightjar", "on request"],
    **{
        **DAG_DEFAULTS,
        "params": {
            **DAG_DEFAULTS["params"],
            "file": Param("", type="string", description="CSV of customer ids, on the worker"),
        },
    },
) as dag:
    job_task(
        "erase_customers",
        "erase",
        options=["--file", "{{ params.file }}"],
        execution_timeout=timedelta(hours=2),  # rewrites every table and landed file that names them
    )
