"""Features of products against pandas, on random tiles; and night after night from the day before."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from features.customer_products import (
    DISTINCT,
    QUANTILES,
    RECENT,
    TOPS,
    Products,
    distinct_changes,
    distinct_products,
    recent_changes,
    recent_products,
)
from schemas.clean import CLEAN_PRODUCTS
from schemas.feature import FEATURE_CUSTOMER_PRODUCT_DAY
from schemas.identity import CLEAN_IDENTITY

D = date(2024, 6, 30)
NEWER = datetime(2024, 6, 29, tzinfo=UTC)


def random_tiles(seed: int, customers: int = 8, per_customer: int = 40) -> list[dict]:
    """Product tiles of a year and more, some brought late and some by a clock ahead."""
    draw = np.random.default_rng(seed)
    tiles = {}
    for number in range(customers):
        for _ in range(per_customer):
            day = D - timedelta(days=int(draw.choice([draw.integers(-3, 100), draw.integers(0, 420), 30, 90, 365])))
            run = day + timedelta(days=int(draw.choice([0, 0, 0, 1, 40, -1])))
            lines = int(draw.choice([0, 1, 1, 2]))
            facts = {"sale_line_count": lines, "unit_count": lines, "sale_amount": lines * int(draw.integers(1, 50))}
            facts |= {"view_count": int(draw.choice([0, 1, 3])), "cart_count": 1}
            key = {"customer_id": f"c{number}", "product_id": f"p{draw.integers(6)}"}
            tiles[*key.values(), day, run] = key | {"event_date": day, "ingest_date": run} | facts
    return list(tiles.values())


CATEGORIES = {"p0": "a", "p1": "a", "p2": "b", "p3": "c", "p4": None}  # p5 is in no catalogue


def catalogue() -> list[dict]:
    known = {"event_date": D - timedelta(days=500), "ingest_date": D - timedelta(days=500)}
    later = {"event_date": D + timedelta(days=1), "ingest_date": D + timedelta(days=1)}
    return [{"product_id": product, "category": name} | known for product, name in CATEGORIES.items()] + [
        {"product_id": "p0", "category": "later"} | later
    ]


def expected(tiles: list[dict], as_of: date) -> dict[str, dict]:
    """Every feature of products, by its meaning alone."""
    rows = pd.DataFrame([tile for tile in tiles if tile["ingest_date"] <= as_of and tile["event_date"] <= as_of])
    rows["age"] = [(as_of - day).days for day in rows.event_date]
    rows["category"] = rows["product_id"].map(CATEGORIES)
    found = {}
    for customer, of_customer in rows.groupby("customer_id"):
        told = found.setdefault(customer, {})
        for feature in (*DISTINCT, *TOPS, *QUANTILES):
            inside = of_customer[of_customer.age < feature.window.days]
            if feature.kind == "distinct":
                told[feature.name] = inside[inside[feature.fact] > 0]["product_id"].nunique()
            elif feature.kind == "quantile":
                bought = inside[inside.sale_line_count > 0]
                told[feature.name] = (
                    float(np.quantile(bought.sale_amount / bought.unit_count, feature.quantile))
                    if len(bought)
                    else None
                )
            else:
                sums = inside.groupby("category")[feature.fact].sum()
                is_any = sums.sum() > 0
                best = {"top": lambda s=sums: s.idxmax(), "top_share": lambda s=sums: s.max() / s.sum()}[feature.kind]
                told[feature.name] = best() if is_any else None
    return found


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_feature_of_products_is_what_pandas_makes_of_the_tiles(seed, frame):
    tiles = random_tiles(seed)
    products = Products(frame(FEATURE_CUSTOMER_PRODUCT_DAY, *tiles), frame(CLEAN_PRODUCTS, *catalogue()))
    found: dict[str, dict] = {}
    for rows in (distinct_products(products, [D]), recent_products(products, [D])):
        for row in rows.collect():
            found.setdefault(row.customer_id, {}).update(row.asDict())
    for customer, told in expected(tiles, D).items():
        made = {name: found[customer].get(name) for name in told}
        assert made == pytest.approx(told, abs=1e-9), customer


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_change_of_a_night_is_what_lies_between_its_day_and_the_day_before(seed, frame):
    products = Products(frame(FEATURE_CUSTOMER_PRODUCT_DAY, *random_tiles(seed)), frame(CLEAN_PRODUCTS))
    names = [feature.name for feature in DISTINCT]
    for back in range(3):
        day = D - timedelta(days=back)
        counts = {
            at: {row.customer_id: np.array(row[2:]) for row in distinct_products(products, [at]).collect()}
            for at in (day, day - timedelta(days=1))
        }
        changes = {row.customer_id: np.array(row[1:]) for row in distinct_changes(products, day).collect()}
        nothing = np.zeros(len(names), int)
        for customer in counts[day]:
            now, before = (counts[at].get(customer, nothing) for at in (day, day - timedelta(days=1)))
            assert list(now - before) == list(changes.get(customer, nothing)), (day, customer)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_who_has_other_top_categories_or_quantiles_than_the_day_before_is_told_of_with_those_of_the_day(seed, frame):
    """Of tiles that come or leave, and of a product that another category takes over at D - 1 and D + 1."""
    moved = {"event_date": D - timedelta(days=1), "ingest_date": D - timedelta(days=1), "product_id": "p2"}
    products = Products(
        frame(FEATURE_CUSTOMER_PRODUCT_DAY, *random_tiles(seed, customers=40, per_customer=6)),
        frame(CLEAN_PRODUCTS, *catalogue(), moved | {"category": "moved", "event_at": NEWER}),
    )
    names = [feature.name for feature in RECENT]

    def told(day: date) -> dict[str, tuple]:
        return {row.customer_id: tuple(row[n] for n in names) for row in recent_products(products, [day]).collect()}

    nothing, unmoved = (None,) * len(names), 0
    before = told(D - timedelta(days=2))
    for shift in range(-1, 2):
        day = D + timedelta(days=shift)
        now = told(day)
        changes = {r.customer_id: tuple(r[f"_{n}"] for n in names) for r in recent_changes(products, day).collect()}
        rolled = {one: changes.get(one, before.get(one, nothing)) for one in {*before, *changes}}
        assert {one: found for one, found in rolled.items() if found != nothing} == now, day
        unmoved += len(now.keys() - changes.keys())
        before = now
    assert unmoved


def test_two_accounts_of_one_person_bought_one_product_once(frame):
    tile = {"product_id": "p", "event_date": D, "ingest_date": D, "sale_line_count": 1}
    tiles = frame(FEATURE_CUSTOMER_PRODUCT_DAY, tile | {"customer_id": "a"}, tile | {"customer_id": "b"})
    held = {"valid_from": D, "ingest_date": D, "identifier_kind": "customer"}
    whose = frame(CLEAN_IDENTITY, held | {"identifier": "b", "customer_id": "a"})
    products = Products(tiles, frame(CLEAN_PRODUCTS), whose)
    [row] = distinct_products(products, [D]).collect()
    assert (row.customer_id, row.bought_product_count_30d) == ("a", 1)
