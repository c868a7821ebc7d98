"""Night after night made from the day before, a snapshot is what all tiles make of it."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.persons import Identity
from features.rolling import next_snapshot
from features.snapshot import snapshots
from schemas.declared import FACTS
from schemas.feature import CLICK_FACTS, FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURE_VISITOR_DAY
from schemas.identity import CLEAN_IDENTITY

FIRST = date(2024, 2, 20)


def shop(seed: int, nights: int, customers: int = 15) -> list[dict]:
    """Tiles of two years and some nights, with late rows, clocks ahead and orders that are undone later."""
    draw = np.random.default_rng(seed)
    tiles: dict[tuple, dict] = {}
    merge = {fact.name: {"sum": sum, "max": max, "min": min}[fact.merge] for fact in FACTS}

    def add(customer: str, day: date, run: date, facts: dict) -> None:
        tile = tiles.setdefault((customer, day, run), {fact.name: 0 if fact.merge == "sum" else None for fact in FACTS})
        for name, value in facts.items():
            tile[name] = merge[name]((tile[name], value)) if tile[name] is not None else value

    for number in range(customers):
        customer = f"c{number}"
        for _ in range(int(draw.integers(1, 60))):
            day = FIRST + timedelta(days=int(draw.integers(-600, nights)))
            run = day + timedelta(days=int(draw.choice([0, 0, 0, 0, 1, 3, 40, 400, -1])))
            facts = {fact.name: int(draw.integers(1, 9)) for fact in FACTS if draw.random() < 0.2}
            facts.pop("order_count", None)
            if draw.random() < 0.5:
                money = int(draw.integers(1, 90))
                facts |= {
                    "order_count": 1,
                    "net_amount": money,
                    "order_amount": money,
                    "order_amount_squared": money**2,
                }
                if draw.random() < 0.4:
                    undone = {name: -facts[name] for name in ("order_count", "net_amount", "order_amount")}
                    undone |= {"order_amount_squared": -(money**2), "refund_amount": money}
                    add(customer, day, max(run, day) + timedelta(days=int(draw.choice([1, 2, 30]))), undone)
            add(customer, day, run, facts)
    return [
        {"customer_id": customer, "event_date": day, "ingest_date": run} | facts
        for (customer, day, run), facts in tiles.items()
    ]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nights_made_from_the_day_before_are_those_made_of_all_tiles(seed, frame, assert_rows):
    nights = 8
    tiles = frame(FEATURE_CUSTOMER_DAY, *shop(seed, nights))
    rows = snapshots(tiles, [FIRST], 1)
    for night in range(1, nights):
        day = FIRST + timedelta(days=night)
        before = frame(FEATURE_CUSTOMER, *(row.asDict() for row in rows.collect()))
        rows = next_snapshot(before, tiles, day, 1)
        assert_rows(rows, [row.asDict() for row in snapshots(tiles, [day], 1).collect()])


def order(customer: str, day: int, run: int | None = None, sign: int = 1, money: int = 10) -> dict:
    facts = {"order_count": sign, "net_amount": sign * money, "order_amount": sign * money}
    facts |= {"order_amount_squared": sign * money**2, "sale_line_count": max(sign, 0)}
    when = {"event_date": at(day), "ingest_date": at(day if run is None else run)}
    return {"customer_id": customer} | when | facts


def at(day: int) -> date:
    return FIRST + timedelta(days=day)


@pytest.fixture
def assert_rolls(frame, assert_rows):
    """The night after FIRST, made both ways."""

    def rolls(tiles: list[dict], identity: Identity | None = None) -> None:
        rows = frame(FEATURE_CUSTOMER_DAY, *tiles)
        before = frame(FEATURE_CUSTOMER, *(row.asDict() for row in snapshots(rows, [FIRST], 1, identity).collect()))
        whole = snapshots(rows, [at(1)], 1, identity)
        assert_rows(next_snapshot(before, rows, at(1), 1, identity), [row.asDict() for row in whole.collect()])

    return rolls


def test_the_first_order_undone_makes_the_next_one_the_first(assert_rolls):
    assert_rolls([order("c", -30), order("c", -9, money=5), order("c", -30, 1, -1), order("d", -4)])


def test_the_last_order_undone_makes_the_one_before_the_last(assert_rolls):
    assert_rolls([order("c", -30), order("c", -9, money=5), order("c", -9, 1, -1, 5), order("d", -4)])


def test_the_last_order_undone_is_found_again_where_the_one_before_is_older_than_all_bits(assert_rolls):
    assert_rolls([order("c", -800), order("c", -700), order("c", -9, money=5), order("c", -9, 1, -1, 5)])


def test_who_had_one_order_and_gave_it_back_has_none_and_may_begin_anew(assert_rolls):
    undone = [order("c", -9), order("c", -9, 1, -1)]
    assert_rolls(undone)
    assert_rolls([*undone, order("c", 1, money=3), order("c", -50, 1, money=4)])
    assert_rolls([order("c", -9, -8), order("c", -9, -5, -1), order("c", 1)])


def test_an_order_that_comes_late_may_be_the_first_or_lie_between(assert_rolls):
    known = [order("c", -30), order("c", -9)]
    assert_rolls([*known, order("c", -60, 1, money=7)])
    assert_rolls([*known, order("c", -20, 1, money=7)])
    assert_rolls([*known, order("c", -30, 1, money=7)])
    assert_rolls([*known, order("c", -900, 1, money=7)])


def test_orders_of_a_clock_ahead_count_on_their_day(assert_rolls):
    assert_rolls([order("c", -30), order("c", 1, 0), order("c", 2, 0), order("d", 1, 0, money=4)])


def test_money_on_a_day_without_orders_is_the_orders_once_there_is_one(assert_rolls):
    refund = order("c", -9, money=0) | {"order_count": 0, "net_amount": -4, "refund_amount": 4}
    assert_rolls([order("c", -30), refund, order("c", -9, 1)])


def whose(kind: str, identifier: str, owner: str | None, since: int, until: int | None = None) -> dict:
    held = {"valid_from": at(since), "valid_to": None if until is None else at(until), "ingest_date": at(since)}
    return {"identifier_kind": kind, "identifier": identifier, "customer_id": owner} | held


@pytest.mark.parametrize(
    "rows",
    [
        [whose("customer", "b", "b", -9, 1), whose("customer", "b", "a", 1)],  # merged
        [whose("customer", "b", "a", -9, 1), whose("customer", "b", "b", 1)],  # split
        [whose("customer", "b", "a", -9)],  # one since long
        [whose("visitor", "v", "a", 1)],  # known now
        [whose("visitor", "v", "a", -3)],  # known before
        [whose("visitor", "v", "a", -3, 1), whose("visitor", "v", None, 1)],  # lost
        [whose("visitor", "v", "a", -3, 1), whose("visitor", "v", "c", 1)],  # passed on
        [whose("visitor", "v", "b", -3), whose("customer", "b", "b", -9, 1), whose("customer", "b", "a", 1)],
        [whose("visitor", "v", "new", 1)],
    ],
)
def test_what_changes_in_identity_changes_the_snapshot(rows, frame, assert_rolls):
    facts = dict.fromkeys(CLICK_FACTS, 2)
    clicks = [
        {"visitor_id": visitor, "event_date": at(day), "ingest_date": at(run)} | facts
        for visitor in ("v", "nobody")
        for day, run in ((-89, -89), (-29, -29), (-6, -2), (-5, 1), (1, 1), (0, 0), (1, 0))
    ]
    identity = Identity(frame(CLEAN_IDENTITY, *rows), frame(FEATURE_VISITOR_DAY, *clicks))
    session = {"customer_id": "a", "event_date": at(-5), "ingest_date": at(-5), "session_count": 1, "click_count": 1}
    orders = [order(name, day) for name in "abc" for day in (-400, -89, -29, -6, 1)]
    assert_rolls([*orders, order("b", -6, 1, -1), session], identity)
