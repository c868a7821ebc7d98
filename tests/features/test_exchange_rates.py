"""The rate of the order's day, as known when the order came; what is given back is worth what was paid."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from features.exchange_rates import converted, in_own_currency, rated_days
from schemas.raw import RAW_EXCHANGE_RATES

FIRST = date(2024, 3, 1)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def rate(value: object, number: int, brought: int | None = None, currency: str = "USD", **more) -> dict:
    known = day(number if brought is None else brought)
    return {"exchange_rate": value, "rate_date": day(number), "currency": currency, "ingest_date": known} | more


@pytest.fixture
def convert(spark, frame):
    """(exchange_rate, net_amount) of lines (currency, amount, order's day, order's run, own day, run)."""

    def run(rates: list[dict], *lines: tuple, window: int = 3) -> list[tuple]:
        schema = (
            "currency string, line_amount decimal(18,4), order_date date, order_known_date date, event_date date, "
            "ingest_date date, discount_amount decimal(18,4), shipping_amount decimal(18,4), place int"
        )
        rows = [
            (currency, Decimal(str(amount)), *map(day, days), Decimal("0.5"), Decimal(0), place)
            for place, (currency, amount, *days) in enumerate(lines)
        ]
        made = converted(spark.createDataFrame(rows, schema), frame(RAW_EXCHANGE_RATES, *rates), "EUR", window)
        found = made.orderBy("place").collect()
        assert [row.discount_amount for row in found] == [
            row.exchange_rate and (row.exchange_rate * Decimal("0.5")).quantize(Decimal("0.0001")) for row in found
        ]
        return [(row.exchange_rate, row.net_amount) for row in found]

    return run


def test_the_days_own_rate_holds_else_the_latest_earlier_within_the_days_allowed(convert):
    rates = [rate("0.9", 0), rate("0.8", 2), rate("0.1", 3, currency="JPY")]
    found = convert(rates, *(("USD", 10, number, 9, number, 9) for number in (0, 1, 2, 4, 5)))
    assert [value for value, _ in found] == [*map(Decimal, ("0.9", "0.9", "0.8", "0.8", "0.8"))]
    assert convert(rates, ("USD", 10, 6, 9, 6, 9)) == [(None, None)]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_rates_of_one_moment_that_of_the_greater_id_holds_whatever_their_order(convert, order):
    rates = [rate("0.9", 0, event_id="b"), rate("0.7", 0, event_id="a"), rate("0.8", 0, event_id="B")]
    assert convert(rates[::order], ("USD", 10, 0, 0, 0, 0)) == [(Decimal("0.9"), Decimal(9))]


def test_the_shops_own_money_stays_whether_it_is_named_or_not(convert):
    rates = [rate("0.9", 0), rate("0.5", 0, currency="EUR")]
    assert convert(rates, ("EUR", "1.2345", 0, 0, 0, 0), (None, -2, 0, 0, 0, 0)) == [
        (1, Decimal("1.2345")),
        (1, Decimal(-2)),
    ]


def test_a_refund_is_worth_what_was_paid_whatever_the_rate_has_become(convert):
    rates = [rate("0.9", 0), rate("0.91", 0, brought=1), rate("0.7", 2)]
    sold, back = ("USD", "19.99", 0, 0, 0, 0), ("USD", "-19.99", 0, 0, 2, 2)
    assert convert(rates, sold, back) == [(Decimal("0.9"), Decimal("17.991")), (Decimal("0.9"), Decimal("-17.991"))]


def test_an_order_of_a_day_without_a_rate_takes_that_of_the_lines_own_day(convert):
    assert convert([rate("0.7", 5)], ("USD", 10, 0, 0, 5, 5)) == [(Decimal("0.7"), 7)]


def test_a_corrected_rate_holds_from_the_run_that_brought_it(convert):
    rates = [rate("0.9", 0, event_id="a"), rate("0.8", 0, brought=1), rate("0.9", 0, event_id="b", brought=2)]
    found = convert(rates, *(("USD", 10, 0, known, 0, known) for known in range(4)))
    assert [amount for _, amount in found] == [9, 8, 9, 9]


def test_a_late_rate_of_an_earlier_day_does_not_push_out_the_newer_days(convert):
    rates = [rate("0.9", 1), rate("0.5", 0, brought=3)]
    assert convert(rates, ("USD", 10, 1, 4, 1, 4)) == [(Decimal("0.9"), 9)]


def test_money_is_rounded_half_up_at_four_decimals_on_both_sides_of_zero(convert):
    rates = [rate("0.5", 0)]
    lines = [("USD", amount, 0, 0, 0, 0) for amount in ("0.0001", "-0.0001", "0.0003", "1.0001")]
    expected = ["0.0001", "-0.0001", "0.0002", "0.5001"]
    assert [amount for _, amount in convert(rates, *lines)] == [*map(Decimal, expected)]


def test_days_with_a_rate_are_told_with_the_first_run_that_knows_one(frame, assert_rows):
    rates = frame(RAW_EXCHANGE_RATES, rate("0.9", 0), rate("0.8", 1, brought=2), rate("0.7", 1, brought=3))
    found = {(row.event_date, row.rated_from, row.largest_rate) for row in rated_days(rates, 1).collect()}
    assert found == {
        (day(0), day(0), Decimal("0.9")),
        (day(1), day(0), Decimal("0.9")),
        (day(2), day(2), Decimal("0.8")),
    }


def test_lines_of_a_shop_of_one_currency_need_no_rates(spark):
    lines = spark.createDataFrame([(None, Decimal("1.5"))], "currency string, line_amount decimal(18,4)")
    [row] = in_own_currency(lines, "EUR").collect()
    assert (row.currency, row.exchange_rate, row.net_amount) == ("EUR", 1, Decimal("1.5"))
