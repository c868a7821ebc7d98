"""The first rule that a line fits says what it is; what is no merchandise is no revenue, and its money is kept."""

from decimal import Decimal

import pytest

from features.line_rules import is_merchandise, money_of, with_line_kind
from schemas.line_rules import LineRule


def rule(effect: str, **conditions: str) -> LineRule:
    return LineRule(f"{effect} {conditions}", effect, **conditions)


@pytest.fixture
def kinds(spark):
    """(line_kind, net_amount) of lines (product, type, unit price, amount), at an exchange rate of a half."""

    def run(rules: list[LineRule], *lines: tuple) -> list[tuple]:
        schema = (
            "place int, product_id string, line_type string, unit_price decimal(18,4), line_amount decimal(18,4), "
            "exchange_rate decimal(18,10), net_amount decimal(18,4)"
        )
        half = Decimal("0.5")
        rows = [
            (place, product, kind, price if price is None else Decimal(price), Decimal(amount), half, half * amount)
            for place, (product, kind, price, amount) in enumerate(lines)
        ]
        made = with_line_kind(spark.createDataFrame(rows, schema), rules).withColumns(
            {"goods": is_merchandise(), "postage": money_of("postage"), "excluded": money_of("excluded")}
        )
        found = made.orderBy("place").collect()
        for row in found:
            assert row.goods == (row.line_kind == "merchandise")
            assert row.net_amount + row.postage + row.excluded == row.line_amount * half
        return [(row.line_kind, row.net_amount) for row in found]

    return run


def test_without_rules_every_line_is_merchandise(kinds):
    assert kinds([], ("POST", "sale", None, 4)) == [("merchandise", 2)]


def test_the_first_rule_that_fits_decides(kinds):
    rules = [
        rule("postage", product_id="POST"),
        rule("merchandise", product_id="P.*"),
        rule("excluded", line_type="sale"),
    ]
    lines = [(product, "sale", 1, 4) for product in ("POST", "PADS", "B")]
    assert kinds(rules, *lines) == [("postage", 0), ("merchandise", 2), ("excluded", 0)]


def test_the_pattern_is_of_the_whole_product_id(kinds):
    rules = [rule("excluded", product_id="S|gift_.*")]
    lines = [(product, "sale", 1, 4) for product in ("S", "gift_0001_10", "SS", "s", "xS", "a gift_1", "S.")]
    assert [kind for kind, _ in kinds(rules, *lines)] == ["excluded"] * 2 + ["merchandise"] * 5


def test_all_conditions_of_a_rule_must_hold(kinds):
    rules = [rule("excluded", product_id="B", line_type="adjustment", price="negative")]
    lines = [("B", "adjustment", -1, -4), ("B", "adjustment", 1, 4), ("B", "sale", -1, 4), ("C", "adjustment", -1, -4)]
    assert [kind for kind, _ in kinds(rules, *lines)] == ["excluded"] + ["merchandise"] * 3


@pytest.mark.parametrize(("price", "fitting"), [("zero", 0), ("positive", 1), ("negative", 2)])
def test_the_sign_of_the_price_is_the_unit_prices_else_that_of_the_money(price, fitting, kinds):
    lines = [("p", "sale", 0, 0), ("p", "cancellation", 2, -4), ("p", "adjustment", -2, -4)]
    without = [("p", "sale", None, 0), ("p", "return", None, -4), ("p", "adjustment", None, -4)]
    for of_lines in (lines, without):
        found = [kind for kind, _ in kinds([rule("excluded", price=price)], *of_lines)]
        assert found == ["excluded" if place == fitting else "merchandise" for place in range(3)]


def test_what_comes_back_of_postage_is_postage(kinds):
    lines = [("POST", "sale", 3, 3), ("POST", "cancellation", 3, -3)]
    assert kinds([rule("postage", product_id="POST")], *lines) == [("postage", 0)] * 2
