"""A small trained shop to break: made once per test run, copied for each test."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from filelock import FileLock

from schemas.contract import Table
from schemas.score import CUSTOMER_360

REPOSITORY = Path(__file__).resolve().parents[2]
START = date(2024, 1, 1)
TRAINED = START + timedelta(days=100)  # two horizons and four weeks after the start, and some
PUBLISHED = TRAINED + timedelta(days=1)
NIGHT = TRAINED + timedelta(days=2)  # the night that tests disturb
CAMPAIGN = "retention"
# Every day much like another: half a day's rows then stand out in so small a shop.
DIALS = {
    "customers": "120",
    "days": "104",
    "orders_per_month": "3",
    "lifetime_days": "5000",
    "seasonality": "0",
    "malformed_share": "0",
}
# In shop.toml, so that jobs in processes of their own read them too.
SHOP_SETTINGS = {
    "churn_horizon_days": "30",
    "clv_horizon_days": "30",
    "threads": "1",  # on a busy machine two threads that wait for each other take twenty times as long as one
    "campaign_size": "20",
    "minimum_volume_ratio": "0.68",
}

Job = tuple[str, ...]  # name and options
NIGHTLY: tuple[Job, ...] = (
    ("ingest",),
    ("conform",),
    ("gate", "--layer", "clean"),
    ("tile",),
    ("snapshot",),
    ("gate", "--layer", "feature"),
    ("score",),
    ("gate", "--layer", "score"),
    ("publish",),
    ("measure_campaign",),
    ("plan_campaign",),
    ("export_campaign",),
    ("report",),
)
UP_TO_GATES = NIGHTLY[:8]
STAGES = ("trained", "published", "judged")


@contextmanager
def lake_settings(lake: Path, **settings: object) -> Iterator[None]:
    """A process whose settings are the lake's own, and those given."""
    from jobs.settings import get_settings

    told = {f"NIGHTJAR_{name.upper()}": str(value) for name, value in settings.items()} | {"NIGHTJAR_LAKE": str(lake)}
    others = {key: value for key, value in os.environ.items() if not key.startswith("NIGHTJAR_")}
    with patch.dict(os.environ, others | told, clear=True):
        get_settings.cache_clear()
        try:
            yield
        finally:
            get_settings.cache_clear()


def run(lake: Path, job: Job, day: date = NIGHT, **settings: object) -> None:
    """One job in this process."""
    name, *options = job
    with lake_settings(lake, **settings):
        import_module(f"jobs.{name}").main([*options, "--as-of", str(day)])


def run_all(lake: Path, jobs: tuple[Job, ...], day: date = NIGHT, **settings: object) -> None:
    """Jobs one after the other in this process."""
    for job in jobs:
        run(lake, job, day, **settings)


def command(job: Job, day: date = NIGHT) -> list[str]:
    """The job as a process of its own."""
    name, *options = job
    return [sys.executable, "-m", f"jobs.{name}", *options, "--as-of", str(day)]


def environment(lake: Path) -> dict[str, str]:
    """What a process that runs on the lake is told."""
    others = {key: value for key, value in os.environ.items() if not key.startswith("NIGHTJAR_")}
    return others | {"NIGHTJAR_LAKE": str(lake)}


def make(name: str, factory: pytest.TempPathFactory) -> Path:
    """A stage of the shop, made when first asked for: `trained`, `published` (one night) or `judged` (NIGHT's gates
    passed, not yet published). Worker processes of a test run share them."""
    base = factory.getbasetemp()
    lake = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shop" / name
    before = make(STAGES[STAGES.index(name) - 1], factory) if name != STAGES[0] else None
    lake.parent.mkdir(exist_ok=True)
    with FileLock(f"{lake}.lock"):
        if not lake.is_dir():
            making = Path(tempfile.mkdtemp(dir=lake.parent)) / name
            if before is None:
                build_trained(making)
            else:
                copy(before, making)
                run_all(making, *((NIGHTLY, PUBLISHED) if name == "published" else (UP_TO_GATES, NIGHT)))
            making.rename(lake)
    return lake


def build_trained(lake: Path) -> None:
    """Land, build history, train."""
    from jobs.backfill import main as backfill
    from jobs.land.__main__ import land

    land("simulated", None, lake, dict(DIALS))
    lines = [line for line in (lake / "shop.toml").read_text().splitlines() if line.split(" ")[0] not in SHOP_SETTINGS]
    lines += [f"{name} = {value}" for name, value in SHOP_SETTINGS.items()]
    (lake / "shop.toml").write_text("\n".join(lines) + "\n")
    with lake_settings(lake):
        backfill(["--to", str(TRAINED)])
    run(lake, ("train",), TRAINED)


def copy(lake: Path, to: Path) -> Path:
    """A copy; data files, which no one changes in place, are linked."""

    def link_or_copy(source: str, target: str) -> None:
        if source.endswith(".parquet") and "/landing/" not in source:
            os.link(source, target)
        else:
            shutil.copy2(source, target)

    shutil.copytree(lake, to, copy_function=link_or_copy)
    return to


def stored(lake: Path, table: Table, version: int | None = None) -> pa.Table:
    """The table's rows in the order of its key."""
    found = DeltaTable(str(lake / table.name), version=version).to_pyarrow_table()
    return found.select(list(table.column_names)).sort_by([(name, "ascending") for name in table.key])


def rewrite(lake: Path, table: Table, rows: pa.Table) -> None:
    """Put other rows, or other columns, in the table's place, past every check."""
    cut = table.partition_columns
    write_deltalake(str(lake / table.name), rows, mode="overwrite", schema_mode="overwrite", partition_by=cut)


def published_dates(lake: Path) -> set[date]:
    """Dates that readers see."""
    return set(stored(lake, CUSTOMER_360)["as_of_date"].to_pylist())


def export_folders(lake: Path) -> list[str]:
    """Everything beside or in the campaign's exports, hidden folders too."""
    return sorted(path.name for path in (lake / "exports" / CAMPAIGN).iterdir())
