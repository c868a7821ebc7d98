"""Snapshots as a job, and the law of the whole way to them: nights one by one give what one run over all gives."""

from datetime import date, timedelta

import pytest
from deltalake import DeltaTable

from jobs.erase_present import erase_state
from jobs.errors import MissingInputError
from jobs.land.simulated import ShopConfig, generate
from jobs.pseudonyms import KEY_FILE
from jobs.settings import Settings
from jobs.tables import Run
from schemas.clean import (
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_CUSTOMERS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_ORDERS,
    CLEAN_PRODUCTS,
    CLEAN_REVIEWS,
    CLEAN_SESSIONS,
)
from schemas.feature import (
    FEATURE_CUSTOMER,
    FEATURE_CUSTOMER_DAY,
    FEATURE_PATTERN,
    FEATURE_PRODUCT,
    FEATURE_VISITOR_DAY,
)
from schemas.identity import CLEAN_IDENTITY, CLEAN_IDENTITY_EDGE
from schemas.ops import OPS_FILE, OPS_LATENESS, OPS_RUN
from schemas.raw import RAW_QUARANTINE, SOURCES
from schemas.score import CUSTOMER_360

DAYS = 5
SHOP = ShopConfig(
    customers=60,
    days=DAYS,
    orders_per_month=9.0,
    sessions_per_order=2.0,
    late_share=0.15,
    duplicate_share=0.1,
    malformed_share=0.05,
    return_share=0.3,
    bot_share=0.05,
)
ADDED_TO = (
    *SOURCES.values(),
    RAW_QUARANTINE,
    OPS_FILE,
    OPS_RUN,
    OPS_LATENESS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_REVIEWS,
    CLEAN_CUSTOMERS,
    CLEAN_PRODUCTS,
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_SESSIONS,
    CLEAN_ORDERS,
    CLEAN_IDENTITY_EDGE,
    CLEAN_IDENTITY,
    FEATURE_CUSTOMER_DAY,
    FEATURE_VISITOR_DAY,
    FEATURE_CUSTOMER,
    FEATURE_PRODUCT,
    FEATURE_PATTERN,
)
OF_THE_NIGHT = (FEATURE_PRODUCT, FEATURE_PATTERN)  # not made for `--dates`


@pytest.mark.slow
def test_nights_one_by_one_give_the_tables_of_one_run_over_all(tmp_path, run_job, frame, assert_rows):
    """Late rows, duplicates, malformed rows and returns included; every table, by key and value.

    The nights are published, so that each snapshot but the first is made from the one before.
    """
    first, last = SHOP.start_date, SHOP.last_date
    days = [first + timedelta(days=shift) for shift in range(DAYS)]
    nightly, at_once = tmp_path / "nightly", tmp_path / "at_once"
    for lake in (nightly, at_once):
        generate(SHOP, lake, workers=1)
        (lake / KEY_FILE).write_text("one key, so that hashes of addresses compare")
    shop = {"business_timezone": "Europe/Berlin"}
    for day in days:
        for job in ("ingest", "conform", "tile", "snapshot"):
            run_job(job, day, lake=nightly, rolling_from_tiles=0, **shop)
        Run(day, day, Settings(lake=nightly)).replace(frame(CUSTOMER_360, {"as_of_date": day}), CUSTOMER_360)
    for job in ("ingest", "conform", "tile"):
        run_job(job, last, first, lake=at_once, **shop)
    run_job("snapshot", last, None, "--dates", *map(str, days), lake=at_once, **shop)
    one, other = (Run(last, first, Settings(lake=lake)) for lake in (nightly, at_once))
    for table in ADDED_TO:
        assert one.exists(table) == other.exists(table), table.name
        if one.exists(table):
            only = f"as_of_date = DATE'{last}'" if table in OF_THE_NIGHT else "true"
            assert_rows(one.read(table).filter(only), other.read(table).filter(only), table)
    matches = {row.match_kind for row in one.read(CLEAN_ORDER_LINES).select("match_kind").collect()}
    assert one.read(RAW_QUARANTINE).count() > 0 and matches > {None}


def tile(day: date, **facts: int) -> dict:
    return {"customer_id": "c", "event_date": day, "ingest_date": day} | facts


def orders_of(run: Run) -> dict[date, int]:
    return {row.as_of_date: row.order_count_lifetime for row in run.read(FEATURE_CUSTOMER).collect()}


