"""Line rules: what can't be meant is refused in one line that names the rule and what it may say."""

import pytest

from schemas.line_rules import LineRule, line_rules

POST = {"name": "postage", "effect": "postage", "product_id": "POST|DOT"}


def test_rules_are_read_in_their_order():
    given = [POST, {"name": "free", "effect": "excluded", "price": "zero", "line_type": "sale"}]
    assert line_rules(given) == (
        LineRule("postage", "postage", product_id="POST|DOT"),
        LineRule("free", "excluded", line_type="sale", price="zero"),
    )
    assert line_rules(line_rules(given)) == line_rules(given) and line_rules([]) == ()


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([POST | {"sku": "x"}], "line rule 'postage' has an unknown key 'sku'; it may have name, effect, product_id"),
        ([{"effect": "postage", "product_id": "x"}], "line rule None lacks name"),
        ([{"name": "", "effect": "postage", "product_id": "x"}], "a line rule has no name"),
        ([{"name": "a", "product_id": "x"}], "line rule 'a' lacks effect"),
        ([POST | {"effect": "gone"}], "'postage': effect 'gone' is none of merchandise, postage, excluded"),
        ([POST | {"price": "low"}], "price 'low' is none of positive, zero, negative"),
        ([POST | {"line_type": "gift"}], "line_type 'gift' is none of sale, return, cancellation, adjustment"),
        ([{"name": "a", "effect": "excluded"}], "it fits every line; give product_id, line_type or price"),
        ([POST | {"product_id": "("}], r"product_id '\(' is no regular expression"),
        ([POST | {"product_id": 5}], "product_id 5 is no regular expression"),
        ([POST | {"product_id": "(?!POST).*"}], "neither look-around nor back-references"),
        ([POST | {"product_id": r"(a)\1"}], "neither look-around nor back-references"),
        ([POST, POST], "two line rules are named 'postage'"),
        (["POST"], "a line rule is a table"),
        (POST, "line_rules is a list of tables"),
        ("POST", "line_rules is a list of tables"),
        (5, "line_rules is a list of tables"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(given, told):
    with pytest.raises(ValueError, match=told) as refused:
        line_rules(given)
    assert "\n" not in str(refused.value)
