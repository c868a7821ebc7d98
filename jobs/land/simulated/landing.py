"""Landing files of a range of days, and what was handed over in them."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from jobs.land.files import parquet_bytes
from jobs.land.simulated import render, text
from jobs.land.simulated.clicks import BOT, clicks_by_batch
from jobs.land.simulated.config import LATE_MAX_DAYS, REPEAT_MAX_DAYS
from jobs.land.simulated.faults import GOOD, Deliveries, deliver
from jobs.land.simulated.orders import BASE, OFFER
from jobs.land.simulated.reviews import reviews_of_day
from jobs.land.simulated.streams import IntArray
from jobs.land.simulated.transactions import transactions_of_day
from jobs.land.simulated.world import World
from jobs.whole_files import write_whole

GZIP_LEVEL = 1  # 6 takes three times as long for a quarter less
DELAY_MAX_DAYS = LATE_MAX_DAYS + REPEAT_MAX_DAYS
Tally = tuple[str, int, int, int, int, int]  # source, landing day, event day, state, rows, cents


@dataclass(frozen=True)
class Source:
    """How one log is made and written."""

    name: str
    batches: tuple[str, ...]
    make: Callable[[World, int, str], Any]
    render: Callable[..., Any]
    encode: Callable[[list[Any]], bytes]
    filename: str


@dataclass(frozen=True)
class Parcel:
    """Rendered rows of one event day and batch that land on one day, with what they are sorted by."""

    content: Any
    instant: IntArray
    number: IntArray


def land_days(world: World, landing: Path, first: int, end: int) -> list[Tally]:
    """Write all log files of days first..end-1. Looks back a few days for rows that arrive late."""
    tallies: list[Tally] = []
    waiting: dict[str, dict[int, list[Parcel]]] = {source.name: defaultdict(list) for source in SOURCES}
    for day in range(max(first - DELAY_MAX_DAYS, 0), end):
        wanted = range(max(first, day), end)
        for source in SOURCES:
            for batch in source.batches:
                if batch != OFFER or world.contacts:
                    tallies += _make_parcels(world, source, day, batch, wanted, waiting[source.name])
            if day >= first:
                _write_day(world, landing, source, day, waiting[source.name].pop(day, []))
    return tallies


def _make_parcels(
    world: World, source: Source, day: int, batch: str, wanted: range, waiting: dict[int, list[Parcel]]
) -> list[Tally]:
    rows = source.make(world, day, batch)
    sent = deliver(world, source.name, batch, day, len(rows))
    chosen = (sent.day >= wanted.start) & (sent.day < wanted.stop) & rows.is_kept[sent.row]
    if not chosen.any():
        return []
    sent = Deliveries(sent.row[chosen], sent.day[chosen], sent.state[chosen])
    # In the order of the file: by time, and rows of the same second as they were made, broken copies first.
    order = np.lexsort((-sent.state, sent.row, rows.second[sent.row], sent.day))
    sent = Deliveries(sent.row[order], sent.day[order], sent.state[order])
    days, starts = np.unique(sent.day, return_index=True)
    instant = world.midnight[day] + rows.second[sent.row]
    content = source.render(world, day, batch, render.take(rows, sent.row), sent.row, sent.state)
    tallies = []
    for landed, start, stop in zip(days.tolist(), starts, [*starts[1:], len(order)], strict=True):
        waiting[landed].append(Parcel(content.slice(start, stop - start), instant[start:stop], sent.row[start:stop]))
        tallies += _tally(source, landed, day, rows, sent.row[start:stop], sent.state[start:stop])
    return tallies


def _tally(source: Source, landed: int, day: int, rows: Any, row: IntArray, state: IntArray) -> list[Tally]:
    """Rows by state; for good transaction rows also their money."""
    counts = np.bincount(state)
    money = getattr(rows, "amount_cents", None)
    cents = 0 if money is None else int(money[row[state == GOOD]].sum())
    return [
        (source.name, landed, day, code, int(count), cents if code == GOOD else 0)
        for code, count in enumerate(counts)
        if count
    ]


def _write_day(world: World, landing: Path, source: Source, day: int, parcels: list[Parcel]) -> None:
    """One file for each source and day; none where nothing came, except the CSV's header."""
    if not parcels and source.name != "transactions":
        return
    folder = landing / source.name / f"dt={world.config.date_of(day)}"
    write_whole(folder / source.filename, source.encode(_in_order(parcels)))


def _in_order(parcels: list[Parcel]) -> list[Any]:
    """All contents of a file in order of time. Most come from one day and batch and are in order already."""
    if len(parcels) < 2:
        return [parcel.content for parcel in parcels]
    instant = np.concatenate([parcel.instant for parcel in parcels])
    order = text.column(np.argsort(instant, kind="stable"))
    contents = [parcel.content for parcel in parcels]
    joined = pa.concat_tables(contents) if isinstance(contents[0], pa.Table) else pa.concat_arrays(contents)
    return [joined.take(order)]


def _csv_bytes(contents: list[pa.Array]) -> bytes:
    header = render.TRANSACTION_HEADER.encode()
    return header + b"".join(text.lines_of(content) for content in contents)


def _gzip_bytes(contents: list[pa.Array]) -> bytes:
    """Gzip without a time stamp, so that the same rows give the same bytes."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    packed = [packer.compress(text.lines_of(content)) for content in contents]
    return b"".join([*packed, packer.flush()])


def _parquet_bytes(contents: list[pa.Table]) -> bytes:
    return parquet_bytes(pa.concat_tables(contents).combine_chunks())


SOURCES = (
    Source("transactions", (BASE, OFFER), transactions_of_day, render.transaction_lines, _csv_bytes,
           "transactions.csv"),
    Source("clickstream", (BASE, OFFER, BOT), clicks_by_batch, render.click_lines, _gzip_bytes,
           "clickstream.jsonl.gz"),
    Source("reviews", (BASE, OFFER), reviews_of_day, render.review_table, _parquet_bytes, "reviews.parquet"),
)  # fmt: skip
