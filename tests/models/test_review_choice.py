"""The better candidate by macro-F1 reads the reviews, and is read back as what it is."""

import numpy as np
import pytest

from models.review_choice import choose, load_review_text, recommend_probabilities
from models.review_network import ReviewNetwork, ReviewNetworkConfig
from models.review_text import Reading
from models.review_words import ReviewWords


class Oracle:
    """Says what it was given."""

    def __init__(self, kind: str, probabilities: list[float], threshold: float = 0.5) -> None:
        self.metrics = {"recommended_share": 0.75}
        self.kind, self.probabilities, self.threshold = kind, np.array(probabilities), threshold

    def read(self, texts) -> Reading:
        return Reading(self.probabilities, self.probabilities, self.probabilities)


ACTUAL = np.array([True] * 8 + [False] * 2)
TEXTS = ["text"] * 10


def test_macro_f1_decides_each_at_its_own_threshold_and_the_first_of_equals():
    plain = Oracle("plain", [0.9] * 10)
    sharp = Oracle("sharp", [0.9] * 8 + [0.8] * 2, threshold=0.85)
    best, measured = choose([plain, sharp], TEXTS, ACTUAL)
    assert best is sharp and measured["sharp"]["macro_f1"] == 1
    assert measured["plain"] == measured["always_yes"] | {"roc_auc": 0.5}
    assert measured["always_yes"]["macro_f1"] == pytest.approx(8 / 18)  # of yes 8/9, of no 0
    assert choose([plain, Oracle("other", [0.9] * 10)], TEXTS, ACTUAL).model is plain


def test_a_text_that_tells_nothing_is_taken_for_the_usual_share():
    model = Oracle("words", [np.nan, 0.25])
    assert recommend_probabilities(model, ["", "bad"]).tolist() == [0.75, 0.25]


def test_whichever_was_saved_is_loaded(tmp_path):
    texts, stars = ["good one", "bad one"] * 60, np.array([5, 1] * 60)
    small = ReviewNetworkConfig(min_training_reviews=10, longest_text=4, embedding_size=4, state_size=4, epochs=1)
    for model in (ReviewWords.fit(texts, stars, stars > 3), ReviewNetwork.fit(texts, stars, stars > 3, small)):
        model.save(tmp_path / model.kind)
        loaded = load_review_text(tmp_path / model.kind)
        assert type(loaded) is type(model) and loaded.kind == model.kind
        np.testing.assert_array_equal(loaded.read(texts[:4]), model.read(texts[:4]))