def test_a_published_snapshot_stays_when_late_data_comes_and_the_next_one_has_it(make_run, frame, run_job):
    first, second = date(2024, 3, 1), date(2024, 3, 2)
    run = make_run(first)
    run.replace(frame(FEATURE_CUSTOMER_DAY, tile(first, order_count=1)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", first)
    run.replace(frame(CUSTOMER_360, {"as_of_date": first}), CUSTOMER_360)
    run.replace(frame(FEATURE_CUSTOMER_DAY, tile(first, order_count=5)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", first)
    run_job("snapshot", second, None, "--dates", str(first), str(second))
    assert orders_of(run) == {first: 1, second: 5}


def test_a_lost_snapshot_of_a_published_date_is_made_again_by_name_alone_and_its_products_stay(
    make_run, frame, run_job
):
    day = date(2024, 3, 1)
    run = make_run(day)
    run.replace(frame(FEATURE_CUSTOMER_DAY, tile(day, order_count=1)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", day)
    run.replace(frame(CUSTOMER_360, {"as_of_date": day}), CUSTOMER_360)
    run.replace(frame(FEATURE_PRODUCT, {"as_of_date": day, "product_id": "as published"}), FEATURE_PRODUCT)
    run.delete(FEATURE_CUSTOMER, "true")
    run_job("snapshot", day)
    assert orders_of(run) == {}
    run_job("snapshot", day, None, "--dates", str(day))
    assert orders_of(run) == {day: 1}
    assert [row.product_id for row in run.read(FEATURE_PRODUCT).collect()] == ["as published"]


def test_dates_made_together_leave_the_days_between_alone(make_run, frame, run_job):
    days = [date(2024, 3, number) for number in (1, 2, 3)]
    run = make_run(days[0], days[2])
    run.replace(frame(FEATURE_CUSTOMER_DAY, *(tile(day, order_count=1) for day in days)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", days[1])
    run.replace(frame(FEATURE_CUSTOMER_DAY, *(tile(day, order_count=3) for day in days)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", days[2], None, "--dates", str(days[0]), str(days[2]))
    assert orders_of(run) == {days[0]: 3, days[1]: 2, days[2]: 9}


def test_a_snapshot_waits_until_the_nights_rows_are_in_the_tiles(make_run, frame, run_job):
    before, night = date(2024, 3, 1), date(2024, 3, 2)
    for day, done in ((before, True), (night, False)):
        told = {"ingest_date": day, "file_row_count": 0, "new_row_count": 0, "duplicate_row_count": 0}
        make_run(day).replace(frame(OPS_RUN, told | {"quarantined_row_count": 0, "is_tiled": done}), OPS_RUN)
        make_run(day).replace(frame(FEATURE_CUSTOMER_DAY, tile(day, order_count=1)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", before)
    with pytest.raises(MissingInputError, match=f"run of {night} brought is not in .*`python -m jobs.tile`"):
        run_job("snapshot", night)
    with pytest.raises(MissingInputError, match=f"run of {night}"):
        run_job("snapshot", night, None, "--dates", str(before), str(night))
    assert orders_of(make_run(night)) == {before: 1}
    run_job("tile", night)
    run_job("snapshot", night)
    assert before in orders_of(make_run(night))


def test_a_snapshot_is_made_from_a_whole_and_published_one_of_the_day_before(make_run, frame, run_job, caplog):
    days = [date(2024, 3, 1) + timedelta(days=shift) for shift in range(6)]
    run = make_run(days[0], days[-1])
    run.replace(frame(FEATURE_CUSTOMER_DAY, *(tile(day, order_count=1) for day in days)), FEATURE_CUSTOMER_DAY)
    made_of = []
    for number, day in enumerate(days):
        caplog.clear()
        caplog.set_level("INFO", "nightjar")
        run_job("snapshot", day, rolling_from_tiles=9 if number == 1 else 0)
        made_of.append("the day before" if "made_of=the day before" in caplog.text else "all tiles")
        if number != 2:
            make_run(day).replace(frame(CUSTOMER_360, {"as_of_date": day}), CUSTOMER_360)
        if number == 4:
            erase_state(make_run(day))
    anew, rolled = "all tiles", "the day before"
    # the first; too few tiles; from a published one; the one before is not published; rolled; erased from
    assert made_of == [anew, anew, rolled, anew, rolled, anew]
    assert orders_of(run) == {day: number + 1 for number, day in enumerate(days)}


def test_after_an_erasure_no_lost_snapshot_is_made_from_what_counted_the_erased(make_run, frame, run_job, caplog):
    """The oldest still holds what it was made of; the tiles under it are others now."""
    days = [date(2024, 3, 1) + timedelta(days=shift) for shift in range(4)]
    run = make_run(days[0], days[-1])
    run.replace(frame(FEATURE_CUSTOMER_DAY, *(tile(day, order_count=2) for day in days)), FEATURE_CUSTOMER_DAY)
    for day in days[:3]:
        run_job("snapshot", day, rolling_from_tiles=0)
        make_run(day).replace(frame(CUSTOMER_360, {"as_of_date": day}), CUSTOMER_360)
    DeltaTable(str(run.path(FEATURE_CUSTOMER_DAY))).update(updates={"order_count": "1"})
    erase_state(make_run(days[2]))
    run.delete(FEATURE_CUSTOMER, f"as_of_date = DATE'{days[1]}'")
    caplog.set_level("INFO", "nightjar")
    caplog.clear()
    run_job("snapshot", days[2], None, "--dates", str(days[1]), rolling_from_tiles=0)
    assert "made_of=the day before" not in caplog.text and orders_of(run)[days[1]] == 2


def test_a_lake_of_before_a_fact_has_none_of_it_and_its_next_snapshot_is_made_of_all_tiles(
    make_run, frame, run_job, caplog
):
    """The tiles may have got the fact since, by a rerun: then no snapshot of before knows what it counts."""
    first, second = date(2024, 3, 1), date(2024, 3, 2)
    run = make_run(first, second)
    run.replace(frame(FEATURE_CUSTOMER_DAY, tile(first, order_count=1)), FEATURE_CUSTOMER_DAY)
    run_job("snapshot", first)
    run.replace(frame(CUSTOMER_360, {"as_of_date": first}), CUSTOMER_360, first, first)
    DeltaTable(str(run.path(FEATURE_CUSTOMER_DAY))).update(updates={"cart_session_count": "NULL"})
    before = {"cart_session_count_90d": "NULL", "state_declaration": "'of before'"}
    DeltaTable(str(run.path(FEATURE_CUSTOMER))).update(updates=before)
    caplog.set_level("INFO", "nightjar")
    caplog.clear()
    run_job("snapshot", second, rolling_from_tiles=0)
    assert "made_of=all tiles" in caplog.text
    [row] = run.read(FEATURE_CUSTOMER).filter(f"as_of_date = DATE'{second}'").collect()
    assert (row.order_count_lifetime, row.cart_session_count_90d) == (1, 0)
