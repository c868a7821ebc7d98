"""The limit to look at: a night's features from those of the day before, by hand in DuckDB, for this shop alone.

    python -m tests.benchmarks.features_increment before|step LAKE OUT

`before` makes the state of the day before from all purchases; `step` is what is timed. The state is what each customer
added up by the day before, a row each, and his days with an order. It knows what is true of this shop: one order a
customer and day, no identity, no late rows but returns, one run a day, a catalogue that stays. It checks nothing, keeps
nothing of what was known when, and can't be killed half-way and run again.
"""

# ruff: noqa: E501, S608 - SQL of this file's own words, run on files of the benchmark's own

import os
import sys
from datetime import timedelta
from pathlib import Path

import duckdb

from tests.benchmarks import features_peers as peers
from tests.benchmarks.features_peers import DAY, EDGES, IN_WINDOW, IS_ORDER, SUMS

WINDOW_ENDS = EDGES[1:]  # ages at which a day comes into a window or leaves it
ADDED = {
    f"{stem}_{label}": (column, IN_WINDOW[label])
    for stem, (column, labels) in {
        **SUMS,
        "order_squares": ("order_squares", ("lifetime",)),
        "order_net": ("order_net", ("lifetime",)),
        "order_days": ("orders", ("90d", "365d", "lifetime")),
    }.items()
    for label in labels
}
RECENT = (
    "top_category_90d",
    "top_category_share_90d",
    "unit_price_p25_90d",
    "unit_price_median_90d",
    "unit_price_p75_90d",
)
BOUGHT = {f"bought_product_count_{days}d": days for days in (30, 90, 365)}


def of_days(lines: str, day: str) -> str:
    """Days of customers, each with the sums of its lines, from `lines`, and their age at `day`."""
    return f"""
SELECT customer_id, order_date, {day} - order_date AS age, lines, units, net, sold, refunds, returns, discounts, discounted,
       shipping, dearest, cheapest, squares, CASE WHEN dayofweek(order_date) IN (0, 6) THEN lines ELSE 0 END AS weekend,
       ({IS_ORDER})::INT AS orders, CASE WHEN {IS_ORDER} THEN net ELSE 0 END AS order_net,
       CASE WHEN {IS_ORDER} THEN net::DOUBLE * net ELSE 0 END AS order_squares
FROM (
    SELECT customer_id, order_date, count(*) FILTER (line_type = 'sale') AS lines, sum(quantity)::BIGINT AS units,
           sum(net_amount)::BIGINT AS net, coalesce(sum(net_amount) FILTER (line_type = 'sale'), 0)::BIGINT AS sold,
           coalesce(-sum(net_amount) FILTER (line_type = 'return'), 0)::BIGINT AS refunds,
           count(*) FILTER (line_type = 'return') AS returns, sum(discount_amount)::BIGINT AS discounts,
           count(*) FILTER (line_type = 'sale' AND discount_amount > 0) AS discounted,
           sum(shipping_amount)::BIGINT AS shipping, max(net_amount) FILTER (line_type = 'sale') AS dearest,
           min(net_amount) FILTER (line_type = 'sale' AND net_amount > 0) AS cheapest,
           coalesce(sum(net_amount::DOUBLE * net_amount) FILTER (line_type = 'sale'), 0) AS squares
    FROM {lines} GROUP BY ALL
)"""


def opened(lake: Path) -> duckdb.DuckDBPyConnection:
    """An engine that sees purchases and products as the peers do: money in whole ten-thousandths."""
    engine = duckdb.connect()
    peers.views(engine, lake)
    return engine


def state(lake: Path, out: Path) -> None:
    """What the step starts from."""
    engine = opened(lake)
    yesterday = DAY - timedelta(days=1)
    before = f"DATE '{yesterday}'"
    engine.sql(f"CREATE VIEW known AS FROM order_lines WHERE ingest_date <= {before}")
    engine.sql(f"CREATE TABLE days AS {of_days('known', before)}")
    sums = ", ".join(f"coalesce(sum({c}) FILTER ({w}), 0) AS {name}" for name, (c, w) in ADDED.items())
    engine.sql(f"""COPY (
        SELECT customer_id, {sums}, max(dearest) AS dearest, min(cheapest) AS cheapest FROM days GROUP BY 1
    ) TO '{out / "sums.parquet"}'""")
    engine.sql(f"""COPY (
        SELECT customer_id, order_date, net FROM days WHERE orders > 0 ORDER BY customer_id
    ) TO '{out / "order_days.parquet"}'""")
    engine.sql(f"""COPY (
        SELECT customer_id, {", ".join(RECENT)}, {", ".join(BOUGHT)}
        FROM ({peers.query(True, True, yesterday, "known")})
    ) TO '{out / "products.parquet"}'""")


