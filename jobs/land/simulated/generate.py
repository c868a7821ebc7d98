"""Make a shop: landing files in parallel by blocks of days, truth beside them."""

from __future__ import annotations

import logging
import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from pathlib import Path

from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.dimensions import land_customers, land_products
from jobs.land.simulated.landing import Tally, land_days
from jobs.land.simulated.truth import claim, write_truth, write_visits
from jobs.land.simulated.world import Contact, World, make_world

LOG = logging.getLogger(__name__)
Offer = tuple[str, date]  # customer_id, day of the contact
CUSTOMER_DAYS_EACH = 2_000_000  # below this a second process costs more than it brings
BLOCK_DAYS = 40  # each block makes orders of the 21 days before once more: longer blocks repeat less

_WORLD: dict[str, World] = {}


def generate(
    config: ShopConfig,
    lake: Path,
    *,
    first_date: date | None = None,
    last_date: date | None = None,
    offers: Iterable[Offer] = (),
    workers: int | None = None,
) -> dict[str, int]:
    """Write landing files of the dates (default: all) and the truth; return the rows written per source.

    `offers` are contacts: for 30 days after each, the customer buys more or less often by the hidden uplift, and
    nothing else changes. Safe to rerun. A lake that holds another shop is refused.
    """
    started = time.perf_counter()
    contacts = [(customer_number(name), when) for name, when in offers]
    world = make_world(config, contacts)
    first = max(config.day_of(first_date or config.start_date), 0)
    end = min(config.day_of(last_date or config.last_date) + 1, config.days)
    landing = lake / "landing"
    claim(world, lake / "truth")
    rows = Counter(
        customers=land_customers(world, landing, first, end), products=land_products(world, landing, first, end)
    )
    tallies: list[Tally] = []
    for block in _blocks(world, contacts, landing, first, end, workers):
        tallies += block
    write_truth(world, lake / "truth", tallies)
    write_visits(world, lake / "truth", first, end)
    for source, _, _, _, count, _ in tallies:
        rows[source] += count
    seconds = time.perf_counter() - started
    LOG.info("step=simulate days=%d rows=%d seconds=%.1f", end - first, sum(rows.values()), seconds)
    return dict(sorted(rows.items()))


def customer_number(customer_id: str) -> int:
    """Number behind a customer_id of this shop."""
    if not customer_id.startswith("c") or not customer_id[1:].isdigit():
        raise ValueError(f"not a customer of the simulated shop: {customer_id!r}")
    return int(customer_id[1:])


def _blocks(
    world: World, contacts: list[Contact], landing: Path, first: int, end: int, workers: int | None
) -> Iterable[list[Tally]]:
    """What was handed over, block by block; in this process where the shop is small."""
    wanted = 1 + world.config.customers * (end - first) // CUSTOMER_DAYS_EACH
    count = workers or min(wanted, os.cpu_count() or 1)
    if count == 1:
        yield land_days(world, landing, first, end)
        return
    starts = range(first, end, min(BLOCK_DAYS, -(-(end - first) // count)) or 1)
    spawn = multiprocessing.get_context("spawn")  # a fork would copy the locks of running threads
    with ProcessPoolExecutor(count, spawn, _make_world_here, (world.config, contacts)) as pool:
        ends = [min(start + starts.step, end) for start in starts]
        for done, tallies in enumerate(pool.map(_land_block, [landing] * len(ends), starts, ends), 1):
            LOG.info("step=simulate blocks=%d of=%d", done, len(ends))
            yield tallies


def _make_world_here(config: ShopConfig, contacts: list[Contact]) -> None:
    """Each process makes its own world: faster than sending it."""
    _WORLD["world"] = make_world(config, contacts)


def _land_block(landing: Path, first: int, end: int) -> list[Tally]:
    return land_days(_WORLD["world"], landing, first, end)
