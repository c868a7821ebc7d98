"""What the benchmark of features measures against: the same features made anew of all purchases, a process each.

    python -m tests.benchmarks.features_peers duckdb|duckdb-days|spark|sail LAKE OUT

One query, as an analyst would write it who wants it fast: lines into orders, days, spans of days and
customers, pairs of customer and product of the last year, categories and prices of the last 90 days. No late rows to speak of, no rerun,
no contract, no identity, no history of what was known when: what Nightjar does beyond is its own cost.
"""

# ruff: noqa: E501, S608 - SQL of this file's own words, run on files of the benchmark's own

import json
import os
import sys
import time
from datetime import date
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAY = date(2024, 6, 30)
YEAR = 364
IN_WINDOW = {
    "7d": "age < 7", "30d": "age < 30", "90d": "age < 90", "180d": "age < 180", "365d": "age < 365", "lifetime": "true",
    "90d_before_90d": "age >= 90 AND age < 180", "28d_last_year": "age >= 364 AND age < 392",
    "28d_next_last_year": "age >= 336 AND age < 364",
}  # fmt: skip
SEASONS = ("90d_before_90d", "28d_last_year", "28d_next_last_year")
USUAL = ("30d", "90d", "180d", "365d", "lifetime")
SUMS = {  # feature: (column of days, windows)
    "order_count": ("orders", ("7d", *USUAL, *SEASONS)), "net_revenue": ("net", ("7d", *USUAL, *SEASONS)),
    "sale_line_count": ("lines", ("90d", "365d", "lifetime")), "unit_count": ("units", ("90d", "lifetime")),
    "sale_amount": ("sold", ("90d", "365d", "lifetime")), "refund_amount": ("refunds", ("90d", "365d", "lifetime")),
    "return_line_count": ("returns", ("365d", "lifetime")), "discount_amount": ("discounts", ("90d", "lifetime")),
    "discounted_line_count": ("discounted", ("90d",)), "shipping_amount": ("shipping", ("90d", "lifetime")),
    "weekend_sale_line_count": ("weekend", ("90d",)), "squares": ("squares", ("90d", "lifetime")),
}  # fmt: skip
RATIOS = {
    "mean_sale_line_amount_90d": ("sale_amount_90d", "sale_line_count_90d"),
    "mean_sale_line_amount_lifetime": ("sale_amount_lifetime", "sale_line_count_lifetime"),
    "mean_order_amount_90d": ("net_revenue_90d", "order_count_90d"),
    "mean_order_amount_365d": ("net_revenue_365d", "order_count_365d"),
    "mean_order_amount_lifetime": ("net_revenue_lifetime", "order_count_lifetime"),
    "lines_per_order_90d": ("sale_line_count_90d", "order_count_90d"),
    "lines_per_order_lifetime": ("sale_line_count_lifetime", "order_count_lifetime"),
    "units_per_order_lifetime": ("unit_count_lifetime", "order_count_lifetime"),
    "refund_share_90d": ("refund_amount_90d", "sale_amount_90d"),
    "refund_share_lifetime": ("refund_amount_lifetime", "sale_amount_lifetime"),
    "return_line_share_365d": ("return_line_count_365d", "sale_line_count_365d"),
    "discount_share_90d": ("discount_amount_90d", "sale_amount_90d"),
    "discount_share_lifetime": ("discount_amount_lifetime", "sale_amount_lifetime"),
    "discounted_line_share_90d": ("discounted_line_count_90d", "sale_line_count_90d"),
    "shipping_per_order_90d": ("shipping_amount_90d", "order_count_90d"),
    "weekend_share_90d": ("weekend_sale_line_count_90d", "sale_line_count_90d"),
    "order_trend_30d": ("order_count_30d", "order_count_90d"),
    "order_trend_90d": ("order_count_90d", "order_count_365d"),
    "revenue_trend_90d": ("net_revenue_90d", "net_revenue_365d"),
    "order_growth_90d": ("order_count_90d", "order_count_90d_before_90d"),
    "order_gap_days": ("customer_age_days - recency_days", "order_days_lifetime - 1"),
    "order_gap_days_365d": ("oldest_365d - newest_365d", "order_days_365d - 1"),
    "mean_repeat_amount": ("order_days_net - first_net", "order_days_lifetime - 1"),
    "lines_per_product_365d": ("sale_line_count_365d", "bought_product_count_365d"),
}
DEVIATIONS = {
    "sale_line_amount_spread_90d": ("sale_line_count_90d", "sale_amount_90d", "squares_90d"),
    "sale_line_amount_spread_lifetime": ("sale_line_count_lifetime", "sale_amount_lifetime", "squares_lifetime"),
    "order_amount_spread": ("order_count_lifetime", "order_net", "order_squares"),
}
PLAIN = (
    "recency_days", "customer_age_days", "order_days_90d", "order_days_365d", "order_days_lifetime",
    "largest_sale_line_amount_lifetime", "smallest_sale_line_amount_lifetime", "bought_product_count_30d",
    "bought_product_count_90d", "bought_product_count_365d", "top_category_90d", "top_category_share_90d",
    "unit_price_p25_90d", "unit_price_median_90d", "unit_price_p75_90d",
)  # fmt: skip
NAMES = (
    *PLAIN,
    *(f"{stem}_{label}" for stem, (_, labels) in SUMS.items() if stem != "squares" for label in labels),
    *RATIOS,
    *DEVIATIONS,
    "net_revenue_change_90d",
)


