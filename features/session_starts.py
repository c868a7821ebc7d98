"""What the event that opens a session tells of it: time of day, end of the week, where the visitor came from.

An event that a later run brings opens a session of its own or joins one that is open; it never opens one anew. So what
is counted here stays, though the late event may lie before the opening one: as the session's day and customer do.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from schemas.session_starts import TIMES_OF_DAY, WEEKEND, StartRules

# Of an address the host alone: a path or a search text may hold any word. What is no address is a word of the shop's.
HOST = r"^([a-z][a-z0-9+.-]*:)?(//)?([^\s/?#]+\.[^\s/?#]+)([/?#].*)?$"
HOST_ALONE = "$3"


def time_of_day(at: Column, timezone: str) -> Column:
    """Night, morning, afternoon or evening of a moment, by the shop's clocks."""
    hour = F.hour(F.from_utc_timestamp(at, timezone))
    latest_first = sorted(TIMES_OF_DAY.items(), key=lambda named: -named[1])
    return F.coalesce(*(F.when(hour >= begins, F.lit(name)) for name, begins in latest_first))


def referrer_kind(referrer: Column, rules: StartRules) -> Column:
    """The kind of a referrer; `direct` without one."""
    text = F.lower(F.trim(F.coalesce(referrer, F.lit(""))))
    place = F.regexp_replace(text, HOST, HOST_ALONE)
    found = (F.when(place.rlike(pattern), F.lit(kind)) for kind, pattern in rules.referrer_patterns)
    return F.coalesce(F.when(text == "", F.lit("direct")), *found, F.lit("other"))


def start_facts(events: DataFrame, rules: StartRules, owner: str = "customer_id") -> DataFrame:
    """Sessions begun by each `owner`, without bots, by time of day, end of the week and kind of referrer."""
    at, kind = F.col("_time_of_day"), F.col("_referrer_kind")
    starts = events.filter(~F.col("is_bot") & F.col("is_session_start")).withColumns(
        {
            "_time_of_day": time_of_day(F.col("event_at"), rules.timezone),
            "_referrer_kind": referrer_kind(F.col("referrer"), rules),
        }
    )
    return starts.select(
        owner,
        "event_date",
        "ingest_date",
        (at == "night").cast("bigint").alias("night_session_count"),
        (at == "evening").cast("bigint").alias("evening_session_count"),
        F.dayofweek("event_date").isin(*WEEKEND).cast("bigint").alias("weekend_session_count"),
        (kind == "search").cast("bigint").alias("search_arrival_count"),
        (kind == "social").cast("bigint").alias("social_arrival_count"),
        (kind == "email").cast("bigint").alias("email_arrival_count"),
        (kind == "ads").cast("bigint").alias("ad_arrival_count"),
    )
