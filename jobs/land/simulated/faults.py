"""What goes wrong between the shop and the landing folder: late, repeated and broken rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jobs.land.simulated.config import LATE_MAX_DAYS, REPEAT_MAX_DAYS
from jobs.land.simulated.streams import IntArray
from jobs.land.simulated.world import World

# A row handed over: whole, whole once more, or as a broken copy beside the whole one.
GOOD, DUPLICATE, BAD_NUMBER, MISSING_REQUIRED, BAD_DATE, TRUNCATED = range(6)
FAULTS = ("good", "duplicate", "malformed_bad_number", "malformed_missing_required", "malformed_bad_date",
          "malformed_truncated")  # fmt: skip
MALFORMED = {
    "transactions": (BAD_NUMBER, MISSING_REQUIRED, BAD_DATE),
    "clickstream": (TRUNCATED, MISSING_REQUIRED, BAD_DATE),
    "reviews": (MISSING_REQUIRED, BAD_DATE),
}


@dataclass(frozen=True)
class Deliveries:
    """Which row is handed over on which day in which state; a row may come several times."""

    row: IntArray
    day: IntArray
    state: IntArray


def deliver(world: World, source: str, batch: str, day: int, count: int) -> Deliveries:
    """Deliveries of a day's rows. A broken copy always comes with its whole row: nothing is lost, only doubted."""
    rng, config = world.rng(f"faults {source} {batch}", day), world.config
    rows = np.arange(count, dtype=np.int64)
    is_late = rng.random(count) < config.late_share
    arrival = day + np.where(is_late, rng.integers(1, LATE_MAX_DAYS + 1, count), 0)
    repeated = np.flatnonzero(rng.random(count) < config.duplicate_share)
    again = arrival[repeated] + rng.integers(0, REPEAT_MAX_DAYS + 1, len(repeated))
    broken = np.flatnonzero(rng.random(count) < config.malformed_share)
    state = rng.choice(MALFORMED[source], len(broken))
    return Deliveries(
        row=np.concatenate([rows, repeated, broken]),
        day=np.concatenate([arrival, again, arrival[broken]]),
        state=np.concatenate([np.full(count, GOOD), np.full(len(repeated), DUPLICATE), state]),
    )
