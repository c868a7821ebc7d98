"""Numbers to text, a column at a time: the bulk of the time of a large shop goes here, so no Python loops."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.land.simulated.people import DEVICES_MAX
from jobs.land.simulated.streams import BoolArray, IntArray
from jobs.land.simulated.world import World

BATCH_LETTERS = {"base": "a", "offer": "b", "bot": "c"}
Text = Any  # a pyarrow string array or one string for all rows


def join(*parts: Text) -> pa.Array:
    """Strings side by side."""
    return pc.binary_join_element_wise(*parts, "")


def digits(numbers: IntArray, width: int) -> pa.Array:
    """Numbers with leading zeros."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), width, "0")


def customer_id(customer: IntArray) -> pa.Array:
    """Shop account."""
    return join("c", digits(customer, 7))


def product_id(product: IntArray) -> pa.Array:
    """Product."""
    return join("p", digits(product, 5))


def visitor_id(visitor: IntArray) -> pa.Array:
    """Device of a customer, or robot. Scattered, so that devices of one person do not look alike."""
    return join("v", digits((visitor * 2_654_435_761 + 97) % 4_294_967_296, 10))


def first_visitor(customer: int) -> int:
    """Number of a customer's main device."""
    return customer * DEVICES_MAX


def day_labels(world: World, day: IntArray | int, letter: str, batch: str) -> pa.Array | str:
    """First part of an identifier: letter, date and batch."""
    if isinstance(day, int):
        return f"{letter}{world.config.date_of(day):%y%m%d}{BATCH_LETTERS[batch]}"
    known = int(day.max(initial=0)) + 1
    labels = pa.array([day_labels(world, past, letter, batch) for past in range(known)])
    return labels.take(pa.array(np.maximum(day, 0)))


def money(cents: IntArray) -> pa.Array:
    """Cents as a decimal with two places."""
    size = np.abs(cents)
    sign = pc.if_else(pa.array(cents < 0), "-", "")
    return join(sign, pa.array(size // 100).cast(pa.string()), ".", _table("hundredths").take(pa.array(size % 100)))


def utc(world: World, day: int, second: IntArray) -> pa.Array:
    """Instants such as 2024-01-01T08:00:00Z."""
    return join(_stamp(world.midnight[day] + second), "Z")


def local(world: World, day: int, second: IntArray, with_offset: bool) -> pa.Array:
    """Local times, with their offset from UTC or naive."""
    ahead = world.offset_by_hour[day][second // 3600]
    stamp = _stamp(world.midnight[day] + second + ahead)
    return join(stamp, "+", digits(ahead // 3600, 2), ":00") if with_offset else stamp


def masked(hit: BoolArray, instead: str | None, text: pa.Array) -> pa.Array:
    """Other text where hit; free where nothing is."""
    return pc.if_else(pa.array(hit), pa.scalar(instead, pa.string()), text) if hit.any() else text


def lines_of(text: pa.Array) -> memoryview:
    """All strings one after another: the array's own buffer, without a copy for each."""
    if len(text) == 0:
        return memoryview(b"")
    offsets = np.frombuffer(text.buffers()[1], dtype=np.int32)[text.offset : text.offset + len(text) + 1]
    return memoryview(text.buffers()[2])[offsets[0] : offsets[-1]]


def _stamp(instant: IntArray) -> pa.Array:
    day, second = np.divmod(instant, 86_400)
    first = int(day.min(initial=2**40)) if len(day) else 0
    dates = pa.array([str(np.datetime64(first + ahead, "D")) + "T" for ahead in range(3)])
    return join(dates.take(pa.array(day - first)), _table("clock").take(pa.array(second)))


@cache
def _table(name: str) -> pa.Array:
    if name == "hundredths":
        return pa.array([f"{number:02d}" for number in range(100)])
    minutes = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
    return pa.array([f"{minute}{second:02d}" for minute in minutes for second in range(60)])
