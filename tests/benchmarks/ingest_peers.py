"""What the benchmark of ingest measures against: the same cleaning and netting written by hand, a process each.

    python -m tests.benchmarks.ingest_peers polars|duckdb csv|parquet FOLDER OUT

One script for one file layout, as an engineer would write it for one night: types, reasons, quarantine, duplicates by
event_id, returns booked to their orders, orders summed. No register of files, no late rows, no rerun, no contract: what
Nightjar does beyond is its own cost. Returns without a named order go to the customer's latest earlier line of the
product, without counting the units left.
"""

# ruff: noqa: S608 - SQL of this file's own words, run on files of the benchmark's own

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

LINE_TYPES = ("sale", "return", "cancellation", "adjustment")
DAY = "2024-03-01"
COLUMNS = (
    "event_id", "event_at", "order_id", "customer_id", "product_id",
    "quantity", "unit_price", "line_amount", "line_type", "original_order_id",
)  # fmt: skip


def polars(kind: str, folder: Path, out: Path) -> dict[str, object]:
    """The day in Polars, lazily, on its streaming engine where it can."""
    import polars as pl

    files = str(folder / f"*.{kind}")
    text = pl.scan_csv(files, infer_schema=False) if kind == "csv" else pl.scan_parquet(files)
    tagged = polars_tagged(text).collect(engine="streaming")
    bad = tagged.lazy().filter(pl.col("reason") != "")
    bad = bad.select("reason", original_text=pl.struct(COLUMNS).struct.json_encode()).collect()
    bad.write_parquet(out / "quarantine.parquet")
    good = tagged.lazy().filter(pl.col("reason") == "").unique("event_id", keep="first", maintain_order=True)
    raw = good.with_columns(event_date=pl.col("at").dt.date()).drop("reason").collect(engine="streaming")
    raw.write_parquet(out / "raw.parquet")
    order_lines = polars_lines(raw.lazy()).collect(engine="streaming")
    order_lines.write_parquet(out / "order_lines.parquet")
    orders = polars_orders(order_lines.lazy()).collect(engine="streaming")
    orders.write_parquet(out / "orders.parquet")
    return {
        "rows": tagged.height,
        "new": raw.height,
        "quarantined": bad.height,
        "orders": orders.height,
        "net": str(orders["net_amount"].sum()),
    }


def polars_refund() -> "pl.Expr":
    """Whether a line gives something back."""
    import polars as pl

    return pl.col("line_type").is_in(("return", "cancellation"))


def polars_tagged(text: "pl.LazyFrame") -> "pl.LazyFrame":
    """Rows of text with typed columns beside them, and the reason for which one is refused."""
    import polars as pl

    money = pl.Decimal(18, 4)
    typed = text.with_columns(
        at=pl.col("event_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", strict=False, time_unit="us"),
        units=pl.col("quantity").cast(pl.Int64, strict=False),
        price=pl.col("unit_price").cast(money, strict=False),
        amount=pl.col("line_amount").cast(money, strict=False),
    )
    reasons = {
        "event_at is no timestamp": pl.col("at").is_null(),
        "order_id is missing": pl.col("order_id").is_null(),
        "product_id is missing": pl.col("product_id").is_null(),
        "quantity is no bigint": pl.col("units").is_null() & pl.col("quantity").is_not_null(),
        "unit_price is no decimal": pl.col("price").is_null() & pl.col("unit_price").is_not_null(),
        "line_amount is no decimal": pl.col("amount").is_null(),
        "line_type is unknown": ~pl.col("line_type").is_in(LINE_TYPES),
        "a sale must not have a negative line_amount": (pl.col("line_type") == "sale") & (pl.col("amount") < 0),
        "a return must not have a positive line_amount": polars_refund() & (pl.col("amount") > 0),
        "event_at lies after the run's day": pl.col("at") > pl.lit(DAY).str.to_datetime() + pl.duration(days=2),
    }
    told = [pl.when(broken).then(pl.lit(reason)) for reason, broken in reasons.items()]
    return typed.with_columns(reason=pl.concat_str(told, separator="; ", ignore_nulls=True))


def polars_lines(raw: "pl.LazyFrame") -> "pl.LazyFrame":
    """Order lines, returns booked to the order that they belong to."""
    import polars as pl

    lines = raw.with_columns(is_return=polars_refund())
    of_customers = lines.filter(pl.col("customer_id").is_not_null())
    sales = of_customers.filter(~pl.col("is_return"))
    wanting = of_customers.filter(pl.col("is_return") & pl.col("original_order_id").is_null())
    found = wanting.sort("at").join_asof(
        sales.select("at", "customer_id", "product_id", matched_order_id="order_id").sort("at"),
        on="at", by=["customer_id", "product_id"], strategy="backward", check_sortedness=False,
    )  # fmt: skip
    booked = lines.join(found.select("event_id", "matched_order_id"), on="event_id", how="left").with_columns(
        order_id=pl.when("is_return")
        .then(pl.coalesce("original_order_id", "matched_order_id", "order_id"))
        .otherwise("order_id")
    )
    starts = lines.filter(~pl.col("is_return")).group_by("order_id").agg(order_at=pl.col("at").min())
    dated = booked.join(starts, on="order_id", how="left").with_columns(
        order_date=pl.coalesce("order_at", "at").dt.date()
    )
    kept = ("event_id", "order_id", "customer_id", "product_id", "at", "event_date", "order_date", "line_type")
    return dated.select(*kept, "units", net_amount="amount")


