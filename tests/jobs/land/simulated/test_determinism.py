"""The same seed gives the same bytes, whoever makes them and in whatever pieces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from jobs.land import LandingError
from jobs.land.simulated import ShopConfig, generate, land
from jobs.land.simulated.people import make_people

Digests = Callable[[Path], dict[str, str]]


def test_two_processes_write_the_same_bytes_as_one(
    faulty: Path, faulty_config: ShopConfig, tmp_path: Path, digests: Digests
) -> None:
    generate(faulty_config, tmp_path, workers=2)
    assert digests(tmp_path) == digests(faulty)


def test_one_day_alone_has_the_bytes_of_the_whole_run(
    faulty: Path, faulty_config: ShopConfig, tmp_path: Path, digests: Digests
) -> None:
    day = faulty_config.date_of(40)
    generate(faulty_config, tmp_path, first_date=day, last_date=day)
    whole = {name: digest for name, digest in digests(faulty / "landing").items() if f"dt={day}" in name}
    assert len(whole) >= 3
    assert digests(tmp_path / "landing") == whole


def test_nights_one_after_another_leave_the_truth_of_one_run(
    faulty: Path, faulty_config: ShopConfig, tmp_path: Path, digests: Digests
) -> None:
    half = faulty_config.date_of(30)
    generate(faulty_config, tmp_path, last_date=half)
    generate(faulty_config, tmp_path, first_date=half + timedelta(days=1))
    generate(faulty_config, tmp_path, first_date=half, last_date=half + timedelta(days=2))
    assert digests(tmp_path) == digests(faulty)


def test_another_seed_gives_another_shop(faulty_config: ShopConfig, faulty: Path, tmp_path: Path) -> None:
    day = faulty_config.date_of(0)
    generate(replace(faulty_config, seed=1), tmp_path, last_date=day)
    name = f"landing/transactions/dt={day}/transactions.csv"
    assert (tmp_path / name).read_bytes() != (faulty / name).read_bytes()


def test_a_larger_shop_begins_with_the_same_people() -> None:
    small, large = (make_people(ShopConfig(customers=customers)) for customers in (50, 5_000))
    assert len(large) == 5_000
    assert (large.rate[:50] == small.rate).all()
    assert (large.interests[:50] == small.interests).all()


def test_a_lake_with_another_shop_is_refused(faulty: Path, faulty_config: ShopConfig) -> None:
    with pytest.raises(ValueError, match="return_share"):
        generate(replace(faulty_config, return_share=0.3), faulty, last_date=faulty_config.start_date)


def test_other_offers_are_another_shop(faulty: Path, faulty_config: ShopConfig) -> None:
    with pytest.raises(ValueError, match="offers"):
        generate(faulty_config, faulty, offers=[("c0000001", faulty_config.start_date)])


def test_command_line_options_are_dials(tmp_path: Path) -> None:
    offers = tmp_path / "offers.csv"
    offers.write_text("customer_id,date\nc0000003,2023-02-27\n")
    options = {"customers": "50", "days": "3", "start_date": "2023-02-27", "orders_per_month": "20", "workers": "1"}
    rows = land(None, tmp_path / "lake" / "landing", options | {"offers": str(offers), "last_date": "2023-02-28"})
    assert rows["products"] == ShopConfig().products
    assert rows["transactions"] > 0
    assert {path.name for path in (tmp_path / "lake/landing/transactions").iterdir()} == {
        "dt=2023-02-27",
        "dt=2023-02-28",
    }
    held = pd.read_parquet(tmp_path / "lake/truth/offers.parquet")
    assert held.values.tolist() == [["c0000003", date(2023, 2, 27)]]


@pytest.mark.parametrize(
    "options", [{"custmers": "5"}, {"customers": "many"}, {"late_share": "2"}, {"products": "3"}, {"bot_share": "1"}]
)
def test_wrong_options_are_told_in_one_line(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(LandingError, match="simulated shop"):
        land(None, tmp_path / "landing", options)
    assert not (tmp_path / "landing").exists()
