"""Customer and product records: JSON lines and CSV, both with naive local times."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np
import pyarrow as pa

from jobs.land.simulated import text
from jobs.land.simulated.catalogue import BRANDS, CATEGORIES, CATEGORY_NAMES, product_name
from jobs.land.simulated.people import AGE_BANDS, COUNTRIES, REGIONS
from jobs.land.simulated.streams import IntArray
from jobs.land.simulated.world import World
from jobs.whole_files import write_whole

PRODUCT_COLUMNS = ("product_id", "event_at", "product_name", "department", "category", "brand", "list_price")


def land_customers(world: World, landing: Path, first: int, end: int) -> int:
    """One record at sign-up and one at each change of consent; earlier customers come on the first day."""
    versions = [_versions(world, change) for change in range(3)]
    customer, day, consent = (np.concatenate(column) for column in zip(*versions, strict=True))
    landed = np.maximum(day, 0)
    rows = np.flatnonzero((landed >= first) & (landed < end))
    rows = rows[np.lexsort((customer[rows], landed[rows]))]
    lines = _customer_lines(world, customer[rows], day[rows], consent[rows])
    days, starts = np.unique(landed[rows], return_index=True)
    for today, start, stop in zip(days.tolist(), starts, [*starts[1:], len(rows)], strict=False):
        path = landing / "customers" / f"dt={world.config.date_of(today)}" / "customers.jsonl"
        write_whole(path, bytes(text.lines_of(lines.slice(start, stop - start))))
    return len(rows)


def _versions(world: World, change: int) -> tuple[IntArray, IntArray, IntArray]:
    """Customer, day and consent of the first record (0) or of a change of mind (1, 2)."""
    people = world.people
    day = people.signup_day if change == 0 else people.consent_change_day[:, change - 1]
    return np.arange(len(people)), day, people.has_consent ^ (change & 1)


def _customer_lines(world: World, customer: IntArray, day: IntArray, consent: IntArray) -> pa.Array:
    people = world.people
    start = np.datetime64(world.config.start_date, "D")
    names = text.customer_id(customer)
    signup = pa.array((start + people.signup_day[customer]).astype(str).tolist(), pa.string())
    number, postcode = text.digits(customer, 7), text.digits(customer % 90_000 + 10_000, 5)
    return text.join(
        '{"customer_id":"', names,
        '","event_at":"', pa.array((start + day).astype(str).tolist(), pa.string()), "T00:00:00",
        '","signup_date":"', signup,
        '","country":"', _named(COUNTRIES, people.country[customer]),
        '","region":"', _named(REGIONS, people.region[customer]),
        '","age_band":"', _named(AGE_BANDS, people.age_band[customer]),
        '","household_size":', pa.array(people.household_size[customer]).cast(pa.string()),
        ',"person_name":"Erika Musterfrau ', number,
        '","email":"', text.email(world.households.person[customer]),
        '","phone":"+49 30 55', number,
        '","street_address":"Musterweg ', number,
        '","postcode":"', postcode,
        '","has_marketing_consent":', _named(("false", "true"), consent),
        "}\n",
    )  # fmt: skip


def _named(names: tuple[str, ...], code: IntArray) -> pa.Array:
    return pa.array(names).take(text.column(code))


def land_products(world: World, landing: Path, first: int, end: int) -> int:
    """The catalogue on the first day, and once more with new prices when they drift."""
    days = [0] + ([world.config.drift_day] if world.config.drift > 0 and world.config.drift_day > 0 else [])
    wanted = [day for day in days if first <= day < end]
    for day in wanted:
        path = landing / "products" / f"dt={world.config.date_of(day)}" / "products.csv"
        write_whole(path, _product_lines(world, day).encode())
    return len(wanted) * world.config.products


def _product_lines(world: World, day: int) -> str:
    catalogue, lines = world.catalogue, io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(PRODUCT_COLUMNS)
    names = text.product_id(np.arange(world.config.products)).to_pylist()
    prices = text.money(catalogue.prices(world.is_drifted(day))).to_pylist()
    for product, (name, price) in enumerate(zip(names, prices, strict=True)):
        category = CATEGORY_NAMES[catalogue.category[product]]
        writer.writerow(
            (name, f"{world.config.date_of(day)}T00:00:00", product_name(catalogue, product), CATEGORIES[category][0],
             category, BRANDS[catalogue.brand[product]], price)
        )  # fmt: skip
    return lines.getvalue()
