"""Returns find their orders: by name, by the latest fitting line, or not at all; and once, whichever run asks."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.exchange_rates import in_own_currency
from features.line_rules import with_line_kind
from features.orders import order_lines, order_states, orders
from features.returns import matched_returns
from schemas.clean import CLEAN_ORDER_LINES, CLEAN_ORDERS
from schemas.raw import RAW_PAYMENTS, RAW_TRANSACTIONS

FIRST = date(2024, 3, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def at(number: int, hour: int = 10) -> datetime:
    return datetime(2024, 3, 1, hour, tzinfo=UTC) + timedelta(days=number)


def transaction(
    event_id: str, number: int, order_id: str, amount: float, quantity: int | None = 1, kind: str = "sale", **more
) -> dict:
    known = {"event_id": event_id, "event_at": at(number), "event_date": day(number), "ingest_date": day(number)}
    sold = {"order_id": order_id, "line_amount": amount, "quantity": quantity, "line_type": kind, "product_id": "p"}
    return {"customer_id": "c"} | known | sold | more


def lines_of(transactions, first: date, window: int):
    """The lines of a shop of one currency and no rules."""
    lines = order_lines(transactions, first, "UTC", matched_returns(transactions, first, window))
    return with_line_kind(in_own_currency(lines, "EUR"), ())


@pytest.fixture
def booked(frame, assert_rows):
    """(order_id, order_date, match_kind) of the lines by line_id; every frame is held to its contract."""

    def book(*transactions: dict, first: date = FIRST, window: int = 365) -> dict[str, tuple]:
        rows = lines_of(frame(RAW_TRANSACTIONS, *transactions), first, window)
        found = rows.collect()
        assert_rows(rows, None, CLEAN_ORDER_LINES)
        return {row.line_id: (row.order_id, row.order_date, row.match_kind) for row in found}

    return book


def test_a_return_that_names_its_order_goes_there(booked):
    lines = booked(
        transaction("s", 0, "o1", 10),
        transaction("r", 2, "x1", -10, -1, "return", original_order_id="o1"),
    )
    assert lines == {"s": ("o1", day(0), None), "r": ("o1", day(0), "named")}


def test_a_return_that_names_an_order_nobody_knows_stays_unmatched_on_its_own_day(booked):
    lines = booked(transaction("r", 2, "x1", -10, -1, "return", original_order_id="o9"))
    assert lines == {"r": ("x1", day(2), "unmatched")}


def test_a_return_on_its_sales_own_order_that_fits_no_line_is_booked_on_the_orders_day(booked):
    """Two units against two lines of one."""
    lines = booked(
        transaction("s1", 0, "o1", 10),
        transaction("s2", 0, "o1", 10),
        transaction("r", 2, "o1", -20, -2, "return"),
    )
    assert lines["r"] == ("o1", day(0), "unmatched")


def test_a_return_takes_from_the_latest_earlier_line_with_enough_units(booked):
    lines = booked(
        transaction("s1", 0, "o1", 30, 3),
        transaction("s2", 1, "o2", 10, 1),
        transaction("r", 2, "x1", -20, -2, "return"),
        transaction("s3", 3, "o3", 30, 3),
    )
    assert lines["r"] == ("o1", day(0), "latest_line")


def test_a_return_of_more_units_than_any_line_has_left_stays_unmatched(booked):
    lines = booked(transaction("s1", 0, "o1", 10, 1), transaction("r", 2, "x1", -20, -2, "return"))
    assert lines["r"] == ("x1", day(2), "unmatched")


def test_a_unit_is_given_back_once_across_nights(booked):
    sold = transaction("s1", 0, "o1", 10, 1)
    back, again = (transaction(f"r{n}", n, f"x{n}", -10, -1, "return") for n in (1, 2))
    assert booked(sold, back, first=day(1))["r1"] == ("o1", day(0), "latest_line")
    assert booked(sold, back, again, first=day(2)) == {"r2": ("x2", day(2), "unmatched")}


def test_a_named_return_uses_up_its_line(booked):
    lines = booked(
        transaction("s1", 0, "o1", 10, 1),
        transaction("r1", 1, "x1", -10, -1, "return", original_order_id="o1"),
        transaction("r2", 2, "x2", -10, -1, "return"),
    )
    assert lines["r2"] == ("x2", day(2), "unmatched")


def test_a_guest_return_matches_nobodys_line(booked):
    lines = booked(
        transaction("s1", 0, "o1", 10, customer_id=None),
        transaction("r1", 1, "x1", -10, -1, "return", customer_id=None),
    )
    assert lines["r1"] == ("x1", day(1), "unmatched")


def test_the_window_is_each_returns_own_whenever_it_is_run(booked):
    rows = [
        transaction("s1", 0, "o1", 10),
        transaction("r1", 2, "x1", -10, -1, "return"),
        transaction("r2", 9, "x2", -10, -1, "return"),
        transaction("s2", 1, "o2", 10),
    ]
    at_once = booked(*rows, window=5)
    assert at_once["r1"] == ("o2", day(1), "latest_line") and at_once["r2"] == ("x2", day(9), "unmatched")
    assert booked(*rows, first=day(9), window=5)["r2"] == at_once["r2"]


def test_a_line_that_comes_late_does_not_move_the_order(booked):
    late = transaction("s0", 0, "o1", 5) | {"ingest_date": day(2)}
    lines = booked(transaction("s1", 1, "o1", 10), late)
    assert lines == {"s1": ("o1", day(1), None), "s0": ("o1", day(1), None)}


def test_the_order_day_is_the_business_day(frame, assert_rows):
    rows = frame(RAW_TRANSACTIONS, transaction("s", 0, "o1", 10) | {"event_at": at(0, 23)})
    [row] = order_lines(rows, FIRST, "Europe/Berlin").collect()
    assert row.order_date == day(1)


sale_or_return = st.tuples(
    st.integers(0, 4),  # day
    st.integers(0, 2),  # late by
    st.sampled_from(["sale", "sale", "return", "cancellation", "adjustment"]),
    st.integers(1, 3),  # units
    st.sampled_from(["c1", "c2", None]),
    st.sampled_from([None, None, "o0", "o1", "o2"]),  # order named
    st.integers(0, 23),
)


def transactions_of(made: list[tuple]) -> list[dict]:
    """Raw lines of what Hypothesis made; some returns stand on a sale's own order."""
    rows = []
    for place, (number, late, kind, units, customer, named, hour) in enumerate(made):
        is_back = kind in ("return", "cancellation")
        own_order = f"{'x' if is_back and place % 2 else 'o'}{place % 4}"
        rows.append(
            transaction(f"e{place}", number, own_order, -5 if is_back else 5, units, kind)
            | {"customer_id": customer, "event_at": at(number, hour), "ingest_date": day(number + late)}
            | {"original_order_id": named if is_back else None}
        )
    return rows


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(sale_or_return, min_size=3, max_size=14))
def test_nights_one_by_one_book_what_one_run_over_all_books(frame, assert_rows, made):
    rows = transactions_of(made)
    everything = frame(RAW_TRANSACTIONS, *rows)
    at_once = lines_of(everything, FIRST, 3)
    nightly: list[dict] = []
    for night in sorted({row["ingest_date"] for row in rows}):
        known = frame(RAW_TRANSACTIONS, *(row for row in rows if row["ingest_date"] <= night))
        lines = lines_of(known, night, 3).select(*CLEAN_ORDER_LINES.column_names)
        nightly += [row.asDict() for row in lines.collect()]
    assert_rows(at_once, nightly, CLEAN_ORDER_LINES)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(sale_or_return, min_size=3, max_size=14), st.randoms(use_true_random=False))
