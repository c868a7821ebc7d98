"""Sequences of events as known at a date, by hand-made examples."""

from datetime import UTC, date, datetime, timedelta

import pytest

from features import event_sequences as of
from schemas.clean import CLEAN_CAMPAIGN_EVENTS, CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.identity import CLEAN_IDENTITY
from schemas.sequences import EVENT_TYPES, FEATURE_EVENT_SEQUENCE

D = date(2024, 6, 30)


def when(age: int, hour: int = 12, known: int | None = None) -> dict:
    """An hour of the day `age` days before D, brought by the run `known` days before it (default: of the day)."""
    day = D - timedelta(days=age)
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
    return {"event_at": moment, "event_date": day, "ingest_date": D - timedelta(days=age if known is None else known)}


def line(order: str, age: int, amount: float, product: str = "p", hour: int = 12, known=None, **more) -> dict:
    kind = "return" if amount < 0 else "sale"
    told = {"order_id": order, "customer_id": "c", "product_id": product, "net_amount": amount, "line_type": kind}
    return told | when(age, hour, known) | {"line_id": f"{order}-{product}-{age}-{amount}"} | more


def click(event_id: str, age: int, kind: str = "view", hour: int = 12, known=None, **more) -> dict:
    return {"event_id": event_id, "customer_id": "c", "event_type": kind} | when(age, hour, known) | more


def product(product_id: str, category: str | None, age: int = 50) -> dict:
    return {"product_id": product_id, "category": category} | when(age)


@pytest.fixture
def sequence(frame, assert_rows):
    """`sequence(lines=(), clicks=(), …)`: rows by customer, the newest first, checked against the contract."""

    def make(
        lines=(), clicks=(), reviews=(), contacts=(), products=(), identity=None, length: int = 99, day: date = D
    ) -> dict[str, list]:
        categories = of.known_categories(frame(CLEAN_PRODUCTS, *products), day)
        parts = [
            of.order_events(frame(CLEAN_ORDER_LINES, *lines), day, categories),
            of.return_events(frame(CLEAN_ORDER_LINES, *lines), day, categories),
            of.click_events(frame(CLEAN_EVENTS, *clicks), day),
            of.review_events(frame(CLEAN_REVIEWS, *reviews), day),
            of.campaign_events(frame(CLEAN_CAMPAIGN_EVENTS, *contacts), day),
        ]
        whose = None if identity is None else frame(CLEAN_IDENTITY, *identity)
        rows = of.newest_events(of.persons(parts, day, whose), day, length, categories)
        assert_rows(rows, None, FEATURE_EVENT_SEQUENCE)
        found: dict[str, list] = {}
        for row in sorted(rows.collect(), key=lambda row: row.event_rank):
            found.setdefault(row.customer_id, []).append(row)
        return found

    return make


def told(rows: list, *names: str) -> list[tuple]:
    return [tuple(row[name] for name in names) for row in rows]


def test_every_kind_of_event_has_its_place_the_newest_first(sequence):
    found = sequence(
        lines=[line("1", 9, 5), line("1", 9, 7, "q"), line("1", 4, -5)],
        clicks=[click("e", 8)],
        reviews=[{"review_id": "r", "customer_id": "c", "rating": 5} | when(5)],
        contacts=[
            {"event_id": f"m{kind}", "customer_id": "c", "event_type": kind} | when(age)
            for kind, age in (("contact", 7), ("redemption", 6))
        ],
    )
    types = [row.event_type for row in found["c"]]
    assert types == ["return", "review", "redemption", "contact", "view", "order"]
    assert [row.event_rank for row in found["c"]] == [1, 2, 3, 4, 5, 6]
    assert [row.gap_seconds for row in found["c"]] == [86400] * 5 + [None]
    assert [row.amount for row in found["c"]] == [-5, None, None, None, None, 7]


def test_an_order_is_worth_what_was_known_of_its_returns_at_the_date(sequence):
    lines = [line("1", 9, 12), line("1", 2, -5), line("1", 1, -3, known=-1)]
    assert told(sequence(lines)["c"], "event_type", "amount") == [("return", -5), ("order", 7)]
    assert told(sequence(lines, day=D - timedelta(days=3))["c"], "event_type", "amount") == [("order", 12)]
    all_back = told(sequence([line("1", 9, 12), line("1", 2, -12)])["c"], "event_type", "amount")
    assert all_back == [("return", -12), ("order", 0)]


def test_late_rows_and_days_after_the_date_are_in_no_sequence(sequence):
    late = click("late", 5, known=-1)
    ahead = click("ahead", -1, known=0)
    assert told(sequence(clicks=[click("e", 5), late, ahead])["c"], "event_rank", "event_date") == [
        (1, D - timedelta(days=5))
    ]


