"""Reviews of one day: rating and words follow from the product, the delivery and the customer's tone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.config import REVIEW_MAX_DAYS
from jobs.land.simulated.orders import Orders
from jobs.land.simulated.phrases import ASPECTS
from jobs.land.simulated.streams import BoolArray, FloatArray, IntArray
from jobs.land.simulated.transactions import earlier_orders
from jobs.land.simulated.world import World

RATING_ONLY_SHARE = 0.15
WAYS = 3  # ways to say the same
OPEN_HOURS = (8, 23)  # reviews carry naive local time: away from the hour that happens twice in autumn


@dataclass(frozen=True)
class Reviews:
    """Reviews of one day and batch; -1 stands for an aspect that is not spoken of."""

    second: IntArray
    customer: IntArray
    order_day: IntArray
    order: IntArray
    product: IntArray
    rating: IntArray
    has_text: BoolArray
    mood: IntArray  # (review, aspect): 0 bad, 1 mixed, 2 good, -1 silent
    way: IntArray  # (review, opening, title and each aspect)
    is_kept: BoolArray

    def __len__(self) -> int:
        """Number of reviews."""
        return len(self.second)


def reviews_of_day(world: World, day: int, batch: str) -> Reviews:
    """All reviews of one day."""
    rng = world.rng(f"reviews {batch}", day)
    parts = [_due(world, past, day) for past in earlier_orders(world, day, batch, REVIEW_MAX_DAYS)]
    if not parts:
        parts = [{name: np.empty(0, dtype=np.int64) for name in _DUE} | {"delivery": np.empty(0)}]
    due = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    count = len(due["customer"])
    feelings = _feelings(rng, world, due)
    rating = np.clip(np.rint(3.75 + feelings @ np.array([0.35, 0.65, 0.3, 0.15, 0.6])), 1, 5).astype(np.int64)
    spoken = rng.random((count, len(ASPECTS))) < np.array([0.4, 0.5, 0.35, 0.25, 0.2])
    mood = np.digitize(feelings, [-0.6, 0.2])
    opens, closes = (hour * 3600 * world.day_length(day) // 86_400 for hour in OPEN_HOURS)
    return Reviews(
        second=rng.integers(opens, closes, count),
        customer=due["customer"],
        order_day=due["order_day"],
        order=due["order"],
        product=due["product"],
        rating=rating,
        has_text=rng.random(count) >= RATING_ONLY_SHARE,
        mood=np.where(spoken, mood, -1),
        way=rng.integers(0, WAYS, (count, 2 + len(ASPECTS))),
        is_kept=due["is_kept"].astype(bool),
    )


_DUE = ("customer", "order_day", "order", "product", "is_kept")


def _due(world: World, orders: Orders, day: int) -> dict[str, IntArray | FloatArray]:
    rows = np.flatnonzero(orders.review_lag == day - orders.day)
    owner = orders.line_order[rows]
    return {
        "customer": orders.customer[owner],
        "order_day": np.full(len(rows), orders.day),
        "order": owner,
        "product": orders.product[rows],
        "is_kept": orders.is_kept[owner],
        "delivery": orders.delivery[owner],
    }


def _feelings(rng: np.random.Generator, world: World, due: dict[str, IntArray | FloatArray]) -> FloatArray:
    """How a customer feels about each aspect, in the order of `ASPECTS`; about standard normal."""
    catalogue, people = world.catalogue, world.people
    customer, product = due["customer"].astype(np.int64), due["product"].astype(np.int64)
    dear = catalogue.tier[product] - 1 + 2.0 * (people.price_sensitivity[customer] - 0.4)
    causes = np.stack(
        [
            catalogue.fit[product],
            catalogue.quality[product],
            due["delivery"],
            -dear,
            people.tone[customer],
        ],
        axis=1,
    )
    return np.asarray(causes + 0.4 * rng.normal(size=causes.shape))
