"""Rows of the three logs as they stand in the landing files, whole or broken.

transactions: CSV, local time with offset. clickstream: JSON lines, gzip, UTC. reviews: Parquet, naive local time.
"""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.land.simulated import faults, text
from jobs.land.simulated.catalogue import CATEGORIES, CATEGORY_NAMES, product_name
from jobs.land.simulated.clicks import Clicks
from jobs.land.simulated.config import CURRENCY
from jobs.land.simulated.patterns import EVENTS
from jobs.land.simulated.people import DEVICE_TYPES
from jobs.land.simulated.phrases import ASPECTS, MOODS, OPENINGS, SENTENCES, TITLES
from jobs.land.simulated.reviews import WAYS, Reviews
from jobs.land.simulated.sessions import REFERRERS
from jobs.land.simulated.streams import IntArray
from jobs.land.simulated.transactions import CANCELLATION, LINE_TYPES, RETURN, Transactions
from jobs.land.simulated.world import World

TRANSACTION_HEADER = (
    "event_id,event_at,order_id,line_number,customer_id,product_id,quantity,unit_price,line_amount,"
    "discount_amount,shipping_amount,currency,line_type,original_order_id\n"
)
CLICK_DIGITS = 7  # of the number in a click's id
NOT_A_DATE = "2024-13-45T99:00:00"
NOT_A_NUMBER = "n/a"
CUT_AT = 60  # bytes left of a truncated line: never a whole JSON object
USER_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 Chrome/124.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Linux; Android 13; SM-A536B) AppleWebKit/537.36 Chrome/123.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_4) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "Mozilla/5.0 (iPad; CPU OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 Chrome/124.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 12; Lenovo TB-X306F) AppleWebKit/537.36 Chrome/122.0 Safari/537.36",
    "ExampleBot/2.1 (+https://bot.example/about)",
    "price-crawler/0.9",
)
QUERIES = tuple(
    query for name, facts in CATEGORIES.items() for query in (name, *facts[4])
)  # QUERIES_EACH for each category
REVIEW_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("event_id", "event_at", "customer_id", "order_id", "product_id")]
    + [("rating", pa.int32()), ("title", pa.string()), ("review_text", pa.string())]
)
Rows = TypeVar("Rows", Transactions, Clicks, Reviews)


def take(rows: Rows, chosen: IntArray) -> Rows:
    """Some of the rows, perhaps several times."""
    return type(rows)(**{field.name: getattr(rows, field.name)[chosen] for field in fields(rows)})


def transaction_lines(
    world: World, day: int, batch: str, rows: Transactions, number: IntArray, state: IntArray
) -> pa.Array:
    """CSV lines; `number` is the row's place among the day's rows and names the event."""
    at = text.masked(state == faults.BAD_DATE, NOT_A_DATE, text.local(world, day, rows.second, with_offset=True))
    order = text.join(_order_prefix(world, day, batch, rows.line_type), text.digits(rows.order, 6))
    original = text.order_id(world, rows.original_day, rows.original_order, batch)
    amount = text.masked(state == faults.BAD_NUMBER, NOT_A_NUMBER, text.money(rows.amount_cents))
    line_number = pa.array(rows.line_number).cast(pa.string())
    columns: list[Any] = [
        text.join(text.day_label(world, day, "t", batch), text.digits(number, 6)),
        at,
        text.masked(state == faults.MISSING_REQUIRED, "", order),
        text.masked(rows.line_number < 0, "", line_number),
        text.customer_id(rows.customer),
        text.product_id(rows.product),
        pa.array(rows.quantity).cast(pa.string()),
        text.money(rows.unit_cents),
        amount,
        text.masked(rows.line_type == RETURN, "", text.money(rows.discount_cents)),
        text.masked(rows.line_type == RETURN, "", text.money(rows.shipping_cents)),
        CURRENCY,
        pa.array(LINE_TYPES).take(text.column(rows.line_type)),
        text.join(text.masked(rows.original_order < 0, "", original), "\n"),
    ]
    return pc.binary_join_element_wise(*columns, ",")


def _order_prefix(world: World, day: int, batch: str, line_type: IntArray) -> pa.Array:
    letters = {0: "o", CANCELLATION: "x", RETURN: "r"}
    labels = [text.day_label(world, day, letters[kind], batch) for kind in range(len(LINE_TYPES))]
    return pa.array(labels).take(text.column(line_type))


