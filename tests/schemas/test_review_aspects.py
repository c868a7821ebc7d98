"""Words of aspects: what is declared takes the place of the English words; what can't be meant is refused."""

import pytest

from schemas.review_aspects import ASPECTS, ReviewAspect, aspect_words, review_aspects

PRICE = {"aspect": "price", "words": "preis*| zu teuer "}


def test_declared_words_take_the_place_of_the_english_ones_of_their_aspect_alone():
    declared = review_aspects([PRICE, {"aspect": "service", "words": ""}])
    found = aspect_words(declared)
    assert tuple(found) == ASPECTS
    assert found["price"] == ("preis*", "zu teuer") and found["service"] == ()
    assert found["quality"] == aspect_words()["quality"] and "quality" in found["quality"]
    assert (
        review_aspects(declared)
        == declared
        == (ReviewAspect("price", "preis*| zu teuer "), ReviewAspect("service", ""))
    )


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([{"aspect": "smell", "words": "x"}], "review aspect 'smell' is none of size_fit, quality, delivery, price"),
        ([PRICE | {"words": ["x"]}], "'price': words is one text such as"),
        ([PRICE | {"words": "a||b"}], "'price': a word between two | is empty"),
        ([PRICE | {"words": "a|*"}], "or a star alone"),
        ([PRICE, PRICE], "'price' is declared twice"),
        ([PRICE | {"word": "x"}], "a table with the keys aspect and words"),
        (["price"], "a table with the keys aspect and words"),
        (PRICE, "review_aspects is a list of tables"),
        (5, "review_aspects is a list of tables"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(given, told):
    with pytest.raises(ValueError) as refused:
        review_aspects(given)
    assert told in str(refused.value) and "\n" not in str(refused.value)
