"""Customers with hidden parameters. Drawn in blocks, so a larger shop begins with the same people."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from jobs.land.simulated.catalogue import CATEGORIES
from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.streams import FloatArray, IntArray, stream

BLOCK = 4_096
COUNTRIES = ("DE", "AT", "NL", "CH", "FR")
REGIONS = ("north", "east", "south", "west")
AGE_BANDS = ("18-24", "25-34", "35-44", "45-54", "55-64", "65+")
DEVICE_TYPES = ("mobile", "desktop", "tablet")
DEVICES_MAX = 3
DAYS_A_MONTH = 30.4375
EXISTING_SHARE = 0.45  # customers who signed up before the first day of the logs
CONSENT_GAP_DAYS = 900.0  # mean time between changes of mind about marketing
NEVER = 1_000_000  # a day number that no log reaches


@dataclass(frozen=True)
class People:
    """One array entry for each customer; days are day numbers of the shop, possibly negative or past its end."""

    rate: FloatArray  # orders a day while alive, before season and offers
    signup_day: IntArray
    death_day: IntArray  # first day without any wish to come back
    interests: FloatArray  # (customer, category), rows sum to one
    later_interests: FloatArray  # where drift leads
    spend_level: FloatArray  # standard normal; moves the shelf from budget to premium
    tier_share: FloatArray  # (customer, tier)
    extra_lines: FloatArray  # mean number of order lines beyond the first
    price_sensitivity: FloatArray  # 0..1
    tone: FloatArray  # standard normal; kind reviewers also stay longer
    review_share: FloatArray  # chance that a bought product is reviewed
    extra_visits: FloatArray  # mean number of visits without purchase for each purchase
    offer_uplift: FloatArray  # relative change of the rate after a contact, -0.6..1.2
    device_count: IntArray
    device_type: IntArray  # (customer, device)
    has_consent: IntArray  # at sign-up; each change turns it round
    consent_change_day: IntArray  # (customer, 2)
    country: IntArray
    region: IntArray
    age_band: IntArray
    household_size: IntArray

    def __len__(self) -> int:
        """Number of customers."""
        return len(self.rate)


def make_people(config: ShopConfig) -> People:
    """All customers of a shop."""
    count = -(-config.customers // BLOCK)
    blocks = [_make_block(config, block) for block in range(count)]
    return People(
        **{
            field.name: np.concatenate([getattr(block, field.name) for block in blocks])[: config.customers]
            for field in fields(People)
        }
    )


def _make_block(config: ShopConfig, block: int) -> People:
    rng = stream(config.seed, "people", block)
    rate_mean = config.orders_per_month / DAYS_A_MONTH
    sensitivity = rng.beta(2.0, 3.0, BLOCK)
    level = rng.normal(size=BLOCK) - 1.5 * (sensitivity - 0.4)
    tier = np.exp(np.stack([-1.1 * level, np.full(BLOCK, 0.3), 1.1 * level], axis=1))
    tone = rng.normal(size=BLOCK)
    interests, later = _interests(rng), _interests(rng)
    signup, death = _life(rng, config, tone, interests)
    gaps = rng.exponential(CONSENT_GAP_DAYS, (BLOCK, 2)) + 1
    return People(
        rate=rng.gamma(1.5, rate_mean / 1.5, BLOCK),
        signup_day=signup,
        death_day=death,
        interests=interests,
        later_interests=later,
        spend_level=level,
        tier_share=tier / tier.sum(axis=1, keepdims=True),
        extra_lines=rng.gamma(3.0, (config.lines_per_order - 1) / 3.0, BLOCK),
        price_sensitivity=sensitivity,
        tone=tone,
        review_share=rng.beta(1.2, 6.0, BLOCK),
        extra_visits=rng.gamma(3.0, (config.sessions_per_order - 1) / 3.0, BLOCK),
        offer_uplift=_uplift(rng, sensitivity, tone),
        device_count=rng.choice(3, BLOCK, p=[0.5, 0.35, 0.15]) + 1,
        device_type=rng.choice(3, (BLOCK, DEVICES_MAX), p=[0.6, 0.32, 0.08]),
        has_consent=(rng.random(BLOCK) < 0.75).astype(np.int64),
        consent_change_day=np.maximum(signup, 0)[:, None] + np.cumsum(gaps, axis=1).astype(np.int64),
        country=rng.choice(len(COUNTRIES), BLOCK, p=[0.6, 0.12, 0.12, 0.08, 0.08]),
        region=rng.integers(0, len(REGIONS), BLOCK),
        age_band=rng.choice(len(AGE_BANDS), BLOCK, p=[0.12, 0.27, 0.24, 0.17, 0.12, 0.08]),
        household_size=rng.choice(5, BLOCK, p=[0.3, 0.33, 0.17, 0.14, 0.06]) + 1,
    )


def _interests(rng: np.random.Generator) -> FloatArray:
    """Few categories matter to one person: a Dirichlet with small weights."""
    popularity = np.array([facts[2] for facts in CATEGORIES.values()])
    draws = rng.gamma(0.45 * popularity, size=(BLOCK, len(CATEGORIES))) + 1e-6
    return np.asarray(draws / draws.sum(axis=1, keepdims=True))


def _life(
    rng: np.random.Generator, config: ShopConfig, tone: FloatArray, interests: FloatArray
) -> tuple[IntArray, IntArray]:
    """Sign-up and death: exponential lives whose mean depends on tone and interests, so clicks and reviews inform."""
    loyalty = interests @ np.array([facts[3] for facts in CATEGORIES.values()])
    mean_days = config.lifetime_days * loyalty**2 * np.exp(0.5 * tone - 0.125) * rng.gamma(4.0, 0.25, BLOCK)
    is_existing = rng.random(BLOCK) < EXISTING_SHARE
    before = -1 - (rng.random(BLOCK) * 720).astype(np.int64)
    during = (rng.random(BLOCK) * 0.95 * config.days).astype(np.int64)
    signup = np.where(is_existing, before, during)
    # An exponential life has no memory: who is alive on day 0 starts anew there.
    left = rng.exponential(1.0, BLOCK) * mean_days
    death = np.maximum(signup, 0) + 1 + np.minimum(left, NEVER).astype(np.int64)
    return signup, death


def _uplift(rng: np.random.Generator, sensitivity: FloatArray, tone: FloatArray) -> FloatArray:
    """Bargain hunters can be persuaded, the annoyed are sleeping dogs, the rest hardly react."""
    draw = rng.random(BLOCK)
    is_persuadable = draw < 0.05 + 0.6 * sensitivity
    is_sleeping_dog = ~is_persuadable & (draw > 1 - 0.25 / (1 + np.exp(2 * tone)))
    persuaded = rng.uniform(0.3, 1.2, BLOCK)
    annoyed = rng.uniform(-0.6, -0.1, BLOCK)
    indifferent = rng.normal(0.0, 0.03, BLOCK)
    return np.where(is_persuadable, persuaded, np.where(is_sleeping_dog, annoyed, indifferent))
