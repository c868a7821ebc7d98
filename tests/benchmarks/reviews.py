"""What texts of reviews tell: who recommends, how many stars, and what of each aspect.

Who recommends, on real reviews in five folds: a model sees the stars of its training folds, or who recommends there,
and chooses its threshold there. Aspects on the simulated shop, where what each sentence speaks of, and how, is known.
"""

import os
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.forecasts import spread

SEEDS, FOLDS = (1, 2, 3), 5
SHOP = {"customers": 2000, "days": 240, "seed": 1}
MOODS = ("bad", "mixed", "good")
METRICS = ("macro_f1", "weighted_f1", "roc_auc")
YES, PEER, WORDS, NETWORK = "yes to all", "scikit-learn", "words", "network"


def run() -> str:
    """Measure and return the section."""
    reviews = clothing_reviews()
    told: dict[tuple[str, str], list[dict[str, float]]] = {}
    of_stars: dict[str, list[pd.DataFrame]] = {WORDS: [], NETWORK: []}
    for seed in SEEDS:
        fold = np.random.default_rng(seed).permutation(len(reviews)) % FOLDS
        for number in range(FOLDS):
            training, held = reviews[fold != number], reviews[fold == number]
            for key, (measured, read) in of_fold(training, held, seed).items():
                told.setdefault(key, []).append(measured)
                if key[1] == "stars" and key[0] in of_stars:
                    of_stars[key[0]].append(pd.DataFrame({"stars": held["stars"], "implied": read.implied_rating}))
    parts = (recommendations(reviews, told), gaps(of_stars), aspects())
    return "\n\n".join("\n".join(part) for part in parts)


