"""Numbers to text, a column at a time: the bulk of the time of a large shop goes here, so no Python loops."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.streams import BoolArray, IntArray
from jobs.land.simulated.world import World

BATCH_LETTERS = {"base": "a", "offer": "b", "bot": "c"}
Text = Any  # a pyarrow string array or one string for all rows


def column(values: Any) -> Any:
    """An Arrow column; `Any` because pyarrow's stubs guess its type wrongly from NumPy arrays."""
    return pa.array(values)


def table(columns: dict[str, Any]) -> pa.Table:
    """An Arrow table of arrays of either kind."""
    return pa.table(columns)


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


def device_id(device: IntArray) -> pa.Array:
    """Device, as an app tells it."""
    return join("d", digits((device * 2_654_435_761 + 53) % 4_294_967_296, 10))


def email(person: IntArray) -> pa.Array:
    """The address of a person, named after the first of their accounts."""
    return join(customer_id(person), "@example.com")


def day_label(world: World, day: int, letter: str, batch: str) -> str:
    """First part of an identifier: letter, date and batch."""
    return f"{letter}{world.config.date_of(day):%y%m%d}{BATCH_LETTERS[batch]}"


def order_id(world: World, day: IntArray, order: IntArray, batch: str) -> pa.Array:
    """Order by its day and number; negative days and numbers give nonsense, to be masked."""
    labels = _order_labels(world.config, batch).take(column(np.maximum(day, 0)))
    return join(labels, digits(order, 6))


@cache
def _order_labels(config: ShopConfig, batch: str) -> pa.Array:
    return pa.array([f"o{config.date_of(day):%y%m%d}{BATCH_LETTERS[batch]}" for day in range(config.days)])


def money(cents: IntArray) -> pa.Array:
    """Cents as a decimal with two places."""
    size = np.abs(cents)
    sign = pc.if_else(pa.array(cents < 0), "-", "")
    return join(sign, pa.array(size // 100).cast(pa.string()), ".", _table("hundredths").take(column(size % 100)))


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


def lines_of(text: Any) -> memoryview:
    """All strings one after another: the array's own buffer, without a copy for each."""
    if len(text) == 0:
        return memoryview(b"")
    _, places, content = text.buffers()
    offsets = np.frombuffer(memoryview(places), dtype=np.int32)[text.offset : text.offset + len(text) + 1]
    return memoryview(content)[offsets[0] : offsets[-1]]


def _stamp(instant: IntArray) -> pa.Array:
    day, second = np.divmod(instant, 86_400)
    first = int(day.min(initial=2**40)) if len(day) else 0
    dates = pa.array([str(np.datetime64(first + ahead, "D")) + "T" for ahead in range(3)])
    return join(dates.take(column(day - first)), _table("clock").take(column(second)))


@cache
def _table(name: str) -> pa.Array:
    if name == "hundredths":
        return pa.array([f"{number:02d}" for number in range(100)])
    minutes = [f"{minute // 60:02d}:{minute % 60:02d}:" for minute in range(1440)]
    return pa.array([f"{minute}{second:02d}" for minute in minutes for second in range(60)])
