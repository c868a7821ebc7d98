"""A shop whose every row after a date can be shuffled, and what then differs at that date: for leakage tests."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from jobs.land.simulated import ShopConfig, generate
from jobs.pseudonyms import KEY_FILE
from jobs.settings import get_settings
from jobs.tables import Run
from schemas.clean import CLEAN_REVIEWS
from schemas.contract import Table
from schemas.raw import (
    ADDED_BY_INGEST,
    RAW_CAMPAIGN_EVENTS,
    RAW_CLICKSTREAM,
    RAW_PRODUCTS,
    RAW_REVIEWS,
    RAW_TRANSACTIONS,
    SOURCES,
)
from schemas.score import CUSTOMER_360
from tests.faults import shop

CONFIG = ShopConfig(
    customers=60,
    days=24,
    orders_per_month=12.0,
    sessions_per_order=2.0,
    late_share=0.2,
    return_share=0.3,
    login_share=0.6,
    second_account_share=0.2,
    shared_device_share=0.1,
    cookie_days=3,
    guest_email_share=0.5,
)
SETTINGS = {"business_timezone": "Europe/Berlin", "rolling_from_tiles": 0}
FIRST, LAST = CONFIG.start_date, CONFIG.last_date
D = FIRST + timedelta(days=14)
DAY_BEFORE, EARLY, TOMORROW = D - timedelta(days=1), D - timedelta(days=5), D + timedelta(days=1)

MOMENT = ("event_at", "event_date")
RUN = ("ingest_date", "source_file")
# Columns whose rule in the contract is about all of them: they keep each other's company.
TOGETHER = (
    ("line_type", "quantity", "unit_price", "line_amount", "discount_amount", "shipping_amount", "original_order_id"),
    ("rating", "title", "review_text"),
    ("consent_purpose", "consent_status", "has_marketing_consent"),
)
LATEST_DAYS = 400  # how far back of its day a shuffled row may be dated: out of every window of the features
LATE_SHARE = 0.4

Row = dict[str, Any]


def raw_shop(lake: Path) -> None:
    """Land and ingest the simulated shop, and add what it has none of, so that every feature has something to tell."""
    generate(CONFIG, lake, workers=1)
    (lake / KEY_FILE).write_text("one key, so that hashes of addresses compare")
    job(lake, "ingest", LAST, FIRST)
    lines = _changed(lake, RAW_TRANSACTIONS, _with_discount, "order_id")
    _changed(lake, RAW_CLICKSTREAM, _with_removals, "visitor_id")
    _changed(lake, RAW_REVIEWS, lambda place, row: row)
    _changed(lake, RAW_PRODUCTS, lambda place, row: row, more=_renamed)
    with run_of(lake, LAST, FIRST) as run:
        events = RAW_CAMPAIGN_EVENTS.rows(*(_contact(place, row) for place, row in enumerate(lines)))
        run.replace(run.spark.createDataFrame(events, RAW_CAMPAIGN_EVENTS.struct), RAW_CAMPAIGN_EVENTS)


def _changed(
    lake: Path,
    table: Table,
    change: Callable[[int, Row], Row],
    group: str = "",
    more: Callable[[int, Row], Row] | None = None,
) -> list[Row]:
    """Change a raw table's rows; of those of D a third is dated a day ahead, in a `group` of their own."""
    stored = DeltaTable(str(lake / table.name)).to_pyarrow_table().sort_by("event_id")
    rows = [change(place, row) for place, row in enumerate(stored.to_pylist())]
    rows += [more(place, row) for place, row in enumerate(rows[:50])] if more else []
    rows = [_ahead(row, group) if place % 3 == 0 and _may_be_ahead(row) else row for place, row in enumerate(rows)]
    shop.rewrite(lake, table, pa.Table.from_pylist(rows, stored.schema))
    return rows


def _may_be_ahead(row: Row) -> bool:
    return row["ingest_date"] == row["event_date"] == D and row.get("line_type", "sale") == "sale"


def _ahead(row: Row, group: str) -> Row:
    """The row by a clock that is a day ahead. It belongs to nothing that is known: that would be news of the past."""
    ahead = {"event_at": row["event_at"] + timedelta(days=1), "event_date": TOMORROW}
    alone = {name: None for name in ("email", "device_id") if name in row}
    return row | ahead | alone | ({group: f"ahead-{row[group]}"} if group else {})


def _with_discount(place: int, row: Row) -> Row:
    return row | {"discount_amount": row["line_amount"] * (place % 4)} if row["line_type"] == "sale" else row


def _with_removals(place: int, row: Row) -> Row:
    return row | {"event_type": "remove_from_cart"} if row["event_type"] == "view" and place % 4 == 0 else row


def _renamed(place: int, row: Row) -> Row:
    moment = {"event_at": row["event_at"] + (TOMORROW - row["event_date"]), "event_date": TOMORROW}
    run = {"ingest_date": TOMORROW, "event_id": f"renamed-{row['event_id']}"}
    return row | moment | run | {name: f"new {place}" for name in ("product_name", "department", "category")}


def _contact(place: int, row: Row) -> Row:
    common = {name: row[name] for name in ("event_at", "event_date", "ingest_date")}
    who = {"customer_id": row["customer_id"] or "guest", "event_id": f"campaign-{row['event_id']}"}
    return common | who | {"event_type": ("contact", "redemption")[place % 2]}


