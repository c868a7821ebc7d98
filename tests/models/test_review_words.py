"""Texts by their words: each language, each head, nothing read into what can't be read."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from models.base import TrainingDataError
from models.review_words import ReviewWords, terms

KIND = ["love this dress", "não há nada melhor", "обожаю это платье", "love it, truly great"]
UNKIND = ["bad cloth, not great", "produto ruim demais", "ужасное качество", "really bad and ugly"]
STARS = np.array(([5, 4] * 2 + [1, 2] * 2) * 10)


@pytest.fixture(scope="module")
def model():
    return ReviewWords.fit((KIND + UNKIND) * 10, STARS, STARS >= 4)


def test_terms_are_unicode_words_and_pairs_without_digits_or_marks():
    assert terms("Don’t buy 2 of it!") == ["don't", "buy", "of", "it", "don't buy", "buy of", "of it"]
    assert terms("ÓTIMO Straße") == ["ótimo", "strasse", "ótimo strasse"]
    assert terms("?!… 123 _") == []


def test_kind_texts_read_above_and_unkind_below_the_middle_in_each_language(model):
    kind, unkind = model.read(KIND), model.read(UNKIND)
    assert (kind.sentiment > 0.3).all() and (unkind.sentiment < -0.3).all()
    assert (kind.recommend_probability > 0.5).all() and (unkind.recommend_probability < 0.5).all()
    assert (kind.implied_rating > 3.2).all() and (unkind.implied_rating < 2.8).all()


def test_missing_empty_or_unknown_text_says_nothing(model):
    for said in model.read([None, np.nan, pd.NA, "", "  ?! 12", "qwertz", "love"]):
        assert np.isnan(said[:6]).all() and not np.isnan(said[6])


@given(st.text(max_size=80))
def test_any_text_reads_within_bounds_or_not_at_all(model, text):
    [sentiment], [probability], [stars] = model.read([text])
    is_unread = np.isnan([sentiment, probability, stars])
    assert is_unread.all() or (-1 <= sentiment <= 1 and 0 <= probability <= 1 and 1 <= stars <= 5)


def test_what_is_read_is_what_sklearn_would_compute_from_the_same_parts(model):
    texts = ["love love this bad dress", "great cloth, not ugly"]
    theirs = TfidfVectorizer(analyzer=terms, vocabulary=list(model.vocabulary), sublinear_tf=True)
    theirs.fit((KIND + UNKIND) * 10)
    np.testing.assert_allclose(theirs.idf_, model.idf)
    said = 1 / (1 + np.exp(-(theirs.transform(texts) @ model.weights + model.intercepts)))
    found = model.read(texts)
    np.testing.assert_allclose(found.sentiment, 2 * said[:, 0] - 1, rtol=1e-12)
    np.testing.assert_allclose(found.recommend_probability, said[:, 1], rtol=1e-12)
    np.testing.assert_allclose(found.implied_rating, 1 + said[:, 2:].sum(axis=1), rtol=1e-12)


def test_middling_ratings_teach_nothing_of_the_sentiment_but_of_the_stars():
    texts = (KIND + UNKIND) * 10 + ["love bad"] * 30
    kind, unkind, middling = (
        ReviewWords.fit(texts, np.append(STARS, [stars] * 30), np.append(STARS >= 4, [False] * 30))
        for stars in (5, 1, 3)
    )
    [towards_kind], [towards_unkind], [between] = (
        model.read(["love bad"]).sentiment for model in (kind, unkind, middling)
    )
    assert towards_unkind < -0.5 and abs(between) < 0.3 and towards_kind > 0.5
    assert abs(middling.read(["love bad"]).implied_rating[0] - 3) < 0.5


def test_many_kind_reviews_do_not_make_every_text_kind_though_most_recommend():
    texts, stars = ["meh"] * 90 + ["good"] * 90 + ["meh"] * 10 + ["bad"] * 10, np.array([5] * 180 + [1] * 20)
    model = ReviewWords.fit(texts, stars, stars >= 4)
    read = model.read(["good", "meh", "bad"])  # "meh" is half of the kind and half of the unkind reviews
    good, meh, bad = read.sentiment
    assert abs(meh) < 0.2 and bad < -0.5 < 0.5 < good
    assert read.recommend_probability[1] == pytest.approx(0.9, abs=0.05)


def test_a_shop_without_a_one_star_review_is_sure_of_two_stars():
    stars = np.where(STARS == 1, 2, STARS)
    model = ReviewWords.fit((KIND + UNKIND) * 10, stars, stars >= 4)
    assert (model.read(UNKIND).implied_rating > 1.95).all()


def test_who_recommends_may_be_taught_apart_from_the_stars():
    model = ReviewWords.fit((KIND + UNKIND) * 10, STARS, STARS < 4)
    assert (model.read(KIND).sentiment > 0.3).all() and (model.read(KIND).recommend_probability < 0.5).all()


def test_saved_and_loaded_model_reads_equally(model, tmp_path):
    model.save(tmp_path)
    loaded = ReviewWords.load(tmp_path)
    np.testing.assert_array_equal(loaded.read(KIND + UNKIND), model.read(KIND + UNKIND))
    assert (loaded.vocabulary, loaded.config, loaded.metrics) == (model.vocabulary, model.config, model.metrics)
    assert loaded.threshold == model.threshold


def test_empty_texts_do_not_count_as_reviews():
    with pytest.raises(TrainingDataError, match="got 2"):
        ReviewWords.fit(["good", "bad", *[""] * 30], [5, 1, *[5] * 30], [True] * 32)


def test_held_out_clothing_reviews_tell_who_recommends_and_how_many_stars(shared_data):
    reviews = pd.read_csv(shared_data / "clothing-reviews" / "reviews.csv")
    texts = (reviews["Title"].fillna("") + "\n" + reviews["Review Text"].fillna("")).to_numpy()
    stars = reviews["Rating"].to_numpy()
    is_held = np.arange(len(reviews)) % 5 == 0
    model = ReviewWords.fit(texts[~is_held], stars[~is_held], stars[~is_held] >= 4)
    read = model.read(texts[is_held])
    has_text = ~np.isnan(read.sentiment)
    assert has_text.mean() > 0.95
    yes = reviews["Recommended IND"].to_numpy()[is_held][has_text]
    assert roc_auc_score(yes, read.recommend_probability[has_text]) >= 0.93
    gaps = pd.Series((read.implied_rating - stars[is_held])[has_text]).groupby(stars[is_held][has_text]).mean()
    assert (np.diff(gaps) < 0).all()  # the fewer the stars, the kinder the text beside them
    implied = pd.Series(read.implied_rating[has_text]).groupby(stars[is_held][has_text]).mean()
    assert (np.diff(implied) > 0).all()
