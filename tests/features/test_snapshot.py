"""Every declared feature against an independent computation in pandas, on random tiles; and what a date may know."""

import math
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from pyspark.sql.types import LongType

from features.snapshot import snapshots
from schemas.declaration import Feature, Window
from schemas.declared import FACTS, FEATURES, PARTS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY

D = date(2024, 6, 30)
MONEY = {fact.name for fact in FACTS if fact.type.simpleString().startswith("decimal")}


def random_tiles(seed: int, customers: int = 12, per_customer: int = 25) -> list[dict]:
    """Tiles of orders, clicks and all else, some brought late and some by a clock ahead."""
    draw = np.random.default_rng(seed)
    tiles = {}
    for number in range(customers):
        for _ in range(per_customer):
            day = D - timedelta(days=int(draw.integers(-3, 500)))
            run = day + timedelta(days=int(draw.choice([0, 0, 1, 20, -1, -40])))
            tile = {fact.name: 0 if fact.merge == "sum" else None for fact in FACTS}
            chosen = [fact.name for fact in FACTS if draw.random() < 0.3]
            tile |= {name: int(draw.integers(1, 9)) for name in chosen}
            tile |= {name: round(float(draw.normal(20, 15)), 2) for name in MONEY if name in chosen}
            tile["order_count"] = int(draw.choice([0, 0, 0, 1, 1, 2]))
            tile["order_amount_squared"] = float(tile["net_amount"]) ** 2 * 1.5 if tile["order_count"] else 0.0
            tiles[number, day, run] = tile | {"customer_id": f"c{number}", "event_date": day, "ingest_date": run}
    return list(tiles.values())


def inside_of(days: pd.DataFrame, window: Window) -> pd.DataFrame:
    return days if window.days is None else days[(days.age >= window.lag) & (days.age < window.lag + window.days)]


def mean_gap(ages: pd.Series) -> float | None:
    gaps = np.diff(np.sort(ages))
    return float(gaps.mean()) if len(gaps) else None


def deviation(count: float, total: float, squares: float) -> float | None:
    return None if count <= 0 else math.sqrt(max(squares / count - (total / count) ** 2, 0.0))


def expected(feature: Feature, days: pd.DataFrame, done: dict[str, float]) -> float | None:
    """A feature of one customer from one row per day (facts and `age`), by its meaning alone."""
    fact = days.get(feature.fact)
    inside = inside_of(days, feature.window)
    ordered = days[days.order_count > 0]
    ages = days.age[fact > 0] if fact is not None else None
    match feature.kind:
        case "sum":
            return inside[feature.fact].sum()
        case "active_days":
            return int((inside[feature.fact] > 0).sum())
        case "recency":
            return None if ages.empty else int(ages.min())
        case "tenure":
            return None if ages.empty else int(ages.max())
        case "max" | "min":
            return None if fact.isna().all() else getattr(fact, feature.kind)()
        case "gap":
            return mean_gap(ages)
        case "gap_365d":
            return mean_gap(ages[ages < 365])
        case "distinct":
            return 0  # tests/features/test_customer_products.py
        case "top" | "top_share" | "quantile":
            return None
        case "ratio":
            over, per = done[feature.fact], done[str(feature.per)]
            return None if not per or over is None else float(over) / float(per)
        case "difference":
            return float(done[feature.fact] - done[str(feature.per)])
        case "mean":
            repeats = ordered[ordered.age < ordered.age.max()]
            return float(repeats.net_amount.mean()) if len(repeats) else None
        case "spread":
            return deviation(*(done[str(name)] for name in (feature.per, feature.fact, feature.squares)))
    if ordered.empty:
        return None
    triple = {"btyd_frequency": len(ordered) - 1, "btyd_recency": ordered.age.max() - ordered.age.min()}
    return float((triple | {"btyd_age": ordered.age.max()})[feature.name])


def by_pandas(tiles: list[dict], as_of: date) -> dict[str, dict[str, float]]:
    rows = pd.DataFrame([tile for tile in tiles if tile["ingest_date"] <= as_of and tile["event_date"] <= as_of])
    rows["age"] = [(as_of - day).days for day in rows.event_date]
    found = {}
    for customer, of_customer in rows.groupby("customer_id"):
        merges = {fact.name: (lambda told: told.sum()) if fact.merge == "sum" else fact.merge for fact in FACTS}
        days = of_customer.groupby("age", as_index=False).agg(merges)
        found[customer] = {}
        left = [*PARTS, *FEATURES]
        while left:  # ratios need the others
            feature = left.pop(0)
            names = {other.name for other in left}
            if {feature.fact, feature.per, feature.squares} & names and feature.kind in (
                "ratio",
                "difference",
                "spread",
            ):
                left.append(feature)
            else:
                found[customer][feature.name] = expected(feature, days, found[customer])
    return found


