"""The same features, all of them anew of all purchases, in Polars as well as we can write it.

    python -m tests.benchmarks.features_polars LAKE OUT

Lines are read once into memory, names as categories; each part is then made of them by the streaming engine. Money is
whole ten-thousandths until the end.
"""

import os
import sys
from functools import reduce
from itertools import pairwise
from pathlib import Path

import polars as pl

from tests.benchmarks.features_peers import (
    ADDED,
    DAY,
    DEVIATIONS,
    EDGES,
    IN_WINDOW,
    IS_ORDER,
    MONEY,
    NAMES,
    RATIOS,
    SUMS,
)

AMOUNTS = (
    *(f"{stem}_{label}" for stem in MONEY for label in SUMS[stem][1]),
    *("largest_sale_line_amount_lifetime", "smallest_sale_line_amount_lifetime"),
    *("order_net", "order_days_net", "first_net"),
)
SQUARES = (*(f"squares_{label}" for label in SUMS["squares"][1]), "order_squares")
SCALE = 1e4
CUSTOMER, PRODUCT = (pl.Categorical(pl.Categories(name)) for name in ("customer", "product"))
OF_LINES = tuple(name for name in ADDED if name not in ("orders", "order_net", "order_squares"))


def read_lines(lake: Path) -> pl.LazyFrame:
    """Lines with the columns that are asked for."""
    files = pl.scan_parquet(lake / "clean_order_lines" / "**" / "*.parquet", hive_partitioning=True)
    return files.select(
        pl.col("customer_id").cast(CUSTOMER),
        pl.col("product_id").cast(PRODUCT),
        "order_id",
        is_sale=pl.col("line_type") == "sale",
        is_return=pl.col("line_type") == "return",
        age=(pl.lit(DAY) - pl.col("order_date")).dt.total_days().cast(pl.Int32),
        is_weekend=pl.col("order_date").dt.weekday() >= 6,
        units="quantity",
        net=whole("net_amount"),
        discounts=whole("discount_amount"),
        shipping=whole("shipping_amount"),
    )


def whole(name: str) -> pl.Expr:
    """An amount in whole ten-thousandths."""
    return pl.col(name).to_physical().cast(pl.Int64)


def span() -> pl.Expr:
    """The edge below an age, which stands for all ages up to the next."""
    found = pl.lit(EDGES[-1], pl.Int32)
    for begin, end in reversed(list(pairwise(EDGES))):
        found = pl.when(pl.col("age") < end).then(pl.lit(begin, pl.Int32)).otherwise(found)
    return found


def of_lines(lines: pl.LazyFrame) -> pl.LazyFrame:
    """What needs no orders: sums of the lines of a customer in a span."""
    sale, back, net = pl.col("is_sale"), pl.col("is_return"), pl.col("net")
    sold = pl.when(sale).then(net).otherwise(0)
    facts = lines.select(
        "customer_id",
        age=span(),
        lines=sale.cast(pl.Int64),
        units="units",
        net="net",
        sold=sold,
        refunds=pl.when(back).then(-net).otherwise(0),
        returns=back.cast(pl.Int64),
        discounts="discounts",
        discounted=(sale & (pl.col("discounts") > 0)).cast(pl.Int64),
        shipping="shipping",
        weekend=(sale & pl.col("is_weekend")).cast(pl.Int64),
        squares=sold.cast(pl.Float64) ** 2,
        dearest=pl.when(sale).then(net),
        cheapest=pl.when(sale & (net > 0)).then(net),
    )
    return facts.group_by("customer_id", "age").agg(
        pl.col(OF_LINES).sum(), pl.col("dearest").max(), pl.col("cheapest").min()
    )


def of_orders(lines: pl.LazyFrame) -> pl.LazyFrame:
    """What orders, and days with orders, tell of a customer in a span."""
    sold = pl.when("is_sale").then("net").otherwise(0)
    by_order = lines.with_columns(sold=sold).group_by("customer_id", "order_id", "age")
    orders = by_order.agg(pl.col("is_sale").sum().alias("lines"), pl.col("net").sum(), pl.col("sold").sum())
    is_order = pl.sql_expr(IS_ORDER)
    order_net = pl.when(is_order).then("net").otherwise(0)
    facts = orders.select(
        "customer_id",
        "age",
        "net",
        orders=is_order.cast(pl.Int64),
        order_net=order_net,
        order_squares=order_net.cast(pl.Float64) ** 2,
    )
    days = facts.group_by("customer_id", "age").agg(pl.col("net", "orders", "order_net", "order_squares").sum())
    days = days.filter(pl.col("orders") > 0).with_columns(day="age", age=span())
    return days.group_by("customer_id", "age").agg(
        pl.col("orders", "order_net", "order_squares").sum(),
        newest=pl.col("day").min(),
        oldest=pl.col("day").max(),
        order_days=pl.len().cast(pl.Int64),
        order_days_net=pl.col("net").sum(),
        first_net=pl.col("net").max_by("day"),
    )


def in_window(column: str, label: str) -> pl.Expr:
    """A column where its age lies in a window."""
    return pl.col(column) if label == "lifetime" else pl.col(column).filter(pl.sql_expr(IN_WINDOW[label]))


