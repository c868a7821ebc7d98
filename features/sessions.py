"""Click events into sessions: a new one after a gap without events.

An event that comes in the run of its own day is *on time*; the others are late. Sessions are made of on-time events
alone, by the gap to the visitor's previous one, across midnight too. A late event joins the session into whose span it
falls, or opens one with the other late events of its run. So no run ever moves an event that an earlier run placed.
"""

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.window import Window

from features.as_of import MICROS_DIGITS, first_known, known_day, known_text
from features.session_starts import referrer_kind, time_of_day
from schemas.session_starts import StartRules

# Not "cubot", a make of phones; said without look-behind, which Sail's regular expressions lack.
BOT_AGENT = r"(?i)((^|[^uU]|(^|[^cC])[uU])bot|crawl|spider|slurp|headless|python-requests|curl/|wget)"


@dataclass(frozen=True)
class BotLimits:
    """Events of one visitor and run beyond which no human clicks."""

    per_minute: int
    per_day: int


def clean_events(clicks: DataFrame, earlier: DataFrame, gap_minutes: int, limits: BotLimits) -> DataFrame:
    """`clean_events` of new raw clicks.

    `earlier` are clean events already placed: those from which a session may reach into the new days, and those of the
    days of late clicks.
    """
    is_on_time = F.col("event_date") == F.col("ingest_date")
    placed = _placed_on_time(clicks.filter(is_on_time), earlier, gap_minutes)
    joined = _placed_late(
        clicks.filter(~is_on_time), _as_earlier(earlier).unionByName(_as_earlier(placed)), gap_minutes
    )
    events = placed.unionByName(joined)
    return _with_customer(_with_bot_flag(events, earlier, limits), earlier)


def _as_earlier(events: DataFrame) -> DataFrame:
    return events.select("event_id", "session_id", "visitor_id", "event_at", "event_date", "ingest_date")


def _session_id(visitor_id, event_id):
    return F.substring(F.sha2(F.concat_ws("\u001f", visitor_id, event_id), 256), 1, 32)


def _placed_on_time(clicks: DataFrame, earlier: DataFrame, gap_minutes: int) -> DataFrame:
    """New on-time events after the visitor's earlier on-time ones."""
    was_on_time = F.col("event_date") == F.col("ingest_date")
    new = clicks.withColumn("known_session_id", F.lit(None).cast("string")).withColumn("is_new", F.lit(True))
    known = {"known_session_id": F.col("session_id"), "is_new": F.lit(False)}
    kept = ("visitor_id", "event_at", "event_id")
    before = earlier.filter(was_on_time).select(
        *(
            known[field.name].alias(field.name)
            if field.name in known
            else F.col(field.name)
            if field.name in kept
            else F.lit(None).cast(field.dataType).alias(field.name)
            for field in new.schema
        )
    )
    by_visitor = Window.partitionBy("visitor_id").orderBy("event_at", F.col("is_new").cast("int"), "event_id")
    so_far = by_visitor.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    rows = new.unionByName(before)
    gap = F.col("event_at").cast("double") - F.lag("event_at").over(by_visitor).cast("double")
    is_start = F.col("gap").isNull() | (F.col("gap") > gap_minutes * 60)
    opened = F.coalesce(
        "known_session_id", F.when(F.col("is_session_start"), _session_id(F.col("visitor_id"), F.col("event_id")))
    )
    return (
        rows.withColumn("gap", gap)
        .withColumn("is_session_start", is_start)
        .withColumn("session_id", F.last(opened, ignorenulls=True).over(so_far))
        .withColumn("dwell_seconds", F.when(F.col("is_session_start"), 0.0).otherwise(F.col("gap")))
        .filter("is_new")
        .drop("gap", "known_session_id", "is_new")
    )


def _placed_late(clicks: DataFrame, placed: DataFrame, gap_minutes: int) -> DataFrame:
    """Late events in the session around them, else in sessions of the late events of their run."""
    was_on_time = F.col("event_date") == F.col("ingest_date")
    # A span per run: what a later run adds to a session must not draw in what an earlier run had to place.
    by_span = placed.filter(was_on_time).groupBy("visitor_id", "session_id", F.col("ingest_date").alias("known_at"))
    spans = by_span.agg(F.min("event_at").alias("started_at"), F.max("event_at").alias("ended_at"))
    spans = spans.withColumnRenamed("visitor_id", "span_visitor_id")
    reach = F.expr(f"INTERVAL {int(gap_minutes)} MINUTES")
    is_around = (
        (F.col("visitor_id") == F.col("span_visitor_id"))
        & (F.col("event_at") >= F.col("started_at") - reach)
        & (F.col("event_at") <= F.col("ended_at") + reach)
        & (F.col("known_at") <= F.col("ingest_date"))
    )
    found = (
        clicks.select("event_id", "visitor_id", "event_at", "ingest_date")
        .join(spans, is_around, "inner")
        .groupBy("event_id")
        .agg(F.min(F.struct("started_at", "session_id")).getField("session_id").alias("found_session_id"))
    )
    by_run = Window.partitionBy("visitor_id", "ingest_date").orderBy("event_at", "event_id")
    so_far = by_run.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    alone = clicks.join(found, "event_id", "left")
    gap = F.col("event_at").cast("double") - F.lag("event_at").over(by_run).cast("double")
    is_start = F.col("found_session_id").isNull() & (F.col("gap").isNull() | (F.col("gap") > gap_minutes * 60))
    opened = F.coalesce(
        "found_session_id", F.when(F.col("is_session_start"), _session_id(F.col("visitor_id"), F.col("event_id")))
    )
    return (
        alone.withColumn("gap", gap)
        .withColumn("is_session_start", is_start)
        .withColumn("session_id", F.last(opened, ignorenulls=True).over(so_far))
        .withColumn("dwell_seconds", F.lit(0.0))  # the stay was counted between the neighbours that came on time
        .drop("gap", "found_session_id")
    )


