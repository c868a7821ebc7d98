"""Sequences by hand-made examples: three steps within a session, two gaps between order days."""

from datetime import UTC, date, datetime, timedelta

import pytest

from features.patterns import customer_patterns
from schemas.clean import CLEAN_EVENTS
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_PATTERN

D = date(2024, 6, 30)


def visit(session: str, steps: str, customer: str | None = "c", age: int = 1, **more) -> list[dict]:
    """Events of a session, minute by minute: v view, s search, a add_to_cart."""
    words = {"v": "view", "s": "search", "a": "add_to_cart"}
    day = D - timedelta(days=age)
    start = datetime(day.year, day.month, day.day, 10, tzinfo=UTC)
    common = {"session_id": session, "customer_id": customer, "event_date": day, "ingest_date": day} | more
    return [
        common | {"event_id": f"{session}{n}", "event_type": words[step], "event_at": start + timedelta(minutes=n)}
        for n, step in enumerate(steps)
    ]


def orders(customer: str, *ages: int, count: int = 1) -> list[dict]:
    days = [D - timedelta(days=age) for age in ages]
    return [{"customer_id": customer, "event_date": day, "ingest_date": day, "order_count": count} for day in days]


@pytest.fixture
def found(frame, assert_rows):
    """{(customer, pattern): (occurrences, share)} at D."""

    def find(events: list[dict], tiles: list[dict]) -> dict[tuple[str, str], tuple[int, float]]:
        rows = customer_patterns([D], frame(CLEAN_EVENTS, *events), frame(FEATURE_CUSTOMER_DAY, *tiles))
        assert_rows(rows, None, FEATURE_PATTERN)
        return {(r.customer_id, r.pattern): (r.occurrence_count, r.customer_share) for r in rows.collect()}

    return find


def test_three_steps_in_a_row_are_a_pattern_and_a_repeated_step_is_one(found):
    events = visit("s", "vvssav") + visit("t", "vsa") + visit("short", "va")
    assert found(events, []) == {
        ("c", "view > search > add_to_cart"): (2, 1.0),
        ("c", "search > add_to_cart > view"): (1, 1.0),
    }


def test_bots_guests_and_old_visits_show_nothing(found):
    events = visit("b", "vsa", is_bot=True) + visit("g", "vsa", None) + visit("o", "vsa", age=90)
    assert found(events, []) == {}
    assert found(visit("o", "vsa", age=89), []) != {}


def test_a_share_is_of_the_customers_with_any_pattern_of_the_kind(found):
    events = visit("s", "vsa", "c") + visit("t", "vsv", "d") + visit("u", "vsa", "e") + visit("w", "v", "f")
    shares = {pattern: share for (_, pattern), (_, share) in found(events, []).items()}
    assert shares == {"view > search > add_to_cart": pytest.approx(2 / 3), "view > search > view": pytest.approx(1 / 3)}


def test_two_gaps_between_order_days_are_a_rhythm(found):
    tiles = orders("c", 80, 79, 72, 30, 2)  # gaps 1, 7, 42, 28
    assert found([], tiles) == {
        ("c", "days > week"): (1, 1.0),
        ("c", "week > month"): (1, 1.0),
        ("c", "month > month"): (1, 1.0),
    }


def test_an_order_undone_beats_no_rhythm(found):
    assert found([], orders("c", 40, 30, 20) + orders("c", 30, count=-1)) == {}


def test_rare_patterns_are_left_out(found):
    events = [row for number in range(101) for row in visit(f"s{number}", "vsa", f"c{number:03}")]
    assert {pattern for _, pattern in found(events + visit("x", "svs", "c000"), [])} == {"view > search > add_to_cart"}
