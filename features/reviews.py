"""Reviews with a sentiment, and each one's length."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

_SCORED = "event_id string, text_score double"


def clean_reviews(
    reviews: DataFrame, differences: DataFrame, champion: tuple[Any, str] | None, scored: DataFrame | None = None
) -> DataFrame:
    """`clean_reviews` of raw reviews and their `rating_differences`. `champion` is (text model, version) or None.

    Without a text, or without a text model yet, the stars speak: (rating - 3) / 2. Reviews that `scored` has (rows of
    `clean_reviews`) keep their score.
    """
    text = F.trim(F.concat_ws(" ", "title", "review_text"))
    by_rating = (F.col("rating") - 3) / F.lit(2.0)
    written = reviews.withColumn("_text", F.when(text != "", text))
    if champion is None:
        written = written.withColumn("text_score", F.lit(None).cast("double"))
        version = "rating"
    else:
        model, version = champion
        written = written.join(_text_scores(written, model), "event_id", how="left")
    has_score = F.col("text_score").isNotNull()
    score = F.coalesce("text_score", by_rating)
    model_name = F.when(has_score, F.lit(f"sentiment-{version}")).otherwise(F.lit("rating"))
    if scored is not None:
        kept = F.struct("sentiment_score", "sentiment_model").alias("_kept")
        written = written.join(scored.select(F.col("review_id").alias("event_id"), kept), "event_id", how="left")
        score = F.coalesce("_kept.sentiment_score", score)
        model_name = F.coalesce("_kept.sentiment_model", model_name)
    return written.join(differences, "event_id", how="left").select(
        F.col("event_id").alias("review_id"),
        "customer_id",
        "order_id",
        "product_id",
        "event_at",
        "event_date",
        "ingest_date",
        "rating",
        F.when(F.col("_text").isNull(), 0).otherwise(F.size(F.split("_text", r"\s+"))).alias("word_count"),
        score.alias("sentiment_score"),
        model_name.alias("sentiment_model"),
        "customer_rating_difference",
        "product_rating_difference",
    )


def _text_scores(written: DataFrame, model: Any) -> DataFrame:
    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            scores = model.predict(batch.column("_text").to_pandas())
            yield pa.record_batch(
                [batch.column("event_id"), pa.array(scores, pa.float64(), from_pandas=True)], ["event_id", "text_score"]
            )

    texts = written.filter(F.col("_text").isNotNull()).select("event_id", "_text")
    return texts.mapInArrow(score, _SCORED)