def test_orders_add_up_to_their_lines_in_whatever_order_and_nights_these_arrive(frame, made, chance):
    rows = transactions_of(made)
    chance.shuffle(rows)
    nights = sorted({row["ingest_date"] for row in rows})
    booked = [
        row.asDict()
        for night in nights
        for row in lines_of(frame(RAW_TRANSACTIONS, *(row for row in rows if row["ingest_date"] <= night)), night, 3)
        .select(*CLEAN_ORDER_LINES.column_names)
        .collect()
    ]
    assert sorted(row["line_id"] for row in booked) == sorted(row["event_id"] for row in rows)  # each once
    lines = frame(CLEAN_ORDER_LINES, *booked)
    total = sum(row["line_amount"] for row in rows)
    assert sum(row.net_amount for row in orders(lines, frame(RAW_PAYMENTS)).collect()) == total
    units: Counter = Counter()
    for row in booked:
        if row["line_type"] == "sale" or row["match_kind"] == "latest_line":
            back = row["line_type"] != "sale"
            units[row["order_id"], row["customer_id"]] += -row["quantity"] if back else row["quantity"]
    assert min(units.values(), default=0) >= 0  # no order of a customer gives back more than it sold


def clean_line(line_id: str, number: int, amount: float, kind: str = "sale", **more) -> dict:
    known = {"line_id": line_id, "ingest_date": day(number), "event_at": at(number), "event_date": day(number)}
    return (
        known
        | {"order_id": "o", "order_date": day(0), "customer_id": "c", "net_amount": amount, "line_type": kind}
        | more
    )


@pytest.fixture
def changes(frame):
    """(order_count, order_amount_squared) by run."""

    def of(*lines: dict) -> list[tuple[int, float]]:
        rows = order_states(frame(CLEAN_ORDER_LINES, *lines)).orderBy("ingest_date").collect()
        assert {row.customer_id for row in rows if row.order_count} <= {"c"}
        amount = [sum(row.order_amount for row in rows[: place + 1]) for place in range(len(rows))]
        square = [sum(row.order_amount_squared for row in rows[: place + 1]) for place in range(len(rows))]
        assert [float(total) ** 2 for total in amount] == square  # of one order
        return [(row.order_count, row.order_amount_squared) for row in rows]

    return of


