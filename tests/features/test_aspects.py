"""Aspects are found by words, in any case and accent, and told apart by sentence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.aspects import aspect_patterns, aspect_sentiments, plain, sentences
from jobs.land.olist import REVIEW_ASPECTS
from jobs.land.simulated.phrases import ASPECTS as SPOKEN
from jobs.land.simulated.phrases import SENTENCES
from schemas.review_aspects import ASPECTS, aspect_words, review_aspects

ENGLISH = aspect_patterns(aspect_words())


def named(text: str, patterns=ENGLISH) -> set[str]:
    return {aspect for aspect, pattern in patterns.items() if pattern.search(plain(text))}


@pytest.mark.parametrize(
    ("word", "text", "is_named"),
    [
        ("deliver*", "The DELIVERY came", True),
        ("deliver*", "undelivered", False),
        ("fit", "it fits", False),
        ("fit", "a good fit, yes", True),
        ("on sale", "bought on\n sale", True),
        ("on sale", "onsale", False),
        ("preço*", "o PRECO caiu", True),
        ("preco*", "ótimos preços", True),
        ("a.b", "axb", False),
    ],
)
def test_a_word_fits_whole_words_in_any_case_and_accent_and_a_star_any_ending(word, text, is_named):
    assert bool(named(text, aspect_patterns({"aspect": (word,)}))) == is_named


def test_an_aspect_without_words_is_never_named():
    assert aspect_patterns({"price": (), "service": ("staff",)}).keys() == {"service"}


def test_sentences_end_at_marks_and_lines_but_not_within_a_number():
    assert sentences("Nice\nIt is 5.4 cm. Really?! yes… no") == ["Nice", "It is 5.4 cm", "Really", "yes", "no"]
    assert sentences(" .\n!") == []


def test_an_aspect_is_the_mean_of_its_readable_sentences_else_what_stands_otherwise():
    scores = {"price good": 1.0, "price bad": -0.5, "price": np.nan}
    found = aspect_sentiments(
        ["price good. price bad. price", "price", "nothing", ""],
        aspect_patterns({"price": ("price",)}),
        lambda said: np.array([scores[one] for one in said]),
        np.array([9, 0.125, 9, 9]),
    )
    np.testing.assert_array_equal(found["price"], [0.25, 0.125, np.nan, np.nan])


@given(st.lists(st.text(max_size=60), max_size=4))
def test_any_text_is_read_and_only_what_names_an_aspect_has_a_sentiment_of_it(texts):
    found = aspect_sentiments(texts, ENGLISH, lambda said: np.zeros(len(said)), np.zeros(len(texts)))
    for aspect, values in found.items():
        is_named = [any(aspect in named(part) for part in sentences(text)) for text in texts]
        assert list(~np.isnan(values)) == is_named


def test_the_english_words_find_what_the_simulated_shops_sentences_speak_of():
    """A few name nothing ("I had to ask twice."); none may be taken for another aspect."""
    spoken = [
        (name, line)
        for name, aspect in zip(ASPECTS, SPOKEN, strict=True)
        for mood in SENTENCES[aspect]
        for line in mood
    ]
    found = [(name, line) for name, line in spoken if name in named(line)]
    mistaken = [(name, line, named(line)) for name, line in spoken if named(line) - {name}]
    assert len(found) >= 0.85 * len(spoken), set(spoken) - set(found)
    assert not mistaken


def test_olists_words_are_portuguese():
    patterns = aspect_patterns(aspect_words(review_aspects(REVIEW_ASPECTS)))
    assert named("Chegou antes do prazo, ótima qualidade!", patterns) == {"delivery", "quality"}
    assert named("Price, service and size", patterns) == set()
