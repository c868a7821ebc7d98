"""What all DAGs share: the as-of date, the meaning of exit codes, and the one factory that makes a task out of jobs.

A DAG names jobs and hands them a date; it never imports them. `NIGHTJAR_ENGINE` chooses the engine: `sail` runs jobs
in a plain process, `spark` hands them to `spark-submit`. Both read the jobs' exit codes in the same way.
"""

import contextlib
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.sensors.date_time import DateTimeSensor
from airflow.sdk import BaseOperator, Context, Param
from airflow.sdk.configuration import conf as airflow_conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException

HOME = Path(os.environ.get("NIGHTJAR_HOME") or Path(__file__).resolve().parents[1])
ENGINE = os.environ.get("NIGHTJAR_ENGINE", "sail")
if ENGINE not in ("sail", "spark"):
    raise ValueError(f"NIGHTJAR_ENGINE is {ENGINE!r}; it must be 'sail' or 'spark'")

# Airflow reads dates typed on its command line in this zone. Were the business day counted in another one,
# `airflow dags test nightly 2017-12-31` west of Greenwich would process the 30th.
BUSINESS_TIMEZONE = airflow_conf.get_mandatory_value("core", "default_timezone")
if BUSINESS_TIMEZONE.lower() != os.environ.get("NIGHTJAR_BUSINESS_TIMEZONE", BUSINESS_TIMEZONE).lower():
    raise ValueError("AIRFLOW__CORE__DEFAULT_TIMEZONE and NIGHTJAR_BUSINESS_TIMEZONE must be the same zone")
ZONE = ZoneInfo("UTC" if BUSINESS_TIMEZONE.lower() == "utc" else BUSINESS_TIMEZONE)

IS_LOCAL = os.environ.get("NIGHTJAR_SPARK_MASTER", "local[*]").startswith("local")  # Spark on this machine alone
HAND_OVER_HOUR = 3  # upstream systems have dropped the files of a day three hours after it ended

# 2 usage or missing input, 3 contract broken, 4 gate refused: trying again changes nothing.
# 1 (unexpected), 75 (temporary) and death by a signal may pass, so those are retried.
FINAL_EXIT_CODES = {2: "usage or missing input", 3: "contract broken", 4: "gate refused"}

AS_OF = "{{ as_of_date(dag_run, params) }}"


class Run(Protocol):
    """What the as-of date needs to know of a DAG run."""

    logical_date: datetime | None
    run_after: datetime


def as_of_date(run: Run, params: dict[str, Any]) -> date:
    """Return the business day that a run processes: the one asked for, else the last that is over.

    Scheduled and backfill runs carry their day as logical date, so does a date typed after `airflow dags test`.
    A run started by hand without a date, or with "now", gets the last full day before it may start.
    """
    last_full_day = run.run_after.astimezone(ZONE).date() - timedelta(days=1)
    if params["as_of_date"]:
        asked = date.fromisoformat(params["as_of_date"])
    else:
        asked = min(run.logical_date.astimezone(ZONE).date(), last_full_day) if run.logical_date else last_full_day
    if asked > last_full_day:
        raise AirflowFailException(f"as_of_date {asked} is not over yet; the last full day is {last_full_day}")
    return asked


def hand_over_at(run: Run, params: dict[str, Any]) -> datetime:
    """Return when the files of the run's day are expected to be complete."""
    day_after = as_of_date(run, params) + timedelta(days=1)
    return datetime(day_after.year, day_after.month, day_after.day, HAND_OVER_HOUR, tzinfo=ZONE)


DAG_DEFAULTS: dict[str, Any] = {
    # Earlier than any shop's first log, so that every day can be backfilled; catchup=False starts none of them.
    "start_date": datetime(1990, 1, 1, tzinfo=ZONE),
    "catchup": False,
    "max_active_runs": 1,  # a day builds on the rows of the day before
    "params": {
        "as_of_date": Param(
            None, type=["null", "string"], format="date", description="Day to process; empty: the last full day"
        )
    },
    "user_defined_macros": {"as_of_date": as_of_date, "hand_over_at": hand_over_at},
    "default_args": {
        "owner": "data-engineering",
        "retries": 2,  # a lost Delta commit or a short network fault passes at the second try
        "retry_delay": timedelta(minutes=1),  # longer than any commit of another writer
        "execution_timeout": timedelta(hours=1),  # the longest step takes minutes; an hour means it hangs
    },
}


def refuse_retry(exit_code: int, label: str) -> None:
    """Fail for good where trying again cannot help."""
    if exit_code in FINAL_EXIT_CODES:
        raise AirflowFailException(f"{label}: exit code {exit_code}, {FINAL_EXIT_CODES[exit_code]}; not retried")


