"""Session facts: what a run leaves a session as, a later run takes from the same day and owner."""

from datetime import date, timedelta

import numpy as np
import pytest

from features.session_facts import SESSION_FACTS, session_facts
from schemas.clean import CLEAN_EVENTS

DAY = date(2024, 3, 1)


def run(number: int) -> date:
    return DAY + timedelta(days=number)


def event(event_id: str, brought: int = 0, **more) -> dict:
    known = {"event_id": event_id, "session_id": "s", "event_date": DAY, "ingest_date": run(brought)}
    return known | {"customer_id": "c", "event_type": "view"} | more


@pytest.fixture
def changes(frame):
    """(owner, day, run, facts that changed) of sessions."""

    def of(*events: dict, first: date = DAY, owner: str = "customer_id") -> list[tuple]:
        rows = session_facts(frame(CLEAN_EVENTS, *events), first, owner).collect()
        told = [
            (row[owner], row.event_date, row.ingest_date, {name: row[name] for name in SESSION_FACTS if row[name]})
            for row in rows
        ]
        return sorted(told, key=str)

    return of


@pytest.fixture
def bounces(changes):
    """(owner, day, run, change) of sessions' bounces that change."""
    return lambda *events, **more: [
        (*row, told["bounce_count"]) for *row, told in changes(*events, **more) if "bounce_count" in told
    ]


def test_a_session_of_one_event_bounces_until_a_later_run_adds_a_second(bounces):
    assert bounces(event("a")) == [("c", DAY, run(0), 1)]
    assert bounces(event("a"), event("b")) == []
    both = (event("a"), event("b", 1), event("d", 2))
    assert bounces(*both) == [("c", DAY, run(0), 1), ("c", DAY, run(1), -1)]
    assert bounces(*both, first=run(1)) == [("c", DAY, run(1), -1)]


def test_a_bounce_is_taken_from_the_day_and_customer_it_was_given_to(bounces):
    earlier = event("b", 1, event_date=run(-1), customer_id="d")
    assert bounces(event("a"), earlier) == [("c", DAY, run(0), 1), ("c", DAY, run(1), -1)]


def test_a_guests_bounce_is_never_taken_from_the_customer_known_later(bounces):
    guest, later = event("a", customer_id=None, visitor_id="v"), event("b", 1, visitor_id="v")
    assert bounces(guest, later) == []
    assert bounces(guest, later, owner="visitor_id") == [("v", DAY, run(0), 1), ("v", DAY, run(1), -1)]


def test_a_purchase_in_a_later_run_undoes_the_abandonment_on_the_sessions_day(changes):
    put, bought = event("a", event_type="add_to_cart"), event("b", 3, event_type="purchase", event_date=run(1))
    left = ("c", DAY, run(0), {"bounce_count": 1, "cart_session_count": 1, "abandoned_session_count": 1})
    undone = ("c", DAY, run(3), {"bounce_count": -1, "abandoned_session_count": -1, "purchase_session_count": 1})
    assert changes(put) == [left]
    assert changes(put, bought) == [left, undone]
    assert changes(put, bought, first=run(1)) == [undone]


def test_many_searches_carts_and_purchases_are_one_session_of_each(changes):
    twice = [event(f"{kind}{n}", event_type=kind) for kind in ("search", "add_to_cart", "purchase") for n in (1, 2)]
    one = dict.fromkeys(("search_session_count", "cart_session_count", "purchase_session_count"), 1)
    assert changes(*twice) == [("c", DAY, run(0), one)]
    assert changes(*twice, event("more", 1, event_type="search")) == [("c", DAY, run(0), one)]


def test_a_product_counts_once_a_session_whichever_run_shows_it_again(changes):
    p, again, q = event("a", product_id="p"), event("b", 1, product_id="p"), event("d", 1, product_id="q")
    told = changes(p, again, q, event("e", 1), event("f", 1, event_type="add_to_cart", product_id="r"))
    assert [row[-1].get("viewed_product_count") for row in told] == [1, 1]
    other = event("g", session_id="t", product_id="p")
    assert [row[-1]["viewed_product_count"] for row in changes(p, other)] == [1, 1]


def test_a_sessions_facts_are_its_opening_events_whatever_else_came_with_it(changes):
    """A late event of the day before came in the same run: the session itself counts on the day of its opening."""
    opens = event("a", is_session_start=True, customer_id="z", event_type="search")
    before = event("b", event_date=run(-1), customer_id="d")
    assert changes(opens, before) == [("z", DAY, run(0), {"search_session_count": 1})]


def test_what_a_guest_did_before_a_later_run_named_the_customer_stays_the_visitors(changes):
    put = event("a", customer_id=None, visitor_id="v", event_type="add_to_cart")
    bought = event("b", 1, visitor_id="v", event_type="purchase")
    assert changes(put, bought) == []
    told = changes(put, bought, owner="visitor_id")
    assert [(row[0], row[-1]["abandoned_session_count"]) for row in told] == [("v", 1), ("v", -1)]


def test_bots_have_no_sessions(changes):
    assert changes(event("a", is_bot=True)) == []
    seen_later = event("b", 1, is_bot=True, event_type="add_to_cart")
    assert changes(event("a"), seen_later) == [("c", DAY, run(0), {"bounce_count": 1})]


@pytest.mark.parametrize("owner", ["customer_id", "visitor_id"])
def test_nights_one_by_one_change_what_one_stretch_changes_and_add_up_to_what_sessions_are(owner, changes):
    draw = np.random.default_rng(5)
    kinds = ("view", "view", "search", "add_to_cart", "purchase", "login")
    events = [
        event(
            f"e{place:02}",
            int(draw.integers(0, 4)),
            session_id=f"s{draw.integers(0, 8)}",
            visitor_id="v",
            customer_id=draw.choice(["c", None]),
            event_type=str(draw.choice(kinds)),
            product_id=str(draw.choice(["p", "q", "r"])),
        )
        for place in range(40)
    ]
    nightly = []
    for night in range(4):
        touched = {row["session_id"] for row in events if row["ingest_date"] == run(night)}
        known = [row for row in events if row["session_id"] in touched and row["ingest_date"] <= run(night)]
        nightly += changes(*known, first=run(night), owner=owner)
    assert sorted(nightly, key=str) == changes(*events, owner=owner)
    whole = [told for *_, told in changes(*(row | {"ingest_date": DAY, "customer_id": "c"} for row in events))]
    both = [told for one in ("customer_id", "visitor_id") for *_, told in changes(*events, owner=one)]
    for name in SESSION_FACTS:
        assert sum(told.get(name, 0) for told in both) == sum(told.get(name, 0) for told in whole), name
