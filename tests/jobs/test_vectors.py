"""Product vectors in training: only what was known, measured on what came later."""

from datetime import date, datetime, time, timedelta

import numpy as np
import pytest

from jobs import vectors
from models.base import TrainingDataError
from models.product_vectors import VectorConfig
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS
from schemas.identity import CLEAN_IDENTITY

FIRST, DAYS = date(2024, 1, 1), 60
LAST = FIRST + timedelta(days=DAYS - 1)
CUT = LAST - timedelta(days=15)  # a quarter of the days, rounded down, before it


def order(name: str, customer: str | None, day: date, *products: str) -> list[dict]:
    moment = datetime.combine(day, time(12))
    dated = {"order_date": day, "event_date": day, "ingest_date": day, "event_at": moment, "customer_id": customer}
    return [
        {"line_id": f"{name}-{p}", "order_id": name, "product_id": p, "net_amount": 1, "quantity": 1} | dated
        for p in products
    ]


def orders() -> list[dict]:
    """A customer of each of two tastes orders every other day, four of the twelve products of the taste."""
    rng, found = np.random.default_rng(5), []
    for day in range(DAYS):
        for taste in range(2):
            for customer in range(day % 2, 10, 2):
                products = [f"p{taste}{n:02d}" for n in rng.choice(12, 4, replace=False)]
                name = f"{taste}-{customer}"
                found += order(f"o{day}-{name}", f"c{name}", FIRST + timedelta(days=day), *products)
    return found


@pytest.fixture
def shop(make_run, frame):
    """`shop(*more)`: a run of the last day on the shop's orders, and these."""

    def make(*more: dict, identity: list[dict] | None = None):
        make_run(FIRST, LAST + timedelta(days=1)).replace(frame(CLEAN_ORDER_LINES, *orders(), *more), CLEAN_ORDER_LINES)
        kinds = [{"product_id": f"p{taste}{n:02d}", "category": f"k{taste}"} for taste in range(2) for n in range(12)]
        known = {"event_date": FIRST, "ingest_date": FIRST, "event_at": datetime.combine(FIRST, time(0))}
        make_run(FIRST).replace(frame(CLEAN_PRODUCTS, *(kind | known for kind in kinds)), CLEAN_PRODUCTS)
        if identity:
            make_run(FIRST).replace(frame(CLEAN_IDENTITY, *identity), CLEAN_IDENTITY)
        return make_run(LAST)

    return make


def test_vectors_beat_popularity_where_customers_have_tastes(shop):
    model, metrics, day = vectors.learn(shop())
    assert day == LAST - timedelta(days=(DAYS - 1) // 4)
    assert metrics["holdout_customers"] == 20
    best = metrics[f"holdout_{model.config.method}_products"]
    assert best > metrics["holdout_popularity_products"] + 0.2
    assert len(model.product_ids) == 24 and len(model.complements.product)


def test_changing_everything_after_the_earlier_date_changes_no_vector(shop):
    quiet = vectors.material(shop(), CUT)
    later = order("later", "c0-0", CUT + timedelta(days=1), "p000", "p111")
    unknown = [row | {"ingest_date": CUT + timedelta(days=1)} for row in order("unknown", "c0-0", CUT, "p000", "p111")]
    wild = vectors.material(shop(*later, *unknown), CUT)
    assert quiet.product_ids == wild.product_ids and (quiet.kinds == wild.kinds).all()
    assert (quiet.sequences.products == wild.sequences.products).all()
    assert quiet.orders.equals(wild.orders)


def test_sessions_are_sequences_too(shop, make_run, frame):
    run = shop()
    before = len(vectors.material(run, LAST).sequences.products)
    event = {"event_date": LAST, "ingest_date": LAST, "session_id": "s"}
    seen = [event | {"event_id": str(n), "product_id": f"p0{n:02d}"} for n in range(3)]
    make_run(LAST).replace(frame(CLEAN_EVENTS, *seen), CLEAN_EVENTS)
    assert len(vectors.material(run, LAST).sequences.products) == before + 3


def test_long_sequences_and_seldom_products_are_left_out(shop, monkeypatch):
    seldom = [row for n in range(4) for row in order(f"seldom{n}", "c0-0", LAST, "seldom", "p000")]
    monkeypatch.setattr(vectors, "LONGEST", 5)
    long = order("long", "c0-0", LAST, *(f"p0{n:02d}" for n in range(6)))
    told, base = vectors.material(shop(*seldom, *long), LAST), vectors.material(shop(), LAST)
    assert told.product_ids == base.product_ids
    assert len(told.sequences.products) == len(base.sequences.products) + 4


def test_the_next_order_is_the_first_after_the_date_by_a_customer_known_then(shop):
    day = LAST - timedelta(days=1)
    known = vectors.material(shop(*order("new", "newcomer", LAST, "p000")), day)
    run = shop(*order("new", "newcomer", LAST, "p000"))
    asked, past = vectors.question(known, run, day)
    customers = asked.following.shape[0]
    assert customers == 10  # of each taste those who come on the last day
    assert asked.following.sum() == 4 * customers and asked.last.sum() == 4 * customers
    assert past["customer"].max() < customers
    recent = known.orders["day"] > (day - date(1970, 1, 1)).days - vectors.POPULAR_DAYS
    assert asked.rare.sum() > 0 and asked.sold.sum() == recent.sum()


def test_accounts_of_one_person_are_one_customer(shop):
    account = {"identifier": "other", "identifier_kind": "customer", "customer_id": "c0-0"}
    account |= {"valid_from": FIRST, "ingest_date": FIRST}
    run = shop(*order("theirs", "other", LAST, "p000"), identity=[account])
    assert set(vectors.purchases(run, LAST, 1).filter("sequence_id = 'theirs'").toPandas()["customer_id"]) == {"c0-0"}


def test_many_rows_are_thinned_by_whole_sequences(shop, monkeypatch):
    run = shop()
    monkeypatch.setattr(vectors, "MOST_ROWS", 500)
    found = vectors.to_pandas(vectors.purchases(run, LAST, 365))
    assert 200 < len(found) < 800
    assert set(found.groupby("sequence").size()) == {4}


def test_prices_fall_into_fifths_and_no_price_into_none():
    prices = np.array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, np.nan])
    assert list(vectors.price_bands(prices)) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, -1]
    assert list(vectors.price_bands(np.array([np.nan]))) == [-1]


def test_a_shop_without_orders_cannot_learn_them(make_run):
    with pytest.raises(TrainingDataError, match="no order is known"):
        vectors.learn(make_run(LAST))


def test_the_registered_method_is_the_better_on_the_later_orders(shop, monkeypatch):
    run = shop()
    wanted = {"skip_gram": 0.1, "ppmi_svd": 0.9}
    monkeypatch.setattr(vectors, "ranking", lambda model, past, asked: model.config.method)
    monkeypatch.setattr("models.next_purchase.popularity", lambda asked: "popularity")
    monkeypatch.setattr(
        "models.next_purchase.hit_rates", lambda asked, name: {"orders": wanted.get(name, 0.0), "asked": 1.0}
    )
    for config in (VectorConfig(), VectorConfig(method="ppmi_svd")):
        assert vectors.learn(run)[0].config.method == max(wanted, key=wanted.__getitem__), config
        wanted["skip_gram"], wanted["ppmi_svd"] = wanted["ppmi_svd"], wanted["skip_gram"]
