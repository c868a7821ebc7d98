"""Visits of one day: who comes, when and with what in mind. `clicks.py` turns them into events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.config import VISIT_AHEAD_DAYS
from jobs.land.simulated.orders import BASE, PREPARING_SHARE, Orders, orders_of_day
from jobs.land.simulated.patterns import BROWSING, BUYING, PREPARING
from jobs.land.simulated.streams import BoolArray, FloatArray, IntArray, pick
from jobs.land.simulated.world import World

FADE_DAYS = 45  # visits become rarer over the last days before death
FADE_TO = 0.2
MAIN_DEVICE_SHARE = 0.7
EARLY_LOGIN, LATE_LOGIN, GUEST = range(3)
LOGIN_SHARES = {BUYING: (0.40, 0.45), PREPARING: (0.25, 0.0), BROWSING: (0.25, 0.0)}  # early, late; the rest are guests
REFERRERS = ("", "search", "email", "social", "affiliate")
REFERRER_SHARES = (0.42, 0.3, 0.12, 0.1, 0.06)


@dataclass(frozen=True)
class Sessions:
    """Visits of one day and batch; one array entry for each visit."""

    kind: IntArray
    customer: IntArray
    order: IntArray  # place in the day's orders; -1 without purchase
    is_kept: BoolArray
    category: IntArray  # (session, 3): three different interests, the first leads
    tier: IntArray
    focus: IntArray  # the product of interest
    visitor: IntArray
    device: IntArray  # that tells its id; -1: none
    device_type: IntArray
    referrer: IntArray
    login: IntArray
    is_abandoning: BoolArray  # leaves a product in the cart

    def __len__(self) -> int:
        """Number of visits."""
        return len(self.kind)


def sessions_of_day(world: World, day: int, batch: str, rng: np.random.Generator) -> Sessions:
    """Visits that buy, that prepare a purchase of the next days, and that lead nowhere."""
    orders = orders_of_day(world, day, batch)
    preparing = _preparing(world, day) if batch == BASE else np.empty(0, dtype=np.int64)
    browsing = _browsing(world, day, rng) if batch == BASE else np.empty(0, dtype=np.int64)
    customer = np.concatenate([orders.customer, preparing, browsing])
    kind = np.repeat([BUYING, PREPARING, BROWSING], [len(orders), len(preparing), len(browsing)])
    count, bought, people = len(kind), len(orders), world.people
    category = _three_interests(rng, world.category_weights(customer, day))
    tier = pick(rng, people.tier_share[customer])
    focus = world.catalogue.choose(rng, category[:, 0], tier)
    _look_at_what_is_bought(world, orders, category, focus)
    device = np.where(
        rng.random(count) < MAIN_DEVICE_SHARE, 0, (rng.random(count) * people.device_count[customer]).astype(np.int64)
    )
    early, late = np.array([LOGIN_SHARES[k] for k in range(3)])[kind].T * world.config.login_share
    households = world.households
    draw = rng.random(count)
    return Sessions(
        kind=kind,
        customer=customer,
        order=np.where(np.arange(count) < bought, np.arange(count), -1),
        is_kept=np.concatenate([orders.is_kept, np.ones(count - bought, dtype=bool)]),
        category=category,
        tier=tier,
        focus=focus,
        visitor=households.visitor(customer, device, day),
        device=households.told_device(customer, device),
        device_type=people.device_type[customer, device],
        referrer=rng.choice(len(REFERRERS), count, p=REFERRER_SHARES),
        login=np.where(draw < early, EARLY_LOGIN, np.where(draw < early + late, LATE_LOGIN, GUEST)),
        is_abandoning=(kind != BUYING) & (rng.random(count) < 0.06 + 0.14 * people.price_sensitivity[customer]),
    )


def _preparing(world: World, day: int) -> IntArray:
    """Customers who come today for a purchase of the next days.

    Of the base batch only, lost orders too: days before a contact must not know of it.
    """
    found = []
    for ahead in range(1, VISIT_AHEAD_DAYS + 1):
        later = orders_of_day(world, day + ahead, BASE)
        found.append(np.repeat(later.customer, later.visits[:, ahead - 1]))
    customer = np.concatenate(found)
    return customer[world.people.signup_day[customer] <= day]


def _browsing(world: World, day: int, rng: np.random.Generator) -> IntArray:
    """Customers who come without a purchase in sight; rarer as their death draws near."""
    people = world.people
    fade = np.clip((people.death_day - day) / FADE_DAYS, 0.0, 1.0)
    rates: FloatArray = world.purchase_rates(day) * people.extra_visits * (1 - PREPARING_SHARE)
    reach = np.cumsum(rates * (FADE_TO + (1 - FADE_TO) * fade))
    count = int(rng.poisson(reach[-1]))
    return np.searchsorted(reach, rng.random(count) * reach[-1], side="right").astype(np.int64)


def _three_interests(rng: np.random.Generator, weights: FloatArray) -> IntArray:
    """Three different categories for each row, drawn one after another without putting back."""
    rows = np.arange(len(weights))
    chosen = np.empty((len(weights), 3), dtype=np.int64)
    for place in range(3):
        chosen[:, place] = pick(rng, weights)
        weights[rows, chosen[:, place]] = 0.0
    return chosen


def _look_at_what_is_bought(world: World, orders: Orders, category: IntArray, focus: IntArray) -> None:
    """A buying session turns round the first line of its order (in place)."""
    is_first = orders.line_number == 1
    owner, product = orders.line_order[is_first], orders.product[is_first]
    lead = world.catalogue.category[product]
    previous = category[owner, 0].copy()
    for place in (1, 2):  # stay three different interests
        clash = category[owner, place] == lead
        category[owner, place] = np.where(clash, previous, category[owner, place])
    category[owner, 0] = lead
    focus[owner] = product
