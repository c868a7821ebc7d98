"""What session patterns are worth: on the simulated shop, where it is known which sequences were planted.

Patterns are mined on the first days' sessions and judged on later ones: are the planted ones found and the decoys not,
and does LightGBM tell from them which sessions will end in a purchase, beside counts of events and k-grams? All see the
same sessions, cut before the checkout or, to ask earlier, before the first thing is put into the cart.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from jobs import session_patterns
from jobs.land.simulated.config import TIME_ZONE
from models.session_patterns import BROWSING, BUYING, SHARED, SessionPatternConfig, SessionPatterns
from models.session_steps import CATEGORY, ENDS, LOOK, SessionEvents, before, is_buying, stays, steps
from tests.benchmarks.forecasts import spread

ROOT = Path(__file__).resolve().parents[2]
CUSTOMERS, DAYS, MINED_DAYS, SEEDS = 2000, 120, 90, (1, 2, 3)
FIRST = date(2024, 1, 1)
MINED, LAST = FIRST + timedelta(days=MINED_DAYS - 1), FIRST + timedelta(days=DAYS - 1)
ORDERS_PER_MONTH = 2
SHOPS = {"planted": 1, "plain": 0}  # planted_share
ENCODED = 200_000
CUTS = {"the checkout": ENDS, "the cart": ("add_to_cart", *ENDS)}
MAIN = "the checkout"  # where `jobs.train` cuts
LEAST_SESSIONS = 20  # that hold a k-gram which becomes a column
# The bodies of sessions that the shop always has, as steps.
BODIES = {
    "compare_alike": "view > view alike > view alike",
    "search_then_look_twice": "search > view > view same",
    "dresses_then_shoes": "view in dresses > view in shoes",
    "window_shopping": "view > view elsewhere > view elsewhere",
    "search_storm": "search > search > search",
    "cart_regret": "view > add_to_cart same > remove_from_cart same",
    "back_and_forth": "view > view elsewhere > view back",
    "dresses_then_bags": "view in dresses > view in bags",
}
METHODS = ("counts", "2-grams", "3-grams", "2- and 3-grams", "patterns", "patterns and counts")


def run() -> str:
    """Measure over the seeds and return the section."""
    measured = [{shop: of_shop(seed, shop) for shop in SHOPS} for seed in SEEDS]
    lines = [
        f"Simulated shops (not real data), {CUSTOMERS} customers x {DAYS} days, {ORDERS_PER_MONTH} orders a month, "
        f"seeds {', '.join(map(str, SEEDS))}. *Plain*: each session has one of the bodies that the shop always has, "
        "its steps side by side. *Planted*: also sequences with other steps between, each with a twin on the other "
        "side that differs in order, distance or stay alone (`planted_share` 1). "
        f"Mined on the first {MINED_DAYS} days, as `jobs.train` does. Medians over the seeds, least to most in "
        "brackets.",
        "",
        "| | " + " | ".join(SHOPS) + " |",
        "|---" * (len(SHOPS) + 1) + "|",
    ]
    for title in measured[0]["plain"]["found"]:
        cells = (whole([one[shop]["found"][title] for one in measured]) for shop in SHOPS)
        lines.append(f"| {title} | {' | '.join(cells)} |")
    lines += [
        "",
        f"Which sessions of the last {DAYS - MINED_DAYS} days end in a purchase? LightGBM (200 trees) fitted on the "
        "first days, sessions cut before the checkout or before the first thing is put into the cart; ROC AUC. "
        "*Counts*: events by type, how many, seconds, mean stay. *k-grams*: counts of k steps in a row, of the very "
        "steps that patterns are made of.",
        "",
        "| columns | " + " | ".join(f"{shop}, before {cut}" for shop in SHOPS for cut in CUTS) + " |",
        "|---" * (len(SHOPS) * len(CUTS) + 1) + "|",
    ]
    for method in METHODS:
        cells = (spread([one[shop][cut][method] for one in measured]) for shop in SHOPS for cut in CUTS)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    for peer in ("counts", "2- and 3-grams"):
        gains = (
            spread([one[shop][cut]["patterns"] - one[shop][cut][peer] for one in measured], sign=True)
            for shop in SHOPS
            for cut in CUTS
        )
        lines.append(f"| *patterns less {peer}* | {' | '.join(gains)} |")
    return "\n".join([*lines, "", measured[-1]["planted"]["encoding"]])


def of_shop(seed: int, shop: str) -> dict[str, Any]:
    """Mine one shop's first days and look at its last ones; time the encoding on the last seed."""
    with tempfile.TemporaryDirectory(prefix="nightjar-bench-") as folder:
        lake = Path(folder)
        runs = conformed(lake, seed, shop)
        began = time.monotonic()
        models = {cut: session_patterns.fit(runs[0], SessionPatternConfig(ends=ends)) for cut, ends in CUTS.items()}
        seconds = (time.monotonic() - began) / len(models)
        mined, later = all_sessions(runs[1])
        timed = shop == "planted" and seed == SEEDS[-1]
        return {
            "found": {**found(truth(lake, shop), models[MAIN]), "seconds to mine and to count": seconds},
            "encoding": encoding(runs[1], models[MAIN]) if timed else "",
            **{cut: areas(model, mined, later) for cut, model in models.items()},
        }


