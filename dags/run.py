"""Run a DAG for several dates, one after the other, in one Airflow process.

    python dags/run.py nightly 2017-12-30 2017-12-31

Each `airflow dags test` starts Airflow anew, 10 s on two cores; here every night but the first pays 1 s. Prints
a line as each task starts and ends, and between them what the jobs say. Stops at the first date that fails.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

DAGS = Path(__file__).resolve().parent
NO_DAGS = ("__init__", "run", "tasks")
DEFAULTS = {
    "AIRFLOW_HOME": str(DAGS.parent / ".airflow"),
    "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
    "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
    "AIRFLOW__CORE__DEFAULT_TIMEZONE": os.environ.get("NIGHTJAR_BUSINESS_TIMEZONE", "UTC"),
    "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
        {"conn_type": "spark", "host": os.environ.get("NIGHTJAR_SPARK_MASTER", "local[*]")}
    ),
    # Of Airflow only errors (a failed task's reason is printed below, so no traceback); of the jobs every line.
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
    "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "airflow.task.operators.tasks=INFO,airflow.task.hooks=INFO,task=CRITICAL",
    "AIRFLOW__LOGGING__LOG_FORMAT": "    %(message)s",
}


def say(line: str) -> None:
    """Write one line of progress, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def progress() -> SimpleNamespace:
    """Return a listener that tells when each task starts and how it ends."""
    from airflow.listeners import hookimpl

    started: dict[str, float] = {}

    @hookimpl
    def on_task_instance_running(previous_state: Any, task_instance: Any) -> None:
        started[task_instance.task_id] = time.monotonic()
        say(f"  {task_instance.task_id} ...")

    def end(task_instance: Any, word: str) -> None:
        say(f"  {task_instance.task_id} {word} seconds={time.monotonic() - started[task_instance.task_id]:.1f}")

    @hookimpl
    def on_task_instance_success(previous_state: Any, task_instance: Any) -> None:
        end(task_instance, "done")

    @hookimpl
    def on_task_instance_failed(previous_state: Any, task_instance: Any, error: Any) -> None:
        end(task_instance, f"FAILED: {str(error) or type(error).__name__};")
        if isinstance(
            error, KeyboardInterrupt
        ):  # Airflow takes Ctrl-C for a failure of the task and would try it again
            raise error

    return SimpleNamespace(
        on_task_instance_running=on_task_instance_running,
        on_task_instance_success=on_task_instance_success,
        on_task_instance_failed=on_task_instance_failed,
    )


def create_database() -> None:
    """Make or upgrade Airflow's tables where they are missing or old; costs 4 s once."""
    from airflow.utils import db

    try:
        db.check_migrations(timeout=0)
    except TimeoutError:
        say("creating Airflow's database ...")
        db.initdb()


def run(dag_id: str, dates: Sequence[date]) -> int:
    """Run the DAG for each date in order; return a process exit code."""
    import pendulum
    from airflow.configuration import conf
    from airflow.sdk.listener import get_listener_manager

    zone = conf.get_mandatory_value("core", "default_timezone")
    sys.path.insert(0, str(DAGS))
    dag = importlib.import_module(dag_id).dag
    get_listener_manager().add_listener(progress())
    for day in dates:
        say(f"{dag_id} {day}")
        begin = time.monotonic()
        outcome = dag.test(logical_date=pendulum.datetime(day.year, day.month, day.day, tz=zone)).state
        say(f"{dag_id} {day} {outcome} seconds={time.monotonic() - begin:.1f}")
        if outcome != "success":
            return 1
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, give Airflow the project's own folder, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dag_id", choices=sorted(path.stem for path in DAGS.glob("*.py") if path.stem not in NO_DAGS))
    parser.add_argument("dates", nargs="+", type=date.fromisoformat, metavar="YYYY-MM-DD")
    options = parser.parse_args(arguments)
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    create_database()
    try:
        return run(options.dag_id, options.dates)
    except KeyboardInterrupt:
        if os.environ.get("NIGHTJAR_ENGINE") == "spark":  # the DAG's own stop does not run then
            subprocess.run([sys.executable, "-m", "jobs.spark_server", "stop"], cwd=DAGS.parent, check=False)
        return 130


if __name__ == "__main__":
    sys.exit(main())
