"""What is wrong with the place is told by name; what is nobody's fault there stays unknown."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from jobs.errors import MissingInputError
from jobs.failures import damaged_tables, known
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_RUN

D = date(2024, 3, 31)


def truncate_commit(table: Path) -> None:
    commit = max((table / "_delta_log").glob("*.json"))
    commit.write_text(commit.read_text()[:-40])


def lose_commit(table: Path) -> None:
    min((table / "_delta_log").glob("*.json")).unlink()


def lose_data(table: Path) -> None:
    next(table.rglob("*.parquet")).unlink()


def overwrite_data(table: Path) -> None:
    next(table.rglob("*.parquet")).write_bytes(b"nothing of the kind")


@pytest.mark.parametrize("harm", [truncate_commit, lose_commit, lose_data, overwrite_data])
def test_a_damaged_table_is_named_with_what_to_do(make_run, frame, lake, harm: Callable[[Path], None]):
    tiles = frame(FEATURE_CUSTOMER_DAY, {"ingest_date": D, "event_date": D})
    for table, rows in ((FEATURE_CUSTOMER_DAY, tiles), (OPS_RUN, frame(OPS_RUN))):
        make_run(D).replace(rows, table)
    assert damaged_tables(lake) == []
    harm(lake / FEATURE_CUSTOMER_DAY.name)
    with pytest.raises(Exception) as failed:
        make_run(D).read(FEATURE_CUSTOMER_DAY).collect()
    told = known(failed.value, lake)
    assert isinstance(told, MissingInputError)
    assert str(told) == "table feature_customer_day is damaged; restore the lake from a backup"


def test_a_whole_table_in_a_folder_with_a_blank_is_not_called_damaged(make_run, frame, lake, tmp_path):
    make_run(D).replace(frame(OPS_RUN, {"ingest_date": D}), OPS_RUN)
    assert damaged_tables(lake.rename(tmp_path / "My \u00e4 lake")) == []


def test_what_looks_like_damage_in_a_whole_lake_stays_unknown(lake):
    assert known(RuntimeError("Missing commit file: expected version 3"), lake) is None
