"""Backfill: finds what is missing, builds it once, and leaves what is there."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from jobs import backfill
from jobs.errors import MissingInputError
from jobs.settings import Settings
from schemas.feature import FEATURE_CUSTOMER
from tests.faults import shop
from tests.faults.compare import versions

FIRST = date(2024, 1, 1)


def wanted(last: date, churn: int = 30, clv: int = 60) -> list[date]:
    settings = Settings(churn_horizon_days=churn, clv_horizon_days=clv)
    return sorted(backfill.wanted_snapshots(settings, FIRST, last))


def test_snapshots_are_made_of_month_ends_the_date_and_one_and_two_horizons_before(no_settings):
    last = date(2024, 6, 15)
    days = [date(2024, month, day) for month, day in ((1, 31), (2, 29), (3, 31), (4, 30), (5, 31))]
    before = [last - timedelta(days=days) for days in (30, 60, 120)]
    assert wanted(last) == sorted({last, *days, *before})


def test_no_training_snapshot_stands_on_less_than_four_weeks_but_the_date_itself_always_has_one(no_settings):
    assert wanted(FIRST + timedelta(days=3)) == [FIRST + timedelta(days=3)]
    assert min(wanted(date(2024, 3, 1))) == FIRST + timedelta(
        days=30
    )  # the month-end; two horizons before is too early


def test_a_lake_that_has_everything_is_left_as_it_is(copy_of: Callable[[str], Path]):
    lake = copy_of("trained")
    before = versions(lake)
    with shop.lake_settings(lake):
        backfill.main(["--to", str(shop.TRAINED)])
    assert versions(lake) == before


def test_only_the_days_after_the_latest_snapshot_are_built(copy_of: Callable[[str], Path], monkeypatch):
    ran = []
    monkeypatch.setattr(backfill.runtime, "run_jobs", lambda names, arguments: ran.append((names, arguments)))
    last = shop.TRAINED + timedelta(days=2)
    with shop.lake_settings(copy_of("trained")):
        backfill.main(["--to", str(last)])
    start = str(shop.TRAINED + timedelta(days=1))
    assert ran[0] == (["ingest", "conform", "tile"], ["--from", start, "--as-of", str(last)])
    (names, arguments) = ran[1]
    assert names == ["snapshot"] and str(last) in arguments and str(shop.TRAINED) not in arguments


def test_history_has_the_snapshots_that_training_needs(lake_at: Callable[[str], Path]):
    stored = set(shop.stored(lake_at("trained"), FEATURE_CUSTOMER)["as_of_date"].to_pylist())
    assert {shop.TRAINED - timedelta(days=days) for days in (0, 30, 60)} <= stored


@pytest.mark.parametrize(
    ("arguments", "told"),
    [(["--from", "2024-02-02", "--to", "2024-02-01"], "is after --to"), (["--to", "2024-02-01"], "give --from")],
)
def test_a_stretch_that_cannot_be_says_what_to_give(arguments, told, tmp_path, no_settings):
    with shop.lake_settings(tmp_path), pytest.raises(MissingInputError, match=told):
        backfill.main(arguments)
