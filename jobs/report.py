"""Write the report of a published date: one HTML page that needs nothing beside it.

Reads `customer_360`, `feature_customer_day`, `clean_order_lines`, `score_clv`, `campaign_*`, `ops_*`, `raw_quarantine`
and the model registry; writes `reports/<as_of_date>.html`. Exit code 2 for a date that is not published.

A rerun over the same data gives the same bytes: no clock, no chance, no customer in it.
"""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import runtime
from jobs.errors import MissingInputError
from jobs.tables import Run
from jobs.whole_files import write_whole
from schemas.campaign import CAMPAIGN_ASSIGNMENT, CAMPAIGN_RESULT
from schemas.clean import CLEAN_ORDER_LINES, MATCH_KINDS
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_GATE, OPS_RUN
from schemas.raw import RAW_QUARANTINE
from schemas.score import CUSTOMER_360, SCORE_CLV, SEGMENTS
from schemas.tables import TABLES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TEMPLATE = Path(__file__).with_name("report.html.j2")
DATA_DOCS = Path("gx/uncommitted/data_docs/local_site/index.html")
CHART_DAYS = 90
COMPARED_DAYS = 28
RUNS = 14
REASONS = 10
RESULTS = 20
RUN_REACH_DAYS = 100  # the last 14 runs of a shop that runs weekly span 91 days
# Name, whether more is better, and how it is said.
CHURN_METRICS = (
    ("roc_auc", True, "ROC AUC (ranking; 0.5 is chance)"),
    ("average_precision", True, "Average precision (finding leavers)"),
    ("brier", False, "Brier score (squared error)"),
    ("log_loss", False, "Log loss"),
    ("ece", False, "Calibration error"),
)
CLV_METRICS = (
    ("spearman", True, "Rank correlation"),
    ("normalised_gini", True, "Normalised Gini (finding value)"),
    ("mae", False, "Mean absolute error"),
    ("rmse", False, "Root mean squared error"),
    ("total_bias_ratio", False, "Error of the total, as a share"),
)


def main(arguments: list[str]) -> None:
    """Write the run's report."""
    run = runtime.run_of(runtime.parser("report", __doc__).parse_args(arguments))
    published = sorted(day for day in run.published_dates() if day <= run.as_of_date)
    if run.as_of_date not in published:
        raise MissingInputError(
            f"{run.as_of_date} is not published, so there is nothing to report; "
            f"when its gates have passed, run `python -m jobs.publish --as-of {run.as_of_date}`"
        )
    path = run.settings.reports / f"{run.as_of_date}.html"
    with runtime.step("report", file=path) as facts, ThreadPoolExecutor(1) as aside:
        aside.submit(_import_charts)  # most of a second, while the engine counts
        page = render(run, page_facts(run, published)).encode()
        write_whole(path, page)
        facts["bytes"] = len(page)


def _import_charts() -> None:
    import matplotlib.backends.backend_svg
    import matplotlib.dates
    import matplotlib.figure  # noqa: F401


def page_facts(run: Run, published: list[date]) -> dict[str, Any]:
    """Everything that the page tells, as plain rows."""
    from pyspark.sql import functions as F

    from features import report as totals

    day = F.lit(run.as_of_date)
    customers = run.read(CUSTOMER_360).filter(F.col("as_of_date") == day)
    by_segment = {row["segment"]: row for row in rows_of(totals.segment_totals(customers))}
    segments = [by_segment[name] for name in (*SEGMENTS, None) if name in by_segment]
    earliest = run.as_of_date - timedelta(days=RUN_REACH_DAYS)
    runs = rows_of(run.known(OPS_RUN).filter(F.col("ingest_date") >= F.lit(earliest)))
    first_run = min(sorted({row["ingest_date"] for row in runs})[-RUNS:], default=run.as_of_date)
    refused = run.known(RAW_QUARANTINE).filter(F.col("ingest_date") >= F.lit(first_run))
    lines = run.known(CLEAN_ORDER_LINES).filter(F.col("ingest_date") >= F.lit(first_run))
    gates = run.read(OPS_GATE).filter(F.col("as_of_date") == day)
    plans = run.read(CAMPAIGN_ASSIGNMENT).filter(F.col("as_of_date") == day)
    daily = totals.daily_totals(run.read(FEATURE_CUSTOMER_DAY), run.as_of_date, CHART_DAYS)
    results = rows_of(totals.latest_results(run.read(CAMPAIGN_RESULT), run.as_of_date))
    sums = summed(segments)
    return {
        "published": published,
        "segments": segments,
        "sums": sums,
        "daily": every_day(run, {row["event_date"]: row for row in rows_of(daily)}),
        "churn_bins": {row["bin"]: row["customer_count"] for row in rows_of(totals.churn_bins(customers))},
        "deciles": sorted(rows_of(totals.clv_deciles(customers)), key=lambda row: row["decile"]),
        "sources": sorted((r for r in runs if r["ingest_date"] == run.as_of_date), key=lambda r: r["source"]),
        "runs": by_run([row for row in runs if row["ingest_date"] >= first_run]),
        "refusals": sorted(rows_of(totals.refusals(refused, run.as_of_date)), key=_most_refused),
        "returns": sorted(rows_of(totals.return_kinds(lines, run.as_of_date)), key=_by_kind),
        "plan": sorted(rows_of(totals.plan_totals(plans)), key=_by_arm),
        "results": sorted(results, key=lambda r: (r["as_of_date"], r["campaign_id"]), reverse=True),
        "gates": sorted(rows_of(totals.gate_totals(gates)), key=lambda r: (r["layer"], r["table_name"])),
        "models": models(run, sums["models"]),
        "tables": stored_tables(run),
    }


