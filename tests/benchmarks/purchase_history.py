"""A shop's years of purchases as the tables that a night's features read: simulated, the same for the same seed.

Purchases fall on days at random; customers differ in activity (gamma, shape 0.8), products in popularity (Zipf .8).
What a customer buys on a day is one order. Two lines in a hundred come back within 30 days. So nearly every purchase is
an order of its own: 1.3 lines a customer and day, the shape for which daily tiles save least.
"""

# ruff: noqa: E501, S608 - SQL of this file's own words

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
from deltalake import DeltaTable, Schema, write_deltalake

from schemas.clean import CLEAN_ORDER_LINES, CLEAN_ORDERS, CLEAN_PRODUCTS
from schemas.contract import Table
from schemas.ops import OPS_RUN
from schemas.score import CUSTOMER_360

LAST = date(2024, 6, 30)
PRODUCTS, CATEGORIES = 50_000, 20
RETURN_SHARE, RETURN_DAYS = 0.02, 30
DAYS_A_WRITE = 61  # days whose lines are held in memory at once


@dataclass(frozen=True)
class Size:
    """How much a shop sold: `lines` by `customers` in the `days` up to `LAST`."""

    customers: int
    days: int
    lines: int

    @property
    def first(self) -> date:
        """The first day."""
        return LAST - timedelta(days=self.days - 1)


def build(lake: Path, size: Size, seed: int = 1) -> None:
    """Write `clean_order_lines`, `clean_orders`, `clean_products` and what tells of runs into a lake."""
    draw = np.random.default_rng(seed)
    activity = np.cumsum(draw.gamma(0.8, 1.0, size.customers))
    popularity = np.cumsum(np.arange(1, PRODUCTS + 1) ** -0.8)
    cents = np.maximum(draw.lognormal(7, 0.8, PRODUCTS).astype(np.int64), 99)
    sold_a_day = size.lines // size.days
    back: dict[int, list[pa.Table]] = {}
    for start in range(0, size.days, DAYS_A_WRITE):
        lines = []
        for number in range(start, min(start + DAYS_A_WRITE, size.days)):
            sold = _sold(draw, number, sold_a_day, activity, popularity, cents)
            returned = sold.filter(pa.array(draw.random(sold.num_rows) < RETURN_SHARE))
            after = draw.integers(1, RETURN_DAYS + 1, returned.num_rows)
            for days in np.unique(after):
                back.setdefault(number + int(days), []).append(returned.filter(pa.array(after == days)))
            lines += [_with_run(sold, number, False), *(_with_run(rows, number, True) for rows in back.pop(number, []))]
        _write_lines(lake, size.first, pa.concat_tables(lines))
    _write_orders(lake, size)
    _write_rest(lake, size)


def _sold(draw, number, count, activity, popularity, cents) -> pa.Table:
    """Lines of a day as numbers."""
    product = np.searchsorted(popularity, draw.random(count) * popularity[-1])
    return pa.table(
        {
            "sold_on": np.full(count, number),
            "place": np.arange(count),
            "customer": np.searchsorted(activity, draw.random(count) * activity[-1]),
            "product": product,
            "units": draw.integers(1, 4, count),
            "cents": cents[product],
            "is_discounted": draw.random(count) < 0.2,
            "second": draw.integers(28_800, 79_200, count),
        }
    )


def _with_run(rows: pa.Table, number: int, is_return: bool) -> pa.Table:
    run = pa.array(np.full(rows.num_rows, number))
    return rows.append_column("run", run).append_column("is_return", pa.array(np.full(rows.num_rows, is_return)))


