"""A review's usual ratings are those known before it: no later review moves them, whichever runs brought them."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from features.usual_ratings import rating_differences
from schemas.raw import RAW_REVIEWS

D = date(2024, 3, 1)


def review(name: str, day: int, rating: int, run: int | None = None, customer="c", product="p", hour=12) -> dict:
    when = D + timedelta(days=day)
    return {
        "event_id": name,
        "event_at": datetime(when.year, when.month, when.day, hour, tzinfo=UTC),
        "event_date": when,
        "ingest_date": D + timedelta(days=day if run is None else run),
        "customer_id": customer,
        "product_id": product,
        "rating": rating,
    }


@pytest.fixture
def differences(frame):
    """`differences(review, …, first=…)`: (of the customer, of the product) by event_id."""

    def make(*rows: dict, first: date = D - timedelta(days=1)) -> dict[str, tuple]:
        found = rating_differences(frame(RAW_REVIEWS, *rows), first).collect()
        assert len(found) == len({row.event_id for row in found})
        return {row.event_id: (row.customer_rating_difference, row.product_rating_difference) for row in found}

    return make


def expected(rows: list[dict], first: date) -> dict[str, tuple]:
    """The same in plain Python, review by review."""

    def difference(row: dict, key: str) -> float | None:
        before = [
            other["rating"]
            for other in rows
            if row[key] is not None
            and other[key] == row[key]
            and other["event_at"] < row["event_at"]
            and other["ingest_date"] <= row["ingest_date"]
        ]
        return row["rating"] - sum(before) / len(before) if before else None

    return {
        row["event_id"]: (difference(row, "customer_id"), difference(row, "product_id"))
        for row in rows
        if row["ingest_date"] >= first
    }


def test_a_review_is_held_against_earlier_ones_of_its_customer_and_of_its_product(differences):
    rows = [
        review("a", 0, 5),
        review("b", 1, 2, product="q"),
        review("c", 2, 4),
        review("d", 2, 1, customer="other"),
    ]
    assert differences(*rows) == {"a": (None, None), "b": (-3, None), "c": (0.5, -1), "d": (None, -4)}


def test_whose_review_is_not_told_has_no_usual_rating_and_is_nobody_elses(differences):
    rows = [review(name, day, 1 + day, customer=None, product=None) for day, name in enumerate("ab")]
    assert differences(*rows, review("c", 5, 5, customer=None)) == dict.fromkeys("abc", (None, None))


def test_two_reviews_of_one_moment_are_not_before_each_other(differences):
    assert differences(review("a", 0, 5), review("b", 0, 1)) == {"a": (None, None), "b": (None, None)}


def test_a_review_that_comes_late_is_held_against_what_happened_before_it_alone(differences):
    """And it is unknown to those that came before it."""
    rows = [review("a", 0, 2), review("b", 3, 5), review("late", 1, 4, run=5), review("c", 6, 1)]
    found = differences(*rows)
    assert found["late"] == (2, 2) and found["b"] == (3, 3)
    assert found["c"][0] == pytest.approx(1 - 11 / 3)


def some_reviews(seed: int, count: int = 60) -> list[dict]:
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        day = rng.randrange(12)
        run = day + rng.choice([0, 0, 0, 1, 4, -1])  # on time, late, or by a clock ahead
        who, what = rng.choice(["a", "b", None]), rng.choice(["p", "q", None])
        rows.append(review(f"{number:02}", day, rng.randint(1, 5), run, who, what, hour=rng.randrange(8, 12)))
    return rows


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_order_of_runs_it_is_what_plain_counting_says(differences, seed):
    rows = some_reviews(seed)
    for first in (D - timedelta(days=1), D + timedelta(days=6)):
        found, wanted = differences(*rows, first=first), expected(rows, first)
        assert found.keys() == wanted.keys()
        for name, pair in wanted.items():
            assert found[name] == pytest.approx(pair, abs=1e-12)


def test_shuffling_later_reviews_changes_nothing_of_the_earlier_ones(differences):
    rows = some_reviews(4)
    cut = D + timedelta(days=6)
    earlier = [row for row in rows if row["event_date"] <= cut]
    later = [row for row in rows if row["event_date"] > cut]
    rng = random.Random(5)
    shuffled = [row | {"rating": rng.randint(1, 5), "customer_id": rng.choice(["a", "b"])} for row in later]
    names = [row["event_id"] for row in earlier]
    quiet, wild = differences(*rows), differences(*earlier, *shuffled)
    assert [quiet[name] for name in names] == [wild[name] for name in names]
    assert quiet != wild


def test_shuffling_what_later_runs_bring_changes_nothing_of_the_earlier_ones(differences):
    rows = some_reviews(6)
    cut = D + timedelta(days=6)
    names = [row["event_id"] for row in rows if row["ingest_date"] <= cut]
    wild = [row if row["ingest_date"] <= cut else row | {"rating": 1, "customer_id": "a"} for row in rows]
    quiet, moved = differences(*rows), differences(*wild)
    assert [quiet[name] for name in names] == [moved[name] for name in names]
    assert quiet != moved
