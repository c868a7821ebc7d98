"""A week on both engines: every table equal by key and value, decimals exactly, floats to 1e-9."""

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from jobs.pseudonyms import KEY_FILE
from schemas.contract import Table
from schemas.feature import FEATURE_PATTERN
from schemas.tables import TABLES
from tests.faults.shop import NIGHTLY
from tests.parity.foreign import RULES, land_foreign_lines

FIRST = date(2024, 1, 1)
TRAINED = date(2024, 2, 1)
NIGHT = TRAINED + timedelta(days=7)
STRETCH = (("ingest",), ("conform",), ("tile",))
HORIZON_DAYS = 7  # short, so that one month holds a training and a holdout date
# What an expectation saw is told in the engine's own words and order of rows.
UNCOMPARED = {("ops_gate", "observed")}

RunJobs = Callable[..., None]


@dataclass(frozen=True)
class Lakes:
    """One week, done by each engine from the same landed files, history and models."""

    sail: Path
    spark: Path


@pytest.fixture(scope="module")
def lakes(tmp_path_factory: pytest.TempPathFactory, spark: Any, spark_connect: str) -> Lakes:
    """A month's history and its models, made on Sail; then the week after it, to its campaign file, on either."""
    from jobs.land.simulated import ShopConfig, generate

    root = tmp_path_factory.mktemp("parity")
    found = Lakes(root / "sail", root / "spark")
    shop = ShopConfig(customers=120, days=40, orders_per_month=6, late_share=0.05, malformed_share=0.01, seed=11)
    generate(shop, found.sail, workers=1)
    land_foreign_lines(found.sail, "c0000001", FIRST, TRAINED + timedelta(days=1))
    (found.sail / KEY_FILE).write_text("one key, so that hashes compare")
    snapshots = [str(TRAINED - timedelta(days=times * HORIZON_DAYS)) for times in (2, 1, 0)]
    on_sail = {"engine": "sail"}
    run_all(found.sail, on_sail, TRAINED, STRETCH, FIRST)
    run_all(found.sail, on_sail, TRAINED, (("snapshot", "--dates", *snapshots), ("train",)))
    shutil.copytree(found.sail, found.spark)
    dates = ("--dates", str(NIGHT - timedelta(days=1)), str(NIGHT))  # the first of all tiles, the second of the first
    others = tuple(job for job in NIGHTLY if job not in (*STRETCH, ("snapshot",)))
    engines = {found.sail: on_sail, found.spark: {"engine": "spark", "spark_remote": spark_connect}}
    for lake, engine in engines.items():
        run_all(lake, engine, NIGHT, STRETCH, TRAINED + timedelta(days=1))
        run_all(lake, engine, NIGHT, (("snapshot", *dates), *others, ("sequences",)))
    return found


def run_all(
    lake: Path, engine: dict[str, str], as_of: date, jobs: tuple[tuple[str, ...], ...], first: date | None = None
) -> None:
    """Run jobs in this process on an engine."""
    from importlib import import_module

    from jobs.settings import get_settings

    settings = engine | {
        "lake": str(lake),
        "business_timezone": "Europe/Berlin",
        "churn_horizon_days": str(HORIZON_DAYS),
        "clv_horizon_days": str(HORIZON_DAYS),
        "campaign_size": "20",
        "line_rules": RULES,
        "rolling_from_tiles": "0",
        "first_date": str(FIRST),
    }
    with pytest.MonkeyPatch.context() as environment:
        environment.delenv("NIGHTJAR_SPARK_REMOTE", raising=False)
        for key, value in settings.items():
            environment.setenv(f"NIGHTJAR_{key.upper()}", value)
        get_settings.cache_clear()
        stretch = ["--from", str(first)] if first else []
        for name, *options in jobs:
            import_module(f"jobs.{name}").main(["--as-of", str(as_of), *stretch, *options])
    get_settings.cache_clear()


def rows_by_key(lake: Path, table: Table) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The table's rows as delta-rs reads them, without either engine."""
    folder = lake / table.name
    if not (folder / "_delta_log").is_dir():
        return {}
    rows = DeltaTable(str(folder)).to_pyarrow_table().to_pylist()
    keyed = {tuple(row[name] for name in table.key): row for row in rows}
    assert len(keyed) == len(rows), f"{table.name}: key {table.key} is not unique"
    return keyed


def is_equal(left: Any, right: Any) -> bool:
    """Exact, but floats to 1e-9 and embeddings, which are single precision, to 1e-6."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list) and isinstance(right, list):
        near = (math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6) for one, other in zip(left, right, strict=False))
        return len(left) == len(right) and all(near)
    return bool(left == right)


@pytest.mark.spark
@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_both_engines_write_the_same_rows(lakes: Lakes, table: Table) -> None:
    on_sail, on_spark = rows_by_key(lakes.sail, table), rows_by_key(lakes.spark, table)
    assert on_sail.keys() == on_spark.keys()
    compared = [name for name in table.column_names if (table.name, name) not in UNCOMPARED]
    different = [
        (key, name, row[name], on_spark[key][name])
        for key, row in on_sail.items()
        for name in compared
        if not is_equal(row[name], on_spark[key][name])
    ]
    assert different[:5] == []


@pytest.mark.spark
def test_the_night_reached_every_table_that_the_shop_can_fill(lakes: Lakes) -> None:
    without_source = {"raw_payments", "raw_campaign_events", "clean_campaign_events", "campaign_result"}
    by_hand = {"ops_erased_customer", "ops_erasure", "ops_replay"}
    too_small = {"score_product_pair"}  # no two products share baskets often enough
    empty = {table.name for table in TABLES if not rows_by_key(lakes.spark, table)}
    assert empty <= without_source | by_hand | too_small


@pytest.mark.spark
def test_the_night_encoded_patterns_of_sessions(lakes: Lakes) -> None:
    """Else their rows would be equal because there are none."""
    kinds = {kind for _, _, kind, _ in rows_by_key(lakes.spark, FEATURE_PATTERN)}
    assert {"session_buying", "session_browsing", "session_shared"} <= kinds


@pytest.mark.spark
def test_both_engines_export_the_same_campaign_file(lakes: Lakes) -> None:
    name = Path("exports") / "retention" / str(NIGHT) / "contacts.csv"
    exported = (lakes.sail / name).read_text()
    assert exported == (lakes.spark / name).read_text()
    assert len(exported.splitlines()) > 10


@pytest.mark.spark
def test_both_engines_keep_the_same_column_comments(lakes: Lakes) -> None:
    for table in TABLES:
        for lake in (lakes.sail, lakes.spark):
            if (lake / table.name).is_dir():
                fields = DeltaTable(str(lake / table.name)).schema().fields
                assert {f.name: f.metadata["comment"] for f in fields} == {c.name: c.comment for c in table.columns}
