"""Quality gate of one layer: judge the run's rows by their contracts and by the shop's own history.

Reads the layer's tables and `ops_run`; writes `ops_gate` and Data Docs under `quality/`. Exit code 4 when an
expectation fails; `publish` refuses the date while one stands.

The expectations derive from the contracts: columns, row rules, keys. Added are what a row can't tell: volume against
the same weekdays before, the share of refused rows, dates after the run's day, customers or scores missing.
"""

import json
import logging
import math
import os
import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from jobs import runtime
from jobs.errors import GateRefusedError, MissingInputError
from schemas.clean import (
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_CUSTOMERS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_PRODUCTS,
    CLEAN_REVIEWS,
)
from schemas.contract import Column, Expectation, Table
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURE_PATTERN, FEATURE_PRODUCT
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.score import SCORE_CHURN, SCORE_CLV, SCORE_EMBEDDING, SCORE_RFM

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("nightjar")
LAYERS: dict[str, tuple[Table, ...]] = {
    "clean": (
        CLEAN_ORDER_LINES,
        CLEAN_EVENTS,
        CLEAN_REVIEWS,
        CLEAN_CUSTOMERS,
        CLEAN_PRODUCTS,
        CLEAN_CAMPAIGN_EVENTS,
    ),
    "feature": (FEATURE_CUSTOMER_DAY, FEATURE_CUSTOMER, FEATURE_PRODUCT, FEATURE_PATTERN),
    "score": (SCORE_RFM, SCORE_EMBEDDING, SCORE_CHURN, SCORE_CLV),
}
HAS_ORDERED = "btyd_age IS NOT NULL"
SCORED_CUSTOMERS = {SCORE_RFM: "true", SCORE_EMBEDDING: "true", SCORE_CHURN: HAS_ORDERED, SCORE_CLV: HAS_ORDERED}
SOURCE_OF = {CLEAN_ORDER_LINES.name: "transactions", CLEAN_EVENTS.name: "clickstream"}
WEEKS = 8  # of the same weekday that a volume is compared with
FEWEST_WEEKS = 4  # with less history there is nothing to compare
DRIVER_ROWS = 2_000_000  # a larger slice is judged inside the engine, not in pandas
SHOWN_ROWS = 20  # keys of failing rows kept in ops_gate


@dataclass(frozen=True)
class Judged:
    """A table's slice and what is expected of it."""

    table: Table
    rows: "DataFrame"
    expectations: list[Expectation]


def main(arguments: list[str]) -> None:
    """Judge one layer."""
    parser = runtime.parser("gate", __doc__)
    parser.add_argument("--layer", choices=tuple(LAYERS), required=True)
    given = parser.parse_args(arguments)
    run = runtime.run_of(given)
    judged = [judge(run, table) for table in LAYERS[given.layer] if run.exists(table)]
    if not judged:
        raise MissingInputError(f"no table of layer {given.layer} exists; run the jobs before the gate first")
    with runtime.step("gate", layer=given.layer, tables=len(judged)) as facts:
        results = validate(run, judged)
        results += refused_shares(run) if given.layer == "clean" else []
        write_results(run, given.layer, results)
        facts["expectations"] = len(results)
    failed = [result for result in results if not result.is_success]
    for result in failed:
        log.error("gate layer=%s table=%s failed: %s", given.layer, result.table, result.expectation)
    if failed:
        raise GateRefusedError(
            f"gate {given.layer} refuses {run.as_of_date}: {len(failed)} of {len(results)} expectations failed, first "
            f"{failed[0].table} {failed[0].expectation}; the rows are in ops_gate and {run.settings.quality}"
        )


def judge(run: runtime.Run, table: Table) -> Judged:
    """The run's slice of a table, and what is expected of it; of a lost column only that it be there."""
    from pyspark.sql import functions as F

    rows = run.read(table)
    present = set(rows.columns)
    if table.slice_column in present:
        rows = rows.filter(F.col(str(table.slice_column)).between(F.lit(run.first), F.lit(run.as_of_date)))
    columns, *of_rows = table.expectations()
    expectations = [*of_rows, *of_days(run, table), *of_history(run, table)]
    for sentence, sql in table.checks:
        if {name for name in table.column_names if name in sql} <= present:
            rows = rows.withColumn(sentence, F.expr(sql))
            expectations.append(("expect_column_values_to_be_in_set", {"column": sentence, "value_set": [True]}))
            present.add(sentence)
            columns[1]["column_set"].append(sentence)
    for column in table.columns:
        if _is_money(column, present):
            rows = rows.withColumn(column.name, F.col(column.name).cast("double"))
    return Judged(table, rows, [columns, *(one for one in expectations if _columns_of(one) <= present)])