def test_a_full_return_in_a_later_run_undoes_the_order(changes):
    assert changes(clean_line("s", 0, 10), clean_line("r", 3, -10, "return")) == [(1, 100.0), (-1, -100.0)]


def test_a_partial_return_leaves_the_order_and_changes_its_square(changes):
    assert changes(clean_line("s", 0, 10), clean_line("r", 3, -4, "return")) == [(1, 100.0), (0, 36.0 - 100.0)]


def test_a_return_in_the_run_of_its_order_never_makes_one(changes):
    assert changes(clean_line("s", 0, 10), clean_line("r", 0, -10, "return")) == [(0, 0.0)]


def test_goods_given_for_nothing_are_an_order(changes):
    assert changes(clean_line("s", 0, 0)) == [(1, 0.0)]


def test_postage_alone_is_no_order(changes):
    assert changes(clean_line("s", 0, 0, line_kind="postage"), clean_line("t", 0, 0, line_kind="excluded")) == [
        (0, 0.0)
    ]


def test_an_order_counts_for_its_customer_from_the_run_that_knows_them(changes):
    lines = (clean_line("s", 0, 10, customer_id=None), clean_line("t", 1, 5), clean_line("r", 2, -15, "return"))
    assert changes(*lines) == [(0, 0.0), (1, 225.0), (-1, -225.0)]


def test_what_undoes_an_order_lies_on_the_day_that_it_was_counted_on(frame):
    """A return that names an order nobody knew keeps a day of its own; the order does not move there."""
    lines = (clean_line("s", 0, 10), clean_line("r", 3, -10, "return", order_date=day(3)))
    states = order_states(frame(CLEAN_ORDER_LINES, *lines)).collect()
    assert sorted((row.order_date, row.order_count) for row in states) == [(day(0), -1), (day(0), 1)]
    [order] = orders(frame(CLEAN_ORDER_LINES, *lines), frame(RAW_PAYMENTS)).collect()
    assert order.order_date == day(0)


@pytest.mark.parametrize(("first", "later"), [("a", "b"), ("b", "a"), (None, "b")])
def test_an_orders_customer_is_the_first_known_in_its_row_as_in_its_tiles(first, later, frame):
    rows = frame(CLEAN_ORDER_LINES, clean_line("s", 0, 10, customer_id=first), clean_line("t", 1, 5, customer_id=later))
    [order] = orders(rows, frame(RAW_PAYMENTS)).collect()
    newest = max(order_states(rows).collect(), key=lambda row: row.ingest_date)
    assert order.customer_id == newest.customer_id == (first or later)


def test_of_two_customers_known_at_once_an_order_has_the_same_in_its_row_as_in_its_tiles(frame):
    rows = frame(CLEAN_ORDER_LINES, clean_line("s", 0, 10, customer_id="b"), clean_line("t", 0, 5, customer_id="a"))
    [order], [state] = orders(rows, frame(RAW_PAYMENTS)).collect(), order_states(rows).collect()
    assert order.customer_id == state.customer_id == "a"


def test_orders_stand_net_of_returns_with_their_payments(frame, assert_rows):
    lines = frame(
        CLEAN_ORDER_LINES,
        clean_line("s1", 0, 10, shipping_amount=2),
        clean_line("s2", 0, 5, discount_amount=1),
        clean_line("r", 3, -4, "return"),
        clean_line("a", 3, -1, "adjustment"),
        clean_line("post", 0, 0, line_kind="postage", line_amount=6, exchange_rate=0.5),
        clean_line("fee", 0, 0, line_kind="excluded", line_amount=-2, exchange_rate=1),
        clean_line("old", 0, 0, "adjustment", line_kind=None, line_amount=None, exchange_rate=None),
        clean_line("other", 0, 7, order_id="p"),
        clean_line("back", 1, -7, "cancellation", order_id="p"),
    )
    payments = frame(RAW_PAYMENTS, {"order_id": "o", "payment_amount": 12}, {"order_id": "o", "payment_amount": 3})
    common = {"customer_id": "c", "order_at": at(0), "order_date": day(0), "first_ingest_date": day(0)}
    common |= {"order_month": day(0).replace(day=1)}
    first = {"order_id": "o", "line_count": 2, "sale_amount": 15, "refund_amount": 4, "net_amount": 10}
    first |= {
        "postage_amount": 3,
        "excluded_amount": -2,
        "discount_amount": 1,
        "shipping_amount": 2,
        "paid_amount": 15,
        "is_order": True,
    }
    second = {"order_id": "p", "line_count": 1, "sale_amount": 7, "refund_amount": 7, "net_amount": 0}
    assert_rows(
        orders(lines, payments),
        [first | common | {"last_ingest_date": day(3)}, second | common | {"last_ingest_date": day(1)}],
        CLEAN_ORDERS,
    )
