"""docs/late-data.md, proven: a row that is 200 days late, from its file to the snapshots."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from features.snapshot import snapshots
from jobs.snapshot import products_of
from schemas.clean import CLEAN_ORDER_LINES, CLEAN_ORDERS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_LATENESS
from schemas.raw import RAW_TRANSACTIONS
from schemas.score import CUSTOMER_360
from tests.jobs.landed import land, line

FIRST = date(2023, 6, 1)
D = date(2024, 3, 1)
NEXT = D + timedelta(days=1)
LATE = D - timedelta(days=199)  # 200 days before the run that brings it


@pytest.fixture
def published(lake, run_job, make_run, frame):
    """A lake whose date D is published; the row that was made on LATE has not come yet."""
    land(lake, FIRST, "a.csv", line("1", FIRST))
    land(lake, D, "b.csv", line("2", D), line("3", D).replace("c1", "c2"))
    for job in ("ingest", "conform", "tile"):
        run_job(job, D, FIRST)
    run_job("snapshot", D)
    run = make_run(D)
    run.replace(frame(CUSTOMER_360, {"as_of_date": D, "customer_id": "c1"}), CUSTOMER_360)
    return run


def night(run_job, day: date) -> None:
    for job in ("ingest", "conform", "tile", "snapshot"):
        run_job(job, day)


def rows_of(run, table, condition: str = "true") -> list[dict]:
    return sorted((row.asDict() for row in run.read(table).filter(condition).collect()), key=repr)


def of_c1(run, day: date) -> dict:
    [row] = rows_of(run, FEATURE_CUSTOMER, f"as_of_date = DATE'{day}' AND customer_id = 'c1'")
    return row


def test_a_row_that_is_200_days_late_is_in_its_own_day_and_the_next_snapshot_and_in_no_published_one(
    published, lake, run_job, make_run, assert_rows
):
    tiles, snapshot = (rows_of(published, table) for table in (FEATURE_CUSTOMER_DAY, FEATURE_CUSTOMER))
    land(lake, NEXT, "c.csv", line("late", LATE, amount="7.00"), line("4", NEXT).replace("c1", "c2"))
    night(run_job, NEXT)
    run = make_run(NEXT)

    for table in (RAW_TRANSACTIONS, CLEAN_ORDER_LINES):
        [row] = rows_of(run, table, "order_id = 'olate'")
        assert (row["event_date"], row["ingest_date"]) == (LATE, NEXT), "it lands in its own day"
    assert [row["order_date"] for row in rows_of(run, CLEAN_ORDERS, "order_id = 'olate'")] == [LATE]

    added = rows_of(run, FEATURE_CUSTOMER_DAY, f"ingest_date = DATE'{NEXT}'")
    assert [(row["customer_id"], row["event_date"]) for row in added] == [("c1", LATE), ("c2", NEXT)]
    assert rows_of(run, FEATURE_CUSTOMER_DAY, f"ingest_date <= DATE'{D}'") == tiles, "no other tile is touched"

    before, after = of_c1(run, D), of_c1(run, NEXT)
    assert (before["order_count_365d"], before["net_revenue_365d"]) == (2, Decimal("19.00"))
    assert (after["order_count_365d"], after["net_revenue_365d"]) == (3, Decimal("26.00"))
    assert (after["net_revenue_90d"], after["recency_days"]) == (Decimal("9.50"), 1), "windows end before its day"

    night(run_job, D)  # a rerun of the published date, the file being there
    assert rows_of(make_run(D), FEATURE_CUSTOMER, f"as_of_date = DATE'{D}'") == snapshot
    again = snapshots(run.read(FEATURE_CUSTOMER_DAY), [D], 1, products=products_of(run, None))
    assert_rows(again, snapshot, FEATURE_CUSTOMER)  # and what was known at D can be made again from tiles


def test_the_days_to_tile_again_come_from_what_arrived(published, lake, run_job, make_run):
    days = [NEXT - timedelta(days=back) for back in (0, 1, 30, 31, 200)]
    land(lake, NEXT, "c.csv", *(line(f"n{n}", day) for n, day in enumerate(days)))
    night(run_job, NEXT)
    run = make_run(NEXT)
    added = rows_of(run, FEATURE_CUSTOMER_DAY, f"ingest_date = DATE'{NEXT}'")
    assert sorted((row["event_date"] for row in added), reverse=True) == days
    [told] = rows_of(run, OPS_LATENESS, f"ingest_date = DATE'{NEXT}'")
    assert (told["earlier_day_count"], told["maximum_lateness_days"], told["late_over_30_days_row_count"]) == (
        4,
        200,
        2,
    )


def test_a_late_return_lowers_the_day_of_its_order_in_later_snapshots_alone(published, lake, run_job, make_run):
    header = "event_id,event_at,order_id,customer_id,product_id,line_amount,line_type,original_order_id"
    back = f"r,{NEXT}T10:00:00Z,or,c1,p1,-9.50,return,o1"
    land(lake, NEXT, "c.csv", back, header=header)
    night(run_job, NEXT)
    run = make_run(NEXT)
    [tile] = rows_of(run, FEATURE_CUSTOMER_DAY, f"ingest_date = DATE'{NEXT}'")
    assert (tile["event_date"], tile["net_amount"], tile["order_count"]) == (FIRST, Decimal("-9.50"), -1)
    assert of_c1(run, D)["net_revenue_365d"] == Decimal("19.00")
    assert of_c1(run, NEXT)["net_revenue_365d"] == Decimal("9.50")
