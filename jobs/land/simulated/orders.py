"""Orders and their lines: a Poisson process for each living customer, drawn day by day for all at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from jobs.land.simulated.catalogue import PROMOTION_DISCOUNT_PERCENT
from jobs.land.simulated.config import RETURN_MAX_DAYS, REVIEW_MAX_DAYS, VISIT_AHEAD_DAYS
from jobs.land.simulated.streams import BoolArray, FloatArray, IntArray, pick, ragged
from jobs.land.simulated.world import World

BASE, OFFER = "base", "offer"  # orders that happen anyway, and those that a contact brings
EXTRA_UNITS = 0.25  # mean number of units beyond the first on a line
SHIPPING_CENTS = 495
FREE_SHIPPING_FROM_CENTS = 5_000
CANCELLED_FOR_EACH_RETURN = 0.25  # cancelled orders, as a share of `return_share`
PREPARING_SHARE = 0.4  # of the visits without purchase: those that lead up to one


@dataclass(frozen=True)
class Orders:
    """Orders of one day and batch, with all that will follow from them decided at once."""

    day: int
    batch: str
    customer: IntArray
    second: IntArray  # since local midnight
    is_kept: BoolArray  # false: lost because a contact annoyed the customer
    is_cancelled: BoolArray
    cancel_second: IntArray
    shipping_cents: IntArray
    delivery: FloatArray  # standard normal: how well the delivery went
    visits: IntArray  # (order, days ahead - 1): visits that prepare it
    line_order: IntArray  # the order each line belongs to
    line_number: IntArray
    product: IntArray
    quantity: IntArray
    unit_cents: IntArray
    discount_cents: IntArray
    amount_cents: IntArray
    return_lag: IntArray  # 0: kept by the customer
    return_quantity: IntArray
    return_names_order: BoolArray
    review_lag: IntArray  # 0: not reviewed

    def __len__(self) -> int:
        """Number of orders."""
        return len(self.customer)


def orders_of_day(world: World, day: int, batch: str) -> Orders:
    """The orders of one day; remembered, because returns, reviews and visits on other days ask again."""
    made: Orders = world.remembered((batch, day), lambda: _make_orders(world, day, batch))
    return made


def _make_orders(world: World, day: int, batch: str) -> Orders:
    rng = world.rng(f"orders {batch}", day)
    rates = world.purchase_rates(day)
    if batch == OFFER:
        rates = rates * np.maximum(world.offer_effect(day), 0.0)
    reach = np.cumsum(rates)
    # The sum of independent Poisson counts is Poisson, and falls on customers in proportion to their rates.
    count = int(rng.poisson(reach[-1]))
    customer = np.searchsorted(reach, rng.random(count) * reach[-1], side="right").astype(np.int64)
    people, config = world.people, world.config
    second = world.seconds(rng, day, count)
    line_order, line_number = ragged(1 + rng.poisson(people.extra_lines[customer]))
    lines = _make_lines(rng, world, day, customer[line_order])
    gross = np.bincount(line_order, weights=lines["amount_cents"], minlength=count)
    is_cancelled = rng.random(count) < CANCELLED_FOR_EACH_RETURN * config.return_share
    pause = rng.integers(600, 6 * 3600, count)
    visits = rng.poisson((people.extra_visits[customer] * PREPARING_SHARE / VISIT_AHEAD_DAYS)[:, None], (count, 5))
    return Orders(
        day=day,
        batch=batch,
        customer=customer,
        second=second,
        is_kept=_kept(world, day, batch, customer),
        is_cancelled=is_cancelled,
        cancel_second=np.minimum(second + pause, world.day_length(day) - 1),
        shipping_cents=np.where(gross < FREE_SHIPPING_FROM_CENTS, SHIPPING_CENTS, 0),
        delivery=rng.normal(size=count),
        visits=visits,
        line_order=line_order,
        line_number=line_number + 1,
        **lines,
        **_make_outcomes(rng, world, lines, people.review_share[customer[line_order]], is_cancelled[line_order]),
    )


def _make_lines(rng: np.random.Generator, world: World, day: int, buyer: IntArray) -> dict[str, Any]:
    catalogue = world.catalogue
    category = pick(rng, world.category_weights(buyer, day))
    product = catalogue.choose(rng, category, pick(rng, world.people.tier_share[buyer]))
    quantity = 1 + rng.poisson(EXTRA_UNITS, len(buyer))
    unit_cents = catalogue.prices(world.is_drifted(day))[product]
    percent = PROMOTION_DISCOUNT_PERCENT * catalogue.promoted[day // 7][category]
    discount_cents = (unit_cents * quantity * percent + 50) // 100
    return {
        "product": product,
        "quantity": quantity,
        "unit_cents": unit_cents,
        "discount_cents": discount_cents,
        "amount_cents": unit_cents * quantity - discount_cents,
    }


def _make_outcomes(
    rng: np.random.Generator,
    world: World,
    lines: dict[str, Any],
    review_share: FloatArray,
    is_cancelled: BoolArray,
) -> dict[str, Any]:
    """Returns and reviews that each line will lead to; poor quality comes back more often."""
    count = len(review_share)
    share = world.config.return_share * (1 - 0.3 * np.tanh(world.catalogue.quality[lines["product"]]))
    is_returned = (rng.random(count) < share) & ~is_cancelled
    is_reviewed = (rng.random(count) < review_share) & ~is_cancelled
    return_lag = rng.integers(2, RETURN_MAX_DAYS + 1, count)
    review_lag = rng.integers(3, REVIEW_MAX_DAYS + 1, count)
    return {
        "return_lag": np.where(is_returned, return_lag, 0),
        "return_quantity": 1 + (rng.random(count) * lines["quantity"]).astype(np.int64),
        "return_names_order": rng.random(count) < 0.5,
        "review_lag": np.where(is_reviewed, review_lag, 0),
    }


def _kept(world: World, day: int, batch: str, customer: IntArray) -> BoolArray:
    """Orders that survive contacts: a sleeping dog's purchases are thinned, nobody else's are touched."""
    draw = world.rng("offer losses", day).random(len(customer))
    if batch == OFFER:
        return np.ones(len(customer), dtype=bool)
    return np.asarray(draw >= np.maximum(-world.offer_effect(day)[customer], 0.0))
