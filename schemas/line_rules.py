"""Rules that say which transaction lines are no merchandise: postage, fees, bad debt, samples, vouchers.

A shop declares them in `shop.toml` (`line_rules`); the first rule that a line fits decides, and without one a line is
merchandise.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

MERCHANDISE, POSTAGE, EXCLUDED = "merchandise", "postage", "excluded"
LINE_KINDS = (MERCHANDISE, POSTAGE, EXCLUDED)
LINE_TYPES = ("sale", "return", "cancellation", "adjustment")
RETURN_TYPES = ("return", "cancellation")
# SQL over transaction lines. Lines of before there were rules have no kind, and are merchandise.
IS_MERCHANDISE = f"coalesce(line_kind, '{MERCHANDISE}') = '{MERCHANDISE}'"
IS_SALE = f"line_type = 'sale' AND {IS_MERCHANDISE}"
IS_RETURN = f"line_type IN {RETURN_TYPES}"
PRICES = ("positive", "zero", "negative")
_UNEQUAL = re.compile(r"\(\?(?!:|i\))|\\[1-9]")  # what the two engines' regular expressions do not share


@dataclass(frozen=True)
class LineRule:
    """Lines that fit all conditions given get the kind `effect`.

    `product_id` is a regular expression for the whole id; `price` the sign of the unit price.
    """

    name: str
    effect: str
    product_id: str | None = None
    line_type: str | None = None
    price: str | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.name, str) and self.name):
            raise ValueError("a line rule has no name")
        for key, value, words in (
            ("effect", self.effect, LINE_KINDS),
            ("line_type", self.line_type, (None, *LINE_TYPES)),
            ("price", self.price, (None, *PRICES)),
        ):
            if value not in words:
                raise self._error(f"{key} {value!r} is none of {', '.join(word for word in words if word)}")
        if self.product_id is None and self.line_type is None and self.price is None:
            raise self._error("it fits every line; give product_id, line_type or price")
        self._check_pattern()

    def _check_pattern(self) -> None:
        if self.product_id is None:
            return
        try:
            re.compile(self.product_id)
        except (re.error, TypeError) as error:
            raise self._error(f"product_id {self.product_id!r} is no regular expression: {error}") from None
        if _UNEQUAL.search(self.product_id):
            raise self._error("product_id may have neither look-around nor back-references")

    def _error(self, told: str) -> ValueError:
        return ValueError(f"line rule {self.name!r}: {told}")


def line_rules(given: Iterable[Any]) -> tuple[LineRule, ...]:
    """Rules from what a settings file says; raises in one line for what can't be meant."""
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise ValueError("line_rules is a list of tables such as { name = ..., effect = ..., product_id = ... }")
    rules = tuple(rule if isinstance(rule, LineRule) else _line_rule(rule) for rule in given)
    names = [rule.name for rule in rules]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two line rules are named {doubled!r}")
    return rules


def _line_rule(given: Any) -> LineRule:
    keys = [field.name for field in fields(LineRule)]
    if not isinstance(given, Mapping):
        raise ValueError(f"a line rule is a table with the keys {', '.join(keys)}, not {given!r}")
    if unknown := next((key for key in given if key not in keys), None):
        raise ValueError(
            f"line rule {given.get('name')!r} has an unknown key {unknown!r}; it may have {', '.join(keys)}"
        )
    if missing := next((key for key in ("name", "effect") if key not in given), None):
        raise ValueError(f"line rule {given.get('name')!r} lacks {missing}")
    return LineRule(**given)