def close(one: object, other: object) -> bool:
    if one is None or other is None:
        return one is None and (other is None or other != other)
    return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_every_feature_is_what_pandas_makes_of_the_tiles(seed, frame, assert_rows):
    tiles = random_tiles(seed)
    made = snapshots(frame(FEATURE_CUSTOMER_DAY, *tiles), [D], 1)
    rows = {row.customer_id: row.asDict() for row in made.collect()}
    wanted = by_pandas(tiles, D)
    assert rows.keys() == wanted.keys()
    wrong = [
        (customer, name, rows[customer][name], value)
        for customer, features in wanted.items()
        for name, value in features.items()
        if not close(rows[customer][name], value)
    ]
    assert not wrong, wrong[:8]


def test_a_snapshot_keeps_its_contract(frame, assert_rows):
    made = snapshots(frame(FEATURE_CUSTOMER_DAY, *random_tiles(3)), [D, D - timedelta(days=100)], 1)
    assert_rows(made, None, FEATURE_CUSTOMER)


def test_a_snapshot_sees_neither_later_runs_nor_later_days(frame, assert_rows):
    ahead = {"customer_id": "c0", "event_date": D + timedelta(days=1), "ingest_date": D, "order_count": 1}
    tiles = [*random_tiles(4), dict.fromkeys((fact.name for fact in FACTS), 0) | ahead]
    known = [tile for tile in tiles if max(tile["ingest_date"], tile["event_date"]) <= D]
    later = [tile for tile in tiles if tile not in known]
    changed = [tile | {fact.name: 77 for fact in FACTS} for tile in later]
    strangers = [tile | {"customer_id": "stranger"} for tile in later]
    assert later
    snapshot = [snapshots(frame(FEATURE_CUSTOMER_DAY, *rows), [D], 1) for rows in (known, known + changed + strangers)]
    assert_rows(*snapshot)


def test_many_dates_at_once_are_the_dates_one_by_one(frame, assert_rows):
    tiles = frame(FEATURE_CUSTOMER_DAY, *random_tiles(5))
    dates = [D - timedelta(days=shift) for shift in (200, 31, 0)]
    one_by_one = [row.asDict() for day in dates for row in snapshots(tiles, [day], 1).collect()]
    assert_rows(snapshots(tiles, dates, 1), one_by_one)


def tile(age: int, run_age: int | None = None, **facts: float) -> dict:
    run = D - timedelta(days=age if run_age is None else run_age)
    return {"customer_id": "c", "event_date": D - timedelta(days=age), "ingest_date": run} | facts


@pytest.fixture
def one(frame):
    """The one customer's snapshot at D."""

    def snapshot(*tiles: dict) -> dict:
        [row] = snapshots(frame(FEATURE_CUSTOMER_DAY, *tiles), [D], 1).collect()
        return row.asDict()

    return snapshot


def test_a_window_ends_with_the_day_itself_and_begins_on_its_last_day(one):
    row = one(tile(0, order_count=1), tile(29, order_count=1), tile(30, order_count=1), tile(90, order_count=1))
    assert (row["order_count_30d"], row["order_count_90d"], row["order_count_lifetime"]) == (2, 3, 4)
    assert (row["recency_days"], row["customer_age_days"], row["order_gap_days"]) == (0, 90, 30.0)


def test_an_order_undone_by_a_later_run_was_never_an_order(one):
    undone = (tile(40, order_count=1, net_amount=9), tile(40, 5, order_count=-1, net_amount=-9, refund_amount=9))
    row = one(*undone, tile(10, order_count=1, net_amount=4))
    assert (row["order_count_lifetime"], row["order_days_lifetime"], row["recency_days"]) == (1, 1, 10)
    assert (row["btyd_frequency"], row["btyd_recency"], row["btyd_age"]) == (0.0, 0.0, 10.0)


def test_who_only_clicked_has_no_order_features(one):
    row = one(tile(3, click_count=2, session_count=1))
    assert row["click_recency_days"] == 3 and row["order_count_lifetime"] == 0
    nothing = (
        "recency_days",
        "order_gap_days",
        "btyd_age",
        "mean_repeat_amount",
        "order_amount_spread",
        "overdue_ratio",
    )
    assert [row[name] for name in nothing] == [None] * len(nothing)


def test_money_that_belongs_to_no_order_does_not_spread_the_orders(one):
    order = {"order_count": 1, "net_amount": 100, "order_amount": 100, "order_amount_squared": 10_000}
    row = one(tile(20, **order), tile(9, **order), tile(5, net_amount=-50, refund_amount=50))
    assert row["order_amount_spread"] == 0.0 and row["mean_repeat_amount"] == 100.0


@pytest.mark.parametrize(
    ("kind", "fact"),
    [
        ("gap", "click_count"),
        ("btyd", "session_count"),
        ("mean", "sale_amount"),
        ("gap_365d", "click_count"),
        ("active_days", "click_count"),
        ("recency", "view_count"),
        ("no", "x"),
    ],
)
def test_a_feature_of_a_fact_that_its_kind_is_not_made_of_is_refused(kind, fact, frame, monkeypatch):
    monkeypatch.setattr("features.snapshot.FEATURES", (Feature("new", kind, fact, "New.", "days", LongType()),))
    with pytest.raises(ValueError, match=f"new: no rule for kind {kind} of {fact}"):
        snapshots(frame(FEATURE_CUSTOMER_DAY), [D], 1)
