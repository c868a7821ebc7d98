"""Text rows into typed rows, with every broken rule named.

The rules come from the raw table's contract and compile into expressions, so that one pass types, checks and tags.
Numbers and dates are matched against a pattern before they are cast: the two engines cast odd spellings differently.
"""

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from schemas.contract import Column, NotNull, Table
from schemas.raw import EXTRA, MONEY_LIMIT, landing_columns

WHOLE = r"^[+-]?\d{1,18}$"
DECIMAL = r"^[+-]?(\d{1,14}(\.\d*)?|\.\d+)$"
DAY = r"^\d{4}-\d{2}-\d{2}$"
MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?( ?(Z|[+-]\d{2}:?\d{2}))?)?$"
OFFSET = r"(Z|[T ].*[+-]\d{2}:?\d{2})$"
YES, NO = ("true", "t", "yes", "y", "on", "1"), ("false", "f", "no", "n", "off", "0")
EARLIEST, LATEST = "1970-01-02", "9999-01-01"  # beside them a zone's offset leaves what calendars hold
SECONDS_AT = 17  # place of the colon before the seconds
MINUTES_ALONE = r"^(.{10}[T ]\d{2}:\d{2})( ?(?:Z|[+-]\d{2}:?\d{2}))$"
EPOCH_SECONDS, EPOCH_MILLIS = r"^\d{10}$", r"^\d{13}$"
NO_CUSTOMER = ("NULL", "null", "NA", "N/A", "None", "nan", "NaN")  # as exports spell a guest
CONTROL = r"[\x00-\x1f]"
UNSEEN, BLANK_ENDS = r"[\p{Cc}\p{Cf}]", r"^\p{Z}+|\p{Z}+$"
CONSENT_WORDS = ("consent_purpose", "consent_status")  # another spelling would be another word, and a no be lost
TEXT = "_text_"  # prefix of a column's value as it came


def typed_rows(
    rows: DataFrame,
    table: Table,
    timezone: str,
    future_minutes: int,
    currency: str | None = None,
    rated: DataFrame | None = None,
) -> DataFrame:
    """Rows of `landing.read_rows` as rows of the raw table plus `source_line`, `reason` and `original_text`.

    `reason` is null for a row that keeps the contract. Values without an offset are business time in `timezone`; an
    event later than `future_minutes` after the end of the run's day is refused, and so is money in another currency
    than `currency`, but on the days of `rated` (`exchange_rates.rated_days`).
    """
    columns = landing_columns(table)
    typed = rows.select(
        "source_file",
        "ingest_date",
        *(F.col(column.name).alias(TEXT + column.name) for column in columns),
        *(_typed_or_null(column, timezone).alias(column.name) for column in columns),
        EXTRA,
        "source_line",
        "problem",
        F.col("original_text").alias("_original"),
    )
    business_time = F.from_utc_timestamp("event_at", timezone)
    is_dated = F.col("event_at").between(F.lit(EARLIEST).cast("timestamp"), F.lit(LATEST).cast("timestamp"))
    typed = typed.withColumn("event_date", F.when(is_dated, F.to_date(business_time)))
    if rated is not None:
        typed = typed.join(rated, ["currency", "event_date"], "left")
    latest = F.expr(f"to_timestamp(date_add(ingest_date, 1)) + INTERVAL {int(future_minutes)} MINUTES")
    in_future = F.when(business_time > latest, F.lit("event_at lies after the run's day"))
    too_early = F.when(F.expr(f"event_at < TIMESTAMP'{EARLIEST} 00:00:00'"), F.lit("event_at lies before 1970"))
    broken = [_broken_rule(column) for column in columns]
    broken += [F.when(~F.expr(sql), F.lit(sentence)) for sentence, sql in table.checks]
    if currency:
        broken.append(_broken_currency(currency, rated is not None))
    reason = F.concat_ws("; ", *broken, too_early, in_future)
    as_json = F.to_json(F.struct(*(F.col(TEXT + column.name).alias(column.name) for column in columns), EXTRA))
    is_refused = F.col("reason").isNotNull()
    return (
        typed.withColumn("reason", F.coalesce(F.col("problem"), F.when(reason != "", reason)))
        .withColumn("event_at", F.when(is_dated, F.col("event_at")))
        .withColumn("original_text", F.when(is_refused, F.coalesce(F.col("_original"), as_json)))
        .select(*table.column_names, "source_line", "reason", "original_text")
    )


def _typed_or_null(column: Column, timezone: str) -> SparkColumn:
    """The typed value. A column that no source sends is left alone: on Sail its nulls would cost as text does."""
    typed = _typed(column, timezone)
    return typed if column.is_required else F.when(F.col(column.name).isNotNull(), typed)


