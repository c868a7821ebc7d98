"""Session patterns in the engine: events to the model's arrays, the sample to mine, counts over every session."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from jobs.staging import staging
from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from pyspark.sql import DataFrame

    from features.identity_accounts import Keep
    from models.session_patterns import Rule, SessionPatternConfig, SessionPatterns
    from models.session_steps import SessionEvents

MODEL = "session_patterns"
CODED = "customer_id string, is_buying boolean, place int, session_count bigint"
EVERY = -1  # the place that every session has, so that shares have their whole


def fit(run: Run, config: "SessionPatternConfig") -> "SessionPatterns":
    """Mine a sample of the last days' sessions, then count what was found over all of them."""
    from pyspark.sql import functions as F

    from features.patterns import WINDOW_DAYS
    from features.session_sequences import session_events, stratified
    from models.base import TrainingDataError
    from models.session_patterns import SessionPatterns, candidates

    if not run.exists(CLEAN_EVENTS):
        raise TrainingDataError("the shop has no clicks")
    with staging(run, f"train-patterns-{run.as_of_date}") as keep:
        sessions = keep(session_events(run.as_of_date, run.read(CLEAN_EVENTS), WINDOW_DAYS), "sessions")
        sample = stratified(sessions, config.sample_each, run.settings.seed).select("events").toArrow()
        rules = candidates(events_of(sample.column("events").combine_chunks()), config)
        summed = F.sum("session_count").alias("session_count")
        told = coded(sessions, rules, config).groupBy("is_buying", "place").agg(summed).collect()
    counted = {(row.is_buying, row.place): int(row.session_count) for row in told}
    by_side = tuple(_counts(counted, side, len(rules)) for side in (True, False))
    everyone = (counted.get((True, EVERY), 0), counted.get((False, EVERY), 0))
    return SessionPatterns.judge(rules, (by_side[0], by_side[1]), everyone, config, run.settings.seed)


def _counts(counted: dict[tuple[bool, int], int], side: bool, rules: int) -> "np.ndarray":
    import numpy as np

    return np.array([counted.get((side, place), 0) for place in range(rules)], dtype=np.int64)


def of_champion(run: Run, events: "DataFrame", keep: "Keep") -> "DataFrame | None":
    """What each customer showed of the registered patterns, as rows for `feature_pattern`; None without a model."""
    if not run.exists(CLEAN_EVENTS):
        return None
    from models.registry import load_champion
    from models.session_patterns import SessionPatterns

    found = load_champion(MODEL, SessionPatterns.load, run.settings.tracking_uri)
    if found is None or not found[0].patterns:
        return None
    from features.patterns import WINDOW_DAYS, coded_patterns
    from features.session_sequences import session_events

    model, version = found
    # Once into a folder: shares and counts ask for it five times, and the engine would encode as often.
    rows = keep(coded(session_events(run.as_of_date, events, WINDOW_DAYS), model.rules, model.config), "coded")
    names = [(place, f"session_{one.side}", one.rule.name) for place, one in enumerate(model.patterns)]
    patterns = run.spark.createDataFrame(names, "place int, pattern_kind string, pattern string")
    return coded_patterns(run.as_of_date, rows, patterns, f"{MODEL}-{version}")


def coded(sessions: "DataFrame", rules: "Sequence[Rule]", config: "SessionPatternConfig") -> "DataFrame":
    """(customer, whether they bought, place of the rule, sessions), summed within each batch: few rows leave it."""
    return sessions.select("customer_id", "events").mapInArrow(_coder(rules, config), CODED)


def _coder(rules: "Sequence[Rule]", config: "SessionPatternConfig") -> Callable[..., Any]:
    def code(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
        from models.session_patterns import encode
        from models.session_steps import is_buying

        for batch in batches:
            events = events_of(batch.column("events"))
            yield summed(batch.column("customer_id"), is_buying(events), encode(events, rules, config))

    return code


def summed(customers: "pa.Array", buys: "np.ndarray", shown: "np.ndarray") -> "pa.RecordBatch":
    """Sessions by customer (null among them), side and place."""
    import numpy as np
    import pyarrow as pa

    whose = customers.dictionary_encode(null_encoding="encode")
    every = np.concatenate([np.ones((len(shown), 1), dtype=bool), shown], axis=1)
    session, column = np.nonzero(every)
    side = whose.indices.to_numpy(zero_copy_only=False).astype(np.int64) * 2 + buys
    keys, counts = np.unique(side[session] * every.shape[1] + column, return_counts=True)
    side, column = np.divmod(keys, every.shape[1])
    arrays = [
        whose.dictionary.take(pa.array(side // 2)).cast(pa.string()),
        pa.array(side % 2 == 1),
        pa.array((column - 1).astype(np.int32)),
        pa.array(counts.astype(np.int64)),
    ]
    return pa.record_batch(arrays, ["customer_id", "is_buying", "place", "session_count"])


def events_of(column: "pa.Array") -> "SessionEvents":
    """Lists of events, each in no order, as the arrays of the model."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    from models.session_steps import SessionEvents

    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    fields = pa.Table.from_batches([pa.RecordBatch.from_struct_array(column.flatten())])
    fields = fields.append_column("owner", pa.array(np.repeat(np.arange(len(lengths)), lengths)))
    fields = fields.sort_by([(name, "ascending") for name in ("owner", "event_at", "event_id")]).combine_chunks()
    moments = fields.column("event_at").cast(pa.timestamp("us")).cast(pa.int64()).to_numpy() / 1e6
    codes, names = {}, {}
    for name in ("event_type", "product_id", "category"):
        found = fields.column(name).combine_chunks().cast(pa.string()).dictionary_encode()
        codes[name] = found.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        names[name] = tuple(found.dictionary.to_pylist()) if name != "product_id" else ()
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return SessionEvents(
        starts=starts,
        seconds=moments,
        event=codes["event_type"],
        product=codes["product_id"],
        category=codes["category"],
        event_names=names["event_type"],
        category_names=names["category"],
    )
