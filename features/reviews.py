"""Reviews with what their texts say, and how their stars compare with what is usual."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from features.aspects import aspect_patterns, aspect_sentiments
from schemas.review_aspects import ASPECTS

RECOMMENDING_FROM = 4  # stars: no source tells who recommends, so these speak
ASPECT_COLUMNS = tuple(f"{aspect}_sentiment" for aspect in ASPECTS)
_TOLD = ("text_sentiment", "text_recommends", "text_rating")
_READ = ", ".join(["event_id string", *(f"{name} double" for name in (*_TOLD, *ASPECT_COLUMNS))])
_SAID = (
    "sentiment_score",
    "recommend_probability",
    "rating_text_gap",
    *ASPECT_COLUMNS,
    "sentiment_model",
    "customer_rating_difference",
    "product_rating_difference",
)


def review_text() -> Column:
    """Title and text of a raw review, a line each; null where both are empty."""
    title, text = (F.when(F.trim(name) != "", F.trim(name)) for name in ("title", "review_text"))
    both = F.concat_ws("\n", title, text)
    return F.when(both != "", both)


def is_recommending() -> Column:
    """Whether the stars of a review say that its writer recommends what was bought."""
    return F.col("rating") >= RECOMMENDING_FROM


def clean_reviews(
    reviews: DataFrame,
    differences: DataFrame,
    champion: tuple[Any, str] | None,
    words: Mapping[str, Sequence[str]],
    published: DataFrame | None = None,
) -> DataFrame:
    """`clean_reviews` of raw reviews and their `rating_differences`.

    `champion` is (text model, version) or None; `words` name the aspects. Without a text, or without a text model yet,
    the stars speak: (rating - 3) / 2. Reviews that `published` has (rows of `clean_reviews`) keep what is said of them.
    """
    model, version = champion or (None, "")
    written = reviews.withColumn("_text", review_text())
    told = written.join(_told(written, model, words), "event_id", how="left")
    is_read = F.col("text_sentiment").isNotNull()
    rows = told.join(differences, "event_id", how="left").select(
        F.col("event_id").alias("review_id"),
        "customer_id",
        "order_id",
        "product_id",
        "event_at",
        "event_date",
        "ingest_date",
        "rating",
        F.when(F.col("_text").isNull(), 0).otherwise(F.size(F.split("_text", r"\s+"))).alias("word_count"),
        F.coalesce("text_sentiment", _by_stars()).alias("sentiment_score"),
        F.coalesce("text_recommends", is_recommending().cast("double")).alias("recommend_probability"),
        (F.col("text_rating") - F.col("rating")).alias("rating_text_gap"),
        *ASPECT_COLUMNS,
        F.when(is_read, F.lit(f"review_text-{version}")).otherwise(F.lit("rating")).alias("sentiment_model"),
        "customer_rating_difference",
        "product_rating_difference",
    )
    return rows if published is None else _as_published(rows, published)


def _by_stars() -> Column:
    return (F.col("rating") - 3) / F.lit(2.0)


def _as_published(rows: DataFrame, published: DataFrame) -> DataFrame:
    """Rows with all that is said of a published review as it was said."""
    kept = published.select("review_id", F.struct(*_SAID).alias("_kept"))
    is_kept = F.col("_kept.sentiment_model").isNotNull()
    said = (F.when(is_kept, F.col(f"_kept.{name}")).otherwise(F.col(name)).alias(name) for name in _SAID)
    others = [name for name in rows.columns if name not in _SAID]
    return rows.join(kept, "review_id", how="left").select(*others, *said)


def _told(written: DataFrame, model: Any, words: Mapping[str, Sequence[str]]) -> DataFrame:
    """(event_id, what the model says of the text, what the text says of each aspect) of reviews that have a text."""
    patterns = aspect_patterns(words)

    def sentiment_of(texts: Sequence[str]) -> Any:
        return np.full(len(texts), np.nan) if model is None else model.read(texts).sentiment

    def tell(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            texts = batch.column("_text").to_pylist()
            unread = np.full(len(texts), np.nan)
            told = (unread,) * len(_TOLD) if model is None else model.read(texts)
            by_stars = batch.column("by_stars").to_numpy(zero_copy_only=False)
            said = aspect_sentiments(texts, patterns, sentiment_of, np.where(np.isnan(told[0]), by_stars, told[0]))
            columns = [*told, *(said.get(aspect, unread) for aspect in ASPECTS)]
            values = [pa.array(column, pa.float64(), from_pandas=True) for column in columns]
            yield pa.record_batch([batch.column("event_id"), *values], ["event_id", *_TOLD, *ASPECT_COLUMNS])

    texts = written.filter(F.col("_text").isNotNull()).select("event_id", "_text", _by_stars().alias("by_stars"))
    return texts.mapInArrow(tell, _READ)