def _typed(column: Column, timezone: str) -> SparkColumn:
    text = F.trim(F.col(column.name))
    match column.type:
        case T.StringType() if column.name == "customer_id":
            return F.when((text != "") & ~text.isin(*NO_CUSTOMER), text)
        case T.StringType() if column.name in CONSENT_WORDS:
            word = F.lower(F.regexp_replace(F.regexp_replace(text, UNSEEN, ""), BLANK_ENDS, ""))
            return F.when(word != "", word)
        case T.StringType():
            return F.when(text != "", text)
        case T.IntegerType() | T.LongType():
            return F.when(text.rlike(WHOLE), text.try_cast(column.type))
        case T.DecimalType():
            return F.when(text.rlike(DECIMAL), text.try_cast(column.type))
        case T.BooleanType():
            lower = F.lower(text)
            return F.when(lower.isin(*YES), F.lit(True)).when(lower.isin(*NO), F.lit(False))
        case T.DateType():
            return F.when(text.rlike(DAY), text.try_cast(column.type))
        case T.TimestampType():
            return _moment(text, timezone)
        case _:
            raise TypeError(f"{column.name}: landing files have no {column.type.simpleString()}")


def _moment(text: SparkColumn, timezone: str) -> SparkColumn:
    """ISO 8601 or epoch; without an offset it is business time. What is most usual is asked first: it costs least."""
    # The engines read no offset after minutes alone.
    has_seconds = F.substring(text, SECONDS_AT, 1) == ":"
    spelt = F.when(has_seconds, text).otherwise(F.regexp_replace(text, MINUTES_ALONE, "$1:00$2"))
    parsed = spelt.try_cast(T.TimestampType())
    iso = F.when(text.rlike(OFFSET), parsed).otherwise(F.to_utc_timestamp(parsed, timezone))
    return (
        F.when(text.rlike(MOMENT), iso)
        .when(text.rlike(EPOCH_SECONDS), F.timestamp_seconds(text.try_cast(T.LongType())))
        .when(text.rlike(EPOCH_MILLIS), F.timestamp_millis(text.try_cast(T.LongType())))
    )


def _broken_rule(column: Column) -> SparkColumn:
    """The first rule of a column that a row breaks, in words; null when it keeps them all."""
    text, typed = F.col(TEXT + column.name), F.col(column.name)
    # Null is asked first, and alone decides where a source does not send the column.
    is_given = text.isNotNull() & (F.trim(text) != "")
    if column.name == "customer_id":
        is_given = is_given & ~F.trim(text).isin(*NO_CUSTOMER)
    shown = _shown(text)
    kind = column.type.simpleString()
    is_mistyped = typed.isNull() & is_given
    found = F.when(is_mistyped, F.concat(F.lit(f"{column.name} is no {kind}: "), shown))
    if column.name.endswith("_id"):
        has_control = text.isNotNull() & F.trim(text).rlike(CONTROL)
        told = F.lit(f"{column.name} has a line break or control character; is a quote missing?")
        found = found.when(has_control, told)
    for rule in column.constraints:
        if isinstance(rule, NotNull):
            found = found.when(~is_given, F.lit(f"{column.name} is missing"))
        else:
            told = F.concat(F.lit(f"{column.name} must be {rule.sentence()}: "), shown)
            found = found.when(~F.expr(rule.sql(column.name)), told)
    return found


def _shown(text: SparkColumn) -> SparkColumn:
    """The beginning of a value, as a reason may quote it: without what parts the rules that a row breaks."""
    return F.translate(F.substring(text, 1, 40), ";", ",")


def _broken_currency(currency: str, has_rates: bool) -> SparkColumn:
    """Why money in another currency than the shop's can't be taken; null where it can."""
    day = F.col("event_date").cast("string")
    on_day = (F.lit("no exchange rate to the shop's currency from "), _shown(F.col("currency")), F.lit(" on "), day)
    is_foreign = F.col("currency") != currency
    if not has_rates:
        return F.when(is_foreign, F.concat(*on_day))
    amounts = ("line_amount", "discount_amount", "shipping_amount")
    largest = F.greatest(*(F.abs(F.coalesce(F.col(name), F.lit(0))) for name in amounts))
    is_rated = F.coalesce(F.col("rated_from") <= F.col("ingest_date"), F.lit(False))
    too_large = F.lit("money is too large in the shop's currency")
    return F.when(is_foreign & ~is_rated, F.concat(*on_day)).when(
        is_foreign & (largest * F.col("largest_rate") > MONEY_LIMIT), too_large
    )
