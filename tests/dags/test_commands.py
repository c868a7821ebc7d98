"""The commands that leave Airflow, compared with stored ones. Meant changes: `STORE_COMMANDS=1 pytest tests/dags`."""

import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jinja2
import pytest

from tests.faults.shop import NIGHTLY

HERE = Path(__file__).parent
STORE = os.environ.get("STORE_COMMANDS") == "1"


def context(dag: Any) -> dict[str, Any]:
    run = SimpleNamespace(logical_date=datetime(2017, 12, 31, tzinfo=UTC), run_after=datetime(2018, 1, 1, tzinfo=UTC))
    return {"dag": dag, "dag_run": run, "params": {"as_of_date": None, "file": "ids.csv"}}


def command(task: Any) -> str:
    """Return the shell line that equals what the task executes."""
    if task.task_type == "DateTimeSensor":
        return f"(wait until {task.target_time})"
    if task.task_type == "ProcessJobOperator":
        return shlex.join(task.command)
    words = task._get_hook()._build_spark_submit_command(task.application)
    env = [f"{name}={value}" for name, value in task.env_vars.items()]
    return shlex.join([*env, *words])


def rendered(dags: dict[str, Any], home: Path) -> str:
    lines = []
    for dag_id, dag in sorted(dags.items()):
        for task in dag.topological_sort():
            task.render_template_fields(context(dag))
            line = command(task).replace(str(Path(sys.executable).parent), "$BIN").replace(str(home), "$HOME")
            lines.append(f"{dag_id}.{task.task_id}: {line.replace(Path(sys.executable).name, 'python')}\n")
    return "".join(lines)


def test_a_local_spark_is_told_the_same_by_the_dag_and_by_the_job(load_dags: Any) -> None:
    from jobs.engine import LOCAL_CONF

    load_dags()
    assert sys.modules["tasks"].LOCAL_SPARK == LOCAL_CONF  # type: ignore[attr-defined]


@pytest.mark.parametrize("engine", ["sail", "spark"])
def test_the_commands_are_the_stored_ones(load_dags: Any, engine: str, tmp_path: Path) -> None:
    (tmp_path / ".jars").mkdir()
    for jar in ("delta-spark.jar", "delta-storage.jar"):
        (tmp_path / ".jars" / jar).touch()
    dags = load_dags(NIGHTJAR_ENGINE=engine, NIGHTJAR_HOME=str(tmp_path))
    stored = HERE / f"commands_{engine}.txt"
    if STORE:
        stored.write_text(rendered(dags, tmp_path))
    else:
        assert rendered(dags, tmp_path) == stored.read_text()


def test_the_night_that_other_tests_run_is_that_of_the_dag(load_dags: Any) -> None:
    """A job added to the DAG alone would be killed, compared between engines and gated in no test."""
    jobs = []
    for task in load_dags()["nightly"].topological_sort():
        if task.task_type == "ProcessJobOperator":
            _, _, module, *rest = task.command
            words, options = rest[: rest.index("--as-of")], []
            if module != "jobs":
                words, options = [module.removeprefix("jobs.")], words
            jobs += [(word, *options) for word in words]
    assert tuple(jobs) == NIGHTLY


def test_the_operators_settings_reach_spark(load_dags: Any, tmp_path: Path) -> None:
    (tmp_path / "a.jar").touch()
    dags = load_dags(
        NIGHTJAR_ENGINE="spark",
        NIGHTJAR_SPARK_JARS=str(tmp_path),
        NIGHTJAR_SPARK_CONF='{"spark.driver.memory": "3g"}',
        AIRFLOW_CONN_SPARK_DEFAULT='{"conn_type": "spark", "host": "spark://master:7077"}',
    )
    words = shlex.split(command(dags["nightly"].get_task("publish")))
    assert words[words.index("--master") + 1] == "spark://master:7077"
    assert words[words.index("--jars") + 1] == str(tmp_path / "a.jar")
    assert "spark.driver.memory=3g" in words
    assert "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension" in words


def test_an_undefined_template_variable_raises(load_dags: Any) -> None:
    dag = load_dags()["nightly"]
    task = dag.get_task("publish")
    task.command = ["python", "{{ as_of_dat }}"]
    with pytest.raises(jinja2.UndefinedError, match="as_of_dat"):
        task.render_template_fields(context(dag))
