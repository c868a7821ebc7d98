"""Rows of the transaction log of one day: sales, cancellations of the same day, returns of earlier ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from jobs.land.simulated.config import RETURN_MAX_DAYS
from jobs.land.simulated.orders import Orders, orders_of_day
from jobs.land.simulated.streams import BoolArray, IntArray
from jobs.land.simulated.world import World

LINE_TYPES = ("sale", "cancellation", "return")
SALE, CANCELLATION, RETURN = range(3)


@dataclass(frozen=True)
class Transactions:
    """Order lines of one day and batch; -1 stands for empty. An order is known by its day and place in it."""

    second: IntArray
    line_type: IntArray
    order: IntArray  # number within the day and line type
    line_number: IntArray
    customer: IntArray
    product: IntArray
    quantity: IntArray
    unit_cents: IntArray
    amount_cents: IntArray
    discount_cents: IntArray
    shipping_cents: IntArray
    original_day: IntArray
    original_order: IntArray
    is_kept: BoolArray

    def __len__(self) -> int:
        """Number of rows."""
        return len(self.second)


def earlier_orders(world: World, day: int, batch: str, days: int) -> Iterator[Orders]:
    """Orders of the days before, the newest first."""
    for past in range(day - 1, max(day - days, 0) - 1, -1):
        yield orders_of_day(world, past, batch)


def transactions_of_day(world: World, day: int, batch: str) -> Transactions:
    """All transaction rows of one day."""
    orders = orders_of_day(world, day, batch)
    parts = [_sales(orders), _cancellations(orders)]
    parts += [_returns(past, day) for past in earlier_orders(world, day, batch, RETURN_MAX_DAYS)]
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Transactions)
    }
    is_return = joined["line_type"] == RETURN
    count = int(is_return.sum())
    joined["second"][is_return] = world.seconds(world.rng(f"returns {batch}", day), day, count)
    joined["order"][is_return] = np.arange(count)
    return Transactions(**joined)


def _sales(orders: Orders) -> Transactions:
    owner = orders.line_order
    none = np.full(len(owner), -1)
    return Transactions(
        second=orders.second[owner],
        line_type=np.full(len(owner), SALE),
        order=owner,
        line_number=orders.line_number,
        customer=orders.customer[owner],
        product=orders.product,
        quantity=orders.quantity,
        unit_cents=orders.unit_cents,
        amount_cents=orders.amount_cents,
        discount_cents=orders.discount_cents,
        shipping_cents=np.where(orders.line_number == 1, orders.shipping_cents[owner], 0),
        original_day=none,
        original_order=none,
        is_kept=orders.is_kept[owner],
    )


def _cancellations(orders: Orders) -> Transactions:
    """Each line of a cancelled order once more with the opposite sign, shipping too."""
    sale = _sales(orders)
    rows = np.flatnonzero(orders.is_cancelled[orders.line_order])
    taken = {field.name: getattr(sale, field.name)[rows] for field in fields(Transactions)}
    for name in ("quantity", "amount_cents", "discount_cents", "shipping_cents"):
        taken[name] = -taken[name]
    taken["second"] = orders.cancel_second[taken["order"]]
    taken["line_type"] = np.full(len(rows), CANCELLATION)
    taken["original_day"] = np.full(len(rows), orders.day)
    taken["original_order"] = taken["order"]
    return Transactions(**taken)


def _returns(orders: Orders, day: int) -> Transactions:
    """Lines that come back today: all or some of the units, at the price that was paid."""
    rows = np.flatnonzero(orders.return_lag == day - orders.day)
    owner, quantity = orders.line_order[rows], orders.return_quantity[rows]
    names_order = orders.return_names_order[rows]
    none = np.full(len(rows), -1)
    zero = np.zeros(len(rows), dtype=np.int64)
    return Transactions(
        second=zero,
        line_type=np.full(len(rows), RETURN),
        order=zero,
        line_number=none,
        customer=orders.customer[owner],
        product=orders.product[rows],
        quantity=-quantity,
        unit_cents=orders.unit_cents[rows],
        amount_cents=-(orders.amount_cents[rows] * quantity // orders.quantity[rows]),
        discount_cents=zero,
        shipping_cents=zero,
        original_day=np.where(names_order, orders.day, -1),
        original_order=np.where(names_order, owner, -1),
        is_kept=orders.is_kept[owner],
    )
