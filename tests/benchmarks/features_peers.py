"""What the benchmark of features measures against: the same features made anew of all purchases, a process each.

    python -m tests.benchmarks.features_peers duckdb|polars|spark|sail LAKE OUT

One query, as an analyst would write it who wants it fast: three group-bys of lines into orders, days and customers,
pairs of customer and product of the last year, categories and prices of the last 90 days. No late rows to speak of, no rerun,
no contract, no identity, no history of what was known when: what Nightjar does beyond is its own cost.
"""

# ruff: noqa: E501, S608 - SQL of this file's own words, run on files of the benchmark's own

import json
import os
import sys
import time
from datetime import date
from pathlib import Path

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


def query(is_duckdb: bool) -> str:
    """The features of every customer at `DAY`, in the SQL of DuckDB or of Spark."""
    day = f"DATE '{DAY}'"
    age = f"({day} - order_date)" if is_duckdb else f"datediff({day}, order_date)"
    since = f"{day} - {{}}" if is_duckdb else f"date_sub({day}, {{}})"
    weekend = "dayofweek(order_date) IN (0, 6)" if is_duckdb else "dayofweek(order_date) IN (1, 7)"
    first_by = (
        "arg_min(category, struct_pack(a := -n, b := category))"
        if is_duckdb
        else "min_by(category, struct(-n, category))"
    )
    oldest_net = (
        "arg_max(net, age) FILTER (WHERE orders > 0)" if is_duckdb else "max_by(net, age) FILTER (WHERE orders > 0)"
    )
    quantiles = (
        "quantile_cont(price, [0.25, 0.5, 0.75])" if is_duckdb else "percentile(price, array(0.25D, 0.5D, 0.75D))"
    )
    at = (lambda n: f"q[{n + 1}]") if is_duckdb else (lambda n: f"q[{n}]")
    real = "DOUBLE"
    sums = ", ".join(
        f"coalesce(sum({column}) FILTER (WHERE {IN_WINDOW[label]}), 0) AS {stem}_{label}"
        for stem, (column, labels) in SUMS.items()
        for label in labels
    )
    ratios = ", ".join(
        f"CASE WHEN ({per}) > 0 THEN CAST({over} AS {real}) / CAST({per} AS {real}) END AS {name}"
        for name, (over, per) in RATIOS.items()
    )
    deviations = ", ".join(
        f"CASE WHEN {n} > 0 THEN sqrt(greatest(CAST({squares} AS {real}) / {n} "
        f"- (CAST({total} AS {real}) / {n}) * (CAST({total} AS {real}) / {n}), 0)) END AS {name}"
        for name, (n, total, squares) in DEVIATIONS.items()
    )
    plain = ", ".join(PLAIN)
    shown = ", ".join(f"{stem}_{label}" for stem, (_, labels) in SUMS.items() if stem != "squares" for label in labels)
    return f"""
WITH orders AS (
    SELECT customer_id, order_date,
           count(*) FILTER (WHERE line_type = 'sale') AS lines, sum(quantity) AS units, sum(net_amount) AS net,
           coalesce(sum(net_amount) FILTER (WHERE line_type = 'sale'), 0) AS sold,
           coalesce(-sum(net_amount) FILTER (WHERE line_type = 'return'), 0) AS refunds,
           count(*) FILTER (WHERE line_type = 'return') AS returns, sum(discount_amount) AS discounts,
           count(*) FILTER (WHERE line_type = 'sale' AND discount_amount > 0) AS discounted,
           sum(shipping_amount) AS shipping, max(net_amount) FILTER (WHERE line_type = 'sale') AS dearest,
           min(net_amount) FILTER (WHERE line_type = 'sale' AND net_amount > 0) AS cheapest,
           sum(net_amount * net_amount) FILTER (WHERE line_type = 'sale') AS squares
    FROM order_lines GROUP BY customer_id, order_id, order_date
), days AS (
    SELECT customer_id, {age} AS age, sum(lines) AS lines, sum(units) AS units, sum(net) AS net, sum(sold) AS sold,
           sum(refunds) AS refunds, sum(returns) AS returns, sum(discounts) AS discounts, sum(discounted) AS discounted,
           sum(shipping) AS shipping, max(dearest) AS dearest, min(cheapest) AS cheapest, sum(squares) AS squares,
           CASE WHEN {weekend} THEN sum(lines) ELSE 0 END AS weekend,
           count(*) FILTER (WHERE lines > 0 AND (net > 0 OR sold = 0)) AS orders,
           sum(net) FILTER (WHERE lines > 0 AND (net > 0 OR sold = 0)) AS order_net,
           sum(CAST(net AS DECIMAL(18, 4)) * CAST(net AS DECIMAL(18, 4)))
               FILTER (WHERE lines > 0 AND (net > 0 OR sold = 0)) AS order_squares
    FROM orders GROUP BY customer_id, order_date
), customers AS (
    SELECT customer_id, {sums}, max(dearest) AS largest_sale_line_amount_lifetime,
           min(cheapest) AS smallest_sale_line_amount_lifetime, sum(order_net) AS order_net,
           sum(order_squares) AS order_squares,
           min(age) FILTER (WHERE orders > 0) AS recency_days, max(age) FILTER (WHERE orders > 0) AS customer_age_days,
           count(*) FILTER (WHERE orders > 0 AND age < 90) AS order_days_90d,
           count(*) FILTER (WHERE orders > 0 AND age < 365) AS order_days_365d,
           count(*) FILTER (WHERE orders > 0) AS order_days_lifetime,
           min(age) FILTER (WHERE orders > 0 AND age < 365) AS newest_365d,
           max(age) FILTER (WHERE orders > 0 AND age < 365) AS oldest_365d,
           sum(net) FILTER (WHERE orders > 0) AS order_days_net, {oldest_net} AS first_net
    FROM days GROUP BY customer_id
), pairs AS (
    SELECT customer_id, product_id, max(order_date) AS last_date FROM order_lines
    WHERE line_type = 'sale' AND order_date > {since.format(365)} GROUP BY customer_id, product_id
), products_bought AS (
    SELECT customer_id, count(*) FILTER (WHERE last_date > {since.format(30)}) AS bought_product_count_30d,
           count(*) FILTER (WHERE last_date > {since.format(90)}) AS bought_product_count_90d,
           count(*) AS bought_product_count_365d
    FROM pairs GROUP BY customer_id
), categories AS (
    SELECT customer_id, category, count(*) AS n FROM order_lines JOIN products USING (product_id)
    WHERE line_type = 'sale' AND order_date > {since.format(90)} GROUP BY customer_id, category
), tops AS (
    SELECT customer_id, {first_by} AS top_category_90d,
           CAST(max(n) AS {real}) / CAST(sum(n) AS {real}) AS top_category_share_90d
    FROM categories GROUP BY customer_id
), prices AS (
    SELECT customer_id, CAST(sum(net_amount) AS {real}) / CAST(sum(quantity) AS {real}) AS price FROM order_lines
    WHERE line_type = 'sale' AND order_date > {since.format(90)} GROUP BY customer_id, product_id, order_date
), quantiles AS (
    SELECT customer_id, {at(0)} AS unit_price_p25_90d, {at(1)} AS unit_price_median_90d, {at(2)} AS unit_price_p75_90d
    FROM (SELECT customer_id, {quantiles} AS q FROM prices GROUP BY customer_id) AS _
), joined AS (
    SELECT customers.*, tops.top_category_90d, tops.top_category_share_90d, unit_price_p25_90d, unit_price_median_90d,
           unit_price_p75_90d, coalesce(bought_product_count_30d, 0) AS bought_product_count_30d,
           coalesce(bought_product_count_90d, 0) AS bought_product_count_90d,
           coalesce(bought_product_count_365d, 0) AS bought_product_count_365d
    FROM customers LEFT JOIN products_bought USING (customer_id) LEFT JOIN tops USING (customer_id)
    LEFT JOIN quantiles USING (customer_id)
)
SELECT customer_id, {plain}, {shown}, {ratios}, {deviations},
       CAST(net_revenue_90d - net_revenue_90d_before_90d AS {real}) AS net_revenue_change_90d
FROM joined
"""


def duckdb(lake: Path, out: Path) -> None:
    """All of it in DuckDB."""
    import duckdb

    engine = duckdb.connect()
    engine.sql("SET temp_directory = ''" if os.environ.get("PEER_NO_SPILL") else "SELECT 1")
    lines, products = (str(lake / name / "**" / "*.parquet") for name in ("clean_order_lines", "clean_products"))
    engine.sql(f"CREATE VIEW order_lines AS FROM read_parquet('{lines}', hive_partitioning = true)")
    engine.sql(f"CREATE VIEW products AS FROM read_parquet('{products}', hive_partitioning = true)")
    engine.sql(f"COPY ({query(True)}) TO '{out / 'features.parquet'}' (FORMAT parquet)")


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
    {"duckdb": duckdb}.get(engine, of_engine)(lake, out)
    sys.stdout.flush()
    os._exit(0)