def _with_bot_flag(events: DataFrame, earlier: DataFrame, limits: BotLimits) -> DataFrame:
    """Events of bots, by agent and by rate; from the run on that sees a session do so, all events of the session."""
    minute = F.date_trunc("minute", "event_at")
    in_minute = F.count("event_id").over(Window.partitionBy("visitor_id", "ingest_date", minute))
    in_run = F.count("event_id").over(Window.partitionBy("visitor_id", "ingest_date"))
    says_so = F.coalesce(F.col("user_agent").rlike(BOT_AGENT), F.lit(False))
    tells = says_so | (in_minute > limits.per_minute) | (in_run > limits.per_day)
    told = events.withColumn("is_bot", tells)
    seen = ("session_id", "ingest_date", "is_bot")
    bots = told.select(*seen).unionByName(earlier.select(*seen)).filter("is_bot").groupBy("session_id")
    since = bots.agg(F.min("ingest_date").alias("bot_since"))
    goes_on = F.coalesce(F.col("bot_since") <= F.col("ingest_date"), F.lit(False))
    return told.join(since, "session_id", "left").withColumn("is_bot", goes_on).drop("bot_since")


def _with_customer(events: DataFrame, earlier: DataFrame) -> DataFrame:
    """Events without a customer belong to the session's first known one, where their run or an earlier one knew it."""
    known = ("session_id", "ingest_date", "customer_id")
    owners = (
        earlier.select(*known)
        .unionByName(events.select(*known))
        .filter(F.col("customer_id").isNotNull())
        .groupBy("session_id")
        .agg(first_known("customer_id").alias("owner"))
    )
    of_session = F.when(known_day("owner") <= F.col("ingest_date"), known_text("owner"))
    return (
        events.join(owners, "session_id", "left")
        .withColumn("customer_id", F.coalesce("customer_id", of_session))
        .drop("owner")
    )


def sessions(events: DataFrame, rules: StartRules) -> DataFrame:
    """`clean_sessions` of the sessions in `events` (all their events), as they stand now."""

    def times(event_type: str):
        return F.sum(F.when(F.col("event_type") == event_type, 1).otherwise(0))

    first, last = F.min("event_at"), F.max("event_at")
    viewed = F.when(F.col("event_type") == "view", F.col("product_id"))
    summed = events.groupBy("session_id").agg(
        F.max("visitor_id").alias("visitor_id"),
        first_known("customer_id").alias("owner"),
        first.alias("started_at"),
        last.alias("ended_at"),
        F.min("event_date").alias("session_date"),
        F.count("event_id").alias("event_count"),
        times("view").alias("view_count"),
        times("search").alias("search_count"),
        times("add_to_cart").alias("cart_count"),
        times("remove_from_cart").alias("cart_removal_count"),
        times("purchase").alias("purchase_count"),
        F.count_distinct(viewed).alias("viewed_product_count"),
        (last.cast("double") - first.cast("double")).alias("duration_seconds"),
        F.max("device_type").alias("device_type"),
        _first_referrer().alias("referrer"),
        F.max("is_bot").alias("is_bot"),
        F.min("ingest_date").alias("first_ingest_date"),
        F.max("ingest_date").alias("last_ingest_date"),
    )
    return summed.withColumns(
        {
            "customer_id": known_text("owner"),
            "session_month": F.trunc("session_date", "month"),
            "time_of_day": time_of_day(F.col("started_at"), rules.timezone),
            "referrer_kind": referrer_kind(F.col("referrer"), rules),
            "is_bounce": F.col("event_count") == 1,
            "is_cart_abandoned": (F.col("cart_count") > 0) & (F.col("purchase_count") == 0),
        }
    )


def _first_referrer():
    """Aggregate: the referrer of the first event; those of later ones are pages of the shop."""
    moment = F.lpad(F.unix_micros("event_at").cast("string"), MICROS_DIGITS, "0")
    told = F.concat(moment, F.col("event_id"), F.lit("\u001f"), F.coalesce("referrer", F.lit("")))
    return F.nullif(F.substring_index(F.min(told), "\u001f", -1), F.lit(""))