def conformed(lake: Path, seed: int, shop: str) -> list[Any]:
    """Land and conform one shop; the runs of the last day that is mined and of the last day."""
    from jobs.settings import Settings
    from jobs.tables import Run

    dials = {"customers": CUSTOMERS, "days": DAYS, "seed": seed, "start_date": FIRST}
    dials |= {"orders_per_month": ORDERS_PER_MONTH, "planted_share": SHOPS[shop]}
    options = [word for name, value in dials.items() for word in ("--option", f"{name}={value}")]
    call(lake, "jobs.land", "--dataset", "simulated", *options, "--lake", str(lake))
    call(lake, "jobs", "ingest", "conform", "--from", str(FIRST), "--as-of", str(LAST))
    runs = [Run(day, day, Settings(lake=lake, spark_remote=None)) for day in (MINED, LAST)]
    runs[0].spark  # noqa: B018 - column expressions need a session
    return runs


def whole(numbers: list[float]) -> str:
    """Median and range of counts, or of seconds; one number where there is no range."""
    form = "{:,.0f}" if all(float(number).is_integer() for number in numbers) else "{:.1f}"
    low, middle, high = (form.format(value) for value in (min(numbers), np.median(numbers), max(numbers)))
    return middle if low == high else f"{middle} ({low} … {high})"


def call(lake: Path, module: str, *arguments: str) -> None:
    """Run a step on the lake."""
    environment = {**os.environ, "NIGHTJAR_LAKE": str(lake)}
    subprocess.run([sys.executable, "-m", module, *arguments], env=environment, check=True, cwd=ROOT)


def all_sessions(run: Any) -> tuple[SessionEvents, SessionEvents]:
    """Sessions that began on the days that were mined, and later ones."""
    from pyspark.sql import functions as F

    from features.session_sequences import session_events
    from schemas.clean import CLEAN_EVENTS

    sessions = session_events(LAST, run.read(CLEAN_EVENTS), DAYS)
    began = F.array_min(F.transform("events", lambda event: event["event_at"])).alias("began")
    rows = sessions.select("session_id", "events", began).toArrow().sort_by("session_id")
    border = pd.Timestamp(MINED + timedelta(days=1), tz=TIME_ZONE)
    is_later = (rows.column("began").to_pandas() >= border).to_numpy()
    parts = (rows.filter(pa.array(chosen)).column("events") for chosen in (~is_later, is_later))
    mined, later = (session_patterns.events_of(part.combine_chunks()) for part in parts)
    return mined, later


def truth(lake: Path, shop: str) -> pd.DataFrame:
    """What was planted in this shop: the steps, what they are typical of, and what is peculiar to them."""
    if shop == "planted":
        return pd.read_parquet(lake / "truth" / "planted.parquet")
    bodies = pd.read_parquet(lake / "truth" / "patterns.parquet").query("name in @BODIES")
    return bodies.assign(steps=bodies["name"].map(BODIES), stay="usual", between="near")


def found(told: pd.DataFrame, model: SessionPatterns) -> dict[str, float]:
    """Sessions, planted sequences found on their side and decoys on any, and patterns by side."""
    known = {pattern.rule.name: pattern for pattern in model.patterns}
    stay = f" (mean stay {model.config.long_stay_seconds:g} s)"
    planted, decoys = (told[(told["typical_of"] == "decoy") == is_decoy] for is_decoy in (False, True))
    names = planted["steps"] + np.where(planted["stay"] == "long", stay, "")
    sought = list(zip(names, planted["typical_of"], strict=True))
    hits = [name for name, side in sought if name in known and known[name].side == side]
    sys.stdout.write(f"missed: {sorted({name for name, _ in sought} - set(hits))}\n")
    seen = [(known[one.steps], one) for one in decoys.itertuples() if one.steps in known]
    least = [model.config.minimum_support * all_of for all_of in (model.buying_sessions, model.browsing_sessions)]
    hair = [(one.buying_count >= least[0]) != (one.browsing_count >= least[1]) for one, _ in seen]
    sides = Counter(pattern.side for pattern in model.patterns)
    return {
        "sessions with a purchase": model.buying_sessions,
        "sessions without": model.browsing_sessions,
        "sequences found on their side": len(hits),
        "of": len(sought),
        "decoys taken for typical of a side": sum(one.side in wrong_sides(decoy) for one, decoy in seen),
        "of decoys": len(decoys),
        "decoys that are frequent on one side alone, as the paper has it": sum(hair),
        **{f"patterns, {side}": sides[side] for side in (BUYING, BROWSING, SHARED)},
    }


def wrong_sides(decoy: Any) -> set[str]:
    """Where the steps of a decoy must not be; those of `far` alone are typical of the other side when they are near."""
    if decoy.between == "far":
        return {BUYING if decoy.buying_share > decoy.browsing_share else BROWSING}
    return {BUYING, BROWSING}


