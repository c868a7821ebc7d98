"""Night after night made from the day before, a snapshot is what all tiles make of it."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.rolling import next_snapshot
from features.snapshot import snapshots
from schemas.feature import FACTS, FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY

FIRST = date(2024, 2, 20)


def shop(seed: int, nights: int, customers: int = 15) -> list[dict]:
    """Tiles of a history of two years and some nights, with late rows, clocks ahead and orders that are undone later."""
    draw = np.random.default_rng(seed)
    tiles: dict[tuple, dict] = {}

    def add(customer: str, day: date, run: date, facts: dict) -> None:
        tile = tiles.setdefault((customer, day, run), dict.fromkeys((fact.name for fact in FACTS), 0))
        for name, value in facts.items():
            tile[name] += value

    for number in range(customers):
        customer = f"c{number}"
        for _ in range(int(draw.integers(1, 60))):
            day = FIRST + timedelta(days=int(draw.integers(-600, nights)))
            run = day + timedelta(days=int(draw.choice([0, 0, 0, 0, 1, 3, 40, 400, -1])))
            facts = {fact.name: int(draw.integers(1, 9)) for fact in FACTS if draw.random() < 0.2}
            facts.pop("order_count", None)
            if draw.random() < 0.5:
                money = int(draw.integers(1, 90))
                facts |= {"order_count": 1, "net_amount": money, "order_amount": money, "order_amount_squared": money**2}
                if draw.random() < 0.4:
                    undone = {name: -facts[name] for name in ("order_count", "net_amount", "order_amount")}
                    undone |= {"order_amount_squared": -(money**2), "refund_amount": money}
                    add(customer, day, max(run, day) + timedelta(days=int(draw.choice([1, 2, 30]))), undone)
            add(customer, day, run, facts)
    return [
        {"customer_id": customer, "event_date": day, "ingest_date": run} | facts
        for (customer, day, run), facts in tiles.items()
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nights_made_from_the_day_before_are_those_made_of_all_tiles(seed, frame, assert_rows):
    nights = 8
    tiles = frame(FEATURE_CUSTOMER_DAY, *shop(seed, nights))
    rows = snapshots(tiles, [FIRST], 1)
    for night in range(1, nights):
        day = FIRST + timedelta(days=night)
        before = frame(FEATURE_CUSTOMER, *(row.asDict() for row in rows.collect()))
        rows = next_snapshot(before, tiles, day, 1)
        assert_rows(rows, [row.asDict() for row in snapshots(tiles, [day], 1).collect()])