def rows_of(frame: "DataFrame") -> list[dict[str, Any]]:
    """The rows of a small frame."""
    return [row.asDict() for row in frame.collect()]


def _by_arm(row: dict[str, Any]) -> tuple[str, str, str]:
    return row["campaign_id"], row["arm"], row["segment"] or ""


def _by_kind(row: dict[str, Any]) -> int:
    return MATCH_KINDS.index(row["match_kind"])


def _most_refused(row: dict[str, Any]) -> tuple[int, int, str, str]:
    return -row["of_run_count"], -row["row_count"], row["source"], row["rule"]


def summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts and amounts of all segments together; for words and horizons the largest."""
    made: dict[str, Any] = {}
    for name in rows[0]:
        known = [row[name] for row in rows if row[name] is not None]
        adds_up = name.endswith("_count") or "net_revenue" in name
        made[name] = (sum(known) if adds_up else max(known)) if known else None
    return made


def every_day(run: Run, known: dict[date, dict[str, Any]]) -> list[dict[str, Any]]:
    """The last days up to the date, none left out; not before the shop's first."""
    days = [run.as_of_date - timedelta(days=back) for back in range(CHART_DAYS - 1, -1, -1)]
    first = run.settings.first_date or min(known, default=run.as_of_date)
    none = {"order_count": 0, "net_amount": 0, "click_count": 0, "review_count": 0}
    return [{**none, "event_date": day, **known.get(day, {})} for day in days if day >= first]


def by_run(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs, newest first, with the counts of all sources together."""
    dates = sorted({row["ingest_date"] for row in rows}, reverse=True)
    counts = [name for name in OPS_RUN.column_names if name.endswith("_count")]
    return [
        {"ingest_date": day, **{name: sum(r[name] for r in rows if r["ingest_date"] == day) for name in counts}}
        for day in dates
    ]


def models(run: Run, versions: str | None) -> list[dict[str, Any]]:
    """The models behind the date's scores, beside what they have to beat."""
    from models import registry

    made = []
    for version in filter(None, (versions or "").split(", ")):
        name, number = version.rsplit("-", 1)
        found = registry.describe(name, number, run.settings.tracking_uri)
        told = found.tags if found else {}
        compared = compare(name, found.metrics, clv_method(run)) if found else []
        made.append({"name": name, "version": number, "is_found": found is not None, "tags": told, "metrics": compared})
    return made


def clv_method(run: Run) -> str | None:
    """The method behind the date's CLV: its figures are one of several in the registry."""
    from pyspark.sql import functions as F

    row = run.read(SCORE_CLV).filter(F.col("as_of_date") == F.lit(run.as_of_date)).select("method").head(1)
    return row[0].method if row else None


def compare(name: str, metrics: dict[str, float], method: str | None) -> list[dict[str, Any]]:
    """Metrics on data that the model did not see, each beside its baseline's and whether it beats that."""
    pairs: Iterable[tuple[str, str, bool, str]] = ()
    if name == "churn":
        pairs = ((f"holdout_{key}", f"holdout_rfm_{key}", more, said) for key, more, said in CHURN_METRICS)
    elif name == "clv":
        pairs = ((f"holdout_{method}_{key}", f"holdout_rfm_{key}", more, said) for key, more, said in CLV_METRICS)
    elif name == "embedding":
        pairs = (("holdout_mse", "column_mean_mse", False, "Mean squared error, scaled features"),)
    made = []
    for key, baseline_key, more, said in pairs:
        value, baseline = metrics.get(key), metrics.get(baseline_key)
        if value is None:
            continue
        is_better = None
        if baseline is not None:
            is_better = value > baseline if more else abs(value) < abs(baseline)
        made.append({"said": said, "value": value, "baseline": baseline, "is_better": is_better})
    return made


def stored_tables(run: Run) -> list[dict[str, Any]]:
    """Rows and bytes of each table, from the Delta logs; none with a catalog, which keeps its own books."""
    if run.settings.catalog:
        return []
    from deltalake import DeltaTable

    made = []
    for table in TABLES:
        if run.exists(table):
            files = DeltaTable(str(run.path(table))).get_add_actions()
            rows, sizes = files.column("num_records").to_pylist(), files.column("size_bytes").to_pylist()
            count = None if None in rows else sum(rows)
            facts = {"rows": count, "files": len(sizes), "bytes": sum(sizes)}
            made.append({"name": table.name, "meaning": table.meaning, **facts})
    return made


def render(run: Run, facts: dict[str, Any]) -> str:
    """The page's text."""
    from jinja2 import Environment, StrictUndefined

    from jobs import report_words as words

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= words.filters(run.settings)
    docs = run.settings.quality / DATA_DOCS
    return environment.from_string(TEMPLATE.read_text()).render(
        **facts,
        settings=run.settings,
        as_of_date=run.as_of_date,
        charts=words.draw_charts(run.settings, facts),
        compared=words.periods(facts["daily"], COMPARED_DAYS),
        segment_words=words.SEGMENT_WORDS,
        match_words=words.MATCH_WORDS,
        segment_scores=words.segment_scores(),
        data_docs=os.path.relpath(docs, run.settings.reports) if docs.is_file() else None,
        limits={"reasons": REASONS, "results": RESULTS, "compared_days": COMPARED_DAYS},
    )


if __name__ == "__main__":
    runtime.start(main)
