"""Tiles: what a run added to a customer's days; guests and bots add nothing, what goes leaves where it came."""

from datetime import UTC, date, datetime, timedelta

from features import tiles
from features.orders import order_states
from features.session_facts import session_facts
from features.session_starts import start_facts
from schemas.clean import CLEAN_CAMPAIGN_EVENTS, CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_REVIEWS
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_CUSTOMER_PRODUCT_DAY, FEATURE_VISITOR_DAY
from schemas.session_starts import start_rules

RULES = start_rules("UTC")
DAY = date(2024, 3, 1)
EVENING = datetime(2024, 3, 1, 18, tzinfo=UTC)


def run(number: int) -> date:
    return DAY + timedelta(days=number)


def event(event_id: str, brought: int = 0, **more) -> dict:
    known = {"event_id": event_id, "session_id": "s", "event_date": DAY, "ingest_date": run(brought)}
    return known | {"customer_id": "c", "event_type": "view"} | more


def test_bots_do_not_click(frame):
    assert tiles.click_facts(frame(CLEAN_EVENTS, event("a", is_bot=True))).count() == 0


def test_a_guests_clicks_are_the_visitors_and_a_customers_are_not(frame, assert_rows):
    guest = event("g", customer_id=None, visitor_id="v", is_session_start=True, event_at=EVENING)
    later = event("l", 1, customer_id=None, visitor_id="v")
    other = event("o", session_id="t", visitor_id="w", is_session_start=True)
    bot = event("b", session_id="u", customer_id=None, visitor_id="x", is_bot=True)
    events = frame(CLEAN_EVENTS, guest, later, other, bot)
    key = {"visitor_id": "v", "event_date": DAY, "click_count": 1, "view_count": 1}
    first = key | {"ingest_date": run(0), "session_count": 1, "bounce_count": 1, "evening_session_count": 1}
    assert_rows(
        tiles.visitor_tiles(events, events, DAY, RULES),
        [first, key | {"ingest_date": run(1), "bounce_count": -1}],
        FEATURE_VISITOR_DAY,
    )


def test_a_session_that_a_later_run_knows_the_customer_of_was_one_bounce_of_the_visitor(frame, assert_rows):
    events = frame(CLEAN_EVENTS, event("g", customer_id=None, visitor_id="v"), event("l", 1, visitor_id="v"))
    bounces = tiles.visitor_tiles(events.filter("false"), events, DAY, RULES)
    rows = [
        {"visitor_id": "v", "event_date": DAY, "ingest_date": run(n), "bounce_count": c} for n, c in ((0, 1), (1, -1))
    ]
    assert_rows(bounces, rows, FEATURE_VISITOR_DAY)


def test_every_source_adds_its_facts_and_guests_add_nothing(frame, assert_rows):
    line = {"order_id": "o", "order_date": DAY, "customer_id": "c", "ingest_date": DAY, "line_type": "sale"}
    lines = frame(
        CLEAN_ORDER_LINES,
        line | {"line_id": "1", "quantity": 2, "net_amount": 10, "discount_amount": 1, "shipping_amount": 3},
        line | {"line_id": "2", "quantity": -1, "net_amount": -4, "line_type": "return"},
        line | {"line_id": "3", "net_amount": -1, "line_type": "adjustment"},
        line | {"line_id": "4", "order_id": "g", "net_amount": 99, "customer_id": None},
        line | {"line_id": "5", "quantity": 1, "line_kind": "postage"},
    )
    events = frame(
        CLEAN_EVENTS,
        event("a", is_session_start=True, device_type="Mobile Safari", event_at=EVENING, referrer="newsletter"),
        event("b", event_type="add_to_cart", dwell_seconds=12.5),
        event("d", event_type="remove_from_cart", dwell_seconds=2),
        event("e", event_type="search"),
        event("f", event_type="purchase"),
        event("g", customer_id=None),
    )
    review = {"customer_id": "c", "event_date": DAY, "ingest_date": DAY}
    reviews = frame(
        CLEAN_REVIEWS,
        review | {"review_id": "1", "rating": 2, "sentiment_score": -0.5},
        review | {"review_id": "2", "rating": 5, "sentiment_score": 1},
    )
    contact = {"customer_id": "c", "event_date": DAY, "ingest_date": DAY}
    campaigns = frame(
        CLEAN_CAMPAIGN_EVENTS,
        contact | {"event_id": "1", "event_type": "contact"},
        contact | {"event_id": "2", "event_type": "redemption"},
    )
    made = tiles.tiles(
        [
            tiles.order_line_facts(lines),
            tiles.order_facts(order_states(lines)),
            tiles.click_facts(events),
            start_facts(events, RULES),
            session_facts(events, DAY),
            tiles.review_facts(reviews),
            tiles.campaign_facts(campaigns),
        ]
    )
    of_orders = {"order_count": 1, "order_amount": 5, "order_amount_squared": 25, "sale_line_count": 1, "unit_count": 1}
    of_orders |= {"sale_amount": 10, "refund_amount": 4, "net_amount": 5, "discount_amount": 1, "shipping_amount": 3}
    of_orders |= {"return_line_count": 1, "discounted_line_count": 1, "sale_line_amount_sum": 10}
    of_orders |= {"sale_line_amount_number": 1, "sale_line_amount_squares": 100}
    of_orders |= {"largest_sale_line_amount": 10, "smallest_sale_line_amount": 10}
    of_clicks = {"session_count": 1, "click_count": 5, "view_count": 1, "search_count": 1, "cart_count": 1}
    of_clicks |= {
        "cart_removal_count": 1,
        "click_purchase_count": 1,
        "mobile_session_count": 1,
        "session_seconds": 14.5,
        "longest_dwell_seconds": 12.5,
    }
    of_clicks |= dict.fromkeys(("evening_session_count", "email_arrival_count"), 1)
    of_clicks |= dict.fromkeys(("cart_session_count", "search_session_count", "purchase_session_count"), 1)
    told = {"review_count": 2, "rating_sum": 7, "low_rating_count": 1, "sentiment_sum": 0.5}
    told |= {"lowest_rating": 2, "highest_rating": 5}
    told |= {"contact_count": 1, "redemption_count": 1}
    key = {"customer_id": "c", "event_date": DAY, "ingest_date": DAY}
    assert_rows(made, [key | of_orders | of_clicks | told], FEATURE_CUSTOMER_DAY)