def clothing_reviews() -> pd.DataFrame:
    """Texts, stars and recommendations of the Women's Clothing reviews."""
    place = os.environ.get("NIGHTJAR_SHARED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
    rows = pd.read_csv(Path(place) / "clothing-reviews" / "reviews.csv")
    texts = rows[["Title", "Review Text"]].fillna("").agg("\n".join, axis=1)
    return pd.DataFrame({"text": texts, "stars": rows["Rating"], "yes": rows["Recommended IND"] == 1})


def of_fold(
    training: pd.DataFrame, held: pd.DataFrame, seed: int
) -> dict[tuple[str, str], tuple[dict[str, float], Any]]:
    """Metrics, and what was read, by candidate and what it was taught."""
    from models.evaluation import evaluate_recommendations
    from models.review_choice import recommend_probabilities
    from models.review_network import ReviewNetwork, ReviewNetworkConfig
    from models.review_words import ReviewWords, ReviewWordsConfig

    yes = held["yes"].to_numpy()
    said = peer(training, seed).predict_proba(held["text"])[:, 1]
    found: dict[tuple[str, str], tuple[dict[str, float], Any]] = {
        (YES, "–"): (evaluate_recommendations(yes, np.ones(len(held)), 0.5), None),
        (PEER, "recommendations"): (evaluate_recommendations(yes, said, 0.5), None),
    }
    words = partial(ReviewWords.fit, config=ReviewWordsConfig(seed=seed))
    network = partial(ReviewNetwork.fit, config=ReviewNetworkConfig(seed=seed))
    by_stars = training["stars"] >= 4  # as jobs/train.py has it
    fits = ((WORDS, "recommendations", words), (WORDS, "stars", words), (NETWORK, "stars", network))
    for name, taught, fit in fits:
        labels = by_stars if taught == "stars" else training["yes"]
        began = time.process_time()
        model = fit(training["text"].tolist(), training["stars"].to_numpy(), labels.to_numpy())
        seconds = time.process_time() - began
        probabilities = recommend_probabilities(model, held["text"].tolist())
        measured = evaluate_recommendations(yes, probabilities, model.threshold) | {"seconds": seconds}
        found[name, taught] = (measured, model.read(held["text"].tolist()))
    return found


def peer(training: pd.DataFrame, seed: int) -> Any:
    """TF-IDF and logistic regression as a notebook has them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    return make_pipeline(words, LogisticRegression(C=3, max_iter=500, random_state=seed)).fit(
        training["text"], training["yes"]
    )


def recommendations(reviews: pd.DataFrame, told: dict[tuple[str, str], list[dict[str, float]]]) -> list[str]:
    """Who recommends: a row for each candidate."""
    names = {
        YES: "yes to all",
        PEER: "scikit-learn's TF-IDF + logistic regression, threshold 0.5",
        WORDS: "Nightjar, words: TF-IDF + logistic regressions",
        NETWORK: "Nightjar, network: GRU both ways, in JAX",
    }
    lines = [
        f"Women's Clothing reviews (real, {len(reviews):,} rows, {reviews['yes'].mean():.1%} recommend), {FOLDS} folds "
        f"drawn by seed {', '.join(map(str, SEEDS))}; thresholds chosen within the training folds. Median "
        f"over the {FOLDS * len(SEEDS)} folds, least to most in brackets. The pipeline's models learn from stars alone "
        "(4 and 5 are yes).",
        "",
        "| who recommends | taught by | macro-F1 | weighted F1 | ROC AUC | CPU seconds to train |",
        "|---|---|---|---|---|---|",
    ]
    for (name, taught), measured in told.items():
        cells = [spread([one[metric] for one in measured]) for metric in METRICS]
        seconds = [one["seconds"] for one in measured if "seconds" in one]
        cells.append(f"{np.median(seconds):.1f} ({min(seconds):.1f} … {max(seconds):.1f})" if seconds else "–")
        lines.append(f"| {names[name]} | {taught} | {' | '.join(cells)} |")
    return lines


def gaps(of_stars: dict[str, list[pd.DataFrame]]) -> list[str]:
    """Stars that texts imply, and the rating-text gap, by the stars given."""
    lines = [
        "Rating-text gap on the folds held out (stars that the text implies less stars given; taught by stars; mean "
        "over all seeds):",
        "",
        "| stars given | 1 | 2 | 3 | 4 | 5 |",
        "|---|---|---|---|---|---|",
    ]
    told = []
    for name, parts in of_stars.items():
        rows = pd.concat(parts).dropna()
        implied = rows.groupby("stars")["implied"].mean()
        gap = implied - implied.index
        lines.append(f"| {name}: stars implied | {' | '.join(f'{value:.2f}' for value in implied)} |")
        lines.append(f"| {name}: gap | {' | '.join(f'{value:+.2f}' for value in gap)} |")
        is_ordered = bool((np.diff(gap) < 0).all() and (np.diff(implied) > 0).all())
        told.append(f"{name} {'yes' if is_ordered else '**no**'}")
    return [*lines, "", f"The more stars, the more are implied and the smaller the gap: {', '.join(told)}."]


def aspects() -> list[str]:
    """Sentences of the simulated shop: found, mistaken, and their sentiment by what the customer felt."""
    from features.aspects import aspect_patterns, aspect_sentiments
    from models.review_words import ReviewWords
    from schemas.review_aspects import ASPECTS, aspect_words

    texts, stars, mood = simulated_reviews()
    is_held = np.arange(len(texts)) % FOLDS == 0
    model = ReviewWords.fit(texts[~is_held], stars[~is_held], stars[~is_held] >= 4)
    held, moods = texts[is_held].tolist(), mood[is_held]
    found = aspect_sentiments(
        held, aspect_patterns(aspect_words()), lambda said: model.read(said).sentiment, np.zeros(len(held))
    )
    lines = [
        f"Aspects in {len(held):,} reviews of the simulated shop (not real data; {SHOP['customers']} customers x "
        f"{SHOP['days']} days, seed {SHOP['seed']}) by the English words; the text model learned from the stars of "
        "others. Whoever wrote the words had read the shop's sentences: precision and recall of naming are a check, no "
        "measure. The mean sentiment by the mood of the sentence, which no model saw, is one.",
        "",
        "| aspect | precision | recall | bad | mixed | good | bad below good, of pairs |",
        "|---|---|---|---|---|---|---|",
    ]
    for column, aspect in enumerate(ASPECTS):
        is_named, is_spoken = ~np.isnan(found[aspect]), moods[:, column] >= 0
        both = is_named & is_spoken
        by_mood = [found[aspect][both & (moods[:, column] == number)] for number in range(len(MOODS))]
        figures = [both.sum() / is_named.sum(), both.sum() / is_spoken.sum(), *(part.mean() for part in by_mood)]
        lines.append(
            f"| {aspect} | {' | '.join(f'{value:.2f}' for value in (*figures, auc(by_mood[0], by_mood[2])))} |"
        )
    return lines


def auc(low: np.ndarray, high: np.ndarray) -> float:
    """Share of pairs in the right order."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(np.repeat([0, 1], [len(low), len(high)]), np.concatenate([low, high])))


def simulated_reviews() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Texts, stars, and moods (n, aspects; -1: not spoken of) of the simulated shop, as it knows them."""
    from jobs.land.simulated.config import ShopConfig
    from jobs.land.simulated.orders import BASE
    from jobs.land.simulated.render import review_table
    from jobs.land.simulated.reviews import reviews_of_day
    from jobs.land.simulated.world import make_world

    world = make_world(ShopConfig(**SHOP))
    texts: list[str] = []
    parts: list[Sequence[Any]] = []
    for day in range(SHOP["days"]):
        rows = reviews_of_day(world, day, BASE)
        if len(rows):
            numbers = np.arange(len(rows))
            table = review_table(world, day, BASE, rows, numbers, np.zeros(len(rows), dtype=np.int64))
            titles, bodies = (table.column(name).to_pylist() for name in ("title", "review_text"))
            texts += [f"{title}\n{body}" if body else "" for title, body in zip(titles, bodies, strict=True)]
            parts.append((rows.rating, rows.mood))
    stars, mood = (np.concatenate(part) for part in zip(*parts, strict=True))
    has_text = np.array([bool(text) for text in texts])
    return np.array(texts, dtype=object)[has_text], stars[has_text], mood[has_text]
