"""Which day a run processes, for every way in which Airflow starts one."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

ZONES = ["UTC", "America/Sao_Paulo", "Pacific/Auckland", "Europe/London"]
NO_PARAMS = {"as_of_date": None}


def as_of(dag: Any, logical_date: datetime | None, run_after: datetime, params: dict[str, Any] | None = None) -> date:
    run = SimpleNamespace(logical_date=logical_date, run_after=run_after)
    return dag.user_defined_macros["as_of_date"](run, params or NO_PARAMS)


def load(load_dags: Any, zone: str, dag_id: str = "nightly") -> Any:
    return load_dags(AIRFLOW__CORE__DEFAULT_TIMEZONE=zone, NIGHTJAR_BUSINESS_TIMEZONE=zone)[dag_id]


def scheduler_dag(dag: Any) -> Any:
    from airflow.serialization.serialized_objects import DagSerialization

    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


@pytest.mark.parametrize("zone", ZONES)
def test_a_scheduled_night_processes_the_day_that_just_ended(load_dags: Any, zone: str) -> None:
    import pendulum
    from airflow.timetables.base import TimeRestriction

    dag = load(load_dags, zone)
    midnight = datetime(2018, 1, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    start = datetime(2017, 12, 31, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    info = scheduler_dag(dag).timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(pendulum.instance(start), None, catchup=True)
    )
    assert info.run_after == midnight
    assert as_of(dag, info.logical_date, info.run_after) == date(2017, 12, 31)


@pytest.mark.parametrize("zone", ZONES)
def test_a_backfill_processes_its_dates_as_typed_first_and_last_included(load_dags: Any, zone: str) -> None:
    dag = load(load_dags, zone)
    first, last = (datetime(2017, 12, day, tzinfo=ZoneInfo(zone)) for day in (29, 31))
    runs = list(scheduler_dag(dag).iter_dagrun_infos_between(first, last))
    days = [as_of(dag, run.logical_date, run.run_after) for run in runs]
    assert days == [date(2017, 12, 29), date(2017, 12, 30), date(2017, 12, 31)]


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Europe/London"])
def test_days_on_which_the_clock_changes_are_processed_once_each(load_dags: Any, zone: str) -> None:
    dag = load(load_dags, zone)
    first, last = datetime(2017, 1, 1, tzinfo=ZoneInfo(zone)), datetime(2017, 12, 31, tzinfo=ZoneInfo(zone))
    runs = list(scheduler_dag(dag).iter_dagrun_infos_between(first, last))
    days = {as_of(dag, run.logical_date, run.run_after) for run in runs}
    assert (len(runs), len(days)) == (365, 365)


@pytest.mark.parametrize("zone", ZONES)
def test_dags_test_processes_the_date_typed(load_dags: Any, zone: str) -> None:
    typed = datetime(2017, 12, 31, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert as_of(load(load_dags, zone), typed, datetime(2020, 5, 5, 12, tzinfo=UTC)) == date(2017, 12, 31)


@pytest.mark.parametrize("with_logical_date", [True, False])
def test_a_run_started_by_hand_now_processes_the_last_full_day(load_dags: Any, with_logical_date: bool) -> None:
    now = datetime(2018, 1, 2, 15, 30, tzinfo=UTC)
    assert as_of(load(load_dags, "UTC"), now if with_logical_date else None, now) == date(2018, 1, 1)


def test_the_last_full_day_is_that_of_the_business_time_zone(load_dags: Any) -> None:
    evening = datetime(2018, 1, 2, 1, tzinfo=UTC)  # still the first of January in Sao Paulo
    assert as_of(load(load_dags, "America/Sao_Paulo"), None, evening) == date(2017, 12, 31)


def test_the_date_asked_for_wins(load_dags: Any) -> None:
    now = datetime(2018, 1, 2, tzinfo=UTC)
    assert as_of(load(load_dags, "UTC"), now, now, {"as_of_date": "2017-12-15"}) == date(2017, 12, 15)


def test_a_day_that_is_not_over_is_refused_for_good(load_dags: Any) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    now = datetime(2018, 1, 2, tzinfo=UTC)
    with pytest.raises(AirflowFailException, match="2018-01-02 is not over yet; the last full day is 2018-01-01"):
        as_of(load(load_dags, "UTC"), now, now, {"as_of_date": "2018-01-02"})


def test_a_date_that_is_none_is_refused_when_the_run_is_asked_for(load_dags: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match="not a 'date'"):
        scheduler_dag(load(load_dags, "UTC")).params.deep_merge({"as_of_date": "yesterday"}).validate()


@pytest.mark.parametrize("dag_id", ["train_models", "maintain_tables"])
def test_a_weekly_run_knows_the_day_before_it_not_the_week_before(load_dags: Any, dag_id: str) -> None:
    dag = load(load_dags, "UTC", dag_id)
    first, last = datetime(2018, 1, 1, tzinfo=UTC), datetime(2018, 1, 8, tzinfo=UTC)
    (run,) = scheduler_dag(dag).iter_dagrun_infos_between(first, last)
    assert (run.run_after.date() - as_of(dag, run.logical_date, run.run_after)).days == 1


def test_a_night_starts_when_the_files_are_handed_over(load_dags: Any) -> None:
    dag = load(load_dags, "America/Sao_Paulo")
    run = SimpleNamespace(logical_date=None, run_after=datetime(2018, 1, 2, 12, tzinfo=UTC))
    expected = datetime(2018, 1, 2, 3, tzinfo=ZoneInfo("America/Sao_Paulo"))
    assert dag.user_defined_macros["hand_over_at"](run, NO_PARAMS) == expected


def test_two_different_time_zones_are_refused(load_dags: Any) -> None:
    with pytest.raises(ValueError, match="must be the same zone"):
        load_dags(AIRFLOW__CORE__DEFAULT_TIMEZONE="UTC", NIGHTJAR_BUSINESS_TIMEZONE="America/Sao_Paulo")