def areas(model: SessionPatterns, mined: SessionEvents, later: SessionEvents) -> dict[str, float]:
    """ROC AUC of each method on the later sessions."""
    from lightgbm import LGBMClassifier
    from scipy.sparse import csr_matrix, hstack
    from sklearn.metrics import roc_auc_score

    cut = [before(events, model.config.ends) for events in (mined, later)]
    grams = {length: gram_counts(cut, length) for length in (2, 3)}
    shown = [csr_matrix(model.predict(events).astype(float)) for events in (mined, later)]
    counted = [csr_matrix(counts(events)) for events in cut]
    columns = {
        "counts": counted,
        "2-grams": grams[2],
        "3-grams": grams[3],
        "2- and 3-grams": [hstack(pair).tocsr() for pair in zip(grams[2], grams[3], strict=True)],
        "patterns": shown,
        "patterns and counts": [hstack(pair).tocsr() for pair in zip(shown, counted, strict=True)],
    }
    labels = [is_buying(events) for events in (mined, later)]
    scores = {}
    for method in METHODS:
        trees = LGBMClassifier(n_estimators=200, learning_rate=0.05, min_child_samples=50, random_state=1, n_jobs=1)
        trees.set_params(verbose=-1).fit(columns[method][0], labels[0])
        chances = trees.predict_proba(columns[method][1])[:, 1]
        scores[method] = float(roc_auc_score(labels[1], chances))
    return scores


def counts(events: SessionEvents) -> np.ndarray:
    """Events by type in order of their names, how many, seconds from first to last, mean stay."""
    names = sorted(events.event_names)
    by_type = [np.bincount(events.owner[events.has(name)], minlength=len(events)) for name in names]
    stay = stays(events)
    known = ~np.isnan(stay)
    total = np.bincount(events.owner[known], weights=stay[known], minlength=len(events))
    length = np.diff(events.starts)
    return np.stack([*by_type, length, total, total / np.maximum(length - 1, 1)], axis=1).astype(float)


def gram_counts(cut: Iterable[SessionEvents], length: int) -> list[Any]:
    """Counts of k steps in a row of either kind; columns are those that enough mined sessions hold."""
    from scipy.sparse import csr_matrix

    pairs = [grams(events, length) for events in cut]
    held = pd.DataFrame({"owner": pairs[0][0], "gram": pairs[0][1]}).drop_duplicates()["gram"].value_counts()
    column = {gram: place for place, gram in enumerate(sorted(held.index[held >= LEAST_SESSIONS]))}
    made = []
    for owner, gram, sessions in pairs:
        place = pd.Series(gram).map(column)
        known = place.notna().to_numpy()
        rows, places = owner[known], place[known].to_numpy(dtype=int)
        made.append(csr_matrix((np.ones(len(rows)), (rows, places)), shape=(sessions, len(column))))
    return made


def grams(events: SessionEvents, length: int) -> tuple[np.ndarray, np.ndarray, int]:
    """Session and name of every k steps in a row, of both kinds of step."""
    owners, names = [], []
    for kind in (LOOK, CATEGORY):
        sequences, words = steps(events, kind)
        named = np.array(words, dtype=object)[sequences.items]
        count = max(len(named) - length + 1, 0)
        joined = named[:count]
        for shift in range(1, length):
            joined = joined + " > " + named[shift : count + shift]
        is_whole = events.owner[:count] == events.owner[length - 1 : count + length - 1]
        owners.append(events.owner[:count][is_whole])
        names.append(kind + ": " + joined[is_whole])
    return np.concatenate(owners), np.concatenate(names), len(events)


def encoding(run: Any, model: SessionPatterns) -> str:
    """Seconds from `clean_events` of many sessions to what each customer showed, in the engine."""
    from pyspark.sql import functions as F

    from features.session_sequences import session_events
    from jobs.staging import staging
    from schemas.clean import CLEAN_EVENTS

    events = run.read(CLEAN_EVENTS).filter(~F.col("is_bot"))
    times = -(-ENCODED // events.select("session_id").distinct().count())
    copies = events.crossJoin(run.spark.range(times).withColumnRenamed("id", "copy"))
    for name in ("session_id", "event_id", "customer_id"):
        copies = copies.withColumn(name, F.concat_ws("-", F.col(name), F.col("copy").cast("string")))
    with staging(run, "bench") as keep:
        many = keep(copies.drop("copy"), "events")
        sessions = session_events(LAST, many, DAYS)
        count, size = sessions.count(), many.count()
        began = time.monotonic()
        rows = keep(session_patterns.coded(sessions, model.rules, model.config), "coded").count()
        seconds = time.monotonic() - began
    return (
        f"Encoding {count:,} sessions ({size:,} events) with {len(model.patterns)} patterns, from clean events to "
        f"{rows:,} sums per customer: {seconds:.1f} s on sail, {os.cpu_count()} cores."
    )