def polars_orders(order_lines: "pl.LazyFrame") -> "pl.LazyFrame":
    """Orders with their sums."""
    import polars as pl

    is_sale = pl.col("line_type") == "sale"
    return order_lines.group_by("order_id").agg(
        pl.col("customer_id").drop_nulls().first(),
        order_at=pl.col("at").min(),
        order_date=pl.col("order_date").min(),
        line_count=is_sale.sum(),
        sale_amount=pl.col("net_amount").filter(is_sale).sum(),
        net_amount=pl.col("net_amount").sum(),
    )


def duckdb(kind: str, folder: Path, out: Path) -> dict[str, object]:
    """The day in DuckDB, in SQL."""
    import duckdb as engine

    connection = engine.connect(str(out / "day.duckdb"))
    source = f"read_csv('{folder}/*.csv', all_varchar = true)" if kind == "csv" else f"'{folder}/*.parquet'"
    source = source if kind == "csv" else f"read_parquet({source})"
    connection.execute(TYPED.format(source=source))
    connection.execute(f"COPY ({QUARANTINE}) TO '{out}/quarantine.parquet'")
    connection.execute(RAW)
    connection.execute(f"COPY raw TO '{out}/raw.parquet'")
    connection.execute(ORDER_LINES)
    connection.execute(f"COPY order_lines TO '{out}/order_lines.parquet'")
    connection.execute(f"COPY ({ORDERS}) TO '{out}/orders.parquet'")
    rows, bad, new = (
        connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        for name in ("typed", f"'{out}/quarantine.parquet'", "raw")
    )
    orders, net = connection.execute(f"SELECT count(*), sum(net_amount) FROM '{out}/orders.parquet'").fetchone()
    return {"rows": rows, "new": new, "quarantined": bad, "orders": orders, "net": str(net)}


TYPED = f"""
CREATE TABLE typed AS
WITH parsed AS (
    SELECT *, try_strptime(event_at, '%Y-%m-%dT%H:%M:%SZ') AS moment, try_cast(quantity AS BIGINT) AS units,
        try_cast(unit_price AS DECIMAL(18, 4)) AS price, try_cast(line_amount AS DECIMAL(18, 4)) AS amount
    FROM {{source}}
)
SELECT *, concat_ws('; ',
    CASE WHEN moment IS NULL THEN 'event_at is no timestamp' END,
    CASE WHEN order_id IS NULL THEN 'order_id is missing' END,
    CASE WHEN product_id IS NULL THEN 'product_id is missing' END,
    CASE WHEN (units IS NULL AND quantity IS NOT NULL) OR quantity LIKE '%.%' THEN 'quantity is no bigint' END,
    CASE WHEN price IS NULL AND unit_price IS NOT NULL THEN 'unit_price is no decimal' END,
    CASE WHEN amount IS NULL THEN 'line_amount is no decimal' END,
    CASE WHEN line_type NOT IN {LINE_TYPES} THEN 'line_type is unknown' END,
    CASE WHEN line_type = 'sale' AND amount < 0 THEN 'a sale must not have a negative line_amount' END,
    CASE WHEN line_type IN ('return', 'cancellation') AND amount > 0 THEN 'a return must not be positive' END,
    CASE WHEN moment > TIMESTAMP '{DAY}' + INTERVAL 2 DAYS THEN 'event_at lies after the run''s day' END) AS reason
FROM parsed
"""
QUARANTINE = f"SELECT reason, to_json({{{', '.join(f'{c}: {c}' for c in COLUMNS)}}}) FROM typed WHERE reason <> ''"
RAW = """
CREATE TABLE raw AS
SELECT *, moment::DATE AS event_date FROM typed WHERE reason = ''
QUALIFY row_number() OVER (PARTITION BY event_id ORDER BY rowid) = 1
"""
ORDER_LINES = """
CREATE TABLE order_lines AS
WITH lines AS (SELECT *, line_type IN ('return', 'cancellation') AS is_return FROM raw),
sales AS (SELECT customer_id, product_id, moment, order_id FROM lines WHERE NOT is_return AND customer_id IS NOT NULL),
found AS (
    SELECT r.event_id, s.order_id AS matched_order_id FROM lines r ASOF JOIN sales s
    ON r.customer_id = s.customer_id AND r.product_id = s.product_id AND r.moment >= s.moment
    WHERE r.is_return AND r.original_order_id IS NULL
),
booked AS (
    SELECT l.* REPLACE (CASE WHEN is_return THEN coalesce(original_order_id, matched_order_id, order_id)
        ELSE order_id END AS order_id)
    FROM lines l LEFT JOIN found USING (event_id)
),
starts AS (SELECT order_id, min(moment) AS order_at FROM lines WHERE NOT is_return GROUP BY order_id)
SELECT event_id, order_id, customer_id, product_id, moment, event_date, coalesce(order_at, moment)::DATE AS order_date,
    line_type, units, amount AS net_amount
FROM booked LEFT JOIN starts USING (order_id)
"""
ORDERS = """
SELECT order_id, any_value(customer_id) AS customer_id, min(moment) AS order_at, min(order_date) AS order_date,
    count(*) FILTER (line_type = 'sale') AS line_count,
    sum(net_amount) FILTER (line_type = 'sale') AS sale_amount, sum(net_amount) AS net_amount
FROM order_lines GROUP BY order_id
"""

if __name__ == "__main__":
    peer, file_kind, given, made = sys.argv[1:]
    found = {"polars": polars, "duckdb": duckdb}[peer](file_kind, Path(given), Path(made))
    sys.stdout.write(json.dumps(found) + "\n")
