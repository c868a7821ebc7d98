"""What came together and what was bought of late, by hand-made examples, as known at a date."""

from datetime import UTC, date, datetime, timedelta

from features.purchases import baskets, product_kinds, recent_purchases, visits
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_PRODUCTS

D = date(2024, 6, 30)


def at(day: date, hour: int = 12) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def line(order: str, product: str, age: int = 1, **more) -> dict:
    day = D - timedelta(days=age)
    sold = {"line_id": f"{order}{product}{len(more)}", "order_id": order, "product_id": product, "customer_id": "c"}
    return sold | {"order_date": day, "event_date": day, "ingest_date": day, "event_at": at(day)} | more


def test_a_basket_holds_each_product_sold_in_an_order_once(frame, assert_rows):
    lines = frame(
        CLEAN_ORDER_LINES,
        line("1", "p"),
        line("1", "p", event_at=at(D, 1)),
        line("1", "q", customer_id=None),
        line("1", "r", line_type="return"),
        line("1", "s", line_kind="postage"),
        line("2", "p", 29, customer_id=None),
        line("3", "p", 30),
        line("4", "p", ingest_date=D + timedelta(days=1)),
        line("5", "p", -1, ingest_date=D),
    )
    one = {"sequence_id": "1", "order_date": D - timedelta(days=1), "order_at": at(D - timedelta(days=1))}
    old = D - timedelta(days=29)
    assert_rows(
        baskets(lines, D, 30),
        [
            one | {"product_id": "p", "customer_id": "c"},
            one | {"product_id": "q", "customer_id": None},
            {"sequence_id": "2", "product_id": "p", "customer_id": None, "order_date": old, "order_at": at(old)},
        ],
    )


def test_a_visit_holds_each_product_that_a_person_looked_at_once(frame, assert_rows):
    def event(name: str, session: str, age: int = 1, **more) -> dict:
        day = D - timedelta(days=age)
        return {
            "event_id": name,
            "session_id": session,
            "event_date": day,
            "ingest_date": day,
            "product_id": "p",
        } | more

    events = frame(
        CLEAN_EVENTS,
        event("1", "s"),
        event("2", "s"),
        event("3", "s", product_id=None),
        event("4", "robot", is_bot=True),
        event("5", "old", 30),
        event("6", "later", ingest_date=D + timedelta(days=1)),
    )
    assert_rows(visits(events, D, 30), [{"sequence_id": "s", "product_id": "p"}])


def test_a_products_kind_is_its_newest_category_and_its_price_a_unit(frame, assert_rows):
    lines = frame(
        CLEAN_ORDER_LINES,
        line("1", "p", quantity=1, net_amount=9),
        line("2", "p", quantity=3, net_amount=3),
        line("3", "p", quantity=0, net_amount=50),
        line("4", "free", quantity=2, net_amount=0),
        line("5", "p", quantity=1, net_amount=99, line_type="adjustment"),
    )

    def version(product: str, day: date, category: str, known: date | None = None) -> dict:
        dated = {"event_at": at(day), "event_date": day, "ingest_date": known or day}
        return {"product_id": product, "category": category} | dated

    catalogue = frame(
        CLEAN_PRODUCTS,
        version("p", D - timedelta(days=9), "cups"),
        version("p", D - timedelta(days=2), "mugs"),
        version("p", D - timedelta(days=1), "unknown yet", D + timedelta(days=1)),
        version("unsold", D, "cups"),
    )
    assert_rows(
        product_kinds(lines, catalogue, D, 30),
        [
            {"product_id": "p", "category": "mugs", "unit_price": 3.0},
            {"product_id": "unsold", "category": "cups", "unit_price": None},
        ],
    )


def test_a_purchase_weighs_half_as_much_every_half_life(frame, assert_rows):
    lines = frame(
        CLEAN_ORDER_LINES,
        line("1", "p", 0),
        line("2", "p", 10),
        line("3", "p", 20),
        line("3", "q", 20),
        line("4", "p", 5, customer_id=None),
    )
    assert_rows(
        recent_purchases(baskets(lines, D, 30), D, 10),
        [
            {"customer_id": "c", "product_id": "p", "weight": 1.75},
            {"customer_id": "c", "product_id": "q", "weight": 0.25},
        ],
    )
