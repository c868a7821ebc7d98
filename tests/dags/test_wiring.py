"""What every DAG file must be: loadable, documented, bounded in time, and wiring only."""

import ast
from pathlib import Path
from typing import Any

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
DAG_NAMES = ("erase_customers", "maintain_tables", "nightly", "train_models")
DAG_FILES = [REPOSITORY / "dags" / f"{name}.py" for name in DAG_NAMES]
OUR_CODE = {"jobs", "features", "models", "schemas", "pyspark", "delta", "pysail"}
GATES = ("check_clean", "check_features", "check_scores")
LAYERS = (("ingest_logs", "check_clean"), ("build_features", "check_features"), ("score_customers", "check_scores"))


@pytest.fixture
def dags(load_dags: Any) -> dict[str, Any]:
    return load_dags()


def test_airflow_finds_exactly_our_dags_and_no_import_error() -> None:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(REPOSITORY / "dags")
    assert bag.import_errors == {}
    assert sorted(bag.dags) == list(DAG_NAMES)


@pytest.mark.parametrize("engine", ["sail", "spark"])
def test_every_dag_survives_the_way_to_the_scheduler(load_dags: Any, engine: str) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag_id, dag in load_dags(NIGHTJAR_ENGINE=engine).items():
        stored = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))
        assert set(stored.task_dict) == set(dag.task_dict), dag_id


def test_every_runbook_names_its_tasks_the_exit_codes_and_whether_a_rerun_is_safe(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert f"# {dag_id}" in dag.doc_md
        assert "rerun" in dag.doc_md and "Produces" in dag.doc_md
        for text in (*(f"`{task}`" for task in dag.task_ids), "4 gate refused", "75 temporary"):
            assert text in dag.doc_md, f"{dag_id}: {text}"


def test_every_dag_runs_one_day_at_a_time_and_only_the_latest(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert (dag.max_active_runs, dag.catchup) == (1, False)
        assert dag.dagrun_timeout is not None and "nightjar" in dag.tags and dag.description


def test_every_task_has_an_owner_retries_with_a_pause_and_a_time_limit(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        for task in dag.tasks:
            assert task.owner not in ("", "airflow"), task.task_id
            assert task.retries >= 1 and task.retry_delay.total_seconds() > 0, task.task_id
            assert task.execution_timeout < dag.dagrun_timeout, task.task_id


def test_nothing_is_published_before_every_gate_and_no_campaign_before_publication(dags: dict[str, Any]) -> None:
    nightly = dags["nightly"]
    nightly.check_cycle()
    assert nightly.get_task("publish").get_flat_relative_ids(upstream=True) >= set(GATES)
    assert nightly.get_task("run_campaign").get_flat_relative_ids(upstream=True) >= {*GATES, "publish"}
    for layer, gate in LAYERS:
        assert nightly.get_task(layer).downstream_task_ids == {gate}


def test_a_task_runs_only_when_all_before_it_succeeded(dags: dict[str, Any]) -> None:
    assert {task.trigger_rule for dag in dags.values() for task in dag.tasks} == {"all_success"}


def test_on_one_machine_a_spark_night_shares_a_server_that_stops_however_it_ends(load_dags: Any) -> None:
    nightly = load_dags(NIGHTJAR_ENGINE="spark")["nightly"]
    start, stop = nightly.get_task("start_spark"), nightly.get_task("stop_spark")
    assert (start.is_setup, stop.is_teardown, stop.trigger_rule) == (True, True, "all_done_setup_success")
    jobs = set(nightly.task_ids) - {"wait_for_files", "start_spark", "stop_spark"}
    assert start.get_flat_relative_ids(upstream=True) == {"wait_for_files"}
    assert start.get_flat_relative_ids() & stop.get_flat_relative_ids(upstream=True) == jobs
    assert all(f"`{task}`" in nightly.doc_md for task in nightly.task_ids)


@pytest.mark.parametrize(
    "elsewhere", [{"NIGHTJAR_SPARK_MASTER": "spark://one:7077"}, {"NIGHTJAR_SPARK_REMOTE": "sc://one:15002"}]
)
def test_a_spark_that_is_not_ours_is_neither_started_nor_stopped(load_dags: Any, elsewhere: dict[str, str]) -> None:
    nightly = load_dags(NIGHTJAR_ENGINE="spark", **elsewhere)["nightly"]
    assert not {"start_spark", "stop_spark"} & set(nightly.task_ids)


def test_published_tables_are_announced_as_assets(dags: dict[str, Any]) -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in dags["nightly"].tasks if task.outlets}
    assert outlets == {"publish": ["customer_360"], "run_campaign": ["campaign_assignment"]}


@pytest.mark.parametrize("path", sorted((REPOSITORY / "dags").glob("*.py")), ids=lambda path: path.name)
def test_dags_import_none_of_our_code(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert imported & OUR_CODE == set()


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.name)
def test_a_dag_file_is_short_and_decides_nothing(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 100
    kinds = (ast.If, ast.IfExp, ast.For, ast.While, ast.FunctionDef, ast.ClassDef, ast.Try)
    assert [node for node in ast.walk(ast.parse(text)) if isinstance(node, kinds)] == []


def test_an_unknown_engine_is_refused(load_dags: Any) -> None:
    with pytest.raises(ValueError, match="NIGHTJAR_ENGINE is 'flink'"):
        load_dags(NIGHTJAR_ENGINE="flink")
