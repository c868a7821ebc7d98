"""What a transaction line is: merchandise, postage or no revenue at all, by the shop's rules in one expression."""

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.returns import is_return
from schemas.contract import LINE_MONEY
from schemas.line_rules import IS_MERCHANDISE, MERCHANDISE, LineRule


def with_line_kind(lines: DataFrame, rules: Sequence[LineRule]) -> DataFrame:
    """Lines with their kind. What is no merchandise is no revenue: its money stays in `line_amount` alone."""
    if not rules:
        return lines.withColumn("line_kind", F.lit(MERCHANDISE))
    kinds = lines.withColumn("line_kind", line_kind(rules))
    return kinds.withColumn("net_amount", F.when(is_merchandise(), F.col("net_amount")).otherwise(0).cast(LINE_MONEY))


def line_kind(rules: Sequence[LineRule]) -> Column:
    """The effect of the first rule that a line fits, as one CASE."""
    first, *others = [(_fits(rule), F.lit(rule.effect)) for rule in rules]
    return reduce(lambda cases, case: cases.when(*case), others, F.when(*first)).otherwise(MERCHANDISE)


def is_merchandise() -> Column:
    """Whether a line counts as goods sold; lines of before there were rules do."""
    return F.expr(IS_MERCHANDISE)


def money_of(kind: str) -> Column:
    """The money of lines of one kind that is no merchandise, in the shop's currency; else 0."""
    amount = (F.col("line_amount") * F.col("exchange_rate")).cast(LINE_MONEY)
    return F.when(F.col("line_kind") == kind, amount).otherwise(0)


def _fits(rule: LineRule) -> Column:
    conditions = []
    if rule.product_id is not None:
        conditions.append(F.col("product_id").rlike(f"^(?:{rule.product_id})$"))
    if rule.line_type is not None:
        conditions.append(F.col("line_type") == rule.line_type)
    if rule.price is not None:
        price = _price()
        conditions.append({"positive": price > 0, "zero": price == 0, "negative": price < 0}[rule.price])
    return reduce(lambda one, other: one & other, conditions)


def _price() -> Column:
    """The unit price; where the source has none, money that has its sign."""
    return F.coalesce(F.col("unit_price"), F.when(is_return(), -F.col("line_amount")).otherwise(F.col("line_amount")))
