"""What a model of texts learns from a shop's own stars, and what it then says of a review.

Every such model gives six logits per text, its heads: whether the text is kind, whether its writer recommends, and
whether the stars are at least 2, 3, 4 and 5. From them come a sentiment, a probability and the stars that the text
implies.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from models.base import Model, TrainingDataError

KIND_FROM, UNKIND_TO = 4, 2  # stars; those between teach nothing of the sentiment
STARS = (2, 3, 4, 5)
HEADS = 2 + len(STARS)
SENTIMENT, RECOMMENDED, AT_LEAST = 0, 1, slice(2, HEADS)


class Reading(NamedTuple):
    """What texts say, each (n,); NaN where a text is missing, empty, or holds no word that the model knows."""

    sentiment: np.ndarray  # from -1 to 1
    recommend_probability: np.ndarray
    implied_rating: np.ndarray  # expected stars, from 1 to 5


class TextModel(Model, Protocol):
    """What every candidate can do."""

    @property
    def kind(self) -> str:
        """Name of the method."""

    @property
    def threshold(self) -> float:
        """Probability from which a text is taken to recommend."""

    def read(self, texts: Iterable[str | None]) -> Reading:
        """What each text says."""


class Lessons(NamedTuple):
    """What texts are to teach: labels and weights, both (n, heads)."""

    labels: np.ndarray
    weights: np.ndarray


def lessons(ratings: Any, is_recommended: Any) -> Lessons:
    """Labels of every head.

    Kind and unkind texts weigh the same in the sentiment, so that 0 is neutral though most are kind. The others are
    probabilities: there every text weighs the same.
    """
    stars = np.asarray(ratings, dtype=float)
    labels = np.column_stack([stars >= KIND_FROM, np.asarray(is_recommended, dtype=bool), *(stars >= k for k in STARS)])
    is_kind, is_unkind = stars >= KIND_FROM, stars <= UNKIND_TO
    if len(stars) < 20 or not (is_kind.any() and is_unkind.any()):
        raise TrainingDataError(
            f"review_text needs 20 reviews, kind and unkind, got {len(stars)}, {is_kind.sum()} kind"
        )
    weights = np.ones(labels.shape)
    each = (is_kind.sum() + is_unkind.sum()) / 2
    weights[:, SENTIMENT] = is_kind * each / is_kind.sum() + is_unkind * each / is_unkind.sum()
    return Lessons(labels.astype(float), weights)


def reading(logits: np.ndarray, is_read: np.ndarray) -> Reading:
    """What logits (n, heads) say of the texts that were read."""
    from scipy.special import expit

    said = np.where(is_read[:, None], logits, np.nan)
    at_least = expit(said[:, AT_LEAST])
    # tanh(z / 2) is 2 P(kind) - 1.
    return Reading(np.tanh(said[:, SENTIMENT] / 2), expit(said[:, RECOMMENDED]), 1 + at_least.sum(axis=1))


def best_threshold(is_recommended: np.ndarray, probabilities: np.ndarray) -> float:
    """The probability from which taking texts as recommending gives the highest macro-F1; 0.5 where one class lacks."""
    known = np.isfinite(probabilities)
    actual, forecast = np.asarray(is_recommended, dtype=bool)[known], probabilities[known]
    if not 0 < actual.sum() < len(actual):
        return 0.5
    order = np.argsort(-forecast, kind="stable")
    actual, forecast = actual[order], forecast[order]
    hits, taken, rest = np.cumsum(actual), np.arange(1, len(actual) + 1), len(actual) - actual.sum()
    yes = 2 * hits / (taken + actual.sum())
    right_no = rest - (taken - hits)
    no = 2 * right_no / np.maximum(len(actual) - taken + rest, 1)
    ends_a_tie = np.append(forecast[1:] < forecast[:-1], True)
    at = int(np.argmax(np.where(ends_a_tie, yes + no, -1)))
    below = forecast[at + 1] if at + 1 < len(forecast) else 0.0
    return float((forecast[at] + below) / 2)


def texts_of(values: Iterable[Any]) -> Sequence[str]:
    """Texts; pandas hands a missing one over as None, NaN or NA."""
    return [value if isinstance(value, str) else "" for value in values]
