"""Planted sequences: in the clicks as often as the table says, with their stays and distances; none at the default."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.land.simulated import ShopConfig, generate
from jobs.land.simulated.catalogue import CATEGORY_NAMES
from jobs.land.simulated.clicks import clicks_of_day
from jobs.land.simulated.orders import BASE
from jobs.land.simulated.patterns import BUYING, VIEW
from jobs.land.simulated.planted import LONG, PLANTED, SHORT, chances
from jobs.land.simulated.world import make_world

SHOP = ShopConfig(customers=3_000, days=3, orders_per_month=30.0, planted_share=1.0)


def test_a_decoy_makes_its_steps_as_frequent_on_both_sides() -> None:
    for kind in ("buying", "browsing"):
        counts: dict[tuple[str, ...], float] = {}
        for planted in PLANTED:
            steps = tuple(sorted(f"{event} {target}" for event, target in planted.steps))
            counts[steps] = counts.get(steps, 0.0) + getattr(planted, kind)
        if kind == "buying":
            of_buying = counts
    assert counts == pytest.approx(of_buying)
    assert np.allclose(chances(1.0).sum(axis=1), 1) and chances(1.0).min() >= 0
    assert np.allclose(chances(0.0)[:, -1], 1)


@pytest.fixture(scope="module")
def looks() -> pd.DataFrame:
    """Every fourth session: whether it looks at jewellery within three places of a coat, and how long at the coat."""
    clicks, sessions = clicks_of_day(make_world(SHOP), 1, BASE)
    rows = []
    for number in range(0, len(sessions), 4):
        places = np.flatnonzero((clicks.session == number) & (clicks.event == VIEW))
        coats, jewels = (
            places[clicks.category[places] == CATEGORY_NAMES.index(name)] for name in ("coats", "jewellery")
        )
        near = [coat for coat in coats if ((jewels > coat) & (jewels <= coat + 3)).any()]
        stay = max((int(clicks.second[coat + 1] - clicks.second[coat]) for coat in near), default=-1)
        rows.append((sessions.kind[number] == BUYING, bool(near), stay))
    return pd.DataFrame(rows, columns=["buys", "is_near", "stay"])


def test_long_looks_are_as_frequent_as_the_table_says_and_tell_the_sides_apart(looks: pd.DataFrame) -> None:
    long, short = (next(planted for planted in PLANTED if planted.stay == stay) for stay in (LONG, SHORT))
    buying, others = looks[looks["buys"]], looks[~looks["buys"]]
    assert (buying["stay"] >= 110).mean() == pytest.approx(long.buying, abs=0.03)
    assert buying["stay"].between(1, 20).mean() == pytest.approx(short.buying, abs=0.03)
    assert long.browsing - 0.01 < (others["stay"] >= 110).mean() < long.preparing + 0.02
    assert short.preparing - 0.02 < others["stay"].between(1, 20).mean() < short.browsing + 0.03
    assert buying["is_near"].mean() == pytest.approx(others["is_near"].mean(), abs=0.04)


def test_truth_tells_of_planted_sequences_where_there_are_any(tmp_path: Path) -> None:
    small = {"customers": 50, "days": 1}
    generate(ShopConfig(**small), tmp_path / "plain", workers=1)
    assert not (tmp_path / "plain/truth/planted.parquet").exists()
    generate(ShopConfig(**small, planted_share=0.5), tmp_path / "planted", workers=1)
    told = pd.read_parquet(tmp_path / "planted/truth/planted.parquet").set_index("name")
    assert told.loc["long_looks", "steps"] == "view in coats > view in jewellery"
    assert told.loc["long_looks", "buying_share"] == pytest.approx(0.06)


def test_a_shop_of_before_the_dial_is_the_same_shop(tmp_path: Path) -> None:
    config = ShopConfig(customers=50, days=2)
    generate(config, tmp_path, last_date=config.start_date, workers=1)
    path = tmp_path / "truth" / "config.json"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if "planted_share" not in line))
    generate(config, tmp_path, workers=1)
    with pytest.raises(ValueError, match="planted_share"):
        generate(ShopConfig(customers=50, days=2, planted_share=1.0), tmp_path, workers=1)
