"""Products by hand-made examples: what sold, what came back, what was seen and said, as known at a date."""

from datetime import UTC, date, datetime, timedelta

from features.products import product_features
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS, CLEAN_REVIEWS
from schemas.feature import FEATURE_PRODUCT

D = date(2024, 6, 30)


def on(age: int, **more) -> dict:
    day = D - timedelta(days=age)
    return {"event_date": day, "ingest_date": day, "order_date": day} | more


def line(name: str, product: str, customer: str | None, amount: float, age: int, kind: str = "sale", **more) -> dict:
    sold = {"line_id": name, "order_id": name, "product_id": product, "customer_id": customer}
    return on(age) | sold | {"net_amount": amount, "line_type": kind} | more


def without_order_date(row: dict) -> dict:
    return {name: value for name, value in row.items() if name != "order_date"}


def test_products_as_known_at_the_date(frame, assert_rows):
    lines = frame(
        CLEAN_ORDER_LINES,
        line("1", "p", "c", 10, 1),
        line("2", "p", "c", 10, 89),
        line("3", "p", None, 10, 2),
        line("4", "p", "c", -5, 1, "return", order_date=D - timedelta(days=2)),
        line("5", "p", "d", 99, 90),
        line("6", "q", "d", 7, 0),
        line("post", "q", "e", 0, 1, line_kind="postage"),
        line("postage", "POST", "e", 0, 1, line_kind="postage"),
        line("7", "q", "d", 99, 3) | {"ingest_date": D + timedelta(days=1)},
    )
    view = {"product_id": "q", "event_type": "view", "customer_id": None}
    events = [
        on(1, event_id="1") | view,
        on(1, event_id="2", is_bot=True) | view,
        on(1, event_id="3") | view | {"event_type": "search"},
        on(3, event_id="4") | view | {"product_id": "seen"},
    ]
    reviews = [on(200, review_id="1", product_id="p", rating=4), on(2, review_id="2", product_id="p", rating=1)]
    reviews.append(on(-1, review_id="3", product_id="p", rating=5, ingest_date=D))  # dated a day ahead
    renamed = datetime(2024, 6, 1, tzinfo=UTC)
    catalogue = [
        on(100, product_id="p", product_name="Old", category="cups", event_at=datetime(2024, 3, 1, tzinfo=UTC)),
        on(10, product_id="p", product_name="New", category="mugs", department="home", event_at=renamed),
        on(-1, product_id="p", product_name="Ahead", event_at=datetime(2024, 7, 1, tzinfo=UTC), ingest_date=D),
        on(-1, product_id="p", product_name="Later", event_at=datetime(2024, 7, 1, tzinfo=UTC)),
    ]
    made = product_features(
        [D],
        lines,
        frame(CLEAN_EVENTS, *map(without_order_date, events)),
        frame(CLEAN_REVIEWS, *map(without_order_date, reviews)),
        frame(CLEAN_PRODUCTS, *map(without_order_date, catalogue)),
    )
    none = {"buyer_count_90d": 0, "sale_line_count_90d": 0, "net_revenue_90d": 0, "view_count_90d": 0}
    none |= {"as_of_date": D, "review_count_lifetime": 0}
    p = {"product_id": "p", "product_name": "New", "category": "mugs", "department": "home", "buyer_count_90d": 1}
    p |= {"sale_line_count_90d": 3, "net_revenue_90d": 25, "refund_share_90d": 5 / 30, "revenue_rank": 1}
    p |= {"review_count_lifetime": 2, "mean_rating_lifetime": 2.5}
    q = {"product_id": "q", "buyer_count_90d": 1, "sale_line_count_90d": 1, "net_revenue_90d": 7, "view_count_90d": 1}
    q |= {"refund_share_90d": 0, "revenue_rank": 2}
    seen = {"product_id": "seen", "view_count_90d": 1, "revenue_rank": 3}
    assert_rows(made, [none | p, none | q, none | seen], FEATURE_PRODUCT)