def _is_money(column: Column, present: set[str]) -> bool:
    return isinstance(column.type, T.DecimalType) and column.name in present  # doubles are judged ten times faster


def _columns_of(expectation: Expectation) -> set[str]:
    arguments = expectation[1]
    return {arguments["column"]} if "column" in arguments else set(arguments.get("column_list", ()))


def of_days(run: runtime.Run, table: Table) -> list[Expectation]:
    """No business day after the run's, but for what clocks may be off."""
    tolerance = timedelta(minutes=run.settings.future_tolerance_minutes)
    latest = run.as_of_date + timedelta(days=math.ceil(tolerance / timedelta(days=1)))
    return [
        ("expect_column_values_to_be_between", {"column": name, "max_value": latest})
        for name in ("event_date", "order_date")
        if name in table.column_names
    ]


def of_history(run: runtime.Run, table: Table) -> list[Expectation]:
    """The least number of rows that the table's own past, or the snapshot it stands on, lets expect."""
    if table.name in SOURCE_OF and SOURCE_OF[table.name] in run.settings.volume_sources:
        return least_rows(usual_volume(run, table) * run.settings.minimum_volume_ratio)
    if table is FEATURE_CUSTOMER:
        # Customers are never forgotten but for erasure; a snapshot that lost some has lost its inputs.
        counts = slice_counts(run, table, run.as_of_date - timedelta(days=31), run.as_of_date - timedelta(days=1))
        return least_rows(0.95 * counts[max(counts)]) if counts else least_rows(1)
    if table in SCORED_CUSTOMERS and slice_counts(run, table, run.as_of_date - timedelta(days=31), run.as_of_date):
        # A model that the shop never had is no fault; one that scored lately must score them all.
        return least_rows(customers_to_score(run, SCORED_CUSTOMERS[table]))
    return []


def customers_to_score(run: runtime.Run, condition: str) -> int:
    """Customers of the date's snapshot that a model scores; 0 where the snapshot has lost its columns."""
    from pyspark.sql import functions as F

    snapshot = run.read(FEATURE_CUSTOMER)
    if not {"as_of_date", "btyd_age"} <= set(snapshot.columns):
        return 0
    return snapshot.filter(F.col("as_of_date") == F.lit(run.as_of_date)).filter(condition).count()


def least_rows(count: float) -> list[Expectation]:
    """At least `count` rows."""
    return [("expect_table_row_count_to_be_between", {"min_value": math.ceil(count)})]


