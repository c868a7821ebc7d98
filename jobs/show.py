"""Print what a lake holds: rows per table, published dates, segments, forecasts, the head of the campaign file.

Reads the Delta logs and one date of `customer_360` without an engine; writes to stdout alone.
"""

import argparse
import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs import failures, runtime
from jobs.errors import MissingInputError
from jobs.settings import Settings, get_settings
from schemas.clean import CLEAN_ORDER_LINES, MATCH_KINDS
from schemas.ops import LATENESS_BUCKETS, OPS_LATENESS
from schemas.score import CUSTOMER_360, SCORE_CHURN, SCORE_CLV
from schemas.tables import TABLES

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

HEAD_ROWS = 5
SHOWN_DATES = 5
LATENESS_DAYS = 28
LATENESS_SHOWN = ("on_time_row_count", "late_2_to_7_days_row_count", "late_8_to_30_days_row_count")
COLUMNS = [
    "segment",
    "churn_horizon_days",
    "churn_probability",
    "clv_horizon_days",
    "expected_net_revenue",
    "net_revenue_365d",
]


def main(arguments: list[str]) -> None:
    """Print the lake as of a published date."""
    parser = argparse.ArgumentParser(prog="python -m jobs.show", description=__doc__)
    parser.add_argument("--lake", help="folder of the shop (default: $NIGHTJAR_LAKE, else the default lake)")
    parser.add_argument("--as-of", type=date.fromisoformat, help="published date (default: the newest)")
    given = parser.parse_args(arguments)
    if given.lake is not None and not given.lake.strip():
        raise MissingInputError("--lake (make: LAKE=) is empty: name a folder, or leave it out")
    settings = get_settings(lake=Path(given.lake)) if given.lake else get_settings()
    if not settings.landing.is_dir():
        raise MissingInputError(f"{settings.lake} is no lake: run `make nightly` first, or give --lake (make: LAKE=)")
    if names := failures.damaged_tables(settings.lake):
        raise failures.damage(names)
    for line in page(settings, given.as_of):
        print(line)


def page(settings: Settings, as_of: date | None) -> Iterator[str]:
    """The whole page, line by line."""
    yield f"{settings.title}{' (simulated, not real data)' if settings.is_simulated else ''}"
    if settings.licence:
        yield f"licence of the data: {settings.licence}"
    yield f"lake {settings.lake}"
    yield from titled("Rows per table", table_lines(settings.lake))
    yield from titled(f"How late rows came, runs of {LATENESS_DAYS} days", lateness_lines(settings.lake))
    customers = table_at(settings.lake, CUSTOMER_360.name)
    published = dates_of(customers) if customers else []
    if not customers or not published:
        yield "\nNo date is published yet."
        return
    shown = as_of or published[-1]
    older = f" and {len(published) - SHOWN_DATES} earlier" if len(published) > SHOWN_DATES else ""
    yield f"\nPublished dates: {', '.join(map(str, published[-SHOWN_DATES:]))}{older}"
    if shown not in published:
        raise MissingInputError(f"{shown} is not published; the newest published date is {published[-1]}")
    rows = customers.to_pyarrow_table(filters=[("as_of_date", "=", shown)], columns=COLUMNS)
    yield from titled(f"Customers by segment on {shown}", segment_lines(rows, settings.currency))
    yield from titled(f"Returns that the run of {shown} brought", return_lines(settings.lake, shown))
    yield from titled(f"Forecasts on {shown}", forecast_lines(rows, settings.currency))
    yield from titled(f"Campaign {settings.campaign_id} on {shown}", campaign_lines(settings, shown))
    yield from titled("Where things are", place_lines(settings, shown))


def titled(title: str, lines: Iterable[str]) -> Iterator[str]:
    """A heading and its indented lines."""
    yield f"\n{title}"
    yield from (f"  {line}" for line in lines)


def table_at(lake: Path, name: str) -> "DeltaTable | None":
    """The table, None before its first write."""
    from deltalake import DeltaTable

    path = str(lake / name)
    return DeltaTable(path) if DeltaTable.is_deltatable(path) else None


def dates_of(table: "DeltaTable") -> list[date]:
    """Dates that have rows, by the table's partitions."""
    return sorted({date.fromisoformat(partition["as_of_date"]) for partition in table.partitions()})


