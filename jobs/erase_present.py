"""Orders and sessions that an erased customer shared with others: made anew of the lines and events that are left.

Reads `clean_order_lines`, `raw_payments`, `clean_events`; writes `clean_orders`, `clean_sessions`. Without their rows
the next night would not find what is left of them in the days before it. And the newest `feature_customer` loses what
the next one would be made from, which knows the erased.
"""

from jobs.erase_tables import overwrite
from jobs.staging import staging
from jobs.tables import Run
from schemas.clean import CLEAN_EVENTS, CLEAN_ORDER_LINES, CLEAN_ORDERS, CLEAN_SESSIONS
from schemas.feature import FEATURE_CUSTOMER
from schemas.raw import RAW_PAYMENTS


def make_present_again(run: Run) -> None:
    """Give orders and sessions that have lines or events, and no row, their row."""
    from features.orders import orders
    from features.sessions import sessions

    with staging(run, "erase") as keep:
        for parts, whole in ((CLEAN_ORDER_LINES, CLEAN_ORDERS), (CLEAN_EVENTS, CLEAN_SESSIONS)):
            if not run.exists(whole):
                continue
            there = run.read(whole).select(*whole.key)
            left = run.read(parts).join(there, [*whole.key], how="left_anti")
            is_session, rules = whole is CLEAN_SESSIONS, run.settings.start_rules
            made = sessions(left, rules) if is_session else orders(left, run.read(RAW_PAYMENTS))
            rows = keep(made, whole.name)
            if rows.head(1):
                run.merge(rows, whole)


def erase_state(run: Run) -> None:
    """Let the next snapshot be made of all tiles."""
    from pyspark.sql import functions as F

    run.ensure(FEATURE_CUSTOMER)
    days = run.dates(FEATURE_CUSTOMER)
    newest = {max(days)} | {max(days & run.published_dates(), default=max(days))} if days else set()
    rows = run.read(FEATURE_CUSTOMER).filter(F.col("as_of_date").isin(sorted(newest)))
    if newest:
        overwrite(run, FEATURE_CUSTOMER, "state_declaration", rows.select(*FEATURE_CUSTOMER.key).toArrow())