def build(lake: Path) -> None:
    """Every row that the lake has into clean tables, tiles, and the snapshots of D and of dates around it."""
    job(lake, "conform", LAST, FIRST)
    # No text model has read this shop's reviews: what one would say of a row follows from the row alone.
    DeltaTable(str(lake / CLEAN_REVIEWS.name)).update(updates={"rating_text_gap": "CAST(word_count % 5 AS DOUBLE) - 2"})
    job(lake, "tile", LAST, FIRST)
    job(lake, "snapshot", LAST, None, "--dates", str(EARLY), str(DAY_BEFORE), str(LAST))
    job(lake, "snapshot", D)


def job(lake: Path, name: str, day: date, first: date | None = None, *options: str) -> None:
    """One job in this process."""
    stretch = ["--from", str(first)] if first else []
    with shop.lake_settings(lake, **SETTINGS):
        import_module(f"jobs.{name}").main(["--as-of", str(day), *stretch, *options])


@contextmanager
def run_of(lake: Path, day: date, first: date | None = None) -> Iterator[Run]:
    """A run on the lake."""
    with shop.lake_settings(lake, **SETTINGS):
        yield Run(as_of_date=day, first=first or day, settings=get_settings())


def publish(lake: Path, day: date) -> None:
    """Let a date count as published."""
    with run_of(lake, day) as run:
        rows = run.spark.createDataFrame(CUSTOMER_360.rows({"as_of_date": day}), CUSTOMER_360.struct)
        run.replace(rows, CUSTOMER_360)


def shuffle_after(lake: Path, day: date, seed: int) -> int:
    """Shuffle the raw rows of all sources that happened or came after a day; returns how many.

    Every column is drawn anew from the same rows, so customers, products, money, ratings and dates change places. A row
    that came after the day may be dated long before it, as a late one; none comes to be known earlier than it was.
    """
    draw = np.random.default_rng(seed)
    changed = 0
    for table in SOURCES.values():
        if (lake / table.name / "_delta_log").is_dir():
            rows = DeltaTable(str(lake / table.name)).to_pyarrow_table().sort_by("event_id")
            came_later = np.asarray(pc.greater(rows["ingest_date"], day))
            is_ahead = np.asarray(pc.greater(rows["event_date"], day)) & ~came_later
            shop.rewrite(lake, table, _redated(_shuffled(rows, came_later, is_ahead, draw), came_later, draw))
            changed += int(came_later.sum() + is_ahead.sum())
    return changed


def _shuffled(rows: pa.Table, came_later: np.ndarray, is_ahead: np.ndarray, draw: np.random.Generator) -> pa.Table:
    groups = [MOMENT, *(group for group in TOGETHER if group[0] in rows.column_names)]
    apart = {"event_id", *ADDED_BY_INGEST, *(name for group in groups for name in group)}
    groups += [(name,) for name in rows.column_names if name not in apart]
    # Apart from each other, else a row ahead would get what ties it to the past.
    parts = [(RUN, came_later), *((names, among) for names in groups for among in (came_later, is_ahead))]
    for names, among in parts:
        places = np.arange(len(rows))
        places[among] = draw.choice(places[among], among.sum())  # a mere change of places keeps how many are whose
        for name in names:
            rows = _put(rows, name, rows[name].take(places))
    return rows


def _redated(rows: pa.Table, came_later: np.ndarray, draw: np.random.Generator) -> pa.Table:
    """Some of the rows that came later, dated back by whole days."""
    is_late = came_later & (draw.random(len(rows)) < LATE_SHARE)
    days = np.where(is_late, draw.integers(1, LATEST_DAYS, len(rows)), 0)
    moment = pc.subtract(rows["event_at"], pa.array(days * 86_400_000_000, pa.duration("us")))
    day = pa.array(np.asarray(rows["event_date"].to_numpy(), "datetime64[D]") - days, pa.date32())
    return _put(_put(rows, "event_at", moment), "event_date", day)


def _put(rows: pa.Table, name: str, values: pa.ChunkedArray | pa.Array) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index(name), rows.schema.field(name), values)


def differences(one: Path, other: Path, tables: Iterable[Table], day: date) -> set[str]:
    """`table.column` of everything at a date in which two lakes differ; `table` where their keys do."""
    found = set()
    for table in tables:
        left, right = (_at(lake, table, day) for lake in (one, other))
        if left.keys() != right.keys():
            found.add(table.name)
        both = left.keys() & right.keys()
        columns = enumerate(table.column_names)
        found |= {f"{table.name}.{name}" for at, name in columns if any(left[k][at] != right[k][at] for k in both)}
    return found


def _at(lake: Path, table: Table, day: date) -> dict[tuple, tuple]:
    """Rows of a date by key; there are some."""
    rows = shop.stored(lake, table)
    names = table.column_names
    found = [tuple(row[name] for name in names) for row in rows.filter(pc.equal(rows["as_of_date"], day)).to_pylist()]
    assert found, f"{table.name} has no rows of {day}"
    return {tuple(row[names.index(name)] for name in table.key): row for row in found}