def click_lines(world: World, day: int, batch: str, rows: Clicks, number: IntArray, state: IntArray) -> pa.Array:
    """JSON lines; empty values have no key."""
    at = text.masked(state == faults.BAD_DATE, NOT_A_DATE, text.utc(world, day, rows.second))
    visitor = text.join(',"visitor_id":"', text.visitor_id(rows.visitor), '"')
    customer = text.join(',"customer_id":"', text.customer_id(rows.customer), '"')
    device = _fragments_at(rows.device, lambda some: text.join(',"device_id":"', text.device_id(some), '"'))
    email = _fragments_at(rows.email, lambda some: text.join(',"email":"', text.email(some), '"'))
    order = _fragments_at(rows.order, lambda some: text.join(
        ',"order_id":"', text.day_label(world, day, "o", batch), text.digits(some, 6), '"'))  # fmt: skip
    lines = text.join(
        '{"event_id":"' + text.day_label(world, day, "k", batch),
        text.digits(number, CLICK_DIGITS),
        '","event_at":"',
        at,
        '"',
        text.masked(state == faults.MISSING_REQUIRED, "", visitor),
        text.masked(rows.customer < 0, "", customer),
        _fragment("event_type", EVENTS).take(text.column(rows.event + 1)),
        order,
        _product_fragments(world.config.products).take(text.column(rows.product + 1)),
        _fragment("category", CATEGORY_NAMES).take(text.column(rows.category + 1)),
        _fragment("search_query", QUERIES).take(text.column(rows.query + 1)),
        _fragment("device_type", DEVICE_TYPES).take(text.column(rows.device_type + 1)),
        _fragment("referrer", REFERRERS).take(text.column(rows.referrer + 1)),
        _fragment("user_agent", USER_AGENTS).take(text.column(rows.agent + 1)),
        device,
        email,
        "}\n",
    )
    cut = state == faults.TRUNCATED
    return (
        pc.if_else(pa.array(cut), text.join(pc.utf8_slice_codeunits(lines, 0, CUT_AT), "\n"), lines)
        if cut.any()
        else lines
    )


def _fragments_at(values: IntArray, make: Any) -> pa.Array:
    """Fragments for the few rows that have a value, nothing for the others."""
    hit = np.flatnonzero(values >= 0)
    if len(hit) == 0:
        return pa.array([""] * len(values), pa.string())
    places = np.zeros(len(values), dtype=np.int64)
    places[hit] = np.arange(1, len(hit) + 1)
    return pa.concat_arrays([pa.array([""]), make(values[hit])]).take(text.column(places))


@cache
def _fragment(key: str, values: tuple[str, ...]) -> pa.Array:
    """`,"key":"value"` by code + 1; nothing for -1 and for empty values."""
    return pa.array(["", *(f',"{key}":"{value}"' if value else "" for value in values)])


@cache
def _product_fragments(products: int) -> pa.Array:
    return _fragment("product_id", tuple(text.product_id(np.arange(products)).to_pylist()))


def review_table(world: World, day: int, batch: str, rows: Reviews, number: IntArray, state: IntArray) -> pa.Table:
    """Reviews with their sentences."""
    names = pa.array([product_name(world.catalogue, int(product)).lower() for product in rows.product], pa.string())
    at = text.masked(state == faults.BAD_DATE, NOT_A_DATE, text.local(world, day, rows.second, with_offset=False))
    shown = text.masked(~rows.has_text, None, _review_text(rows, names))
    titles = pa.array(sum(TITLES, ())).take(text.column((rows.rating - 1) * WAYS + rows.way[:, 1]))
    columns = [
        text.join(text.day_label(world, day, "w", batch), text.digits(number, 6)),
        at,
        text.customer_id(rows.customer),
        text.order_id(world, rows.order_day, rows.order, batch),
        text.product_id(rows.product),
        pa.array(rows.rating.astype(np.int32), mask=state == faults.MISSING_REQUIRED),
        text.masked(~rows.has_text, None, titles),
        shown,
    ]
    return pa.table(columns, schema=REVIEW_SCHEMA)


def _review_text(rows: Reviews, names: pa.Array) -> pa.Array:
    """An opening that fits the rating, then a sentence for each aspect spoken of."""
    opening = (rows.rating - 1) * WAYS + rows.way[:, 0]
    before, after = zip(*(line.split("{}") for line in sum(OPENINGS, ())), strict=True)
    parts = [pa.array(before).take(text.column(opening)), names, pa.array(after).take(text.column(opening))]
    for column, aspect in enumerate(ASPECTS):
        sentences = pa.array(["", *(f" {line}" for line in sum(SENTENCES[aspect], ()))])
        mood = rows.mood[:, column]
        code = np.where(mood < 0, 0, 1 + np.clip(mood, 0, len(MOODS) - 1) * WAYS + rows.way[:, 2 + column])
        parts.append(sentences.take(text.column(code)))
    return text.join(*parts)