def test_product_tiles_tell_what_was_bought_and_looked_at_and_returns_take_nothing_away(frame, assert_rows):
    line = {"order_date": DAY, "customer_id": "c", "product_id": "p", "ingest_date": DAY, "line_type": "sale"}
    lines = frame(
        CLEAN_ORDER_LINES,
        line | {"line_id": "1", "quantity": 2, "net_amount": 10},
        line | {"line_id": "2", "quantity": 1, "net_amount": 4},
        line | {"line_id": "3", "quantity": -2, "net_amount": -10, "line_type": "return"},
        line | {"line_id": "4", "quantity": 1, "net_amount": 9, "line_kind": "postage"},
        line | {"line_id": "5", "quantity": 1, "net_amount": 9, "customer_id": None},
    )
    events = frame(
        CLEAN_EVENTS,
        event("a", product_id="p"),
        event("b", product_id="q", event_type="add_to_cart"),
        event("d", product_id="q", is_bot=True),
        event("e", event_type="search", product_id="q"),
        event("f", product_id=None),
    )
    made = tiles.product_tiles([tiles.product_line_facts(lines), tiles.product_click_facts(events)])
    key = {"customer_id": "c", "event_date": DAY, "ingest_date": DAY}
    of_p = {"product_id": "p", "sale_line_count": 2, "unit_count": 3, "sale_amount": 14, "view_count": 1}
    assert_rows(made, [key | of_p, key | {"product_id": "q", "cart_count": 1}], FEATURE_CUSTOMER_PRODUCT_DAY)


def test_a_return_in_a_later_run_adds_a_tile_on_the_orders_day(frame, assert_rows):
    line = {"order_id": "o", "order_date": DAY, "customer_id": "c", "event_at": datetime(2024, 3, 1, 9, tzinfo=UTC)}
    sale = line | {"line_id": "1", "ingest_date": DAY, "net_amount": 10, "line_type": "sale"}
    back = line | {
        "line_id": "2",
        "ingest_date": run(3),
        "event_date": run(3),
        "net_amount": -10,
        "line_type": "return",
    }
    lines = frame(CLEAN_ORDER_LINES, sale, back)
    later = "ingest_date > DATE'2024-03-01'"
    states = order_states(lines).filter(later)
    made = tiles.tiles([tiles.order_line_facts(lines.filter(later)), tiles.order_facts(states)])
    gone = {
        "order_count": -1,
        "net_amount": -10,
        "refund_amount": 10,
        "return_line_count": 1,
        "order_amount": -10,
        "order_amount_squared": -100,
    }
    key = {"customer_id": "c", "event_date": DAY, "ingest_date": run(3)}
    assert_rows(made, [key | gone], FEATURE_CUSTOMER_DAY)
