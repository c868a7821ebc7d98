"""Reviews say what their text says where a model reads it, and what their stars say else."""

from datetime import date

import numpy as np
import pytest

from features.reviews import clean_reviews
from features.usual_ratings import rating_differences
from models.review_text import Reading
from schemas.clean import CLEAN_REVIEWS
from schemas.raw import RAW_REVIEWS
from schemas.review_aspects import aspect_words


class Loud:
    """A text model that hears how loud a text is, and nothing of a text without a mark."""

    def read(self, texts) -> Reading:
        loud = np.array([text.count("!") if "!" in text else np.nan for text in texts])
        return Reading(np.minimum(1, loud / 2), np.minimum(1, loud / 4), 1 + np.minimum(4, loud))


ROWS = (
    {"event_id": "1", "rating": 1, "title": "Great!", "review_text": " really  good! "},
    {"event_id": "2", "rating": 4, "title": None, "review_text": "   "},
    {"event_id": "3", "rating": 5},
    {"event_id": "4", "rating": 3, "title": "quiet", "review_text": ""},
)
BY_STARS = {"2": (0, 0.5, 1, None, "rating"), "3": (0, 1, 1, None, "rating"), "4": (1, 0, 0, None, "rating")}


def cleaned(frame, rows, champion=None, words=None, published=None):
    reviews = frame(RAW_REVIEWS, *rows)
    differences = rating_differences(reviews, date(2000, 1, 1))
    return clean_reviews(reviews, differences, champion, aspect_words() if words is None else words, published)


def said(rows) -> dict[str, tuple]:
    names = ("word_count", "sentiment_score", "recommend_probability", "rating_text_gap", "sentiment_model")
    return {row.review_id: tuple(row[name] for name in names) for row in rows.collect()}


def test_without_a_text_model_the_stars_speak(frame, assert_rows):
    rows = cleaned(frame, ROWS)
    assert said(rows) == BY_STARS | {"1": (3, -1, 0, None, "rating")}
    assert_rows(rows, None, CLEAN_REVIEWS)


def test_a_text_model_reads_what_has_a_text_that_it_can_read(frame, assert_rows):
    rows = cleaned(frame, ROWS, (Loud(), "7"))
    assert said(rows) == BY_STARS | {"1": (3, 1, 0.5, 2, "review_text-7")}
    assert_rows(rows, None, CLEAN_REVIEWS)


class Exact:
    """A text model that knows a few sentences by heart, and of everything longer that it is middling."""

    def read(self, texts) -> Reading:
        by_heart = {"It fits": 1.0, "too tight": 0.5, "Price is fair": -1.0}
        scores = np.array([by_heart.get(text, 0.25 if len(text) > 30 else np.nan) for text in texts])
        return Reading(scores, (scores + 1) / 2, 3 + 2 * scores)


APART = {"event_id": "1", "rating": 2, "title": "It fits", "review_text": "too tight! Price is fair. Staff? Lovely."}


@pytest.mark.parametrize(
    ("champion", "wanted"),
    [
        ((Exact(), "7"), {"size_fit": 0.75, "price": -1, "service": 0.25}),
        (None, {"size_fit": -0.5, "price": -0.5, "service": -0.5}),
    ],
)
def test_an_aspect_has_the_sentiment_of_its_sentences_else_of_the_review_and_none_where_it_is_not_named(
    frame, assert_rows, champion, wanted
):
    rows = cleaned(frame, [APART], champion)
    [row] = rows.collect()
    assert {name: row[f"{name}_sentiment"] for name in aspect_words()} == {"quality": None, "delivery": None} | wanted
    assert_rows(rows, None, CLEAN_REVIEWS)


def test_what_was_published_of_a_review_stays_whatever_model_and_words_there_are_now(frame, assert_rows):
    rows = [ROWS[0] | {"review_text": "The price is right!"}, *ROWS[1:]]
    published = cleaned(frame, rows[:2], None, {})
    found = cleaned(frame, rows, (Loud(), "7"), None, published)
    assert said(found) == BY_STARS | {"1": (5, -1, 0, None, "rating")}
    assert [row.price_sentiment for row in found.collect()] == [None] * 4
    assert_rows(found, None, CLEAN_REVIEWS)