def row_count(table: "DeltaTable") -> int:
    """Rows by the statistics in the log; counted in the files where a writer left none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    counts = pa.chunked_array([pa.table(table.get_add_actions(flatten=True))["num_records"].combine_chunks()])
    return int(pc.sum(counts).as_py() or 0) if counts.null_count == 0 else int(table.count())


def table_lines(lake: Path) -> Iterator[str]:
    """A line for each table that is there."""
    found = [(table, table_at(lake, table.name)) for table in TABLES]
    rows = [(table.name, f"{row_count(delta):,}", table.grain) for table, delta in found if delta]
    yield from aligned(rows, right=(1,)) if rows else ["none yet"]


def lateness_lines(lake: Path) -> Iterator[str]:
    """Share of new rows on time, within a week and a month, and the latest, by source."""
    table = table_at(lake, OPS_LATENESS.name)
    days = [date.fromisoformat(partition["ingest_date"]) for partition in table.partitions()] if table else []
    if not table or not days:
        yield "none yet"
        return
    since = max(days) - timedelta(days=LATENESS_DAYS)
    recent = table.to_pyarrow_table(filters=[("ingest_date", ">", since)]).to_pandas()
    rows: list[tuple[str, ...]] = [("source", "new rows", "on time", "7 days", "30 days", "latest, days")]
    for source, of_source in recent.groupby("source"):
        counts = of_source[[name for name, *_ in LATENESS_BUCKETS]].sum()
        within = counts.cumsum() / counts.sum()
        latest = of_source["maximum_lateness_days"].max()
        rows.append(
            (str(source), f"{counts.sum():,}", *(f"{within[name]:.1%}" for name in LATENESS_SHOWN), f"{latest}")
        )
    yield from aligned(rows, right=(1, 2, 3, 4, 5))


def segment_lines(rows: "pa.Table", currency: str) -> Iterator[str]:
    """Size, share and revenue of each segment, the largest first."""
    frame = rows.select(["segment", "net_revenue_365d"]).to_pandas()
    frame["net_revenue_365d"] = frame["net_revenue_365d"].astype(float)
    frame["segment"] = frame["segment"].fillna("no segment")
    sizes = frame.groupby("segment")["net_revenue_365d"].agg(["size", "sum"]).sort_values("size", ascending=False)
    total = len(frame)
    lines = [("segment", "customers", "share", f"net revenue, last year, {currency}")]
    lines += [
        (name, f"{size:,}", f"{size / total:.1%}", f"{revenue:,.2f}")
        for name, size, revenue in zip(sizes.index, sizes["size"], sizes["sum"], strict=True)
    ]
    lines.append(("all", f"{total:,}", "100.0%", f"{sizes['sum'].sum():,.2f}"))
    return aligned(lines, right=(1, 2, 3))


def return_lines(lake: Path, shown: date) -> Iterator[str]:
    """How many returns and cancellations found their order, and how."""
    import pyarrow.compute as pc

    lines = table_at(lake, CLEAN_ORDER_LINES.name)
    counts: dict[str, int] = {}
    if lines:
        kinds = lines.to_pyarrow_table(filters=[("ingest_date", "=", shown)], columns=["match_kind"])["match_kind"]
        counts = {pair["values"]: pair["counts"] for pair in pc.value_counts(kinds.drop_null()).to_pylist()}
    yield ", ".join(f"{kind} {counts[kind]:,}" for kind in MATCH_KINDS if kind in counts) or "none"


def forecast_lines(rows: "pa.Table", currency: str) -> Iterator[str]:
    """What the models expect, in a few numbers; each horizon is that of the scores themselves."""
    frame = rows.to_pandas()
    horizons = frame[["churn_horizon_days", "clv_horizon_days"]].max()
    churn, value = frame["churn_probability"].dropna(), frame["expected_net_revenue"].dropna()
    if churn.empty:
        yield f"churn: no forecast ({SCORE_CHURN.name} has no rows; the shop has too little history for it)"
    else:
        low, middle, high = (f"{churn.quantile(share):.1%}" for share in (0.1, 0.5, 0.9))
        yield (
            f"churn: {churn.sum():,.0f} of {len(churn):,} customers expected not to order within "
            f"{horizons['churn_horizon_days']:.0f} days; probability at the 10th, 50th and 90th percentile "
            f"{low}, {middle}, {high}"
        )
    if value.empty:
        yield f"CLV: no forecast ({SCORE_CLV.name} has no rows; the shop has too little history for it)"
    else:
        best = value.nlargest(max(1, len(value) // 10)).sum() / value.sum() if value.sum() else 0
        yield (
            f"CLV: {value.sum():,.2f} {currency} of net revenue expected in {horizons['clv_horizon_days']:.0f} days "
            f"of {len(value):,} customers, {value.mean():,.2f} each; the best tenth brings {best:.0%}"
        )


def campaign_lines(settings: Settings, shown: date) -> Iterator[str]:
    """How many are contacted, and the first of them."""
    folder = settings.exports / settings.campaign_id / str(shown)
    contacts = folder / "contacts.csv"
    if not contacts.is_file():
        yield "no file"
        return
    try:
        about = json.loads((folder / "manifest.json").read_text())
        yield f"{about['contact_count']} customers to contact, {about['control_count']} left alone for comparison"
        yield from left_out_lines(about)
    except (OSError, ValueError, KeyError, TypeError):
        yield f"{folder / 'manifest.json'} is missing or damaged: do not use the file; remove {folder}, export again"
        return
    with contacts.open(newline="") as file:
        head = [tuple(row) for row, _ in zip(csv.reader(file), range(HEAD_ROWS + 1), strict=False)]
    yield from aligned(head)


def left_out_lines(about: dict[str, Any]) -> Iterator[str]:
    """Why the file is empty, else how many are in neither arm and why; nothing of a manifest that tells neither."""
    if about.get("why_empty"):
        yield about["why_empty"]
        return
    counts = {name: count for name, count in about.get("left_out", {}).items() if count}
    if counts:
        meanings = about["left_out_meanings"]
        yield "left out: " + "; ".join(f"{count:,} {meanings[name]}" for name, count in counts.items())


def place_lines(settings: Settings, shown: date) -> Iterator[str]:
    """Files that a person opens next."""
    places = (
        ("report", settings.reports / f"{shown}.html"),
        ("campaign file", settings.exports / settings.campaign_id / str(shown) / "contacts.csv"),
        ("quality", next(iter(sorted(settings.quality.rglob("local_site/index.html"))), settings.quality)),
        ("models", settings.models / "mlflow.db"),
        ("tables", settings.lake),
    )
    yield from aligned([(what, str(path) if path.exists() else "not there") for what, path in places])


def aligned(rows: Sequence[tuple[str, ...]], right: tuple[int, ...] = ()) -> Iterator[str]:
    """Columns padded to one width."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        yield "  ".join(padded).rstrip()


if __name__ == "__main__":
    runtime.start(main)