class ProcessJobOperator(BaseOperator):
    """Runs jobs in one process of their own: no shell, so no quoting; their output is the task's log."""

    template_fields: Sequence[str] = ("command",)

    def __init__(self, *, command: list[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.command = command
        self.process: subprocess.Popen[str] | None = None

    def execute(self, context: Context) -> None:
        """Run the command in the repository's root and translate its exit code."""
        self.log.info("%s", shlex.join(self.command))
        self.process = subprocess.Popen(
            self.command,
            cwd=HOME,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},  # a line is seen when the job writes it, not when it ends
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            start_new_session=True,  # so that on_kill reaches the job's children too
        )
        try:
            for line in self.process.stdout or ():
                self.log.info("%s", line.rstrip())
            exit_code = self.process.wait()
        except BaseException:  # a time-out or Ctrl-C, of which the job in its own session hears nothing
            self.on_kill()
            raise
        refuse_retry(exit_code, self.task_id)
        if exit_code:
            raise AirflowException(f"{self.task_id}: exit code {exit_code}; worth another try")

    def on_kill(self) -> None:
        """Pass a time-out or a stop from the UI on to the job and its children."""
        if self.process and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(timeout=4)  # Airflow itself kills five seconds after it asked a task to stop
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)  # Delta tables survive this: a commit is one rename


class SparkJobOperator(SparkSubmitOperator):
    """`spark-submit` with the same exit codes. Client mode passes the job's own on; cluster mode only "failed"."""

    def execute(self, context: Context) -> None:
        """Submit from the repository's root and translate the exit code."""
        try:
            with contextlib.chdir(HOME):
                super().execute(context)
        except AirflowException as error:
            if found := re.search(r"Error code is: (\d+)", str(error)):
                refuse_retry(int(found[1]), self.task_id)
            raise


# On one machine a night is many short Spark programs: C1 and the serial collector halve their cost. spark-submit
# starts the JVM, so they must be told here; the job's own session would be too late.
LOCAL_SPARK = {
    "spark.driver.memory": "3g",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Duser.timezone=UTC",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
}


def spark_settings() -> dict[str, Any]:
    """Return what every `spark-submit` needs; the master is that of Airflow's connection `spark_default`."""
    jars = Path(os.environ.get("NIGHTJAR_SPARK_JARS") or HOME / ".jars")
    return {
        "conn_id": "spark_default",
        "spark_binary": str(Path(sys.executable).with_name("spark-submit")),
        "jars": ",".join(sorted(str(jar) for jar in jars.glob("*.jar"))) or None,
        "conf": {
            "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
            "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
            **(LOCAL_SPARK if IS_LOCAL else {}),
            **json.loads(os.environ.get("NIGHTJAR_SPARK_CONF") or "{}"),
        },
        "env_vars": {
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": str(HOME),
            "PYTHONSAFEPATH": "1",  # spark-submit would put jobs/ first on the path, where it hides like-named modules
            **({"SPARK_LOCAL_IP": "127.0.0.1"} if IS_LOCAL else {}),  # else two warnings a task about the host's name
        },
    }


def job_task(task_id: str, *jobs: str, options: Sequence[str] = (), **operator_args: Any) -> BaseOperator:
    """Make the task that runs jobs for the run's day. Several jobs share one process and so one engine session."""
    arguments = [*(jobs if len(jobs) > 1 else ()), *options, "--as-of", AS_OF]
    module = "__main__" if len(jobs) > 1 else jobs[0]
    if ENGINE == "spark":
        return SparkJobOperator(
            task_id=task_id,
            name=f"nightjar-{task_id}",
            application=str(HOME / "jobs" / f"{module}.py"),
            application_args=arguments,
            **spark_settings(),
            **operator_args,
        )
    target = "jobs" if module == "__main__" else f"jobs.{module}"
    return ProcessJobOperator(task_id=task_id, command=[sys.executable, "-m", target, *arguments], **operator_args)


def share_spark(*, first: BaseOperator, last: BaseOperator) -> None:
    """Where Spark's master is this machine, let the tasks first .. last share one server.

    `jobs/spark_server.py` says why. It stops however they end; clearing one of them clears the start with it.
    """
    if not (ENGINE == "spark" and IS_LOCAL) or "NIGHTJAR_SPARK_REMOTE" in os.environ:
        return
    command = [sys.executable, "-m", "jobs.spark_server"]
    start = ProcessJobOperator(task_id="start_spark", command=[*command, "start"])
    stop = ProcessJobOperator(task_id="stop_spark", command=[*command, "stop"])
    start.set_upstream(list(first.upstream_list))
    start >> first
    last >> stop.as_teardown(setups=start)


def hand_over_task(task_id: str) -> DateTimeSensor:
    """Make the task that holds a scheduled night until the files are there; for a past day it passes at once."""
    return DateTimeSensor(
        task_id=task_id,
        target_time="{{ hand_over_at(dag_run, params) }}",
        mode="reschedule",  # gives the worker back between looks
        poke_interval=300,  # five minutes late does no harm at three in the morning
        timeout=timedelta(hours=HAND_OVER_HOUR + 1).total_seconds(),
    )
