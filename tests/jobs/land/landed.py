"""Reads landed files back, without the code that wrote them."""

import csv
import gzip
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

Row = dict[str, Any]


def rows(lake: Path, source: str) -> list[Row]:
    """All rows of a source; ``dt`` is the day folder. Missing values are absent."""
    found: list[Row] = []
    for path in sorted((lake / "landing" / source).glob("dt=*/*")):
        found += [{"dt": path.parent.name[3:], **row} for row in _read(path)]
    return found


def total(lines: list[Row], column: str = "line_amount") -> Decimal:
    return sum((Decimal(row[column]) for row in lines if column in row), Decimal(0))


def contents(lake: Path) -> dict[str, bytes]:
    """Every file under a lake by its path."""
    return {str(path.relative_to(lake)): path.read_bytes() for path in sorted(lake.rglob("*")) if path.is_file()}


def _read(path: Path) -> list[Row]:
    if path.suffix == ".parquet":
        return [_without_empty(row) for row in pq.ParquetFile(path).read().to_pylist()]
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if ".jsonl" in path.name:
        return [json.loads(line) for line in text.splitlines()]
    return [_without_empty(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _without_empty(row: Row) -> Row:
    return {key: value for key, value in row.items() if value not in (None, "")}
