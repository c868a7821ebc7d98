"""Backfill: finds what is missing, builds it once, and leaves what is there."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from jobs import backfill, snapshot
from jobs.errors import MissingInputError
from jobs.settings import Settings
from schemas.feature import FEATURE_CUSTOMER
from tests.faults import shop
from tests.faults.compare import versions

FIRST = date(2024, 1, 1)


def wanted(last: date, first: date = FIRST, churn: int = 30, clv: int = 60) -> list[date]:
    settings = Settings(churn_horizon_days=churn, clv_horizon_days=clv)
    return sorted(backfill.wanted_snapshots(settings, first, last, FIRST))


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


def test_of_a_stretch_only_its_own_dates_are_wanted_and_its_beginning_is_not_the_shops():
    first = date(2024, 5, 30)
    assert wanted(date(2024, 6, 15), first) == [date(2024, 5, 31), date(2024, 6, 15)]


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


def lose(lake: Path, *days: date) -> pa.Table:
    """Take the snapshots of the days away; returns all there were."""
    rows = shop.stored(lake, FEATURE_CUSTOMER)
    left = rows.filter(pc.invert(pc.is_in(rows["as_of_date"], pa.array(days))))
    assert len(left) < len(rows)
    shop.rewrite(lake, FEATURE_CUSTOMER, left)
    return rows


def of_dates_in(before: pa.Table, lake: Path) -> pa.Table:
    """The rows that the lake has now, of the dates that were there before."""
    rows = shop.stored(lake, FEATURE_CUSTOMER)
    return rows.filter(pc.is_in(rows["as_of_date"], pc.unique(before["as_of_date"])))


def test_a_wanted_snapshot_that_is_missing_in_the_middle_is_built_and_no_night_is_run_again(copy_of):
    lake, month_end = copy_of("published"), date(2024, 2, 29)
    before = lose(lake, month_end, shop.PUBLISHED)
    others = {name: version for name, version in versions(lake).items() if name != FEATURE_CUSTOMER.name}
    with shop.lake_settings(lake):
        backfill.main(["--to", str(shop.PUBLISHED)])
    assert of_dates_in(before, lake).equals(before)  # PUBLISHED is the latest, and published
    assert {name: versions(lake)[name] for name in others} == others


def test_daily_builds_every_day_of_the_stretch_that_has_no_snapshot_in_one_process(copy_of, monkeypatch):
    ran, run_jobs = [], backfill.runtime.run_jobs
    monkeypatch.setattr(backfill.runtime, "run_jobs", lambda *of: (ran.append(of), run_jobs(*of)))
    lake, first = copy_of("published"), shop.PUBLISHED - timedelta(days=8)
    before = lose(lake, shop.PUBLISHED)
    with shop.lake_settings(lake):
        backfill.main(["--from", str(first), "--to", str(shop.PUBLISHED), "--daily"])
        backfill.main(["--from", str(first), "--to", str(shop.PUBLISHED), "--daily"])
    rows = shop.stored(lake, FEATURE_CUSTOMER)
    asked = {first + timedelta(days=shift) for shift in range(9)}
    assert asked <= set(rows["as_of_date"].to_pylist())
    assert of_dates_in(before, lake).equals(before)
    [(names, arguments)] = ran  # the second time nothing was left to do
    assert names == ["snapshot"] and len(arguments) == 3 + len(asked - {shop.TRAINED})


def test_a_long_stretch_is_built_so_many_dates_at_once(copy_of, monkeypatch):
    made = []
    monkeypatch.setattr(snapshot, "write_of_tiles", lambda run, dates, *of: made.append(dates))
    lake = copy_of("trained")
    with shop.lake_settings(lake):
        backfill.main(["--from", str(shop.START), "--to", str(shop.TRAINED), "--daily"])
    there = set(shop.stored(lake, FEATURE_CUSTOMER)["as_of_date"].to_pylist())
    days = (shop.START + timedelta(days=shift) for shift in range(101))
    assert [day for dates in made for day in dates] == [day for day in days if day not in there]
    assert max(map(len, made)) == snapshot.DATES_AT_ONCE


def test_a_stored_snapshot_of_a_published_date_is_never_written_again(copy_of):
    lake = copy_of("published")
    rows = shop.stored(lake, FEATURE_CUSTOMER)
    forged = pc.if_else(pc.equal(rows["as_of_date"], shop.PUBLISHED), 77, rows["order_count_lifetime"])
    place = rows.schema.get_field_index("order_count_lifetime")
    shop.rewrite(lake, FEATURE_CUSTOMER, rows.set_column(place, rows.schema.field(place), forged))
    with shop.lake_settings(lake):
        backfill.main(["--from", str(shop.TRAINED - timedelta(days=1)), "--to", str(shop.PUBLISHED), "--daily"])
    found = shop.stored(lake, FEATURE_CUSTOMER)
    of_date = found.filter(pc.equal(found["as_of_date"], shop.PUBLISHED))
    assert pc.unique(of_date["order_count_lifetime"]).to_pylist() == [77]


def test_before_the_earliest_tile_there_is_nothing_to_build(copy_of, caplog):
    lake, early = copy_of("trained"), shop.START - timedelta(days=9)
    until = shop.START + timedelta(days=1)
    with shop.lake_settings(lake), caplog.at_level("INFO", "nightjar"):
        backfill.main(["--from", str(early), "--to", str(until), "--daily"])
        assert f"no snapshots of {early}..{shop.START - timedelta(days=1)}: the earliest tile is of" in caplog.text
        with pytest.raises(MissingInputError, match=f"nothing is known up to {early}: the earliest tile is of"):
            backfill.main(["--from", str(early), "--to", str(early), "--daily"])
    dates = set(shop.stored(lake, FEATURE_CUSTOMER)["as_of_date"].to_pylist())
    assert {shop.START, until} <= dates and min(dates) == shop.START


def test_nights_that_are_tiled_but_have_no_snapshot_are_not_run_again(copy_of, monkeypatch):
    ran = []
    lake = copy_of("published")
    lose(lake, shop.PUBLISHED, shop.TRAINED)
    monkeypatch.setattr(backfill.runtime, "run_jobs", lambda names, arguments: ran.append(names))
    with shop.lake_settings(lake):
        backfill.main(["--to", str(shop.PUBLISHED)])
    assert ran == [["snapshot"]]


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
