"""Raw rows into clean ones: sessions, orders net of returns, reviews with what they say, people and products.

Reads `raw_*`; writes `clean_*`. Rows of a run are written once, by `ingest_date`; `clean_orders` and `clean_sessions`,
which show the present state, are merged for the orders and sessions that the run touched.
"""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from jobs import identities, runtime
from jobs.pseudonyms import key_of, pseudonym_column
from jobs.staging import staging
from jobs.tables import Run
from jobs.touched import may_hold
from schemas.clean import (
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_CONSENT,
    CLEAN_CUSTOMERS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_ORDERS,
    CLEAN_PRODUCTS,
    CLEAN_REVIEWS,
    CLEAN_SESSIONS,
    MATCH_KINDS,
)
from schemas.ops import OPS_RUN
from schemas.raw import (
    RAW_CAMPAIGN_EVENTS,
    RAW_CLICKSTREAM,
    RAW_CUSTOMERS,
    RAW_EXCHANGE_RATES,
    RAW_PAYMENTS,
    RAW_PRODUCTS,
    RAW_REVIEWS,
    RAW_TRANSACTIONS,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from features.identity_accounts import Keep
    from schemas.contract import Table

EARLIEST = date(1970, 1, 1)
DAY_MINUTES = 24 * 60


def main(arguments: list[str]) -> None:
    """Conform what the run's days brought, source by source."""
    run = runtime.run_of(runtime.parser("conform", __doc__).parse_args(arguments))
    with identities.alone(run):
        conform(run)


def conform(run: Run) -> None:
    """Each source's rows, then whose they are."""
    from features.as_of import newest

    for raw, conform_source in (
        (RAW_TRANSACTIONS, conform_orders),
        (RAW_CLICKSTREAM, conform_clicks),
        (RAW_REVIEWS, conform_reviews),
        (RAW_CUSTOMERS, conform_customers),
    ):
        if run.exists(raw):
            with runtime.step(conform_source.__name__):
                conform_source(run)
    for raw, clean in (
        (RAW_PRODUCTS, CLEAN_PRODUCTS),
        (RAW_CAMPAIGN_EVENTS, CLEAN_CAMPAIGN_EVENTS),
    ):
        if run.exists(raw):
            # Two versions of the same moment are one, the later by event_id.
            run.replace(newest(run.brought(raw), clean.key, "event_id"), clean)
    identities.link(run)


def conform_orders(run: Run) -> None:
    """Lines of the run, then the orders that they touched."""
    most = largest_day(run, "transactions")
    with staging(run, "kept") as keep:
        book_lines(run, most, keep)
        with runtime.step("returns") as facts:
            facts.update(return_counts(run))
        sum_orders(run, keep)


def book_lines(run: Run, most: int, keep: "Keep") -> None:
    """Write the run's lines, each booked to its order."""
    from pyspark.sql import functions as F

    from features.line_rules import with_line_kind
    from features.orders import order_lines
    from features.returns import is_unnamed_return, matched_returns

    settings = run.settings
    transactions, brought = run.known(RAW_TRANSACTIONS), run.brought(RAW_TRANSACTIONS)
    named = brought.select(F.explode(F.array("order_id", "original_order_id")).alias("order_id"))
    matches = None
    if brought.filter(is_unnamed_return()).head(1):
        matches = keep(matched_returns(transactions, run.first, settings.return_window_days), "returns")
        named = named.unionByName(matches.select(F.col("matched_order_id").alias("order_id")))
    transactions = transactions.filter(may_hold(run, named, CLEAN_ORDERS))
    lines = order_lines(transactions, run.first, settings.business_timezone, matches)
    lines = with_line_kind(in_shop_currency(run, lines), settings.line_rules)
    run.replace(lines, CLEAN_ORDER_LINES, largest_day=most)


def sum_orders(run: Run, keep: "Keep") -> None:
    """Write the orders that the run's lines or payments touched, as they stand now."""
    from features.orders import orders

    with_months(run, CLEAN_ORDERS, "order_date", keep)
    touched = run.brought(CLEAN_ORDER_LINES).select("order_id")
    payments = run.read(RAW_PAYMENTS)
    if run.exists(RAW_PAYMENTS):
        touched = touched.unionByName(run.brought(RAW_PAYMENTS).select("order_id"))
    before = of_former_try(run, CLEAN_ORDERS)
    touched = touched.unionByName(before).distinct()
    all_lines = (
        run.read(CLEAN_ORDER_LINES).filter(may_hold(run, touched, CLEAN_ORDERS)).join(touched, "order_id", "left_semi")
    )
    as_they_stand = keep(orders(all_lines, payments.join(touched, "order_id", "left_semi")), "orders")
    run.merge(as_they_stand, CLEAN_ORDERS, without_rows(before, all_lines))


def with_months(run: Run, table: "Table", day: str, keep: "Keep") -> None:
    """Give rows of before the table was cut by months theirs: the contract says that all have one."""
    from pyspark.sql import functions as F

    run.ensure(table)
    rows = run.read(table).filter(F.col(str(table.cut_column)).isNull())
    if rows.head(1):
        filled = rows.withColumn(str(table.cut_column), F.trunc(day, "month"))
        run.merge(keep(filled, f"{table.name}_months"), table)


def largest_day(run: Run, source: str) -> int:
    """New rows of the source in the run's day that brought most."""
    from pyspark.sql import functions as F

    of_source = run.brought(OPS_RUN).filter(F.col("source") == source)
    return of_source.agg(F.max("new_row_count").alias("most")).collect()[0].most or 0


def return_counts(run: Run) -> dict[str, int]:
    """Returns that the run brought, by how they found their order."""
    kinds = run.brought(CLEAN_ORDER_LINES).filter("match_kind IS NOT NULL").groupBy("match_kind").count().collect()
    return dict.fromkeys(MATCH_KINDS, 0) | {row["match_kind"]: row["count"] for row in kinds}


def in_shop_currency(run: Run, lines: "DataFrame") -> "DataFrame":
    """Lines with their money in the shop's currency, too."""
    from pyspark.sql import functions as F

    from features.exchange_rates import converted, in_own_currency

    currency = run.settings.currency
    is_foreign = F.col("currency") != currency
    # Without a table of rates ingest lets no other currency in; most shops have one currency and pay for no join.
    if run.exists(RAW_EXCHANGE_RATES) and run.brought(RAW_TRANSACTIONS).filter(is_foreign).head(1):
        return converted(lines, run.known(RAW_EXCHANGE_RATES), currency, run.settings.exchange_rate_days)
    return in_own_currency(lines, currency)


def of_former_try(run: Run, table: "Table") -> "DataFrame":
    """Keys of orders or sessions that this run, when it ran before, was the last to touch.

    Upstream may have mended a file since: what it no longer names is to be made again from what is left, or goes.
    """
    run.ensure(table)  # Sail can't plan a union with the empty frame that stands for a missing table
    days = f"last_ingest_date BETWEEN DATE'{run.first}' AND DATE'{run.as_of_date}'"
    return run.read(table).filter(days).select(*table.key)


def without_rows(keys: "DataFrame", rows: "DataFrame") -> "DataFrame | None":
    """The keys that have no rows left; None, for which a MERGE is cheaper, where all have."""
    if not keys.head(1):  # as in every first run of a night
        return None
    gone = keys.join(rows, keys.columns, "left_anti")
    return gone if gone.head(1) else None


def conform_clicks(run: Run) -> None:
    """Events of the run in their sessions, then the sessions that they touched."""
    from pyspark.sql import functions as F

    from features.sessions import BotLimits, clean_events, sessions

    run.ensure(CLEAN_EVENTS)  # Sail can't plan a union with the empty frame that stands for a missing table
    clicks = run.brought(RAW_CLICKSTREAM)
    placed_before = run.read(CLEAN_EVENTS).filter(F.col("ingest_date") < F.lit(run.first))
    late_days = clicks.filter(F.col("event_date") < F.col("ingest_date")).select("event_date").distinct()
    # A session reaches over one midnight at most at a time: a day before suffices for its tail, late clicks add theirs.
    near = {run.first - timedelta(days=1), run.first}  # of the day itself what came early, by a clock ahead
    for row in late_days.collect():
        near |= {row.event_date + timedelta(days=shift) for shift in (-1, 0, 1)}
    settings = run.settings
    # A day's events come with its own run or later ones, but for those of clocks ahead.
    ahead = timedelta(days=1 + settings.future_tolerance_minutes // DAY_MINUTES)
    came = F.col("ingest_date") >= F.lit(min(near) - ahead)
    earlier = placed_before.filter(F.col("event_date").isin(sorted(near)) & came)
    limits = BotLimits(settings.bot_events_per_minute, settings.bot_events_per_day)
    run.replace(
        clean_events(clicks, earlier, settings.session_gap_minutes, limits),
        CLEAN_EVENTS,
        largest_day=largest_day(run, "clickstream"),
    )
    with staging(run, "kept") as keep:
        with_months(run, CLEAN_SESSIONS, "session_date", keep)
        before = of_former_try(run, CLEAN_SESSIONS)
        touched = run.brought(CLEAN_EVENTS).select("session_id").unionByName(before).distinct()
        all_events = run.read(CLEAN_EVENTS).filter(may_hold(run, touched, CLEAN_SESSIONS))
        all_events = all_events.join(touched, "session_id", "left_semi")
        as_they_stand = keep(sessions(all_events, settings.start_rules), "sessions")
        run.merge(as_they_stand, CLEAN_SESSIONS, without_rows(before, all_events))


def conform_reviews(run: Run) -> None:
    """Reviews of the run, read by the registered text model where there is one, beside what is usual.

    What a published date says of its reviews stays, whatever model is registered today.
    """
    from pyspark.sql import functions as F

    from features.reviews import clean_reviews
    from features.usual_ratings import rating_differences
    from models.registry import load_champion
    from models.review_choice import load_review_text
    from schemas.review_aspects import aspect_words

    champion = load_champion("review_text", load_review_text, run.settings.tracking_uri)
    words = aspect_words(run.settings.review_aspects)
    published = run.published_days()
    run.ensure(CLEAN_REVIEWS)  # a lake of before may lack columns
    kept = run.brought(CLEAN_REVIEWS).filter(F.col("ingest_date").isin(published)) if published else None
    differences = rating_differences(run.known(RAW_REVIEWS), run.first)
    run.replace(clean_reviews(run.brought(RAW_REVIEWS), differences, champion, words, kept), CLEAN_REVIEWS)


def conform_customers(run: Run) -> None:
    """What the run tells of people, without direct identifiers, and their consents."""
    from pyspark.sql import functions as F

    from features.consent import clean_consent
    from features.customers import clean_customers
    from features.identity_edges import normal_email

    run.ensure(RAW_CUSTOMERS)  # a lake of before may lack columns
    brought = run.brought(RAW_CUSTOMERS)
    email_hash = pseudonym_column(normal_email(F.col("email")), key_of(run.settings))
    run.replace(clean_customers(brought, email_hash), CLEAN_CUSTOMERS)
    if run.read(CLEAN_CONSENT).head(1):
        run.replace(clean_consent(brought), CLEAN_CONSENT)
    else:  # a lake of before consents had a table: those of all its runs
        run.replace(clean_consent(run.known(RAW_CUSTOMERS)), CLEAN_CONSENT, first=EARLIEST)


if __name__ == "__main__":
    runtime.start(main)
