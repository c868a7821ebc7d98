"""The shop as it is before anything happens: people, catalogue, calendar, season and contacts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from jobs.land.simulated.catalogue import Catalogue, make_catalogue
from jobs.land.simulated.config import OFFER_DAYS, TIME_ZONE, VISIT_AHEAD_DAYS, ShopConfig
from jobs.land.simulated.households import Households, make_households
from jobs.land.simulated.people import People, make_people
from jobs.land.simulated.streams import FloatArray, IntArray, stream

WEEKDAY_FACTOR = (0.92, 0.90, 0.93, 0.98, 1.05, 1.17, 1.05)  # Monday first, mean 1
SENSITIVE_RATE_LOSS = 0.5  # of the rate of the most price-sensitive, under full drift
PROMOTION_PULL = 2.0  # a promoted category weighs 1 + this times the sensitivity
MOST_DAYS_CACHED = 80  # of both batches: 21 days back and 5 ahead of a block that starts 5 days early
# Share of purchases in each hour of the day. None in the first: a session before a purchase fits in the same day.
HOUR_WEIGHTS = (0, 1, 1, 1, 1, 2, 6, 12, 18, 24, 28, 30, 34, 32, 28, 28, 30, 34, 40, 48, 50, 42, 26, 10)

Contact = tuple[int, date]


@dataclass(frozen=True)
class World:
    """Everything fixed before the first click. Cheap to make, so each process makes its own."""

    config: ShopConfig
    people: People
    catalogue: Catalogue
    contacts: dict[int, list[int]] = field(default_factory=dict)  # contact day -> customers
    cache: dict[Any, Any] = field(default_factory=dict)  # orders of recent days

    def rng(self, part: str, *keys: int) -> np.random.Generator:
        """The stream of one part of this shop."""
        return stream(self.config.seed, part, *keys)

    def remembered(self, key: Any, make: Any) -> Any:
        """Keep the last few days' orders: later days ask for them again (returns, reviews, visits)."""
        if key not in self.cache:
            while len(self.cache) >= MOST_DAYS_CACHED:
                self.cache.pop(next(iter(self.cache)))
            self.cache[key] = make()
        return self.cache[key]

    @cached_property
    def households(self) -> Households:
        """Who shares accounts and devices."""
        return make_households(self.config)

    @cached_property
    def midnight(self) -> IntArray:
        """UTC second at which each business day begins (one more than the days made, as an end)."""
        zone = ZoneInfo(TIME_ZONE)
        days = range(self.config.days + VISIT_AHEAD_DAYS + 2)
        starts = (datetime.combine(self.config.date_of(day), time.min, zone) for day in days)
        return np.array([int(start.timestamp()) for start in starts], dtype=np.int64)

    @cached_property
    def offset_by_hour(self) -> IntArray:
        """Seconds that local time is ahead of UTC, by day and hour since local midnight (up to 25 hours)."""
        zone = ZoneInfo(TIME_ZONE)
        rows = []
        for start in self.midnight:
            first = datetime.fromtimestamp(int(start), UTC)
            hours = (first + timedelta(hours=hour, minutes=1) for hour in range(25))
            rows.append([int(hour.astimezone(zone).utcoffset().total_seconds()) for hour in hours])  # type: ignore[union-attr]
        return np.array(rows, dtype=np.int64)

    def day_length(self, day: int) -> int:
        """Seconds of a business day: 82,800, 86,400 or 90,000."""
        return int(self.midnight[day + 1] - self.midnight[day])

    def seconds(self, rng: np.random.Generator, day: int, count: int) -> IntArray:
        """Seconds since midnight at which people are in the shop."""
        reach = np.concatenate([[0.0], np.cumsum(HOUR_WEIGHTS)])
        hours = np.interp(rng.random(count) * reach[-1], reach, np.arange(25))
        return np.asarray(hours * self.day_length(day) / 24, dtype=np.int64)

    def is_drifted(self, day: int) -> bool:
        """Whether prices and interests have changed."""
        return self.config.drift > 0 and day >= self.config.drift_day

    def season(self, day: int) -> float:
        """How busy a day is: weekday, time of year and the weeks before Christmas."""
        when = self.config.date_of(day)
        weekly = WEEKDAY_FACTOR[when.weekday()] - 1
        year_day = when.timetuple().tm_yday
        yearly = (
            0.08 * np.cos(2 * np.pi * (year_day - 330) / 365.25) + 0.5 * np.exp(-(((year_day - 345) / 9) ** 2)) - 0.02
        )
        return float(max((1 + self.config.seasonality * weekly) * (1 + self.config.seasonality * yearly), 0.05))

    def purchase_rates(self, day: int) -> FloatArray:
        """Expected orders of each customer on a day, without offers; zero before sign-up and from death on."""
        people = self.people
        is_alive = (people.signup_day <= day) & (day < people.death_day)
        rates = np.where(is_alive, people.rate * self.season(day), 0.0)
        if self.is_drifted(day):
            rates *= 1 - SENSITIVE_RATE_LOSS * self.config.drift * people.price_sensitivity
        return np.asarray(rates)

    def category_weights(self, customer: IntArray, day: int) -> FloatArray:
        """What each customer is drawn to on a day: interests, moved by drift and by promotions."""
        people, drift = self.people, self.config.drift
        weights = people.interests[customer]
        if self.is_drifted(day):
            weights = (1 - drift) * weights + drift * people.later_interests[customer]
        promoted = self.catalogue.promoted[day // 7]
        return np.asarray(weights * (1 + PROMOTION_PULL * people.price_sensitivity[customer][:, None] * promoted))

    def offer_effect(self, day: int) -> FloatArray:
        """Relative change of the purchase rate by contacts of the last days; contacts do not add up."""
        effect = np.zeros(len(self.people))
        for contact_day in range(day - OFFER_DAYS, day):
            customers = self.contacts.get(contact_day, [])
            effect[customers] = self.people.offer_uplift[customers]
        return effect


def make_world(config: ShopConfig, offers: Iterable[Contact] = ()) -> World:
    """A shop, and who was contacted when: pairs of customer number and date."""
    contacts: dict[int, list[int]] = {}
    for customer, when in sorted(set(offers)):
        if not 0 <= customer < config.customers:
            raise ValueError(f"offers name customer number {customer}; the shop has {config.customers}")
        contacts.setdefault(config.day_of(when), []).append(customer)
    return World(config, make_people(config), make_catalogue(config), contacts)