EDGES = (0, 7, 30, 90, 180, 336, 364, 365, 392)
ADDED = (
    "lines",
    "units",
    "net",
    "sold",
    "refunds",
    "returns",
    "discounts",
    "discounted",
    "shipping",
    "weekend",
    "orders",
)
ADDED += ("order_net", "squares", "order_squares")  # what days, and spans of days between two edges, add up
MONEY = ("net_revenue", "sale_amount", "refund_amount", "discount_amount", "shipping_amount")
IS_ORDER = "lines > 0 AND (net > 0 OR sold = 0)"


def features_of(rows: str) -> str:
    """The features, from rows of what was counted of each customer."""
    ratios = ", ".join(
        f"CASE WHEN ({per}) > 0 THEN CAST({over} AS DOUBLE) / CAST({per} AS DOUBLE) END AS {name}"
        for name, (over, per) in RATIOS.items()
    )
    deviations = ", ".join(
        f"CASE WHEN {n} > 0 THEN sqrt(greatest(CAST({squares} AS DOUBLE) / {n} "
        f"- (CAST({total} AS DOUBLE) / {n}) * (CAST({total} AS DOUBLE) / {n}), 0)) END AS {name}"
        for name, (n, total, squares) in DEVIATIONS.items()
    )
    shown = ", ".join(f"{stem}_{label}" for stem, (_, labels) in SUMS.items() if stem != "squares" for label in labels)
    return f"""SELECT customer_id, {", ".join(PLAIN)}, {shown}, {ratios}, {deviations},
       CAST(net_revenue_90d - net_revenue_90d_before_90d AS DOUBLE) AS net_revenue_change_90d
FROM {rows}"""


