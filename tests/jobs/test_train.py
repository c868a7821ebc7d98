"""Training: models learn only from what was known, and are measured on dates that come after it."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.labels import labels
from jobs import train
from jobs.errors import MissingInputError
from models.base import TrainingDataError
from models.registry import load_champion
from models.review_choice import load_review_text
from models.review_network import ReviewNetwork
from models.review_text import Reading
from models.review_words import ReviewWords
from schemas.clean import CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.raw import RAW_REVIEWS

D, H = date(2024, 3, 1), 30
LAST = D + timedelta(days=3 * H)


@given(
    st.sets(st.integers(0, 400), min_size=1, max_size=12).map(sorted),
    st.integers(1, 120),
    st.integers(0, 400),
)
def test_training_never_overlaps_the_holdout_nor_the_holdout_the_future(days, horizon_days, last):
    stored, end = [D + timedelta(days=day) for day in days], D + timedelta(days=last)
    horizon = timedelta(days=horizon_days)
    try:
        training, holdout = train.split(stored, end, horizon_days)
    except TrainingDataError:
        over = [day for day in stored if day + horizon <= end]
        assert not [day for day in over if day + horizon <= over[-1]]
        return
    assert training and max(training) + horizon <= holdout  # what they learned from had happened by the holdout date
    assert holdout + horizon <= end  # and what it is measured on has happened by now
    assert {*training, holdout} <= set(stored)


def test_without_two_snapshots_a_horizon_apart_the_message_says_what_is_missing():
    with pytest.raises(TrainingDataError, match=r"two snapshots 30 days apart, .* stored are 2024-03-01"):
        train.split([D], D + timedelta(days=100), 30)


@pytest.fixture
def tiles(frame):
    """`tiles((customer, days after D, amount), …)`: one order each."""

    def make(*given: tuple[str, int, float], known: date = D):
        rows = (
            {
                "customer_id": name,
                "event_date": D + timedelta(days=day),
                "ingest_date": max(known, D + timedelta(days=day)),
                "order_count": 1,
                "net_amount": amount,
            }
            for name, day, amount in given
        )
        return frame(FEATURE_CUSTOMER_DAY, *rows)

    return make


def test_labels_are_what_happened_after_the_date_and_within_the_horizon(tiles):
    orders = tiles(("a", 0, 100.0), ("a", 1, 1.0), ("a", H, 2.0), ("a", H + 1, 100.0), ("b", -1, 5.0), ("b", 0, 5.0))
    found = {row.customer_id: row for row in labels(orders, [D], H).collect()}
    assert set(found) == {"a"}
    assert (found["a"].later_order_count, found["a"].later_net_revenue) == (2, 3.0)


def test_an_order_counts_for_every_date_whose_horizon_it_lies_in(tiles):
    later = D + timedelta(days=20)
    rows = labels(tiles(("a", 25, 1.0)), [D, later], H).collect()
    assert sorted(row.as_of_date for row in rows) == [D, later]


@pytest.fixture
def sets(make_run, frame, tiles):
    """`sets(*orders)`: the training set of D, with snapshots of two buyers and one who never ordered."""

    def make(*orders: tuple[str, int, float]) -> train.TrainingSet:
        snapshot = [
            {"as_of_date": D, "customer_id": name, "btyd_age": age, "order_count_lifetime": 2}
            for name, age in (("b", 9.0), ("a", 5.0), ("never", None))
        ]
        make_run(D).replace(frame(FEATURE_CUSTOMER, *snapshot), FEATURE_CUSTOMER)
        newest = {"as_of_date": LAST, "customer_id": "a"}  # all nights up to it are in
        make_run(LAST).replace(frame(FEATURE_CUSTOMER, newest), FEATURE_CUSTOMER)
        first = D - timedelta(days=50)
        make_run(first, D + timedelta(days=400)).replace(tiles(*orders), FEATURE_CUSTOMER_DAY)
        return train.training_set(make_run(LAST), [D], H)

    return make


PAST = (("a", -5, 10.0), ("b", -9, 10.0))


def test_a_training_row_is_a_stored_snapshot_of_a_buyer_and_what_came_after(sets):
    found = sets(*PAST, ("a", 3, 7.5))
    assert list(found.customers) == ["a", "b"]
    assert list(found.frame["btyd_age"]) == [5.0, 9.0]
    assert list(found.later_order_count) == [1, 0]
    assert list(found.later_net_revenue) == [7.5, 0]


def test_changing_everything_after_the_date_changes_no_feature_of_its_training_rows(sets):
    quiet, wild = sets(*PAST), sets(*PAST, ("a", 1, 999.0), ("b", 2, 5.0), ("c", 3, 1.0), ("b", H + 1, 9.0))
    assert quiet.frame.equals(wild.frame)
    assert list(quiet.customers) == list(wild.customers)


def test_changing_everything_up_to_the_date_or_past_the_horizon_changes_no_label(sets):
    quiet = sets(*PAST, ("a", 3, 7.5))
    wild = sets(("a", -5, 1.0), ("a", 0, 50.0), ("b", 0, 8.0), ("a", 3, 7.5), ("b", H + 1, 9.0), ("a", H + 9, 9.0))
    assert np.array_equal(quiet.later_order_count, wild.later_order_count)
    assert np.array_equal(quiet.later_net_revenue, wild.later_net_revenue)


def test_large_sets_are_thinned_by_whole_customers_always_the_same(sets, make_run, monkeypatch):
    monkeypatch.setattr(train, "MAXIMUM_ROWS", 1000)
    rows = make_run(D).spark.range(4000).selectExpr("concat('c', id % 2000) AS customer_id", "id % 7 AS day")
    one, other = (sorted(map(tuple, train.sampled(rows).collect())) for _ in range(2))
    assert one == other
    assert 700 < len(one) < 1300
    counts: dict[str, int] = {}
    for name, _ in one:
        counts[name] = counts.get(name, 0) + 1
    assert set(counts.values()) == {2}


def test_a_model_without_enough_data_is_left_out_and_the_others_go_on(sets, run_job, monkeypatch, caplog):
    def too_little(*_: Any) -> dict[str, object]:
        raise TrainingDataError("too little")

    trained = []
    for name in ("rfm", "churn", "clv", "review_text", "product_vectors", "session_patterns"):
        monkeypatch.setattr(train, f"train_{name}", lambda *_, name=name: trained.append(name) or {})
    monkeypatch.setattr(train, "train_embedding", too_little)
    sets(*PAST)
    run_job("train", D)
    assert trained == ["rfm", "churn", "clv", "review_text", "product_vectors", "session_patterns"]
    assert "model=embedding left out: too little" in caplog.text


@pytest.fixture
def reviewed(make_run, frame):
    """`reviewed(count)`: a run over so many reviews, of which every third is unkind and every tenth has no text."""

    def make(count: int):
        rows = [
            {"event_id": f"{n:05}", "rating": 1 + n % 2 if n % 3 == 0 else 4 + n % 2, "ingest_date": D}
            | ({} if n % 10 == 0 else {"review_text": "bad, ugly thing" if n % 3 == 0 else "good and nice thing"})
            for n in range(count)
        ]
        run = make_run(D)
        run.replace(frame(RAW_REVIEWS, *rows), RAW_REVIEWS)
        run.replace(frame(CLEAN_REVIEWS), CLEAN_REVIEWS)
        return run

    return make


def test_the_text_model_is_learned_from_reviews_with_a_text_and_measured_beside_yes_to_all(reviewed, caplog):
    run = reviewed(400)
    with caplog.at_level("INFO", "nightjar"):
        found = train.train_review_text(run, [])
    assert found["method"] == "words" and "words alone: a network needs 1000 reviews, got 288" in caplog.text
    assert found["words_macro_f1"] == 1 and found["always_yes_macro_f1"] < 0.5
    model, version = load_champion("review_text", load_review_text, run.settings.tracking_uri)
    assert version == found["version"] and model.metrics["reviews"] == 288
    assert model.read(["good", "bad"]).implied_rating.tolist() == pytest.approx([4.5, 1.5], abs=0.6)


def test_of_many_reviews_the_same_ones_are_drawn_by_chance(reviewed, monkeypatch):
    run = reviewed(400)
    monkeypatch.setattr(train, "MAXIMUM_REVIEWS", 100)
    first, again = (train.train_review_text(run, []) for _ in range(2))
    assert first == again  # the same version: a rerun trains the same model
    model, _ = load_champion("review_text", load_review_text, run.settings.tracking_uri)
    assert model.metrics["reviews"] == 80


def test_what_the_network_tells_better_the_network_reads(reviewed, monkeypatch):
    class Sharp:
        kind, threshold, metrics = "network", 0.5, {"recommended_share": 0.5}

        def read(self, texts):
            probability = np.array([float("good" in text) for text in texts])
            return Reading(probability, probability, probability)

    registered = []
    monkeypatch.setattr(ReviewNetwork, "fit", lambda *_: Sharp())
    monkeypatch.setattr(ReviewWords, "read", lambda self, texts: Reading(*[np.zeros(len(texts))] * 3))
    monkeypatch.setattr(train, "register", lambda run, name, model, *_, **__: registered.append((name, model)) or "1")
    assert train.train_review_text(reviewed(200), [])["method"] == "network"
    [(name, model)] = registered
    assert name == "review_text" and isinstance(model, Sharp)


def test_a_date_without_a_snapshot_cannot_be_trained_for(sets, run_job):
    sets(*PAST)
    with pytest.raises(MissingInputError, match="no snapshot of 2024-03-02"):
        run_job("train", D + timedelta(days=1))
