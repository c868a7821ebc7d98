"""What stands in the landing files, and that it is exactly what the truth says was handed over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.land.simulated import ShopConfig, generate

Read = Callable[[Path, str], pd.DataFrame]
ALLOWED = {
    "transactions": "event_id event_at order_id line_number customer_id product_id quantity unit_price line_amount"
    " discount_amount shipping_amount currency line_type original_order_id",
    "clickstream": "event_id event_at visitor_id customer_id event_type product_id category order_id search_query"
    " device_type referrer user_agent",
    "reviews": "event_id event_at customer_id order_id product_id rating title review_text",
    "customers": "customer_id event_at signup_date country region age_band household_size person_name email phone"
    " street_address postcode has_marketing_consent",
    "products": "product_id event_at product_name department category brand list_price",
}
LOGS = ("transactions", "clickstream", "reviews")


def broken(rows: pd.DataFrame, source: str) -> pd.Series:
    """Which rows no reader can accept, judged by the rows alone."""
    unreadable = rows["event_at"].isna() | (pd.to_datetime(rows["event_at"], errors="coerce", utc=True).isna())
    if source == "transactions":
        bad_number = pd.to_numeric(rows["line_amount"], errors="coerce").isna()
        return unreadable | bad_number | (rows["order_id"] == "")
    return unreadable | rows["visitor_id" if source == "clickstream" else "rating"].isna()


@pytest.mark.parametrize("source", ALLOWED)
def test_columns_are_those_of_the_landing_format_and_nothing_hidden(
    faulty: Path, read_landing: Read, source: str
) -> None:
    rows = read_landing(faulty, source)
    assert set(rows.columns) - {"dt", "broken_line"} == set(ALLOWED[source].split())


def test_landing_holds_only_the_five_sources_in_day_folders(faulty: Path) -> None:
    files = [path.relative_to(faulty / "landing") for path in (faulty / "landing").rglob("*") if path.is_file()]
    assert {path.parts[0] for path in files} == set(ALLOWED)
    assert all(len(path.parts) == 3 and path.parts[1].startswith("dt=") for path in files)


@pytest.mark.parametrize("source", LOGS)
def test_rows_in_each_state_are_counted_exactly(
    faulty: Path, faulty_config: ShopConfig, read_landing: Read, truth: Read, source: str
) -> None:
    rows = read_landing(faulty, source)
    told = truth(faulty, "deliveries").query("source == @source")
    is_broken = broken(rows, source)
    whole = rows[~is_broken]
    counted = pd.DataFrame(
        {
            "malformed": rows[is_broken].groupby("dt").size(),
            "whole": whole.groupby("dt").size(),
            "first": whole.drop_duplicates("event_id").groupby("dt").size(),
        }
    ).fillna(0)
    told = told.assign(dt=told["dt"].astype(str), malformed=told["state"].str.startswith("malformed"))
    rows_told = told.pivot_table(index="dt", columns="state", values="row_count", aggfunc="sum").fillna(0)
    malformed_told = told[told["malformed"]].groupby("dt")["row_count"].sum().reindex(counted.index, fill_value=0)
    assert (counted["malformed"] == malformed_told).all()
    assert (counted["first"] == rows_told["good"].reindex(counted.index)).all()
    assert (counted["whole"] - counted["first"] == rows_told["duplicate"].reindex(counted.index, fill_value=0)).all()
    assert rows_told.sum().gt(0).all()


@pytest.mark.parametrize("source", LOGS)
def test_shares_of_faults_are_those_asked_for(
    faulty: Path, faulty_config: ShopConfig, truth: Read, source: str
) -> None:
    told = truth(faulty, "deliveries").query("source == @source")
    good = told[told["state"] == "good"]
    total = good["row_count"].sum()

    def agrees(count: int, share: float) -> bool:
        return bool(abs(count - share * total) < 5 * np.sqrt(share * total) + 0.01 * total)

    assert agrees(good.loc[good["is_late"], "row_count"].sum(), faulty_config.late_share)
    assert agrees(told.loc[told["state"] == "duplicate", "row_count"].sum(), faulty_config.duplicate_share)
    assert agrees(told.loc[told["state"].str.startswith("malf"), "row_count"].sum(), faulty_config.malformed_share)


def test_late_rows_land_later_with_their_own_time_and_none_lands_early(faulty: Path, read_landing: Read) -> None:
    for source in LOGS:
        rows = read_landing(faulty, source)
        rows = rows[~broken(rows, source)]
        happened = _business_date(rows, source)
        delay = (pd.to_datetime(rows["dt"]) - pd.to_datetime(happened)).dt.days
        first = delay[~rows["event_id"].duplicated()]
        assert set(first) == {0, 1, 2, 3}
        assert delay.max() <= 5


def _business_date(rows: pd.DataFrame, source: str) -> pd.Series:
    if source == "reviews":
        return rows["event_at"].str[:10]
    return pd.to_datetime(rows["event_at"], utc=True).dt.tz_convert("Europe/Berlin").dt.strftime("%Y-%m-%d")


@pytest.mark.parametrize("start", [date(2024, 3, 30), date(2024, 10, 26)])
def test_days_with_23_and_25_hours_keep_their_rows(tmp_path: Path, read_landing: Read, start: date) -> None:
    config = ShopConfig(customers=300, days=3, start_date=start, orders_per_month=30, late_share=0, duplicate_share=0)
    generate(config, tmp_path)
    for source in ("transactions", "clickstream"):
        rows = read_landing(tmp_path, source)
        rows = rows[~broken(rows, source)]
        assert (_business_date(rows, source) == rows["dt"]).all()
    offsets = read_landing(tmp_path, "transactions").query("line_type == 'sale'")["event_at"].str[-6:]
    assert {"+01:00", "+02:00"} <= set(offsets)


def test_money_is_exact_to_the_cent(faulty: Path, read_landing: Read, truth: Read) -> None:
    rows = read_landing(faulty, "transactions")
    rows = rows[~broken(rows, "transactions")].drop_duplicates("event_id")
    amounts = rows["line_amount"].map(Decimal)
    assert all(amount.as_tuple().exponent == -2 for amount in amounts)
    sales = rows[rows["line_type"] == "sale"]
    computed = sales["unit_price"].map(Decimal) * sales["quantity"].astype(int) - sales["discount_amount"].map(Decimal)
    assert (computed == amounts[sales.index]).all()
    told = truth(faulty, "deliveries").query("source == 'transactions'").groupby("dt")["line_amount_cents"].sum()
    landed = (amounts * 100).groupby(rows["dt"]).sum()
    assert {str(day): int(cents) for day, cents in told.items()} == {day: int(cents) for day, cents in landed.items()}


def test_returns_follow_a_sale_and_half_of_them_name_it(
    clean: Path, clean_config: ShopConfig, read_landing: Read
) -> None:
    rows = read_landing(clean, "transactions")
    amounts = rows.assign(line_amount=rows["line_amount"].astype(float), quantity=rows["quantity"].astype(int))
    sales, returns = (amounts[amounts["line_type"] == kind] for kind in ("sale", "return"))
    named = returns[returns["original_order_id"] != ""]
    assert 0.4 < len(named) / len(returns) < 0.6
    settled = sales[sales["dt"] < str(clean_config.date_of(clean_config.days - 22))]
    assert len(returns) / len(settled) == pytest.approx(clean_config.return_share, rel=0.25)
    pairs = named.merge(
        sales, left_on=["original_order_id", "product_id"], right_on=["order_id", "product_id"], suffixes=("", "_sale")
    )
    assert set(named["event_id"]) == set(pairs["event_id"])
    days = (pd.to_datetime(pairs["dt"]) - pd.to_datetime(pairs["dt_sale"])).dt.days
    assert days.between(2, 21).all()
    fits = (-pairs["quantity"] <= pairs["quantity_sale"]) & (-pairs["line_amount"] <= pairs["line_amount_sale"])
    assert fits.groupby(pairs["event_id"]).any().all()  # a product may stand on two lines of one order
    assert (pairs["customer_id"] == pairs["customer_id_sale"]).all()


def test_a_cancelled_order_is_reversed_to_nothing(clean: Path, read_landing: Read) -> None:
    rows = read_landing(clean, "transactions")
    cancellations = rows[rows["line_type"] == "cancellation"]
    assert len(cancellations) > 10
    assert (cancellations["original_order_id"].str[1:] == cancellations["order_id"].str[1:]).all()
    sales = rows[(rows["line_type"] == "sale") & rows["order_id"].isin(cancellations["original_order_id"])]
    for column in ("line_amount", "shipping_amount", "quantity"):
        assert sum(cancellations[column].map(Decimal)) + sum(sales[column].map(Decimal)) == 0
    assert not rows["original_order_id"][rows["line_type"] == "return"].isin(cancellations["original_order_id"]).any()


def test_dials_at_zero_give_nothing_of_it(tmp_path: Path, read_landing: Read, truth: Read) -> None:
    config = ShopConfig(
        customers=200, days=40, orders_per_month=6, late_share=0, duplicate_share=0, malformed_share=0, return_share=0,
        bot_share=0, seasonality=0, drift=0, sessions_per_order=1, lines_per_order=1,
    )  # fmt: skip
    generate(config, tmp_path)
    told = truth(tmp_path, "deliveries")
    assert set(told["state"]) == {"good"}
    assert not told["is_late"].any()
    rows = read_landing(tmp_path, "transactions")
    assert set(rows["line_type"]) == {"sale"}
    assert rows["order_id"].is_unique
    clicks = read_landing(tmp_path, "clickstream")
    assert (clicks["event_type"] == "purchase").sum() == len(rows)
    assert set(clicks["visitor_id"]) <= set(truth(tmp_path, "visitors").query("not is_bot")["visitor_id"])


def test_drift_moves_prices_and_interests_on_its_day(
    faulty: Path, faulty_config: ShopConfig, read_landing: Read
) -> None:
    products = read_landing(faulty, "products")
    day = str(faulty_config.date_of(faulty_config.drift_day))
    before, after = (products[products["dt"] == dt]["list_price"].astype(float) for dt in (products["dt"].min(), day))
    assert after.sum() / before.sum() == pytest.approx(1 + 0.15 * faulty_config.drift, abs=0.001)
    rows = read_landing(faulty, "transactions")
    sales = rows[~broken(rows, "transactions") & (rows["line_type"] == "sale")]
    price = {(row.product_id, row.dt): row.list_price for row in products.itertuples()}
    first = products["dt"].min()
    listed = [
        price[name, day if when >= day else first]
        for name, when in zip(sales["product_id"], sales["event_at"].str[:10], strict=True)
    ]
    assert sales["unit_price"].tolist() == listed
    assert (sales["event_at"].str[:10] >= day).any()
