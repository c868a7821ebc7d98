import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import roc_auc_score

from models.base import TrainingDataError
from models.sentiment import SentimentModel, terms

KIND = ["love this dress", "não há nada melhor", "обожаю это платье", "love it, truly great"]
UNKIND = ["bad cloth, not great", "produto ruim demais", "ужасное качество", "really bad and ugly"]


@pytest.fixture(scope="module")
def model():
    return SentimentModel.fit((KIND + UNKIND) * 10, ([5, 4] * 2 + [1, 2] * 2) * 10)


def test_terms_are_unicode_words_and_pairs_without_digits_or_marks():
    assert terms("Don’t buy 2 of it!") == ["don't", "buy", "of", "it", "don't buy", "buy of", "of it"]
    assert terms("ÓTIMO Straße") == ["ótimo", "strasse", "ótimo strasse"]
    assert terms("?!… 123 _") == []


def test_kind_texts_score_above_and_unkind_below_0_in_each_language(model):
    assert (model.predict(KIND) > 0.3).all()
    assert (model.predict(UNKIND) < -0.3).all()


def test_missing_empty_or_unknown_text_has_no_score(model):
    scores = model.predict([None, np.nan, pd.NA, "", "  ?! 12", "qwertz", "love"])
    assert np.isnan(scores[:6]).all()
    assert scores[6] > 0


@given(st.text(max_size=80))
def test_any_text_scores_within_bounds_or_not_at_all(model, text):
    score = model.predict([text])[0]
    assert np.isnan(score) or -1 <= score <= 1


def test_the_score_is_what_sklearn_would_compute_from_the_same_parts(model):
    texts = ["love love this bad dress", "great cloth, not ugly"]
    theirs = TfidfVectorizer(analyzer=terms, vocabulary=list(model.vocabulary), sublinear_tf=True)
    theirs.fit((KIND + UNKIND) * 10)
    np.testing.assert_allclose(theirs.idf_, model.idf)
    positive = 1 / (1 + np.exp(-(theirs.transform(texts) @ model.weights + model.intercept)))
    np.testing.assert_allclose(model.predict(texts), 2 * positive - 1, rtol=1e-12)


def test_middling_ratings_teach_nothing(model):
    middling = SentimentModel.fit((KIND + UNKIND) * 10 + ["love bad"] * 30, ([5, 4] * 2 + [1, 2] * 2) * 10 + [3] * 30)
    assert middling.metrics == model.metrics
    np.testing.assert_array_equal(middling.weights, model.weights)


def test_many_kind_reviews_do_not_make_every_text_kind():
    texts = ["meh"] * 90 + ["good"] * 90 + ["meh"] * 10 + ["bad"] * 10
    model = SentimentModel.fit(texts, [5] * 180 + [1] * 20)
    good, meh, bad = model.predict(["good", "meh", "bad"])  # "meh" is half of the kind and half of the unkind reviews
    assert abs(meh) < 0.2
    assert bad < -0.5 < 0.5 < good


def test_saved_and_loaded_model_scores_equally(model, tmp_path):
    model.save(tmp_path)
    loaded = SentimentModel.load(tmp_path)
    np.testing.assert_array_equal(loaded.predict(KIND + UNKIND), model.predict(KIND + UNKIND))
    assert (loaded.vocabulary, loaded.config, loaded.metrics) == (model.vocabulary, model.config, model.metrics)


def test_one_sided_or_too_few_reviews_are_refused():
    with pytest.raises(TrainingDataError, match="kind and unkind"):
        SentimentModel.fit(KIND * 20, [5] * 80)
    with pytest.raises(TrainingDataError, match="got 2"):
        SentimentModel.fit(["good", "bad", ""], [5, 1, 1])


def test_held_out_clothing_reviews_tell_who_recommends(shared_data):
    reviews = pd.read_csv(shared_data / "clothing-reviews" / "reviews.csv")
    texts = (reviews["Title"].fillna("") + ". " + reviews["Review Text"].fillna("")).to_numpy()
    is_held = np.arange(len(reviews)) % 5 == 0
    model = SentimentModel.fit(list(texts[~is_held]), reviews["Rating"][~is_held])
    scores = model.predict(texts[is_held])
    has_text = ~np.isnan(scores)
    assert has_text.mean() > 0.95
    assert roc_auc_score(reviews["Recommended IND"][is_held][has_text], scores[has_text]) >= 0.93
