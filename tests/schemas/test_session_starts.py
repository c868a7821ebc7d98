"""Words of referrers: what can't be meant is refused in one line."""

import pytest

from schemas.session_starts import checked_words


def test_declared_words_are_taken_as_they_are():
    given = {"direct": "shop.example", "email": "rundbrief*|post vom laden"}
    assert checked_words(given) == given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"other": "x"}, "referrer kind 'other' is none of direct, ads, email, social, search"),
        ({"email": ["x"]}, "referrer_words is a table such as"),
        ("email", "referrer_words is a table such as"),
        ({"email": "a||b"}, "'email': a word between two | is empty"),
        ({"email": "*"}, "or a star alone"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(given, told):
    with pytest.raises(ValueError) as refused:
        checked_words(given)
    assert told in str(refused.value) and "\n" not in str(refused.value)
