"""Whole nights through Airflow, with stand-in jobs that only write down that they were called."""

import json
import shutil
import signal
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

SPARK_SUBMIT = Path(sys.executable).with_name("spark-submit")
STAND_IN = """
import json, pathlib, sys
here = pathlib.Path(__file__).parent.parent
name = pathlib.Path(__file__).stem
call = " ".join([*([] if name == "__main__" else [name]), *sys.argv[1:]])
calls = here / "calls.txt"
before = calls.read_text().splitlines() if calls.exists() else []
calls.write_text("\\n".join([*before, call]) + "\\n")
print("worked on", call)
for words, codes in json.loads((here / "exit_codes.json").read_text()).items():
    if call.startswith(words):
        sys.exit(codes[min(sum(line.startswith(words) for line in before), len(codes) - 1)])
"""
A_NIGHT = [
    "ingest conform",
    "gate --layer clean",
    "tile snapshot",
    "gate --layer feature",
    "score",
    "gate --layer score",
    "publish",
    "measure_campaign plan_campaign export_campaign",
    "report",
]
# Each gate, its layer, and how many jobs have been called when it has spoken.
GATES = {"check_clean": ("clean", 2), "check_features": ("feature", 4), "check_scores": ("score", 6)}


class StandIn:
    """A repository whose jobs exit as told: a list of codes for the first, second, ... call; the last one stays."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "jobs").mkdir()
        for name in ("__init__", "__main__", "gate", "score", "publish", "report", "train", "maintain"):
            (home / "jobs" / f"{name}.py").write_text("" if name == "__init__" else STAND_IN)
        self.exit_with({})

    def exit_with(self, codes: dict[str, list[int]]) -> None:
        (self.home / "exit_codes.json").write_text(json.dumps(codes))

    def calls(self) -> list[str]:
        path = self.home / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def stand_in(tmp_path: Path) -> StandIn:
    return StandIn(tmp_path)


@pytest.fixture
def dag(load_dags: Any, stand_in: StandIn, airflow_database: None) -> Any:
    nightly = load_dags(NIGHTJAR_HOME=str(stand_in.home))["nightly"]
    for task in nightly.tasks:
        task.retry_delay = timedelta(0)
    return nightly


def night(day: str) -> list[str]:
    return [f"{call} --as-of {day}" for call in A_NIGHT]


def states(run: Any) -> dict[str, tuple[str, int]]:
    return {ti.task_id: (str(ti.state), ti.try_number) for ti in run.get_task_instances()}


def test_nights_run_in_order_and_tell_what_the_jobs_say(dag: Any, stand_in: StandIn, capfd: Any) -> None:
    import run

    assert run.run("nightly", [date(2017, 12, 30), date(2017, 12, 31)]) == 0
    assert stand_in.calls() == night("2017-12-30") + night("2017-12-31")
    told = capfd.readouterr().out
    assert "  build_features ...\n" in told and "  build_features done seconds=" in told
    assert "worked on tile snapshot --as-of 2017-12-31" in told


@pytest.mark.parametrize("gate", GATES)
def test_a_refusing_gate_stops_the_night_at_once(dag: Any, stand_in: StandIn, gate: str) -> None:
    import pendulum

    layer, position = GATES[gate]
    stand_in.exit_with({f"gate --layer {layer}": [4]})
    run = dag.test(logical_date=pendulum.datetime(2017, 11, position))
    assert run.state == "failed"
    assert stand_in.calls() == night(f"2017-11-0{position}")[:position]
    found = states(run)
    assert found[gate] == ("failed", 1)
    assert {found[task][0] for task in ("publish", "run_campaign", "write_report")} == {"upstream_failed"}


def test_a_failed_date_stops_the_dates_after_it(dag: Any, stand_in: StandIn) -> None:
    import run

    stand_in.exit_with({"publish": [4]})
    assert run.run("nightly", [date(2017, 10, 1), date(2017, 10, 2)]) == 1
    assert stand_in.calls() == night("2017-10-01")[:7]


def test_a_temporary_failure_is_tried_again(dag: Any, stand_in: StandIn) -> None:
    import pendulum

    stand_in.exit_with({"score": [75, 0]})
    run = dag.test(logical_date=pendulum.datetime(2017, 9, 1))
    assert run.state == "success"
    assert states(run)["score_customers"] == ("success", 2)
    assert sum(call.startswith("score ") for call in stand_in.calls()) == 2


@pytest.mark.parametrize("exit_code", [2, 3, 4])
def test_an_exit_code_that_stays_fails_for_good(load_dags: Any, stand_in: StandIn, exit_code: int) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    task = load_dags(NIGHTJAR_HOME=str(stand_in.home))["nightly"].get_task("publish")
    stand_in.exit_with({"publish": [exit_code]})
    with pytest.raises(AirflowFailException, match=f"publish: exit code {exit_code}"):
        task.execute({})


@pytest.mark.parametrize("exit_code", [1, 75])
def test_an_exit_code_that_may_pass_is_left_to_the_retries(load_dags: Any, stand_in: StandIn, exit_code: int) -> None:
    from airflow.sdk.exceptions import AirflowException, AirflowFailException

    task = load_dags(NIGHTJAR_HOME=str(stand_in.home))["nightly"].get_task("publish")
    stand_in.exit_with({"publish": [exit_code]})
    with pytest.raises(AirflowException, match=f"exit code {exit_code}") as caught:
        task.execute({})
    assert not isinstance(caught.value, AirflowFailException)


def test_a_stopped_task_takes_its_job_with_it(load_dags: Any) -> None:
    load_dags()
    import tasks

    sleeper = tasks.ProcessJobOperator(task_id="sleep", command=[sys.executable, "-c", "import time; time.sleep(60)"])

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 1)
    try:
        with pytest.raises(KeyboardInterrupt):
            sleeper.execute({})
    finally:
        signal.signal(signal.SIGALRM, before)
    assert sleeper.process is not None and sleeper.process.returncode == -signal.SIGTERM


@pytest.mark.spark
@pytest.mark.skipif(not (shutil.which("java") and SPARK_SUBMIT.exists()), reason="needs Java and the extra 'spark'")
def test_spark_submit_hands_the_exit_code_of_a_gate_through(load_dags: Any, stand_in: StandIn) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    dags = load_dags(NIGHTJAR_HOME=str(stand_in.home), NIGHTJAR_ENGINE="spark")
    stand_in.exit_with({"gate": [4]})
    with pytest.raises(AirflowFailException, match="check_clean: exit code 4, gate refused"):
        dags["nightly"].get_task("check_clean").execute({})