def test_an_order_is_at_its_first_sale_also_where_the_return_came_first(sequence):
    lines = [line("1", 9, 5, hour=14), line("1", 9, 6, "q", hour=13), line("1", 9, -1, hour=10, known=10)]
    [order, _] = sequence(lines)["c"]
    assert (order.event_type, order.event_at.hour, order.amount) == ("order", 13, 10)


def test_guests_bots_and_what_is_no_merchandise_have_no_events(sequence):
    lines = [line("g", 3, 5, customer_id=None), line("post", 3, 0, line_kind="postage")]
    clicks = [click("g", 2, customer_id=None), click("bot", 2, is_bot=True)]
    assert sequence(lines, clicks) == {}


def test_a_purchase_seen_in_the_clickstream_counts_only_where_its_order_is_not_known(sequence):
    clicks = [
        click("1", 3, "purchase", order_id="1"),
        click("2", 2, "purchase", order_id="2"),
        click("3", 1, "view", order_id="1"),
        click("4", 0, "purchase"),
    ]
    found = sequence([line("1", 3, 5), line("2", 2, 5, known=-1)], clicks)
    assert [row.event_type for row in found["c"]] == ["purchase", "view", "purchase", "order"]


def test_events_of_one_moment_stand_in_one_order_whatever_that_of_the_rows(sequence):
    clicks = [click(one, 1, kind) for one, kind in (("b", "view"), ("a", "view"), ("z", "search"), ("c", "checkout"))]
    clicks = [one | {"visitor_id": f"v{one['event_id']}"} for one in clicks]
    orders = [[row.visitor_id for row in sequence(clicks=rows)["c"]] for rows in (clicks, clicks[::-1])]
    assert orders == [["vb", "va", "vz", "vc"]] * 2


def test_the_newest_are_kept_and_the_oldest_of_them_knows_the_gap_before_it(sequence):
    clicks = [click(str(age), age) for age in (1, 3, 6)]
    assert told(sequence(clicks=clicks, length=2)["c"], "event_rank", "gap_seconds") == [(1, 2 * 86400), (2, 3 * 86400)]


def test_the_category_is_that_of_the_catalogue_at_the_date(sequence):
    products = [product("p", "old"), product("p", "new", 2), product("p", "later", -1), product("q", "toys")]
    clicks = [
        click("1", 9, product_id="p", category="page"),
        click("2", 8, product_id="unknown", category="page"),
        click("3", 7, category="page"),
    ]
    lines = [line("1", 5, 3), line("1", 5, 2, "q"), line("1", 5, 2, "q2"), line("1", 5, 9, "unknown")]
    found = sequence(lines, clicks, products=[*products, product("q2", "toys"), product("none", None)])
    assert [row.category for row in found["c"]] == ["toys", "page", "page", "new"]
    before = sequence(clicks=clicks, products=products, day=D - timedelta(days=3))
    assert [row.category for row in before["c"]] == ["page", "page", "old"]


def test_of_categories_of_an_order_with_equal_money_the_name_decides(sequence):
    names = "fcbdae"
    lines = [line(f"{number}", 5, 3, names[(number + shift) % 6]) for number in range(6) for shift in range(6)]
    found = sequence(lines, products=[product(name, name) for name in names])
    assert [row.category for row in found["c"]] == ["a"] * 6


def test_accounts_and_visitors_of_one_person_make_one_sequence_that_names_each_account(sequence):
    def whose(kind: str, identifier: str, since: int) -> dict:
        day = D - timedelta(days=since)
        known = {"identifier_kind": kind, "identifier": identifier, "valid_from": day, "ingest_date": day}
        return known | {"customer_id": "c"}

    identity = [
        whose("customer", "c", 9),
        whose("customer", "b", 2),
        whose("visitor", "v", 2),
        whose("visitor", "w", -1),
    ]
    clicks = [click(one, 1, customer_id=None, visitor_id=one) for one in ("v", "w", "guest")]
    lines = [line("1", 5, 3), line("2", 4, 3, customer_id="b")]
    found = sequence(lines, clicks, identity=identity)
    assert set(found) == {"c"}
    assert told(found["c"], "event_type", "account_id", "visitor_id") == [
        ("view", None, "v"),
        ("order", "b", None),
        ("order", "c", None),
    ]
    assert set(sequence(lines, clicks, identity=identity, day=D - timedelta(days=3))) == {"b", "c"}


def test_every_kind_of_click_and_contact_may_stand_in_a_sequence():
    from schemas.contract import OneOf
    from schemas.raw import SOURCES

    words = {
        value
        for source in ("clickstream", "campaign_events")
        for rule in SOURCES[source]["event_type"].constraints
        if isinstance(rule, OneOf)
        for value in rule.values
    }
    assert words == set(EVENT_TYPES) - {"order", "return", "review"}
