"""Reviews get a sentiment by their text where a model reads it, by their stars else."""

from datetime import date

import numpy as np

from features.reviews import clean_reviews
from features.usual_ratings import rating_differences
from schemas.clean import CLEAN_REVIEWS
from schemas.raw import RAW_REVIEWS


class Loud:
    """A text model that hears how loud a text is."""

    def predict(self, texts) -> np.ndarray:
        return np.array([min(1.0, text.count("!") / 2) for text in texts])


ROWS = (
    {"event_id": "1", "rating": 1, "title": "Great!", "review_text": " really  good! "},
    {"event_id": "2", "rating": 4, "title": None, "review_text": "   "},
    {"event_id": "3", "rating": 5},
)


def cleaned(frame, rows, *more):
    reviews = frame(RAW_REVIEWS, *rows)
    return clean_reviews(reviews, rating_differences(reviews, date(2000, 1, 1)), *more)


def scores(rows) -> dict[str, tuple]:
    return {row.review_id: (row.word_count, row.sentiment_score, row.sentiment_model) for row in rows.collect()}


def test_without_a_text_model_the_stars_speak(frame, assert_rows):
    rows = cleaned(frame, ROWS, None)
    assert scores(rows) == {"1": (3, -1.0, "rating"), "2": (0, 0.5, "rating"), "3": (0, 1.0, "rating")}
    assert_rows(rows, None, CLEAN_REVIEWS)


def test_a_text_model_reads_what_has_a_text(frame, assert_rows):
    rows = cleaned(frame, ROWS, (Loud(), "7"))
    assert scores(rows) == {"1": (3, 1.0, "sentiment-7"), "2": (0, 0.5, "rating"), "3": (0, 1.0, "rating")}
    assert_rows(rows, None, CLEAN_REVIEWS)


def test_a_review_scored_before_keeps_its_score(frame, assert_rows):
    before = cleaned(frame, ROWS[:2], None)
    rows = cleaned(frame, ROWS, (Loud(), "7"), before)
    assert scores(rows) == {"1": (3, -1.0, "rating"), "2": (0, 0.5, "rating"), "3": (0, 1.0, "rating")}
    assert_rows(rows, None, CLEAN_REVIEWS)
