"""Columns that no contract knows are kept by name, in every format, and change nothing else."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.landing import read_rows

DAY = date(2024, 3, 1)
COLUMNS = ("event_id", "order_id", "note")
RECORDS = [
    {"order_id": "o1", "note": "a", "coupon": "X, 1", "note 2": None},
    {"order_id": "o2", "note": None, "coupon": None, "note 2": None},
    {"order_id": "o3", "note": "b", "coupon": None, "note 2": "z"},
]


def rows_of(path: Path, columns: tuple[str, ...] = COLUMNS) -> list[dict]:
    return [row for batch in read_rows(path, f"x/{path.name}", DAY, columns) for row in batch.to_pylist()]


def write(path: Path, records: list[dict]) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif path.suffix == ".csv":
        lines = [",".join(records[0])]
        lines += [",".join(json.dumps(v) if v else "" for v in record.values()) for record in records]
        path.write_text("\n".join(lines) + "\n")
    else:
        path.write_text("\n".join(map(json.dumps, records)) if path.suffix == ".jsonl" else json.dumps(records))
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet"])
def test_unknown_columns_are_kept_by_name_where_they_have_a_value(name, tmp_path):
    rows = rows_of(write(tmp_path / name, RECORDS))
    assert [row["_extra"] for row in rows] == [[("coupon", "X, 1")], None, [("note 2", "z")]]
    assert [(row["order_id"], row["note"]) for row in rows] == [("o1", "a"), ("o2", None), ("o3", "b")]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet"])
def test_an_unknown_column_changes_no_id(name, tmp_path):
    plain = [{key: value for key, value in record.items() if key in COLUMNS} for record in RECORDS]
    (tmp_path / "plain").mkdir()
    with_it, without = rows_of(write(tmp_path / name, RECORDS)), rows_of(write(tmp_path / "plain" / name, plain))
    assert [row["event_id"] for row in with_it] == [row["event_id"] for row in without]
    assert [row["_extra"] for row in without] == [None] * 3


def test_a_column_that_the_contract_gets_later_changes_no_id_of_rows_without_it(tmp_path):
    path = write(tmp_path / "a.csv", RECORDS)
    assert [row["event_id"] for row in rows_of(path, (*COLUMNS, "channel"))] == [
        row["event_id"] for row in rows_of(path)
    ]


def test_unknown_values_of_any_kind_are_said_as_text(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"order_id": "o1", "n": 1.50, "yes": true, "tags": ["a", {"b": 1}], "no": ""}')
    [row] = rows_of(tmp_path / "a.jsonl")
    assert row["_extra"] == [("n", "1.5"), ("yes", "true"), ("tags", '["a", {"b": 1}]')]
    columns = {
        "order_id": ["o1"],
        "price": [Decimal("1.50")],
        "tags": [["a", "b"]],
        "raw": [b"\xff"],
        "day": [DAY],
        "big": [2.0**60],
        "none": pa.nulls(1),
    }
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    [row] = rows_of(tmp_path / "a.parquet")
    assert row["_extra"] == [
        ("price", "1.50"),
        ("tags", '["a", "b"]'),
        ("raw", "ff"),
        ("day", "2024-03-01"),
        ("big", "1.152921504606847e+18"),
    ]


def test_a_map_that_ingest_wrote_is_read_as_the_columns_it_holds(tmp_path):
    """As in the text of a refused row, which replay lands again."""
    (tmp_path / "a.jsonl").write_text(
        '{"order_id": "o1", "_extra": {"coupon": "X"}}\n{"order_id": "o2", "_extra": "y"}'
    )
    assert [row["_extra"] for row in rows_of(tmp_path / "a.jsonl")] == [[("coupon", "X")], [("_extra", "y")]]


def test_a_csv_column_without_a_name_is_kept_too(tmp_path):
    (tmp_path / "a.csv").write_text("order_id,note,\no1,a,\no2,b,c\n")
    assert [row["_extra"] for row in rows_of(tmp_path / "a.csv")] == [None, [("", "c")]]


def test_many_rows_keep_their_own_maps(tmp_path):
    lines = [f"o{n},{'x' if n % 3 else ''},{n if n % 2 else ''}" for n in range(150_000)]
    (tmp_path / "a.csv").write_text("order_id,one,two\n" + "\n".join(lines) + "\n")
    for n, row in enumerate(rows_of(tmp_path / "a.csv")):
        wanted = ([("one", "x")] if n % 3 else []) + ([("two", str(n))] if n % 2 else [])
        assert row["_extra"] == (wanted or None)