def _write_lines(lake: Path, first: date, numbers: pa.Table) -> None:
    day = f"DATE '{first}' + sold_on::INT"
    engine = duckdb.connect()
    engine.register("numbers", numbers)
    rows = engine.sql(
        f"""
        WITH lines AS (
            SELECT *, {day} AS order_date, DATE '{first}' + run::INT AS ingest_date,
                   'o' || sold_on || '-' || customer AS order_id,
                   -- two places; the shop takes a fifth off
                   (units * cents * CASE WHEN is_discounted THEN 80 ELSE 100 END // 100) / 100.0 AS amount,
                   CASE WHEN is_return THEN -1 ELSE 1 END AS sign
            FROM numbers
        )
        SELECT (CASE WHEN is_return THEN 'r' ELSE 'l' END) || sold_on || '-' || place AS line_id, order_id,
               order_id AS source_order_id, 'c' || customer AS customer_id, 'p' || product AS product_id,
               (ingest_date + INTERVAL (second) SECOND)::TIMESTAMPTZ AS event_at, ingest_date AS event_date, ingest_date,
               order_date, CASE WHEN is_return THEN 'return' ELSE 'sale' END AS line_type,
               CASE WHEN is_return THEN 'named' END AS match_kind, sign * units AS quantity, 'EUR' AS currency,
               1::DECIMAL(18, 10) AS exchange_rate, (sign * amount)::DECIMAL(18, 4) AS line_amount,
               'merchandise' AS line_kind, (sign * amount)::DECIMAL(18, 4) AS net_amount,
               (CASE WHEN is_discounted AND NOT is_return THEN units * cents / 100.0 - amount ELSE 0 END)::DECIMAL(18, 4)
                   AS discount_amount, 0::DECIMAL(18, 4) AS shipping_amount
        FROM lines
        """
    ).to_arrow_table()
    _append(lake, CLEAN_ORDER_LINES, rows)


def _write_orders(lake: Path, size: Size) -> None:
    """What a night looks up: which runs brought lines of an order. Its money, which no feature reads, is left out."""
    engine = duckdb.connect()
    files = str(lake / CLEAN_ORDER_LINES.name / "*" / "*.parquet")
    for start in range(0, size.days, DAYS_A_WRITE):
        first = size.first + timedelta(days=start)
        last = first + timedelta(days=DAYS_A_WRITE - 1)
        rows = engine.sql(
            f"""
            SELECT order_id, any_value(customer_id) AS customer_id, min(event_at) AS order_at,
                   any_value(order_date) AS order_date, date_trunc('month', any_value(order_date))::DATE AS order_month,
                   count(*) FILTER (line_type = 'sale') AS line_count,
                   {", ".join(f"0::DECIMAL(18, 2) AS {name}" for name in _MONEY)}, true AS is_order,
                   min(ingest_date)::DATE AS first_ingest_date, max(ingest_date)::DATE AS last_ingest_date
            FROM read_parquet('{files}', hive_partitioning = true)
            WHERE order_date BETWEEN DATE '{first}' AND DATE '{last}'
            GROUP BY order_id
            """
        ).to_arrow_table()
        _append(lake, CLEAN_ORDERS, rows)


_MONEY = (
    "sale_amount", "refund_amount", "net_amount", "postage_amount", "excluded_amount", "discount_amount",
    "shipping_amount", "paid_amount",
)  # fmt: skip


def _write_rest(lake: Path, size: Size) -> None:
    """The catalogue; that yesterday is tiled and published; that today's rows are there."""
    products = duckdb.sql(
        f"""
        SELECT 'p' || i AS product_id, TIMESTAMPTZ '{size.first}' AS event_at, DATE '{size.first}' AS event_date,
               DATE '{size.first}' AS ingest_date, 'k' || (i % {CATEGORIES}) AS category
        FROM range({PRODUCTS}) AS _(i)
        """
    ).to_arrow_table()
    _append(lake, CLEAN_PRODUCTS, products)
    yesterday = LAST - timedelta(days=1)
    published = [CUSTOMER_360.row(as_of_date=yesterday, customer_id="c0")]
    runs = [OPS_RUN.row(ingest_date=day, is_tiled=day < LAST) for day in (yesterday, LAST)]
    for table, rows in ((CUSTOMER_360, published), (OPS_RUN, runs)):
        _append(lake, table, pa.Table.from_pylist(rows))


def _append(lake: Path, table: Table, rows: pa.Table) -> None:
    path = lake / table.name
    if not (path / "_delta_log").is_dir():
        path.mkdir(parents=True, exist_ok=True)
        DeltaTable.create(
            str(path), Schema.from_json(table.commented_struct.json()), partition_by=table.partition_columns
        )
    schema = pa.schema(DeltaTable(str(path)).schema().to_arrow())
    columns = [
        rows[field.name].cast(field.type) if field.name in rows.column_names else pa.nulls(rows.num_rows, field.type)
        for field in schema
    ]
    write_deltalake(str(path), pa.table(columns, schema=schema), mode="append")
