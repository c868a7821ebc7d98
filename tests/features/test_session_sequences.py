"""Sessions with their events: which are known, whose they are, and which are drawn."""

from datetime import UTC, date, datetime, timedelta

import pytest

from features.session_sequences import session_events, stratified
from schemas.clean import CLEAN_EVENTS

D = date(2024, 6, 30)


def event(session: str, minute: int, kind: str = "view", customer: str | None = None, age: int = 1, **more) -> dict:
    day = D - timedelta(days=age)
    return {
        "event_id": f"{session}-{minute}",
        "session_id": session,
        "customer_id": customer,
        "event_type": kind,
        "event_at": datetime(day.year, day.month, day.day, 10, minute, tzinfo=UTC),
        "event_date": day,
        "ingest_date": day,
    } | more


@pytest.fixture
def sessions(frame):
    """`sessions(*events)`: {session: (customer, whether it buys, its events' types in order of time)} of 30 days."""

    def make(*events: dict) -> dict[str, tuple]:
        rows = session_events(D, frame(CLEAN_EVENTS, *events), 30).collect()
        return {
            row.session_id: (row.customer_id, row.is_buying, [one.event_type for one in sorted(row.events)])
            for row in rows
        }

    return make


def test_a_session_holds_all_its_events_and_is_buying_where_one_is_a_purchase(sessions):
    given = event("a", 0), event("a", 2, "purchase"), event("a", 1, "search"), event("b", 0, "checkout")
    assert sessions(*given) == {"a": (None, True, ["view", "search", "purchase"]), "b": (None, False, ["checkout"])}


def test_bots_what_is_older_and_what_later_runs_brought_are_left_out(sessions):
    later = event("a", 3, ingest_date=D + timedelta(days=1))
    given = event("a", 0), later, event("bot", 0, is_bot=True), event("old", 0, age=30), event("new", 0, age=29)
    assert sessions(*given) == {"a": (None, False, ["view"]), "new": (None, False, ["view"])}


def test_a_session_is_of_the_customer_whom_its_earliest_run_named(sessions):
    given = event("a", 0), event("a", 1, customer="x"), event("a", 2, customer="a", ingest_date=D)
    assert sessions(*given)["a"][0] == "x"


def test_as_many_of_each_side_are_drawn_the_same_whatever_order_the_engine_has_the_rows_in(frame):
    rows = [event(f"s{n:02}", 0, "purchase" if n % 2 else "view") for n in range(40)]
    drawn = []
    for given, seed in ((rows, 1), (rows[::-1], 1), (rows, 2)):
        sample = stratified(session_events(D, frame(CLEAN_EVENTS, *given), 30), 7, seed).collect()
        assert len(sample) == 14 and sum(row.is_buying for row in sample) == 7
        drawn.append({row.session_id for row in sample})
    assert drawn[0] == drawn[1] != drawn[2]