def usual_volume(run: runtime.Run, table: Table) -> float:
    """Median rows of the same weekday over the weeks before; 0 while there is too little history."""
    days = [run.as_of_date - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    counts = slice_counts(run, table, days[-1], days[0])
    known = [counts.get(day, 0) for day in days if run.settings.first_date is None or day >= run.settings.first_date]
    return median(known) if len(known) >= FEWEST_WEEKS and run.as_of_date not in run.settings.closed_dates else 0.0


def slice_counts(run: runtime.Run, table: Table, first: date, last: date) -> dict[date, int]:
    """Rows by day of the table's slice column."""
    from pyspark.sql import functions as F

    day = str(table.slice_column)
    rows = run.read(table)
    if day not in rows.columns:
        return {}
    counted = rows.filter(F.col(day).between(F.lit(first), F.lit(last))).groupBy(day).count().collect()
    return {row[day]: row["count"] for row in counted}


@dataclass(frozen=True)
class Result:
    """One expectation's outcome."""

    table: str
    expectation: str
    is_success: bool
    observed: str


def validate(run: runtime.Run, judged: list[Judged]) -> list[Result]:
    """Run every suite through Great Expectations, keep the results, and build the Data Docs."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    run.settings.quality.mkdir(parents=True, exist_ok=True)
    forget_definitions(run.settings.quality / "gx")
    context = gx.get_context(mode="file", project_root_dir=str(run.settings.quality.resolve()))
    context.variables.progress_bars = {"globally": False}  # type: ignore[assignment]  # it takes plain dicts too
    outcomes = {key: found for one in judged for key, found in validate_table(context, one).items()}
    # Only this run's pages: without the list all of history is rendered anew, longer each night.
    context.build_data_docs(resource_identifiers=[*outcomes, *(key.expectation_suite_identifier for key in outcomes)])
    return [
        _result(key.expectation_suite_identifier.name, one) for key, found in outcomes.items() for one in found.results
    ]


def forget_definitions(project: Path) -> None:
    """Remove what Great Expectations keeps of suites and checkpoints: all of it follows from the contracts.

    It writes them in place; a file that a killed gate left half written would stop every gate after it.
    """
    (project / "great_expectations.yml").unlink(missing_ok=True)
    for name in ("expectations", "checkpoints", "validation_definitions"):
        shutil.rmtree(project / name, ignore_errors=True)


def validate_table(context: Any, one: Judged) -> dict[Any, Any]:
    """Results of one table by Great Expectations' identifier; rows that fail are named by the table's key."""
    import great_expectations as gx
    from great_expectations.expectations.expectation import ExpectationConfiguration

    name = one.table.name
    data, source = _batch(context, one)
    asset = next((asset for asset in source.assets if asset.name == name), None) or source.add_dataframe_asset(name)
    batches = {batch.name: batch for batch in asset.batch_definitions}
    batch = batches.get("slice") or asset.add_batch_definition_whole_dataframe("slice")
    made = [
        ExpectationConfiguration(type=kind, kwargs=arguments).to_domain_obj() for kind, arguments in one.expectations
    ]
    suite = context.suites.add_or_update(gx.ExpectationSuite(name=name, expectations=made))
    definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
    definition = context.validation_definitions.add_or_update(definition)
    checkpoint = gx.Checkpoint(
        name=name,
        validation_definitions=[definition],
        actions=[],
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [key for key in one.table.key if key in data.columns],
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    outcome = context.checkpoints.add_or_update(checkpoint).run(batch_parameters={"dataframe": data})
    return dict(outcome.run_results)


def _batch(context: Any, one: Judged) -> tuple[Any, Any]:
    """The slice in pandas where it fits on the driver, which is five times faster, else as the engine's frame."""
    if one.rows.count() <= DRIVER_ROWS:
        return one.rows.toArrow().to_pandas(), context.data_sources.add_or_update_pandas("driver")
    return one.rows, context.data_sources.add_or_update_spark("engine", persist=False, force_reuse_spark_context=True)


def _result(table: str, found: Any) -> Result:
    arguments = {k: v for k, v in found.expectation_config.kwargs.items() if k != "batch_id"}
    told = found.result or {}
    observed = {key: told[key] for key in ("observed_value", "unexpected_count") if key in told}
    if not found.success:
        observed["rows"] = (told.get("unexpected_index_list") or told.get("partial_unexpected_list") or [])[:SHOWN_ROWS]
        observed["error"] = next((e["exception_message"] for e in _exceptions(found.exception_info)), None)
    expectation = f"{found.expectation_config.type} {json.dumps(arguments, default=str, sort_keys=True)}"
    return Result(table, expectation, bool(found.success), json.dumps(observed, default=str)[:4000])


def _exceptions(info: Any) -> list[dict[str, Any]]:
    found = [info] if info and "raised_exception" in info else list((info or {}).values())
    return [one for one in found if one.get("raised_exception")]


def refused_shares(run: runtime.Run) -> list[Result]:
    """Share of each source's rows that ingest refused, against the most that is allowed."""
    from pyspark.sql import functions as F

    days = F.col("ingest_date").between(F.lit(run.first), F.lit(run.as_of_date))
    rows = (
        run.read(OPS_RUN)
        .filter(days)
        .groupBy("source")
        .agg(F.sum("file_row_count").alias("all"), F.sum("quarantined_row_count").alias("refused"))
    )
    most = run.settings.maximum_refused_share
    return [
        Result(
            OPS_RUN.name,
            f"refused share of {row.source} at most {most}",
            row.refused <= most * row["all"],
            json.dumps({"rows": row["all"], "refused": row.refused}),
        )
        for row in rows.orderBy("source").collect()
    ]


def write_results(run: runtime.Run, layer: str, results: list[Result]) -> None:
    """Replace the layer's results of the date."""
    rows = [(run.as_of_date, layer, one.table, one.expectation, one.is_success, one.observed) for one in results]
    of_layer = f"layer = '{layer}'"
    run.replace(
        run.spark.createDataFrame(rows, OPS_GATE.struct), OPS_GATE, run.as_of_date, run.as_of_date, also=of_layer
    )


if __name__ == "__main__":
    runtime.start(main)
