"""Tiles as a job: each run adds its own, once, from the sources that the shop has."""

from datetime import UTC, date, datetime, timedelta

import pytest

from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_ORDERS, CLEAN_REVIEWS, CLEAN_SESSIONS
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_VISITOR_DAY
from schemas.raw import RAW_CLICKSTREAM

D1 = date(2024, 3, 1)
D2 = D1 + timedelta(days=1)


def line(name: str, day: date, amount: float, kind: str) -> dict:
    of_order = {"order_id": "o", "order_date": D1, "customer_id": "c"}
    return of_order | {"line_id": name, "ingest_date": day, "net_amount": amount, "line_type": kind}


def click(name: str, day: date) -> dict:
    when = {"event_at": datetime(2024, 3, 1, 10, tzinfo=UTC), "event_date": D1, "ingest_date": day}
    return when | {"event_id": name, "session_id": "s", "customer_id": "c", "event_type": "view"}


@pytest.fixture
def shop(make_run, frame):
    run = make_run(D1, D2)
    run.replace(frame(CLEAN_ORDER_LINES, line("s", D1, 10, "sale"), line("r", D2, -10, "return")), CLEAN_ORDER_LINES)
    run.replace(frame(CLEAN_EVENTS, click("a", D1) | {"is_session_start": True}, click("b", D2)), CLEAN_EVENTS)
    spans = {"first_ingest_date": D1, "last_ingest_date": D2}
    run.merge(frame(CLEAN_ORDERS, spans | {"order_id": "o"}), CLEAN_ORDERS)
    run.merge(frame(CLEAN_SESSIONS, spans | {"session_id": "s"}), CLEAN_SESSIONS)
    return run


KEY = {"customer_id": "c", "event_date": D1}
FIRST = KEY | {"ingest_date": D1, "order_count": 1, "sale_line_count": 1, "sale_amount": 10, "net_amount": 10}
FIRST |= {"order_amount": 10, "order_amount_squared": 100, "session_count": 1, "click_count": 1, "view_count": 1}
FIRST |= {"bounce_count": 1, "sale_line_amount_sum": 10, "sale_line_amount_number": 1, "sale_line_amount_squares": 100}
FIRST |= {"largest_sale_line_amount": 10, "smallest_sale_line_amount": 10}
SECOND = KEY | {"ingest_date": D2, "order_count": -1, "refund_amount": 10, "net_amount": -10, "order_amount": -10}
SECOND |= {"order_amount_squared": -100, "click_count": 1, "view_count": 1, "bounce_count": -1, "return_line_count": 1}


@pytest.mark.parametrize("runs", [[(D1, None), (D2, None)], [(D2, D1)], [(D1, None), (D2, None), (D1, None), (D2, D1)]])
def test_each_run_adds_its_own_tiles_once_however_it_is_run(runs, shop, run_job, assert_rows):
    for as_of, first in runs:
        run_job("tile", as_of, first)
    assert_rows(shop.read(FEATURE_CUSTOMER_DAY), [FIRST, SECOND], FEATURE_CUSTOMER_DAY)


def clicked(name: str, minute: int, visitor: str, brought: date = D1, **more) -> dict:
    when = datetime(2024, 3, 1, 10, tzinfo=UTC) + timedelta(minutes=minute)
    known = {"event_id": name, "visitor_id": visitor, "event_at": when, "event_date": D1, "ingest_date": brought}
    return known | {"event_type": "view", "referrer": "newsletter"} | more


LATE_CLICKS = (
    clicked("put", 0, "v", event_type="add_to_cart", customer_id="c"),
    clicked("bought", 9, "v", D2, event_type="purchase", customer_id="c"),
    clicked("seen", 0, "guest", product_id="p"),
    clicked("more", 5, "guest", D2, product_id="q"),
    clicked("alone", 300, "guest", D2, product_id="p", referrer="facebook"),
)


@pytest.mark.parametrize("runs", [[(D1, None), (D2, None)], [(D2, D1)]])
def test_late_clicks_undo_a_bounce_and_a_cart_left_and_open_sessions_of_their_own(
    runs, make_run, frame, run_job, assert_rows
):
    shop = make_run(D1, D2)
    shop.replace(frame(RAW_CLICKSTREAM, *LATE_CLICKS), RAW_CLICKSTREAM)
    for as_of, first in runs:
        run_job("conform", as_of, first)
        run_job("tile", as_of, first)
    left = {"session_count": 1, "click_count": 1, "cart_count": 1, "cart_session_count": 1, "email_arrival_count": 1}
    left |= {"bounce_count": 1, "abandoned_session_count": 1}
    bought = {"click_count": 1, "click_purchase_count": 1, "purchase_session_count": 1}
    bought |= {"bounce_count": -1, "abandoned_session_count": -1}
    tiles = [KEY | {"ingest_date": D1} | left, KEY | {"ingest_date": D2} | bought]
    assert_rows(shop.read(FEATURE_CUSTOMER_DAY), tiles, FEATURE_CUSTOMER_DAY)
    key = {"visitor_id": "guest", "event_date": D1}
    seen = {"session_count": 1, "click_count": 1, "view_count": 1, "bounce_count": 1, "viewed_product_count": 1}
    # Of the second run: one more event in the first session, and a session of one event in the afternoon.
    later = {
        "session_count": 1,
        "click_count": 2,
        "view_count": 2,
        "viewed_product_count": 2,
        "social_arrival_count": 1,
    }
    tiles = [key | {"ingest_date": D1, "email_arrival_count": 1} | seen, key | {"ingest_date": D2} | later]
    assert_rows(shop.read(FEATURE_VISITOR_DAY), tiles, FEATURE_VISITOR_DAY)


def test_a_shop_of_reviews_alone_has_tiles_of_reviews_alone(make_run, frame, run_job, assert_rows):
    run = make_run(D1)
    written = {"review_id": "1", "customer_id": "c", "event_date": D1, "ingest_date": D1, "rating": 4}
    run.replace(frame(CLEAN_REVIEWS, written | {"sentiment_score": 0.5}), CLEAN_REVIEWS)
    run_job("tile", D1)
    told = {"review_count": 1, "rating_sum": 4, "sentiment_sum": 0.5}
    told |= {"lowest_rating": 4, "highest_rating": 4}
    assert_rows(run.read(FEATURE_CUSTOMER_DAY), [KEY | {"ingest_date": D1} | told], FEATURE_CUSTOMER_DAY)


def test_a_shop_without_anything_has_an_empty_table(make_run, run_job):
    run_job("tile", D1)
    run = make_run(D1)
    assert run.exists(FEATURE_CUSTOMER_DAY) and run.read(FEATURE_CUSTOMER_DAY).count() == 0