def query(is_duckdb: bool, is_order_a_day: bool = False, at: date = DAY, lines: str = "order_lines") -> str:
    """The features of every customer at a day, in the SQL of DuckDB or of Spark.

    In DuckDB money is whole ten-thousandths, which it sums faster than decimals. `is_order_a_day` spares the days of the
    orders: true of these data, not of shops.
    """
    day = f"DATE '{at}'"
    age = f"({day} - order_date)" if is_duckdb else f"datediff({day}, order_date)"
    since = f"{day} - {{}}" if is_duckdb else f"date_sub({day}, {{}})"
    weekend = "dayofweek(order_date) IN (0, 6)" if is_duckdb else "dayofweek(order_date) IN (1, 7)"
    first_by = "arg_min(category, {'a': -n, 'b': category})" if is_duckdb else "min_by(category, struct(-n, category))"
    max_by = "arg_max" if is_duckdb else "max_by"
    quantiles = (
        "quantile_cont(price, [0.25, 0.5, 0.75])" if is_duckdb else "percentile(price, array(0.25D, 0.5D, 0.75D))"
    )
    part = (lambda n: f"q[{n + 1}]") if is_duckdb else (lambda n: f"q[{n}]")
    whole = "::BIGINT" if is_duckdb else ""
    scale, scale_squared = ("/ 1e4", "/ 1e8") if is_duckdb else ("", "")
    square = (
        "(CAST({0} AS DOUBLE) * {0})" if is_duckdb else "(CAST({0} AS DECIMAL(18, 4)) * CAST({0} AS DECIMAL(18, 4)))"
    )

    def added(names: tuple[str, ...]) -> str:
        return ", ".join(f"sum({name}){'' if 'squares' in name else whole} AS {name}" for name in names)

    sums = ", ".join(
        f"coalesce(sum({column}) FILTER (WHERE {IN_WINDOW[label]}), 0) "
        f"{scale if stem in MONEY else scale_squared if stem == 'squares' else ''} AS {stem}_{label}"
        for stem, (column, labels) in SUMS.items()
        for label in labels
    )
    edge = " ".join(f"WHEN age < {end} THEN {begin}" for begin, end in pairwise(EDGES))
    days = f"""SELECT customer_id, {age} AS age, {added(tuple(n for n in ADDED if n not in ("weekend", "orders", "order_net", "order_squares")))},
           max(dearest) AS dearest, min(cheapest) AS cheapest,
           CASE WHEN {weekend} THEN sum(lines){whole} ELSE 0 END AS weekend, count(*) FILTER (WHERE {IS_ORDER}) AS orders,
           coalesce(sum(net) FILTER (WHERE {IS_ORDER}), 0){whole} AS order_net,
           coalesce(sum({square.format("net")}) FILTER (WHERE {IS_ORDER}), 0) AS order_squares
    FROM orders GROUP BY customer_id, order_date"""
    if is_order_a_day:
        is_order = f"CASE WHEN {IS_ORDER} THEN {{}} ELSE 0 END"
        days = f"""SELECT *, {age} AS age, CASE WHEN {weekend} THEN lines ELSE 0 END AS weekend,
           {is_order.format(1)} AS orders, {is_order.format("net")} AS order_net,
           {is_order.format(square.format("net"))} AS order_squares FROM orders"""
    return f"""
WITH orders AS (
    SELECT customer_id, order_date,
           count(*) FILTER (WHERE line_type = 'sale') AS lines, sum(quantity){whole} AS units, sum(net_amount){whole} AS net,
           coalesce(sum(net_amount) FILTER (WHERE line_type = 'sale'), 0){whole} AS sold,
           coalesce(-sum(net_amount) FILTER (WHERE line_type = 'return'), 0){whole} AS refunds,
           count(*) FILTER (WHERE line_type = 'return') AS returns, sum(discount_amount){whole} AS discounts,
           count(*) FILTER (WHERE line_type = 'sale' AND discount_amount > 0) AS discounted,
           sum(shipping_amount){whole} AS shipping, max(net_amount) FILTER (WHERE line_type = 'sale') AS dearest,
           min(net_amount) FILTER (WHERE line_type = 'sale' AND net_amount > 0) AS cheapest,
           coalesce(sum({square.format("net_amount")}) FILTER (WHERE line_type = 'sale'), 0) AS squares
    FROM {lines} GROUP BY customer_id, order_id, order_date
), days AS (
    {days}
), spans AS (
    SELECT customer_id, CASE {edge} ELSE {EDGES[-1]} END AS span, {added(ADDED)}, max(dearest) AS dearest,
           min(cheapest) AS cheapest, min(age) FILTER (WHERE orders > 0) AS newest,
           max(age) FILTER (WHERE orders > 0) AS oldest, count(*) FILTER (WHERE orders > 0) AS order_days,
           sum(net) FILTER (WHERE orders > 0) AS order_days_net, {max_by}(net, age) FILTER (WHERE orders > 0) AS first_net
    FROM days GROUP BY 1, 2
), customers AS (
    SELECT customer_id, {sums}, max(dearest) {scale} AS largest_sale_line_amount_lifetime,
           min(cheapest) {scale} AS smallest_sale_line_amount_lifetime, sum(order_net) {scale} AS order_net,
           sum(order_squares) {scale_squared} AS order_squares,
           min(newest) AS recency_days, max(oldest) AS customer_age_days,
           coalesce(sum(order_days) FILTER (WHERE age < 90), 0) AS order_days_90d,
           coalesce(sum(order_days) FILTER (WHERE age < 365), 0) AS order_days_365d, sum(order_days) AS order_days_lifetime,
           min(newest) FILTER (WHERE age < 365) AS newest_365d, max(oldest) FILTER (WHERE age < 365) AS oldest_365d,
           sum(order_days_net) {scale} AS order_days_net, {max_by}(first_net, oldest) {scale} AS first_net
    FROM (SELECT *, span AS age FROM spans) AS _ GROUP BY customer_id
), pairs AS (
    SELECT customer_id, product_id, max(order_date) AS last_date FROM {lines}
    WHERE line_type = 'sale' AND order_date > {since.format(365)} GROUP BY customer_id, product_id
), products_bought AS (
    SELECT customer_id, count(*) FILTER (WHERE last_date > {since.format(30)}) AS bought_product_count_30d,
           count(*) FILTER (WHERE last_date > {since.format(90)}) AS bought_product_count_90d,
           count(*) AS bought_product_count_365d
    FROM pairs GROUP BY customer_id
), categories AS (
    SELECT customer_id, category, count(*) AS n FROM {lines} JOIN products USING (product_id)
    WHERE line_type = 'sale' AND order_date > {since.format(90)} GROUP BY customer_id, category
), tops AS (
    SELECT customer_id, {first_by} AS top_category_90d,
           CAST(max(n) AS DOUBLE) / CAST(sum(n) AS DOUBLE) AS top_category_share_90d
    FROM categories GROUP BY customer_id
), prices AS (
    SELECT customer_id, CAST(sum(net_amount) AS DOUBLE) {scale} / CAST(sum(quantity) AS DOUBLE) AS price FROM {lines}
    WHERE line_type = 'sale' AND order_date > {since.format(90)} GROUP BY customer_id, product_id, order_date
), quantiles AS (
    SELECT customer_id, {part(0)} AS unit_price_p25_90d, {part(1)} AS unit_price_median_90d, {part(2)} AS unit_price_p75_90d
    FROM (SELECT customer_id, {quantiles} AS q FROM prices GROUP BY customer_id) AS _
), joined AS (
    SELECT customers.*, tops.top_category_90d, tops.top_category_share_90d, unit_price_p25_90d, unit_price_median_90d,
           unit_price_p75_90d, coalesce(bought_product_count_30d, 0) AS bought_product_count_30d,
           coalesce(bought_product_count_90d, 0) AS bought_product_count_90d,
           coalesce(bought_product_count_365d, 0) AS bought_product_count_365d
    FROM customers LEFT JOIN products_bought USING (customer_id) LEFT JOIN tops USING (customer_id)
    LEFT JOIN quantiles USING (customer_id)
)
{features_of("joined")}
"""


