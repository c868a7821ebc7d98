"""Online Retail: file rows are kept to the last, cancellations netted, guests kept out of customers' tables only."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.reconcile.lakes import ask, assert_nothing_lost, night_after_history, value

FILE_ROWS, GUEST_ROWS, CUSTOMERS = 320_705, 88_652, 3_360
TOTAL = Decimal("5761931.382")  # quantity × unit price of every file row
POSTAGE = Decimal("161273.29")  # POST, DOT and C2
EXCLUDED = Decimal("-169981.20")  # fees, samples, bad debt, vouchers
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def lake(shared_data: Path, tmp_path_factory: pytest.TempPathFactory, spark: object) -> Path:
    folder = tmp_path_factory.mktemp("online-retail") / "lake"
    night_after_history("online-retail", shared_data / "online-retail", folder)
    return folder


def test_every_file_row_is_new_duplicate_or_quarantined(lake: Path) -> None:
    assert_nothing_lost(lake, {"transactions": FILE_ROWS})


def test_the_published_facts_are_in_the_raw_table(lake: Path) -> None:
    (facts,) = ask(
        lake,
        "SELECT count(*) AS n, count(*) FILTER (WHERE customer_id IS NULL) AS guests, "
        "count(DISTINCT customer_id) AS customers, count(DISTINCT order_id) AS invoices, "
        "count(*) FILTER (WHERE order_id LIKE 'C%') AS c, count(*) FILTER (WHERE order_id LIKE 'A%') AS a, "
        "count(*) FILTER (WHERE event_id NOT LIKE '%-1') AS equal, count(*) FILTER (WHERE quantity < 0) AS negative, "
        "count(*) FILTER (WHERE unit_price <= 0) AS no_price, sum(line_amount) AS amount FROM raw_transactions",
    )
    # Equal in every field of the file are 2,483: one line more differs from its twin in the description alone.
    counts = (FILE_ROWS, GUEST_ROWS, CUSTOMERS, 16_459, 5_847, 3, 2_483 + 1, 6_772, 1_799, TOTAL)
    assert tuple(facts.values()) == counts
    (kept,) = ask(
        lake,
        "SELECT count(*) AS n, count(DISTINCT customer_id) AS customers, count(DISTINCT order_id) AS invoices, "
        "sum(line_amount) AS amount FROM raw_transactions "
        "WHERE customer_id IS NOT NULL AND order_id NOT LIKE 'C%' AND quantity > 0 AND unit_price > 0",
    )
    assert tuple(kept.values()) == (226_467, 3_317, 11_413, Decimal("5239240.562"))


def test_goods_postage_and_what_is_no_revenue_are_what_the_files_add_up_to(lake: Path) -> None:
    kinds = {
        row["line_kind"]: (row["net"], row["amount"])
        for row in ask(
            lake,
            "SELECT line_kind, sum(net_amount) AS net, sum(line_amount) AS amount FROM clean_order_lines GROUP BY 1",
        )
    }
    goods = TOTAL - POSTAGE - EXCLUDED
    assert kinds == {"merchandise": (goods, goods), "postage": (0, POSTAGE), "excluded": (0, EXCLUDED)}


def test_customers_lines_and_tiles_hold_the_same_money(lake: Path) -> None:
    of_customers = value(lake, "SELECT sum(net_amount) FROM clean_order_lines WHERE customer_id IS NOT NULL")
    assert value(lake, "SELECT sum(net_amount) FROM feature_customer_day") == of_customers


def test_every_cancellation_is_there_once_and_says_how_it_found_its_order(lake: Path) -> None:
    kinds = ask(
        lake,
        "SELECT match_kind, customer_id IS NULL AS is_guest, count(*) AS n, sum(line_amount) AS amount "
        "FROM clean_order_lines WHERE line_type = 'cancellation' GROUP BY 1, 2",
    )
    assert {(row["match_kind"], row["is_guest"]): (row["n"], row["amount"]) for row in kinds} == {
        ("latest_line", False): (4_457, Decimal("-207416.4200")),
        ("unmatched", False): (1_108, Decimal("-112716.4100")),
        ("unmatched", True): (282, Decimal("-200637.7300")),  # a guest's cancellation matches nobody's order
    }


def test_no_order_gives_back_more_units_than_it_sold(lake: Path) -> None:
    units = (
        "SELECT order_id, customer_id, product_id, sum(quantity) AS units FROM clean_order_lines "
        "WHERE line_type = 'sale' OR match_kind = 'latest_line' GROUP BY 1, 2, 3"
    )
    assert value(lake, f"SELECT count(*) FROM ({units}) WHERE units < 0") == 0  # noqa: S608 - made here


def test_orders_hold_what_their_lines_add_up_to(lake: Path) -> None:
    (sums,) = ask(
        lake, "SELECT sum(net_amount) AS n, sum(postage_amount) AS p, sum(excluded_amount) AS e FROM clean_orders"
    )
    assert (sums["p"], sums["e"]) == (POSTAGE, EXCLUDED)
    assert sum(sums.values()) == TOTAL.quantize(Decimal("0.01"))


def test_guests_are_kept_in_raw_and_out_of_customers_tables(lake: Path) -> None:
    assert value(lake, "SELECT count(*) FROM raw_transactions WHERE customer_id IS NULL") == GUEST_ROWS
    assert value(lake, "SELECT count(DISTINCT customer_id) FROM raw_transactions") == CUSTOMERS
    for table in ("feature_customer_day", "feature_customer", "customer_360"):
        assert value(lake, f"SELECT count(*) FROM {table} WHERE customer_id IS NULL OR customer_id = ''") == 0, table  # noqa: S608 - made here
        assert value(lake, f"SELECT count(DISTINCT customer_id) FROM {table}") == CUSTOMERS, table  # noqa: S608 - made here
