"""Olist: persons, not accounts; payments against price and freight; a night on real orders and reviews."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.reconcile.lakes import assert_nothing_lost, bring_the_rest, night_after_history, raw_count, value

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    folder = tmp_path_factory.mktemp("olist") / "lake"
    bring_the_rest(folder, night_after_history("olist", shared_data / "olist", folder))
    return folder


def test_every_file_row_is_accounted_for(lake: Path) -> None:
    assert_nothing_lost(lake, {})
    assert value(lake, "SELECT count(*) FROM raw_quarantine") == 0


def test_the_published_facts_are_in_the_raw_tables(lake: Path) -> None:
    every = "SELECT order_id FROM raw_payments UNION SELECT order_id FROM raw_reviews UNION SELECT order_id FROM "
    sold = "raw_transactions WHERE line_type = 'sale'"
    assert value(lake, f"SELECT count(DISTINCT order_id) FROM ({every} {sold})") == 10_346  # noqa: S608 - made here
    assert value(lake, f"SELECT count(*) FROM {sold}") == 11_780  # noqa: S608 - made here
    assert (raw_count(lake, "payments"), raw_count(lake, "reviews")) == (10_880, 10_313)
    assert round(value(lake, "SELECT avg(rating) FROM raw_reviews"), 3) == 4.090


def test_the_person_is_the_customer(lake: Path) -> None:
    assert value(lake, "SELECT count(DISTINCT customer_id) FROM raw_customers") == 10_267
    # The others ordered what was never delivered: orders without a line.
    assert value(lake, "SELECT count(DISTINCT customer_id) FROM raw_transactions") == 10_186


def test_payments_are_price_and_freight_for_all_but_a_few_orders(lake: Path) -> None:
    paid = "is_order AND paid_amount IS NOT NULL"
    orders = value(lake, f"SELECT count(*) FROM clean_orders WHERE {paid}")  # noqa: S608 - made here
    close = f"{paid} AND abs(paid_amount - net_amount - shipping_amount) <= 0.02"
    assert value(lake, f"SELECT count(*) FROM clean_orders WHERE {close}") / orders >= 0.997  # noqa: S608 - made here
    assert value(lake, "SELECT sum(payment_amount) FROM raw_payments") == Decimal("1651329.59")


def test_lines_orders_and_tiles_hold_the_same_money(lake: Path) -> None:
    sold = value(lake, "SELECT sum(net_amount) FROM clean_order_lines WHERE line_type = 'sale'")
    assert sold == Decimal("1394639.39")
    net = value(lake, "SELECT sum(net_amount) FROM clean_order_lines")
    assert net == value(lake, "SELECT sum(line_amount) FROM raw_transactions") == Decimal("1385879.19")
    assert value(lake, "SELECT sum(net_amount) FROM clean_orders") == net
    assert value(lake, "SELECT sum(net_amount) FROM feature_customer_day") == net


def test_the_last_night_is_published(lake: Path) -> None:
    assert value(lake, "SELECT count(DISTINCT as_of_date) FROM customer_360") == 1
    assert value(lake, "SELECT count(*) FROM customer_360 WHERE churn_probability IS NOT NULL") > 9_000
