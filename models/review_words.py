"""Texts of reviews in any language by their words and pairs of words: TF-IDF and logistic regressions."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from models.base import read_arrays, read_json, with_tuples, write_arrays, write_json
from models.review_text import HEADS, RECOMMENDED, Lessons, Reading, best_threshold, lessons, reading, texts_of

# A run of Unicode letters, with apostrophes inside. Scripts without spaces give whole phrases: weak, but never wrong.
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True)
class ReviewWordsConfig:
    """Terms in fewer than `min_reviews` reviews are left out; of the others the `max_terms` most frequent stay."""

    min_reviews: int = 3
    max_terms: int = 50_000
    inverse_regularisation: float = 3.0
    validation_share: float = 0.2
    seed: int = 0


def words(text: str) -> list[str]:
    """Words in lower case."""
    return [word.replace("’", "'") for word in _WORD.findall(text.casefold())]


def terms(text: str) -> list[str]:
    """Words, then pairs of neighbours: "not good" is a term of its own."""
    found = words(text)
    return found + [f"{first} {second}" for first, second in pairwise(found)]


@dataclass(frozen=True)
class ReviewWords:
    """One inverse document frequency per term; a weight per term, and an intercept, for each head."""

    vocabulary: tuple[str, ...]
    idf: np.ndarray
    weights: np.ndarray  # (terms, heads)
    intercepts: np.ndarray
    threshold: float
    seed: int
    metrics: dict[str, float]
    config: ReviewWordsConfig
    feature_names: tuple[str, ...] = ("review_text",)
    kind: str = "words"

    @classmethod
    def fit(
        cls, texts: Iterable[str | None], ratings: Any, is_recommended: Any, config: ReviewWordsConfig | None = None
    ) -> "ReviewWords":
        """Learn from stars, and from who recommends, as weak labels.

        The threshold is chosen on a random share that a first regression did not see; the registered ones see all.
        """
        config = config or ReviewWordsConfig()
        counted = [Counter(terms(text)) for text in texts_of(texts)]
        is_used = np.array([bool(counts) for counts in counted], dtype=bool)
        counted = [counts for counts in counted if counts]
        taught = lessons(np.asarray(ratings)[is_used], np.asarray(is_recommended)[is_used])
        seen_in = Counter(term for counts in counted for term in counts)
        often = [(-n, term) for term, n in seen_in.items() if n >= min(config.min_reviews, len(counted) // 10)]
        vocabulary = tuple(sorted(term for _, term in sorted(often)[: config.max_terms]))
        idf = np.log((1 + len(counted)) / (1 + np.array([seen_in[term] for term in vocabulary]))) + 1
        matrix = _tf_idf(counted, _positions(vocabulary), idf)
        threshold = _threshold(matrix, taught, config)
        heads = [_regression(matrix, taught, head, config) for head in range(HEADS)]
        weights, intercepts = (np.array(part) for part in zip(*heads, strict=True))
        shares = {"reviews": float(len(counted)), "recommended_share": float(taught.labels[:, RECOMMENDED].mean())}
        metrics = shares | {"terms": float(len(vocabulary)), "threshold": threshold}
        return cls(vocabulary, idf, weights.T, intercepts, threshold, config.seed, metrics, config)

    def read(self, texts: Iterable[str | None]) -> Reading:
        """What each text says."""
        at = _positions(self.vocabulary)
        matrix = _tf_idf([Counter(terms(text)) for text in texts_of(texts)], at, self.idf)
        return reading(matrix @ self.weights + self.intercepts, np.diff(matrix.indptr) > 0)

    def save(self, directory: Path) -> None:
        """Write `review_text.json` (with the vocabulary) and `review_text.npz`."""
        keys = ("kind", "vocabulary", "threshold", "seed", "metrics", "feature_names")
        content = {key: getattr(self, key) for key in keys}
        write_json(directory, "review_text.json", {**content, "config": asdict(self.config)})
        arrays = {key: getattr(self, key) for key in ("idf", "weights", "intercepts")}
        write_arrays(directory, "review_text.npz", arrays)

    @classmethod
    def load(cls, directory: Path) -> "ReviewWords":
        """Read what `save` wrote."""
        content = with_tuples({**read_json(directory, "review_text.json"), **read_arrays(directory, "review_text.npz")})
        return cls(**{**content, "config": ReviewWordsConfig(**content["config"])})


def _positions(vocabulary: tuple[str, ...]) -> dict[str, int]:
    return {term: position for position, term in enumerate(vocabulary)}


def _threshold(matrix: Any, taught: Lessons, config: ReviewWordsConfig) -> float:
    is_held = np.random.default_rng(config.seed).random(matrix.shape[0]) < config.validation_share
    seen = Lessons(taught.labels[~is_held], taught.weights[~is_held])
    weights, intercept = _regression(matrix[~is_held], seen, RECOMMENDED, config)
    logits = matrix[is_held] @ weights + intercept
    return best_threshold(taught.labels[is_held, RECOMMENDED] > 0, 1 / (1 + np.exp(-logits)))


def _regression(matrix: Any, taught: Lessons, head: int, config: ReviewWordsConfig) -> tuple[np.ndarray, float]:
    """Weights (terms,) and intercept of a head; the share alone where all say the same."""
    from sklearn.linear_model import LogisticRegression

    labels, weights = taught.labels[:, head], taught.weights[:, head]
    is_used = weights > 0
    labels = labels[is_used]
    if labels.min() == labels.max():
        share = (labels.sum() + 0.5) / (len(labels) + 1)
        return np.zeros(matrix.shape[1]), float(np.log(share / (1 - share)))
    # In the dual, a tenth to a twentieth of the time that lbfgs takes for the same forecasts.
    fast = {"solver": "liblinear", "dual": True, "tol": 1e-3, "max_iter": 1000}
    fitted = LogisticRegression(C=config.inverse_regularisation, random_state=config.seed, **fast)
    fitted.fit(matrix[is_used], labels, weights[is_used])
    return fitted.coef_[0], float(fitted.intercept_[0])


def _tf_idf(counted: list[Counter[str]], at: dict[str, int], idf: np.ndarray) -> Any:
    """Sparse (n, terms): (1 + log count) x idf, every row of length 1; a row without known terms stays empty."""
    from scipy.sparse import csr_matrix

    known = [[(at[term], count) for term, count in counts.items() if term in at] for counts in counted]
    starts = np.concatenate([[0], np.cumsum([len(row) for row in known], dtype=int)]).astype(int)
    columns = np.array([column for row in known for column, _ in row], dtype=int)
    values = (1 + np.log([count for row in known for _, count in row])) * idf[columns]
    rows = np.repeat(np.arange(len(known)), np.diff(starts))
    values = values / np.sqrt(np.bincount(rows, weights=values**2, minlength=len(known)))[rows]
    return csr_matrix((values, columns, starts), shape=(len(known), len(at)))
