"""Which of the candidates reads a shop's reviews: the one that tells best who recommends, by macro-F1."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from models.base import read_json
from models.evaluation import evaluate_recommendations
from models.review_network import ReviewNetwork
from models.review_text import TextModel
from models.review_words import ReviewWords


class ReviewChoice(NamedTuple):
    """The better model, and what each candidate, and the word yes alone, measured."""

    model: TextModel
    metrics: Mapping[str, Mapping[str, float]]


def choose(candidates: Sequence[TextModel], texts: Sequence[str | None], is_recommended: np.ndarray) -> ReviewChoice:
    """Take the candidate with the highest macro-F1 on texts that none saw, each at its own threshold.

    Of equals it is the first.
    """
    metrics = {"always_yes": evaluate_recommendations(is_recommended, np.ones(len(texts)), 0.5)}
    for candidate in candidates:
        told = recommend_probabilities(candidate, texts)
        metrics[candidate.kind] = evaluate_recommendations(is_recommended, told, candidate.threshold)
    return ReviewChoice(max(candidates, key=lambda one: metrics[one.kind]["macro_f1"]), metrics)


def recommend_probabilities(model: TextModel, texts: Sequence[str | None]) -> np.ndarray:
    """What the model says; of a text that tells nothing, the share that it learned from."""
    told = model.read(texts).recommend_probability
    return np.where(np.isnan(told), model.metrics["recommended_share"], told)


def load_review_text(directory: Path) -> TextModel:
    """Read whichever candidate was saved."""
    kinds: dict[str, type[ReviewWords] | type[ReviewNetwork]] = {"words": ReviewWords, "network": ReviewNetwork}
    return kinds[read_json(directory, "review_text.json")["kind"]].load(directory)