def duckdb(lake: Path, out: Path, is_order_a_day: bool = False) -> None:
    """All of it in DuckDB."""
    import duckdb

    engine = duckdb.connect()
    views(engine, lake)
    engine.sql(f"COPY ({query(True, is_order_a_day)}) TO '{out / 'features.parquet'}' (FORMAT parquet)")


def views(engine: "DuckDBPyConnection", lake: Path) -> None:
    """Purchases, with money in whole ten-thousandths, and products, as DuckDB reads them."""
    lines, products = (str(lake / name / "**" / "*.parquet") for name in ("clean_order_lines", "clean_products"))
    amounts = (f"({name}_amount * 10000)::BIGINT AS {name}_amount" for name in ("net", "discount", "shipping"))
    rows = f"read_parquet('{lines}', hive_partitioning = true)"
    engine.sql(f"CREATE VIEW order_lines AS SELECT * REPLACE ({', '.join(amounts)}) FROM {rows}")
    engine.sql(f"CREATE VIEW products AS FROM read_parquet('{products}', hive_partitioning = true)")


def of_engine(lake: Path, out: Path) -> None:
    """The same query on the engine that NIGHTJAR_ENGINE names, as Nightjar starts it."""
    from jobs.engine import get_spark
    from jobs.settings import get_settings

    spark = get_spark(get_settings())
    for view, name in (("order_lines", "clean_order_lines"), ("products", "clean_products")):
        spark.read.format("delta").load(str(lake / name)).createOrReplaceTempView(view)
    for place in ("cold", "warm")[: 1 + bool(os.environ.get("PEER_WARM"))]:
        began = time.monotonic()
        spark.sql(query(False)).write.mode("overwrite").parquet(str(out / "features"))
        sys.stdout.write(json.dumps({place: round(time.monotonic() - began, 2)}) + "\n")


if __name__ == "__main__":
    engine, lake, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    {"duckdb": duckdb, "duckdb-days": partial(duckdb, is_order_a_day=True)}.get(engine, of_engine)(lake, out)
    sys.stdout.flush()
    os._exit(0)
