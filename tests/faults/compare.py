"""Tables of two lakes, compared by key, sums and value."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from schemas.contract import Table
from schemas.tables import TABLES
from tests.faults.shop import stored

Versions = dict[str, int]


def versions(lake: Path) -> Versions:
    """Where every table stands: with it a lake can be compared as it was then."""
    return {table.name: DeltaTable(str(lake / table.name)).version() for table in TABLES if exists(lake, table)}


def exists(lake: Path, table: Table) -> bool:
    return (lake / table.name / "_delta_log").is_dir()


def assert_same(lake: Path, reference: Path, at: Versions) -> None:
    """Every table of `lake` holds the rows that `reference` had at those versions."""
    assert {table.name for table in TABLES if exists(lake, table)} == set(at)
    for table in TABLES:
        if table.name in at:
            assert_same_rows(table, stored(lake, table), stored(reference, table, at[table.name]))


def assert_same_rows(table: Table, found: pa.Table, wanted: pa.Table) -> None:
    for name in table.key:
        assert found[name].to_pylist() == wanted[name].to_pylist(), f"{table.name}: key {name}"
    for column in wanted.schema:
        one, other = found[column.name], wanted[column.name]
        if pa.types.is_decimal(column.type) or pa.types.is_integer(column.type):
            assert pc.sum(one) == pc.sum(other), f"{table.name}: sum of {column.name}"
        same = one.equals(other) or all(map(_alike, one.to_pylist(), other.to_pylist()))
        assert same, f"{table.name}: {column.name}"


def _alike(one: object, other: object) -> bool:
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) or (one != one and other != other)
    return one == other