def step(lake: Path, out: Path) -> None:
    """The night."""
    engine = opened(lake)
    for name in ("sums", "order_days", "products"):
        engine.sql(f"CREATE VIEW {name}_before AS FROM '{out / name}.parquet'")
    day = f"DATE '{DAY}'"
    # Days of the night's lines, as they were and as they are; of the others, those at the edge of a window.
    edges = [DAY - timedelta(days=age) for age in WINDOW_ENDS]
    engine.sql(f"CREATE TABLE came AS SELECT customer_id, order_date FROM order_lines WHERE ingest_date = {day}")
    days = {*edges, *(found for (found,) in engine.sql("SELECT DISTINCT order_date FROM came").fetchall())}
    at_edge, near = (", ".join(f"DATE '{one}'" for one in sorted(of)) for of in (edges, days))
    of_line = "customer_id, order_date, ingest_date, line_type, quantity, net_amount, discount_amount, shipping_amount"
    engine.sql(f"""
CREATE TABLE touched AS SELECT DISTINCT * FROM came;
CREATE TABLE near AS SELECT {of_line} FROM order_lines WHERE order_date IN ({near});
CREATE VIEW as_now AS FROM near SEMI JOIN touched USING (customer_id, order_date);
CREATE VIEW as_was AS FROM near
WHERE ingest_date < {day} AND (order_date IN ({at_edge}) OR (customer_id, order_date) IN (FROM touched));
CREATE TABLE now_days AS {of_days("as_now", day)};
CREATE TABLE was_days AS {of_days("as_was", day)};
CREATE TABLE stay AS FROM was_days ANTI JOIN touched USING (customer_id, order_date);
""")
    now = {name: w for name, (_, w) in ADDED.items()}
    was = {name: w.replace("age", "(age - 1)") for name, w in now.items()}

    def sums(windows: dict[str, str]) -> str:
        return ", ".join(f"CASE WHEN {w} THEN {ADDED[name][0]} ELSE 0 END AS {name}" for name, w in windows.items())

    change = ", ".join(f"sum({name} * sign) AS {name}" for name in ADDED)
    engine.sql(f"""
CREATE TABLE changes AS
SELECT customer_id, {change}, max(dearest) AS dearest, min(cheapest) AS cheapest FROM (
    SELECT customer_id, 1 AS sign, {sums(now)}, dearest, cheapest FROM (FROM now_days UNION ALL FROM stay)
    UNION ALL SELECT customer_id, -1 AS sign, {sums(was)}, NULL, NULL FROM was_days
) GROUP BY 1;
CREATE TABLE sums_now AS
SELECT customer_id, {", ".join(f"coalesce(b.{n}, 0) + coalesce(c.{n}, 0) AS {n}" for n in ADDED)},
       greatest(b.dearest, c.dearest) AS dearest, least(b.cheapest, c.cheapest) AS cheapest
FROM sums_before b FULL JOIN changes c USING (customer_id);
CREATE TABLE order_days_now AS
SELECT * FROM order_days_before ANTI JOIN touched USING (customer_id, order_date)
UNION ALL SELECT customer_id, order_date, net FROM now_days WHERE orders > 0;
CREATE TABLE ends AS
SELECT customer_id, min({day} - order_date) AS recency_days, max({day} - order_date) AS customer_age_days,
       min({day} - order_date) FILTER ({day} - order_date < 365) AS newest_365d,
       max({day} - order_date) FILTER ({day} - order_date < 365) AS oldest_365d,
       sum(net) AS order_days_net, arg_min(net, order_date) AS first_net
FROM order_days_now GROUP BY 1;
""")
    bought = f"line_type = 'sale' AND order_date > {day} - {{}}"
    leaving = ", ".join(f"{day} - {days}" for days in BOUGHT.values())
    known = f"max(order_date) FILTER (order_date < {day})"
    counts = ", ".join(
        f"count(*) FILTER (now_date > {day} - {n}) - count(*) FILTER (was_date > {day} - {n + 1}) AS {name}"
        for name, n in BOUGHT.items()
    )
    engine.sql(f"""
CREATE TABLE moved AS SELECT DISTINCT customer_id, product_id FROM order_lines
WHERE line_type = 'sale' AND order_date IN ({leaving}, {day});
CREATE TABLE pairs AS SELECT customer_id, product_id, max(order_date) AS now_date, {known} AS was_date
FROM order_lines SEMI JOIN moved USING (customer_id, product_id) WHERE {bought.format(366)} GROUP BY ALL;
CREATE TABLE bought_changes AS SELECT customer_id, {counts} FROM pairs GROUP BY 1;
CREATE TABLE whose AS SELECT DISTINCT customer_id FROM order_lines
WHERE line_type = 'sale' AND order_date IN ({day} - 90, {day});
CREATE TABLE sales AS
SELECT customer_id, product_id, order_date, net_amount, quantity FROM order_lines SEMI JOIN whose USING (customer_id) WHERE {bought.format(90)};
CREATE TABLE recent AS
WITH categories AS (
    SELECT customer_id, category, count(*) AS n FROM sales JOIN products USING (product_id) GROUP BY ALL
), tops AS (
    SELECT customer_id, arg_min(category, {{'a': -n, 'b': category}}) AS top_category_90d,
           max(n)::DOUBLE / sum(n)::DOUBLE AS top_category_share_90d FROM categories GROUP BY 1
), prices AS (
    SELECT customer_id, sum(net_amount)::DOUBLE / 1e4 / sum(quantity)::DOUBLE AS price FROM sales
    GROUP BY customer_id, product_id, order_date
), quantiles AS (
    SELECT customer_id, quantile_cont(price, [0.25, 0.5, 0.75]) AS q FROM prices GROUP BY 1
)
SELECT customer_id, top_category_90d, top_category_share_90d, q[1] AS unit_price_p25_90d, q[2] AS unit_price_median_90d,
       q[3] AS unit_price_p75_90d
FROM whose LEFT JOIN tops USING (customer_id) LEFT JOIN quantiles USING (customer_id);
CREATE TABLE products_now AS
SELECT customer_id, {", ".join(f"CASE WHEN w.customer_id IS NULL THEN b.{n} ELSE r.{n} END AS {n}" for n in RECENT)},
       {", ".join(f"coalesce(b.{n}, 0) + coalesce(c.{n}, 0) AS {n}" for n in BOUGHT)}
FROM products_before b FULL JOIN bought_changes c USING (customer_id) LEFT JOIN recent r USING (customer_id)
LEFT JOIN whose w USING (customer_id);
""")
    money = {f"{stem}_{label}" for stem in peers.MONEY for label in SUMS[stem][1]}
    scale = {name: " / 1e4" for name in (*money, "order_net_lifetime")}
    scale |= {name: " / 1e8" for name in ("squares_90d", "squares_lifetime", "order_squares_lifetime")}
    told = ", ".join(
        f"{n}{scale.get(n, '')} AS {n.replace('order_net_lifetime', 'order_net').replace('order_squares_lifetime', 'order_squares')}"
        for n in ADDED
    )
    engine.sql(f"""
CREATE VIEW joined AS
SELECT customer_id, {told}, dearest / 1e4 AS largest_sale_line_amount_lifetime,
       cheapest / 1e4 AS smallest_sale_line_amount_lifetime, ends.* EXCLUDE (customer_id, order_days_net, first_net),
       order_days_net / 1e4 AS order_days_net, first_net / 1e4 AS first_net,
       products_now.* REPLACE (coalesce(bought_product_count_30d, 0) AS bought_product_count_30d)
FROM sums_now LEFT JOIN ends USING (customer_id) LEFT JOIN products_now USING (customer_id)""")
    engine.sql(f"COPY ({peers.features_of('joined')}) TO '{out / 'features.parquet'}'")
    for name in ("sums_now", "order_days_now", "products_now"):
        engine.sql(f"COPY {name} TO '{out / name}.parquet'")


if __name__ == "__main__":
    what, lake, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    {"before": state, "step": step}[what](lake, out)
    sys.stdout.flush()
    os._exit(0)
