"""Quality gate of one layer: judge the run's rows by their contracts and by the shop's own history.

Reads the layer's tables and `ops_run`; writes `ops_gate` and Data Docs under `quality/`. Exit code 4 when an
expectation fails; `publish` refuses the date while one stands.

The expectations derive from the contracts: columns, row rules, keys. Added are what a row can't tell: volume against
the same weekdays before, the share of refused rows, files that can't be read, dates after the run's day,
customers or scores missing.
"""

import json
import logging
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import runtime
from jobs.errors import GateRefusedError, MissingInputError
from jobs.expectations import Judged, judge
from jobs.landing_checks import stops_of
from jobs.refused_consents import refused_consents
from jobs.silence import silent_sources
from jobs.tables import Run
from schemas.clean import CLEAN_CONSENT
from schemas.contract import Table
from schemas.ops import GATED_LAYERS, OPS_GATE, OPS_RUN
from schemas.raw import RAW_QUARANTINE
from schemas.score import CUSTOMER_360
from schemas.tables import TABLES

log = logging.getLogger("nightjar")
# What a run replaces a slice of; a merged table has no slice of the run's to judge.
LAYERS: dict[str, tuple[Table, ...]] = {
    layer: tuple(table for table in TABLES if table.layer == layer and table.slice_column) for layer in GATED_LAYERS
}
DRIVER_ROWS = 2_000_000  # a larger slice is judged inside the engine, not in pandas
SHOWN_ROWS = 20  # keys of failing rows kept in ops_gate


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
        results += of_sources(run) if given.layer == "clean" else []
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


@dataclass(frozen=True)
class Result:
    """One expectation's outcome."""

    table: str
    expectation: str
    is_success: bool
    observed: str


def validate(run: Run, judged: list[Judged]) -> list[Result]:
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
    (project / "uncommitted" / "config_variables.yml").unlink(missing_ok=True)  # it warns of one that is there
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
    if isinstance(observed.get("observed_value"), list):  # the names of all columns, which outgrow the field
        observed["observed_value"] = len(observed["observed_value"])
        observed |= (told.get("details") or {}).get("mismatched") or {}
    if not found.success:
        observed["rows"] = (told.get("unexpected_index_list") or told.get("partial_unexpected_list") or [])[:SHOWN_ROWS]
        observed["error"] = next((e["exception_message"] for e in _exceptions(found.exception_info)), None)
    expectation = f"{found.expectation_config.type} {json.dumps(arguments, default=str, sort_keys=True)}"
    return Result(table, expectation, bool(found.success), json.dumps(observed, default=str)[:4000])


def _exceptions(info: Any) -> list[dict[str, Any]]:
    found = [info] if info and "raised_exception" in info else list((info or {}).values())
    return [one for one in found if one.get("raised_exception")]


def of_sources(run: Run) -> list[Result]:
    """What ingest noted of the run's sources."""
    stopped = stopped_sources(run)
    silent = silent_sources(run, {one.source for one in stops_of(run)})
    told = [
        Result(OPS_RUN.name, f"rows of {one.source} came, as every week", one.rows > 0, one.observed) for one in silent
    ]
    return [*stopped, *told, *refused_shares(run), *unreadable_files(run), no_refused_consent(run), kept_consents(run)]


def stopped_sources(run: Run) -> list[Result]:
    """No source may have a file that stopped it."""
    return [
        Result(OPS_RUN.name, f"{one.source} was read", False, json.dumps({"stopped": one.reason}))
        for one in stops_of(run)
    ]


def refused_shares(run: Run) -> list[Result]:
    """Share of each source's rows that ingest refused, against the most that is allowed."""
    from pyspark.sql import functions as F

    rows = (
        run.brought(OPS_RUN)
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


def unreadable_files(run: Run) -> list[Result]:
    """No source may have a file that could not be read: it is one refused row, whatever was in it."""

    names: dict[str, list[str]] = {row.source: [] for row in run.brought(OPS_RUN).select("source").distinct().collect()}
    for row in run.brought(RAW_QUARANTINE).filter("source_line = 0").collect():
        names.setdefault(row.source, []).append(row.source_file)
    return [
        Result(
            RAW_QUARANTINE.name,
            f"no unreadable file of {source}",
            not found,
            json.dumps({"files": len(found), "first": sorted(found)[:SHOWN_ROWS]}),
        )
        for source, found in sorted(names.items())
    ]


def no_refused_consent(run: Run) -> Result:
    """No refused row of customers may speak of a consent: it may be one taken back."""
    found = sorted(refused_consents(run))
    observed = json.dumps({"rows": len(found), "first": found[:SHOWN_ROWS]})
    return Result(RAW_QUARANTINE.name, "no refused row of customers speaks of a consent", not found, observed)


def kept_consents(run: Run) -> Result:
    """Where a published date knew of consents, there are some: emptied, nobody would be contacted any more."""
    has_any = bool(run.read(CLEAN_CONSENT).head(1))
    was_any = has_any or bool(run.read(CUSTOMER_360).filter("has_marketing_consent IS NOT NULL").head(1))
    return Result(CLEAN_CONSENT.name, "consents are kept", has_any or not was_any, json.dumps({"has_any": has_any}))


def write_results(run: Run, layer: str, results: list[Result]) -> None:
    """Replace the layer's results of the date."""
    rows = [(run.as_of_date, layer, one.table, one.expectation, one.is_success, one.observed) for one in results]
    of_layer = f"layer = '{layer}'"
    run.replace(
        run.spark.createDataFrame(rows, OPS_GATE.struct), OPS_GATE, run.as_of_date, run.as_of_date, also=of_layer
    )


if __name__ == "__main__":
    runtime.start(main)
