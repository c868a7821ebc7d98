"""Sentiment of reviews in any language: words and pairs of words, learned from the shop's own star ratings."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from models.base import TrainingDataError, read_arrays, read_json, with_tuples, write_arrays, write_json

# A run of Unicode letters, with apostrophes inside. Scripts without spaces give whole phrases: weak, but never wrong.
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


@dataclass(frozen=True)
class SentimentConfig:
    """Ratings from `positive_from` are positive, up to `negative_to` negative; those between teach nothing."""

    positive_from: float = 4
    negative_to: float = 2
    min_reviews: int = 3
    max_terms: int = 50_000
    inverse_regularisation: float = 3.0
    seed: int = 0


def terms(text: str) -> list[str]:
    """Words in lower case, then pairs of neighbours: "not good" is a term of its own."""
    words = [word.replace("’", "'") for word in _WORD.findall(text.casefold())]
    return words + [f"{first} {second}" for first, second in pairwise(words)]


@dataclass(frozen=True)
class SentimentModel:
    """TF-IDF and logistic regression: one inverse document frequency and one weight per term."""

    vocabulary: tuple[str, ...]
    idf: np.ndarray
    weights: np.ndarray
    intercept: float
    seed: int
    metrics: dict[str, float]
    config: SentimentConfig
    feature_names: tuple[str, ...] = ("review_text",)

    @classmethod
    def fit(
        cls, texts: Sequence[str | None], ratings: np.ndarray, config: SentimentConfig | None = None
    ) -> "SentimentModel":
        """Learn from ratings as weak labels; classes weigh the same, so that 0 is neutral though most are kind."""
        from sklearn.linear_model import LogisticRegression

        config = config or SentimentConfig()
        stars = np.asarray(ratings, dtype=float)
        counted = [Counter(terms(text)) if text else Counter() for text in map(_text, texts)]
        is_used = ((stars >= config.positive_from) | (stars <= config.negative_to)) & np.array(
            [bool(c) for c in counted]
        )
        counted = [counts for counts, used in zip(counted, is_used, strict=True) if used]
        labels = (stars[is_used] >= config.positive_from).astype(int)
        if len(labels) < 20 or len(np.unique(labels)) < 2:
            raise TrainingDataError(
                f"sentiment needs 20 reviews, kind and unkind, got {len(labels)}, {labels.sum()} kind"
            )
        seen_in = Counter(term for counts in counted for term in counts)
        often = [(-n, term) for term, n in seen_in.items() if n >= min(config.min_reviews, len(labels) // 10)]
        vocabulary = tuple(sorted(term for _, term in sorted(often)[: config.max_terms]))
        idf = np.log((1 + len(labels)) / (1 + np.array([seen_in[term] for term in vocabulary]))) + 1
        matrix = _tf_idf(counted, {term: at for at, term in enumerate(vocabulary)}, idf)
        fitted = LogisticRegression(
            C=config.inverse_regularisation, class_weight="balanced", max_iter=500, random_state=config.seed
        ).fit(matrix, labels)
        metrics = {
            "reviews": float(len(labels)),
            "positive_share": float(labels.mean()),
            "terms": float(len(vocabulary)),
        }
        return cls(vocabulary, idf, fitted.coef_[0], float(fitted.intercept_[0]), config.seed, metrics, config)

    def predict(self, texts: Iterable[str | None]) -> np.ndarray:
        """Sentiment in [-1, 1]; NaN where a text is missing, empty, or holds no term the model knows."""
        at = {term: position for position, term in enumerate(self.vocabulary)}
        matrix = _tf_idf([Counter(terms(_text(text))) for text in texts], at, self.idf)
        # tanh(z / 2) is 2 P(positive) - 1.
        scores = np.tanh((matrix @ self.weights + self.intercept) / 2)
        return np.where(np.diff(matrix.indptr) > 0, scores, np.nan)

    def save(self, directory: Path) -> None:
        """Write `sentiment.json` (with the vocabulary) and `sentiment.npz`."""
        keys = ("vocabulary", "intercept", "seed", "metrics", "feature_names")
        content = {key: getattr(self, key) for key in keys}
        write_json(directory, "sentiment.json", {**content, "config": asdict(self.config)})
        write_arrays(directory, "sentiment.npz", {"idf": self.idf, "weights": self.weights})

    @classmethod
    def load(cls, directory: Path) -> "SentimentModel":
        """Read what `save` wrote."""
        content = with_tuples({**read_json(directory, "sentiment.json"), **read_arrays(directory, "sentiment.npz")})
        return cls(**{**content, "config": SentimentConfig(**content["config"])})


def _text(value: Any) -> str:
    """Pandas hands a missing text over as None, NaN or NA."""
    return value if isinstance(value, str) else ""


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
