"""Orders and sessions that others shared with an erased customer go on as they stand without him."""

from datetime import UTC, date, datetime

import pytest

from jobs import erase
from schemas.clean import CLEAN_ORDER_LINES, CLEAN_ORDERS, CLEAN_SESSIONS
from schemas.raw import RAW_CLICKSTREAM, RAW_TRANSACTIONS

GONE = "GONE-01"
D1, D2, LATER = date(2024, 3, 1), date(2024, 3, 2), date(2024, 4, 1)


def on(day: date, event_id: str, hour: int, minute: int = 0, **more) -> dict:
    when = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
    return {"event_id": event_id, "event_at": when, "event_date": day, "ingest_date": day} | more


def sale(event_id: str, customer: str, **more) -> dict:
    line = {"order_id": "o", "product_id": event_id, "quantity": 1, "line_amount": 10, "line_type": "sale"}
    return on(D1, event_id, 10, customer_id=customer) | line | more


@pytest.fixture
def shop(make_run, frame, run_job):
    """A night with an order and a browser of two customers; the first known is erased after it."""
    back = on(D2, "back", 9, order_id="x", customer_id="second", product_id="b", quantity=-1, line_amount=-10)
    lines = (
        sale("a", GONE),
        sale("b", "second"),
        sale("c", "second"),
        back | {"line_type": "return", "original_order_id": "o"},
    )
    clicks = [
        on(D1, "1", 23, 30, customer_id=GONE),
        on(D1, "2", 23, 40, customer_id="second"),
        on(D1, "3", 23, 50, customer_id="second"),
    ]
    clicks = [click | {"visitor_id": "home"} for click in (*clicks, on(D2, "4", 0, 5, customer_id="second"))]
    run = make_run(D1, D2)
    run.replace(frame(RAW_TRANSACTIONS, *lines), RAW_TRANSACTIONS)
    run.replace(frame(RAW_CLICKSTREAM, *clicks), RAW_CLICKSTREAM)
    run_job("conform", D1)
    erase.erase(make_run(LATER), {GONE})
    return run


def test_what_is_left_of_an_order_and_a_session_has_its_row(shop):
    [order] = shop.read(CLEAN_ORDERS).collect()
    assert (order.customer_id, order.line_count, order.net_amount, order.first_ingest_date) == ("second", 2, 20, D1)
    assert [(row.customer_id, row.event_count) for row in shop.read(CLEAN_SESSIONS).collect()] == [("second", 2)]


def test_the_next_night_books_a_return_to_the_order_and_goes_on_with_the_session(shop, run_job):
    run_job("conform", D2)
    [order] = shop.read(CLEAN_ORDERS).collect()
    assert (order.net_amount, order.refund_amount, order.order_date) == (10, 10, D1)
    kinds = [row.match_kind for row in shop.read(CLEAN_ORDER_LINES).collect() if row.match_kind]
    assert kinds == ["named"]
    [session] = shop.read(CLEAN_SESSIONS).collect()
    assert (session.event_count, session.session_date, session.first_ingest_date) == (3, D1, D1)
