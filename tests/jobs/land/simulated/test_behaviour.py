"""The logs follow from the hidden parameters: whoever knows only the logs can find the truth again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.land.simulated import ShopConfig, generate
from jobs.land.simulated.patterns import KINDS, PATTERNS, pattern_chances

Read = Callable[[Path, str], pd.DataFrame]


@pytest.fixture(scope="module")
def visits(clean: Path, read_landing: Read) -> pd.DataFrame:
    """Sessions of the clean shop."""
    return _sessions(read_landing(clean, "clickstream"))


@pytest.fixture(scope="module")
def orders(clean: Path, read_landing: Read) -> pd.DataFrame:
    """Orders of the clean shop with their amount."""
    rows = read_landing(clean, "transactions").query("line_type == 'sale'")
    rows = rows.assign(line_amount=rows["line_amount"].astype(float))
    return rows.groupby(["customer_id", "order_id", "dt"], as_index=False)["line_amount"].sum()


def lives(clean: Path, config: ShopConfig, truth: Read) -> pd.DataFrame:
    """Hidden parameters with the days lived within the logs."""
    people = truth(clean, "customers").set_index("customer_id")
    first = people["signup_date"].clip(lower=config.start_date)
    end = people["death_date"].clip(upper=config.last_date + timedelta(days=1))
    return people.assign(days=[(b - a).days for a, b in zip(first, end, strict=True)]).query("days > 0")


def test_nobody_buys_before_signing_up_or_after_death(clean: Path, orders: pd.DataFrame, truth: Read) -> None:
    people = truth(clean, "customers").set_index("customer_id")
    when = pd.to_datetime(orders["dt"]).dt.date.to_numpy()
    assert (when >= people.loc[orders["customer_id"], "signup_date"].to_numpy()).all()
    assert (when < people.loc[orders["customer_id"], "death_date"].to_numpy()).all()
    assert (people["death_date"] < date(2024, 6, 1)).any()


def test_purchase_rates_are_the_hidden_rates(tmp_path: Path, read_landing: Read, truth: Read) -> None:
    config = ShopConfig(customers=800, days=50, orders_per_month=10, seasonality=0, sessions_per_order=1, seed=3)
    generate(config, tmp_path)
    rows = read_landing(tmp_path, "transactions").query("line_type == 'sale' and order_id != ''")
    people = lives(tmp_path, config, truth)
    expected = people["orders_per_day"] * people["days"]
    bought = rows.groupby("customer_id")["order_id"].nunique().reindex(people.index, fill_value=0)
    fifths = pd.qcut(expected, 5, labels=False)
    surprise = (bought - expected).groupby(fifths).sum() / np.sqrt(expected.groupby(fifths).sum())
    assert (surprise.abs() < 4).all(), surprise
    # Poisson, not merely of the right mean: squared deviations are as large as the means.
    assert ((bought - expected) ** 2 / expected).clip(upper=25).mean() == pytest.approx(1, abs=0.2)


def test_net_revenue_is_the_expected_one(
    clean: Path, clean_config: ShopConfig, read_landing: Read, orders: pd.DataFrame, truth: Read
) -> None:
    people = truth(clean, "customers").set_index("customer_id")
    told = people.loc[orders["customer_id"], "expected_order_amount"]
    assert orders["line_amount"].sum() / told.sum() == pytest.approx(1, abs=0.03)
    fifth = pd.qcut(told.rank(method="first").to_numpy(), 5, labels=False)
    ratio = orders["line_amount"].groupby(fifth).sum() / pd.Series(told.to_numpy()).groupby(fifth).sum()
    assert ratio.between(0.9, 1.1).all(), ratio
    rows = read_landing(clean, "transactions")
    settled = orders[orders["dt"] < str(clean_config.date_of(clean_config.days - 22))]
    back = rows[rows["line_type"] != "sale"]["line_amount"].astype(float).sum() * len(settled) / len(orders)
    lost = -back / settled["line_amount"].sum()
    told_lost = 1 - (people["expected_net_order_amount"] / people["expected_order_amount"]).mean()
    assert lost == pytest.approx(told_lost, rel=0.2)


def test_sessions_and_clicks_come_in_the_volumes_asked_for(
    clean: Path, clean_config: ShopConfig, read_landing: Read, orders: pd.DataFrame, visits: pd.DataFrame
) -> None:
    sessions = visits
    assert len(sessions) / len(orders) == pytest.approx(clean_config.sessions_per_order, rel=0.12)
    assert 4 <= sessions["events"].map(len).mean() <= 6.5
    lines = read_landing(clean, "transactions").query("line_type == 'sale'")
    assert len(lines) / len(orders) == pytest.approx(clean_config.lines_per_order, rel=0.1)


def _sessions(clicks: pd.DataFrame) -> pd.DataFrame:
    """Visits: a gap of half an hour ends one."""
    clicks = clicks.assign(at=pd.to_datetime(clicks["event_at"], utc=True))
    clicks = clicks.sort_values(["visitor_id", "at", "event_id"], ignore_index=True)
    is_new = (clicks["visitor_id"] != clicks["visitor_id"].shift()) | (clicks["at"].diff() > pd.Timedelta("30min"))
    clicks["session"] = is_new.cumsum()
    return clicks.groupby("session").agg(
        events=("event_type", list),
        products=("product_id", list),
        categories=("category", list),
        order=("order_id", "first"),
    )


def test_every_order_is_a_purchase_event_at_the_same_instant_after_its_cart(
    clean: Path, read_landing: Read, visits: pd.DataFrame
) -> None:
    clicks = read_landing(clean, "clickstream")
    purchases = clicks[clicks["event_type"] == "purchase"].set_index("order_id")
    sales = read_landing(clean, "transactions").query("line_type == 'sale'")
    first = sales.drop_duplicates("order_id").set_index("order_id")
    assert set(purchases.index) == set(first.index)
    assert purchases.index.is_unique
    same = (
        pd.to_datetime(purchases["event_at"], utc=True) == pd.to_datetime(first["event_at"], utc=True)[purchases.index]
    )
    assert same.all()
    bought = sales.groupby("order_id")["product_id"].agg(set)
    buying = visits[visits["order"].notna()].drop_duplicates("order")
    in_cart = [
        bought[order] <= {name for event, name in zip(events, products, strict=True) if event == "add_to_cart"}
        for order, events, products in buying[["order", "events", "products"]].itertuples(index=False)
    ]
    assert np.mean(in_cart) == 1.0


def test_customer_is_known_only_after_a_login(clean: Path, read_landing: Read, truth: Read) -> None:
    clicks = read_landing(clean, "clickstream")
    owner = truth(clean, "visitors").set_index("visitor_id")["customer_id"]
    known = clicks[clicks["customer_id"].notna()]
    assert (known["customer_id"].to_numpy() == owner[known["visitor_id"]].to_numpy()).all()
    assert clicks.loc[clicks["event_type"] == "login", "customer_id"].notna().all()
    guests = clicks.loc[clicks["event_type"] == "purchase", "customer_id"].isna().mean()
    assert 0.1 < guests < 0.2


def test_planted_patterns_have_the_chances_that_truth_tells(clean: Path, truth: Read, visits: pd.DataFrame) -> None:
    told = truth(clean, "patterns").set_index("name")
    assert told["buying_share"].sum() == pytest.approx(1)
    assert told["browsing_share"].sum() == pytest.approx(1)
    sessions = visits
    is_buying = sessions["order"].notna()
    storms = sessions["events"].map(lambda events: events.count("search") >= 3)
    regrets = sessions["events"].map(lambda events: "remove_from_cart" in events)
    for found, name in ((storms, "search_storm"), (regrets, "cart_regret")):
        quiet = (told.loc[name, "browsing_share"] + told.loc[name, "preparing_share"]) / 2
        assert found[is_buying].mean() == pytest.approx(told.loc[name, "buying_share"], abs=0.02)
        assert (
            told.loc[name, "preparing_share"] - 0.02
            < found[~is_buying].mean()
            < told.loc[name, "browsing_share"] + 0.02
        )
        assert quiet > told.loc[name, "buying_share"]


def test_each_kind_of_session_has_chances_and_decoys_do_not_tell_kinds_apart() -> None:
    chances = pattern_chances()
    assert chances.shape == (len(KINDS), len(PATTERNS))
    assert np.allclose(chances.sum(axis=1), 1)
    for pattern in PATTERNS:
        if pattern.meaning == "decoy":
            assert pattern.buying == pattern.browsing
        if pattern.meaning in ("buying", "browsing"):
            assert (pattern.buying > 2 * pattern.browsing) == (pattern.meaning == "buying")


def test_ratings_and_words_follow_quality_and_tone(clean: Path, read_landing: Read, truth: Read) -> None:
    reviews = read_landing(clean, "reviews")
    quality = truth(clean, "products").set_index("product_id")["quality"][reviews["product_id"]]
    tone = truth(clean, "customers").set_index("customer_id")["tone"][reviews["customer_id"]]
    assert np.corrcoef(reviews["rating"], quality)[0, 1] > 0.3
    assert np.corrcoef(reviews["rating"], tone)[0, 1] > 0.25
    texts = reviews["review_text"].fillna("")
    assert (texts == "").mean() == pytest.approx(0.15, abs=0.04)
    shoddy = texts.str.contains("cheap and thin|fell apart|Poor quality", regex=True)
    sturdy = texts.str.contains("quality is excellent|Beautiful material|Sturdy", regex=True)
    assert quality[sturdy.to_numpy()].mean() - quality[shoddy.to_numpy()].mean() > 1
    assert set(reviews["rating"]) == {1, 2, 3, 4, 5}


def test_customers_records_begin_at_sign_up_and_follow_consent(clean: Path, read_landing: Read, truth: Read) -> None:
    records = read_landing(clean, "customers")
    people = truth(clean, "customers").set_index("customer_id")
    assert set(records["customer_id"]) == set(people.index)
    assert (records["dt"] >= records["event_at"].str[:10]).all()
    versions = records.sort_values("event_at").groupby("customer_id")["has_marketing_consent"]
    assert versions.agg(lambda consents: (consents.astype(int).diff().dropna() != 0).all()).all()
    assert (versions.size() > 1).any()


def test_contacts_change_only_whom_they_reach_and_only_afterwards(
    clean: Path, clean_config: ShopConfig, tmp_path: Path, digests: Callable[[Path], dict[str, str]], truth: Read,
    read_landing: Read,
) -> None:  # fmt: skip
    day = clean_config.date_of(60)
    people = truth(clean, "customers").set_index("customer_id")
    reached = people[(people["offer_uplift"] > 0.5) | (people["offer_uplift"] < -0.3)]
    window = {"first_date": day - timedelta(days=3), "last_date": day + timedelta(days=31)}
    generate(clean_config, tmp_path, offers=[(name, day) for name in reached.index], **window)
    before, after = digests(clean / "landing"), digests(tmp_path / "landing")
    untouched = [name for name in after if "transactions" in name and name.split("dt=")[1][:10] <= str(day)]
    assert len(untouched) == 4
    assert all(after[name] == before[name] for name in after if name.split("dt=")[1][:10] <= str(day))
    plain, moved = (read_landing(lake, "transactions").query("line_type == 'sale'") for lake in (clean, tmp_path))
    start, end = str(day), str(window["last_date"])
    plain, moved = (rows[(rows["dt"] > start) & (rows["dt"] <= end)] for rows in (plain, moved))
    others = [rows[~rows["customer_id"].isin(reached.index)]["event_id"].tolist() for rows in (plain, moved)]
    assert others[0] == others[1]
    for group, low, high in ((reached["offer_uplift"] > 0, 1.4, 2.3), (reached["offer_uplift"] < 0, 0.3, 0.8)):
        names = reached.index[group]
        count = [rows[rows["customer_id"].isin(names)]["order_id"].nunique() for rows in (plain, moved)]
        assert low < count[1] / count[0] < high, count
    assert moved["order_id"].str[7].isin(["a", "b"]).all()


def test_robots_come_at_their_share_and_belong_to_nobody(
    faulty: Path, faulty_config: ShopConfig, read_landing: Read, truth: Read
) -> None:
    visitors = truth(faulty, "visitors").set_index("visitor_id")
    assert visitors.loc[visitors["is_bot"], "customer_id"].isna().all()
    clicks = read_landing(faulty, "clickstream").dropna(subset=["visitor_id"])
    clicks = clicks[clicks["event_at"] < "2024-13"].drop_duplicates("event_id")
    is_bot = visitors.loc[clicks["visitor_id"], "is_bot"].to_numpy()
    assert is_bot.any()
    assert set(clicks.loc[is_bot, "event_type"]) == {"view"}
    share = len(_sessions(clicks[is_bot])) / len(_sessions(clicks))
    assert share == pytest.approx(faulty_config.bot_share, rel=0.5)
