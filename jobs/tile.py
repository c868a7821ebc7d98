"""Clean rows of the run into tiles: what it added to each customer's days.

Reads `clean_order_lines`, `clean_orders`, `clean_events`, `clean_sessions`, `clean_reviews`, `clean_campaign_events`;
writes `feature_customer_day`, `feature_customer_product_day`, `feature_visitor_day` and notes in `ops_run` that the
run's rows are in.
"""

from typing import TYPE_CHECKING

from jobs import runtime
from jobs.landing_checks import refuse_stopped
from jobs.tables import Run
from jobs.touched import touched
from schemas.clean import (
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_ORDERS,
    CLEAN_REVIEWS,
    CLEAN_SESSIONS,
)
from schemas.feature import FEATURE_CUSTOMER_DAY, FEATURE_CUSTOMER_PRODUCT_DAY, FEATURE_VISITOR_DAY
from schemas.ops import OPS_RUN

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def main(arguments: list[str]) -> None:
    """Replace the tiles of the run's days."""
    run = runtime.run_of(runtime.parser("tile", __doc__).parse_args(arguments))
    refuse_stopped(run)
    of_sessions = touched(run, CLEAN_EVENTS, CLEAN_SESSIONS) if run.exists(CLEAN_EVENTS) else None
    run.replace(tiles_of(run, of_sessions), FEATURE_CUSTOMER_DAY)
    run.replace(product_tiles_of(run), FEATURE_CUSTOMER_PRODUCT_DAY)
    if of_sessions is not None:
        write_visitors(run, of_sessions)
    note_tiled(run)


def write_visitors(run: Run, of_sessions: "DataFrame") -> None:
    """Replace the tiles of clicks that no customer is known of."""
    from features.tiles import visitor_tiles

    rows = visitor_tiles(run.brought(CLEAN_EVENTS), of_sessions, run.first, run.settings.start_rules)
    run.replace(rows, FEATURE_VISITOR_DAY)


def note_tiled(run: Run) -> None:
    """Tell the next night's `ingest` that this one is done; until then it refuses."""
    done = [row.asDict() for row in run.brought(OPS_RUN).collect()]
    if not all(row["is_tiled"] for row in done):
        rows = [tuple((row | {"is_tiled": True})[name] for name in OPS_RUN.column_names) for row in done]
        run.replace(run.spark.createDataFrame(rows, OPS_RUN.struct), OPS_RUN)


def tiles_of(run: Run, of_sessions: "DataFrame | None") -> "DataFrame":
    """The run's tiles from the sources that the shop has; `of_sessions` are all events of the sessions touched."""
    from pyspark.sql import functions as F

    from features import tiles
    from features.orders import order_states
    from features.session_facts import session_facts
    from features.session_starts import start_facts

    since = F.col("ingest_date") >= F.lit(run.first)
    parts = []
    if run.exists(CLEAN_ORDER_LINES):
        states = order_states(touched(run, CLEAN_ORDER_LINES, CLEAN_ORDERS))
        parts += [tiles.order_line_facts(run.brought(CLEAN_ORDER_LINES)), tiles.order_facts(states.filter(since))]
    if of_sessions is not None:
        events = run.brought(CLEAN_EVENTS)
        parts += [tiles.click_facts(events), start_facts(events, run.settings.start_rules)]
        parts.append(session_facts(of_sessions, run.first))
    if run.exists(CLEAN_REVIEWS):
        parts.append(tiles.review_facts(run.brought(CLEAN_REVIEWS)))
    if run.exists(CLEAN_CAMPAIGN_EVENTS):
        parts.append(tiles.campaign_facts(run.brought(CLEAN_CAMPAIGN_EVENTS)))
    return tiles.tiles(parts) if parts else run.spark.createDataFrame([], FEATURE_CUSTOMER_DAY.struct)


def product_tiles_of(run: Run) -> "DataFrame":
    """The run's product tiles from the sources that the shop has."""
    from features import tiles

    parts = []
    if run.exists(CLEAN_ORDER_LINES):
        parts.append(tiles.product_line_facts(run.brought(CLEAN_ORDER_LINES)))
    if run.exists(CLEAN_EVENTS):
        parts.append(tiles.product_click_facts(run.brought(CLEAN_EVENTS)))
    return tiles.product_tiles(parts) if parts else run.spark.createDataFrame([], FEATURE_CUSTOMER_PRODUCT_DAY.struct)


if __name__ == "__main__":
    runtime.start(main)
