"""Maintenance changes files, not rows; it thins old snapshots and nothing else."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from deltalake.table import TableOptimizer

from jobs import maintain, tables
from jobs.errors import TemporaryError
from jobs.maintain import THINNED, is_kept
from schemas.clean import CLEAN_SESSIONS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.score import CUSTOMER_360, SCORE_RFM
from schemas.tables import TABLES
from tests.faults import shop
from tests.faults.compare import assert_same_rows, exists


@pytest.mark.parametrize(
    ("day", "kept"),
    [
        (date(2024, 5, 31), True),  # the date itself
        (date(2024, 4, 27), True),  # 34 days old
        (date(2024, 4, 26), False),  # 35 days old
        (date(2024, 4, 30), True),
        (date(2024, 2, 29), True),  # a month-end in a leap year
        (date(2024, 2, 28), False),
        (date(2023, 12, 31), True),
    ],
)
def test_recent_snapshots_and_month_ends_are_kept(day, kept):
    assert is_kept(day, date(2024, 5, 31), 35) is kept


def test_no_row_is_lost_but_those_of_thinned_snapshots(copy_of: Callable[[str], Path]):
    lake = copy_of("judged")
    before = {table.name: shop.stored(lake, table) for table in TABLES if exists(lake, table)}
    shop.run(lake, ("maintain",), snapshot_retention_days=40)
    for table in TABLES:
        if exists(lake, table) and table not in THINNED:
            assert_same_rows(table, shop.stored(lake, table), before[table.name])
    kept = set(shop.stored(lake, FEATURE_CUSTOMER)["as_of_date"].to_pylist())
    all_days = set(before[FEATURE_CUSTOMER.name]["as_of_date"].to_pylist())
    assert kept == {day for day in all_days if is_kept(day, shop.NIGHT, 40)} < all_days
    assert set(shop.stored(lake, CUSTOMER_360)["as_of_date"].to_pylist()) == {shop.PUBLISHED}


@pytest.fixture
def losing(make_run, frame, monkeypatch):
    """`losing(times)`: a run with a table of two files, whose compaction loses against another writer so many times."""

    def make(times: int):
        run = make_run(date(2024, 3, 31), snapshot_retention_days=10)
        for number in (1, 2):
            run.merge(frame(CLEAN_SESSIONS, {"session_id": f"s{number}"}), CLEAN_SESSIONS)
        lost = []
        compact = TableOptimizer.compact

        def late(self: TableOptimizer) -> dict:
            if len(lost) < times:
                lost.append(1)
                DeltaTable(str(run.path(CLEAN_SESSIONS))).delete(f"session_id = 's{len(lost)}'")
            return compact(self)

        monkeypatch.setattr(TableOptimizer, "compact", late)
        monkeypatch.setattr(tables.time, "sleep", lambda seconds: None)
        return run

    return make


def test_a_compaction_that_loses_to_another_writer_is_tried_again(losing):
    run = losing(1)
    maintain.compact(run, CLEAN_SESSIONS)
    assert [row.session_id for row in run.read(CLEAN_SESSIONS).collect()] == ["s2"]


def test_maintenance_that_loses_again_and_again_ends_as_temporary(losing, monkeypatch):
    monkeypatch.setattr(tables, "COMMIT_TRIES", 1)
    with pytest.raises(TemporaryError, match="other writers won"):
        maintain.compact(losing(1), CLEAN_SESSIONS)


def test_thinning_goes_through_the_same_tries(make_run, frame, monkeypatch):
    run = make_run(date(2024, 3, 31), snapshot_retention_days=10)
    days = [date(2024, 3, 5), date(2024, 3, 30)]
    make_run(*days).replace(frame(SCORE_RFM, *({"as_of_date": day} for day in days)), SCORE_RFM)
    commits = []
    monkeypatch.setattr(tables.Run, "commit", lambda self, write, table, what: commits.append((table.name, write())))
    maintain.thin(run, SCORE_RFM)
    assert [name for name, _ in commits] == ["score_rfm"] and run.dates(SCORE_RFM) == {days[1]}


def test_a_night_after_maintenance_is_published_as_if_there_had_been_none(copy_of: Callable[[str], Path]):
    lake = copy_of("judged")
    shop.run(lake, ("maintain",))
    files = DeltaTable(str(lake / FEATURE_CUSTOMER_DAY.name)).file_uris()
    assert len(files) == len({Path(file).parent for file in files})  # one a day
    shop.run(lake, ("publish",))
    assert shop.NIGHT in shop.published_dates(lake)


def test_snapshots_that_the_next_training_needs_outlive_maintenance(copy_of: Callable[[str], Path]):
    from jobs.train import split

    lake = copy_of("judged")
    shop.run(lake, ("maintain",))
    stored = sorted(set(shop.stored(lake, FEATURE_CUSTOMER)["as_of_date"].to_pylist()))
    training, holdout = split(stored, shop.NIGHT, 30)
    assert max(training) + timedelta(days=30) <= holdout
