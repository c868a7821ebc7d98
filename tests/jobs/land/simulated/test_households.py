"""Who is who: second accounts, shared devices, forgotten cookies, addresses: as the dials say and the truth tells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from jobs.land.simulated import ShopConfig, generate

Read = Callable[[Path, str], pd.DataFrame]

SHOP = ShopConfig(
    customers=400,
    days=30,
    orders_per_month=6.0,
    malformed_share=0.0,
    bot_share=0.0,
    login_share=0.5,
    second_account_share=0.2,
    shared_device_share=0.3,
    device_id_share=0.5,
    cookie_days=7,
    guest_email_share=0.5,
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("households")
    generate(SHOP, folder, workers=1)
    return folder


@pytest.fixture(scope="module")
def clicks(lake: Path, read_landing: Read) -> pd.DataFrame:
    """Clicks with who made them, in truth."""
    visits = pd.read_parquet(lake / "truth" / "visits")[["event_id", "customer_id", "person_id"]]
    told = visits.rename(columns={"customer_id": "true_customer"})
    return read_landing(lake, "clickstream").drop_duplicates("event_id").merge(told, on="event_id", validate="1:1")


def test_the_truth_knows_who_made_every_click(clicks: pd.DataFrame, lake: Path, read_landing: Read) -> None:
    assert len(clicks) == read_landing(lake, "clickstream")["event_id"].nunique()
    known = clicks[clicks["customer_id"].notna()]
    assert (known["customer_id"] == known["true_customer"]).all() and 0 < len(known) < len(clicks)


def test_a_second_account_has_the_address_and_the_browsers_of_the_first(
    clicks: pd.DataFrame, lake: Path, read_landing: Read, truth: Read
) -> None:
    person = truth(lake, "customers").set_index("customer_id")["person_id"]
    assert 0.05 < (person.index != person).mean() < 0.15
    emails = read_landing(lake, "customers").groupby("customer_id")["email"].first()
    assert (emails == person[emails.index] + "@example.com").all()


def test_some_browsers_are_of_two_people_and_forget_who_they_are(clicks: pd.DataFrame) -> None:
    assert 0.02 < (clicks.groupby("visitor_id")["person_id"].nunique() > 1).mean() < 0.3
    assert clicks.groupby("visitor_id")["dt"].agg(lambda days: len(set(days))).max() <= 7 + 5  # late rows come after
    told = clicks[clicks["device_id"].notna()]
    assert told.groupby("device_id")["visitor_id"].nunique().max() > 2
    assert 0.4 < len(told) / len(clicks) < 0.6


def test_a_guest_may_give_the_address_when_he_buys(clicks: pd.DataFrame) -> None:
    given = clicks[clicks["email"].notna()]
    assert set(given["event_type"]) == {"purchase"} and given["customer_id"].isna().all()
    assert (given["email"] == given["person_id"] + "@example.com").all()
    guests = clicks[(clicks["event_type"] == "purchase") & clicks["customer_id"].isna()]
    assert 0.4 < len(given) / len(guests) < 0.6


def test_fewer_log_ins_leave_everything_else_as_it_is(lake: Path, tmp_path: Path) -> None:
    day = SHOP.date_of(3)
    generate(replace(SHOP, login_share=0.1), tmp_path, first_date=day, last_date=day)
    name = f"landing/transactions/dt={day}/transactions.csv"
    assert (tmp_path / name).read_bytes() == (lake / name).read_bytes()


def test_dials_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="same pairs"):
        ShopConfig(second_account_share=0.6, shared_device_share=0.5)
