"""Real data sets on lakes of their own, and what their tables add up to."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, QueryBuilder

from jobs.settings import get_settings
from schemas.contract import Table
from schemas.ops import OPS_RUN
from schemas.tables import TABLES
from tests.faults.shop import NIGHTLY, lake_settings, run, run_all

TRAINING_ROWS = 10_000  # enough to see a night through; how good models are is measured elsewhere
THREADS = 1  # two that wait for each other on a busy machine take far longer than one


def land(dataset: str, source: Path | None, lake: Path) -> tuple[date, date]:
    """Land the data set; first and last full business day."""
    from jobs.land.__main__ import land as land_dataset

    land_dataset(dataset, source, lake, {})
    with lake_settings(lake):
        settings = get_settings()
        assert settings.first_date and settings.last_date
        return settings.first_date, settings.last_date


def night_after_history(dataset: str, source: Path, lake: Path) -> date:
    """Land, build history, train what can be trained, run the last night; that night's date."""
    from jobs.backfill import main as backfill

    _, last = land(dataset, source, lake)
    before = last - timedelta(days=1)
    with lake_settings(lake, threads=THREADS):
        backfill(["--to", str(before)])
    with patch("jobs.train.MAXIMUM_ROWS", TRAINING_ROWS):
        run(lake, ("train",), before, threads=THREADS)
    run_all(lake, NIGHTLY, last, threads=THREADS)
    return last


def bring_the_rest(lake: Path, night: date) -> None:
    """Ingest, conform and tile what was landed for days after the last full one, so that every row is there."""
    from jobs import conform, ingest, tile

    days = [date.fromisoformat(path.name.removeprefix("dt=")) for path in (lake / "landing").glob("*/dt=*")]
    if max(days) > night:
        with lake_settings(lake):
            for job in (ingest, conform, tile):
                job.main(["--from", str(night + timedelta(days=1)), "--as-of", str(max(days))])


def ask(lake: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of a query over the lake's tables, by another engine than the one that wrote them."""
    engine = QueryBuilder()
    for table in TABLES:
        if (lake / table.name / "_delta_log").is_dir():
            engine = engine.register(table.name, DeltaTable(str(lake / table.name)))
    return [row for row in pa.table(engine.execute(sql)).to_pylist()]


def value(lake: Path, sql: str) -> Any:
    """The one value of a query."""
    ((found,),) = [tuple(row.values()) for row in ask(lake, sql)]
    return found


def rows_of(lake: Path, table: Table) -> list[dict[str, Any]]:
    return DeltaTable(str(lake / table.name)).to_pyarrow_table().to_pylist()


def assert_nothing_lost(lake: Path, file_rows: dict[str, int]) -> None:
    """For every run and source: rows of the files = new + duplicate + quarantined; and all of them add up."""
    runs = rows_of(lake, OPS_RUN)
    for row in runs:
        fates = row["new_row_count"] + row["duplicate_row_count"] + row["quarantined_row_count"]
        assert row["file_row_count"] == fates, row
    for source, count in file_rows.items():
        of_source = [row for row in runs if row["source"] == source]
        assert sum(row["file_row_count"] for row in of_source) == count
        assert sum(row["new_row_count"] for row in of_source) == raw_count(lake, source)


def raw_count(lake: Path, source: str) -> int:
    return DeltaTable(str(lake / f"raw_{source}")).to_pyarrow_dataset().count_rows()


def landed_parquet_rows(lake: Path, source: str) -> int:
    """Rows of a source's Parquet files, counted without our code."""
    return ds.dataset(str(lake / "landing" / source), format="parquet").count_rows()