def customers(line_spans: pl.LazyFrame, order_spans: pl.LazyFrame) -> pl.LazyFrame:
    """Each customer's windows."""
    spans = line_spans.join(order_spans, on=["customer_id", "age"], how="left")
    sums = {
        f"{stem}_{label}": in_window(column, label).sum() for stem, (column, labels) in SUMS.items() for label in labels
    }
    return spans.group_by("customer_id").agg(
        **sums,
        **{f"order_days_{label}": in_window("order_days", label).sum() for label in ("90d", "365d", "lifetime")},
        largest_sale_line_amount_lifetime=pl.col("dearest").max(),
        smallest_sale_line_amount_lifetime=pl.col("cheapest").min(),
        order_net=pl.col("order_net").sum(),
        order_squares=pl.col("order_squares").sum(),
        recency_days=pl.col("newest").min(),
        customer_age_days=pl.col("oldest").max(),
        newest_365d=in_window("newest", "365d").min(),
        oldest_365d=in_window("oldest", "365d").max(),
        order_days_net=pl.col("order_days_net").sum(),
        first_net=pl.col("first_net").max_by("oldest"),
    )


def products_bought(lines: pl.LazyFrame) -> pl.LazyFrame:
    """How many different products each customer bought."""
    sales = lines.filter("is_sale", pl.sql_expr(IN_WINDOW["365d"]))
    pairs = sales.group_by("customer_id", "product_id").agg(pl.col("age").min())
    counts = {f"bought_product_count_{d}d": (pl.col("age") < d).sum() for d in (30, 90, 365)}
    return pairs.group_by("customer_id").agg(**counts)


def top_categories(sales: pl.LazyFrame, products: pl.LazyFrame) -> pl.LazyFrame:
    """The category most bought of late, the first by name of equals, and its share."""
    counts = sales.join(products, on="product_id").group_by("customer_id", "category").agg(n=pl.len().cast(pl.Int64))
    ordered = counts.sort("customer_id", -pl.col("n"), "category")
    return ordered.group_by("customer_id").agg(
        top_category_90d=pl.col("category").first(), top_category_share_90d=pl.col("n").first() / pl.col("n").sum()
    )


def price_quantiles(sales: pl.LazyFrame) -> pl.LazyFrame:
    """Quantiles of what a unit cost of late."""
    prices = sales.group_by("customer_id", "product_id", "age").agg(
        price=pl.col("net").sum() / 1e4 / pl.col("units").sum()
    )
    names = {"unit_price_p25_90d": 0.25, "unit_price_median_90d": 0.5, "unit_price_p75_90d": 0.75}
    return prices.group_by("customer_id").agg(
        **{name: pl.col("price").quantile(at, "linear") for name, at in names.items()}
    )


def features(parts: list[pl.LazyFrame]) -> pl.LazyFrame:
    """The features, from what was counted of each customer."""
    first, *others = parts
    rows = reduce(lambda one, other: one.join(other, on="customer_id", how="left"), others, first)
    # By a column: Polars divides by a literal as it multiplies by one over it, and spreads near 0 would be others.
    rows = rows.with_columns(scale=pl.int_range(pl.len()) * 0 + SCALE)
    rows = rows.with_columns(
        pl.col(AMOUNTS) / pl.col("scale"),
        pl.col(SQUARES) / pl.col("scale") ** 2,
        pl.col("^bought_product_count_.*$").fill_null(0),
    )
    ratios = {
        name: pl.when(pl.sql_expr(per) > 0).then(pl.sql_expr(over) / pl.sql_expr(per))
        for name, (over, per) in RATIOS.items()
    }
    deviations = {
        name: pl.when(pl.col(n) > 0).then(
            (pl.col(squares) / pl.col(n) - (pl.col(total) / pl.col(n)) ** 2).clip(lower_bound=0).sqrt()
        )
        for name, (n, total, squares) in DEVIATIONS.items()
    }
    change = pl.col("net_revenue_90d") - pl.col("net_revenue_90d_before_90d")
    told = rows.with_columns(**ratios, **deviations, net_revenue_change_90d=change)
    return told.select(pl.col("customer_id").cast(pl.String), *NAMES)


def made(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows that were made, once: each part reads the lines, and the next what came of them."""
    return rows.collect(engine="streaming").lazy()


def write_features(lake: Path, out: Path) -> None:
    """All of it."""
    files = pl.scan_parquet(lake / "clean_products" / "**" / "*.parquet", hive_partitioning=True)
    products = files.select(pl.col("product_id").cast(PRODUCT), "category")
    lines = made(read_lines(lake))
    counted = made(customers(made(of_lines(lines)), made(of_orders(lines))))
    bought = made(products_bought(lines))
    sales = made(lines.filter("is_sale", pl.sql_expr(IN_WINDOW["90d"])))
    parts = [counted, bought, made(top_categories(sales, products)), made(price_quantiles(sales))]
    features(parts).sink_parquet(out / "features.parquet")


if __name__ == "__main__":
    lake, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    write_features(lake, out)
    sys.stdout.flush()
    os._exit(0)
