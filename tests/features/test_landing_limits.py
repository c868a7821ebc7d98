"""Rows that are not UTF-8 or too long cost themselves alone; files that unpack to too much are refused whole."""

import gzip
import json
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import landing_csv
from features.landing import read_rows, rows_schema
from features.landing_rows import Limits

DAY = date(2024, 3, 1)
COLUMNS = ("event_id", "order_id", "note")
SMALL = Limits(row_kb=1, unpacked_mb=1)


def rows_of(path: Path, limits: Limits = SMALL) -> list[dict]:
    batches = list(read_rows(path, f"x/{path.name}", DAY, COLUMNS, limits))
    assert all(batch.schema == rows_schema(COLUMNS) for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def told(rows: list[dict]) -> list[tuple]:
    return [(row["order_id"], row["source_line"], row["problem"]) for row in rows]


def file(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def test_rows_of_a_csv_that_are_not_utf8_are_refused_alone_and_the_others_keep_their_numbers(tmp_path, capfd):
    content = b'order_id,note\no1,a\n\n\xff2,b\no3,c,ragged\n"o4","two\nlines"\n\xff,\xfe,ragged\r\no6,d\n'
    rows = rows_of(file(tmp_path, "a.csv", content))
    assert told(rows) == [
        ("o1", 2, None),
        ("o4", 5, None),
        ("o6", 7, None),
        (None, 3, "the row is not UTF-8"),
        (None, 4, "3 fields instead of 2"),
        (None, 6, "the row is not UTF-8"),
    ]
    assert [row["original_text"] for row in rows[3:]] == ["\ufffd2,b", "o3,c,ragged", "\ufffd,\ufffd,ragged"]
    assert capfd.readouterr().err == ""


def test_a_bad_row_changes_no_id_of_another(tmp_path):
    good = b'order_id,note\no1,a\no1,a\n"o4","two\r\nlines"\n'
    clean, dirty = rows_of(file(tmp_path, "a.csv", good)), rows_of(file(tmp_path, "b.csv", good + b"\xff,a\n"))
    assert [row["event_id"] for row in dirty[:3]] == [row["event_id"] for row in clean]


def test_a_bad_row_far_behind_the_head_is_refused_alone(tmp_path):
    content = b"order_id,note\n" + b"o1,2\n" * 300_000 + b"\xff,a\n"
    rows = rows_of(file(tmp_path, "a.csv", content))
    assert len(rows) == 300_001 and told(rows)[-1] == (None, 300_002, "the row is not UTF-8")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet"])
def test_a_row_that_is_too_long_is_refused_alone_and_its_text_is_cut(name, tmp_path):
    records = [{"order_id": "o1", "note": "a"}, {"order_id": "o2", "note": "b" * 2000}, {"order_id": "o3", "note": "c"}]
    path, first = tmp_path / name, 2 if name == "a.csv" else 1
    if name == "a.parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif name == "a.csv":
        path.write_text("order_id,note\n" + "".join(f"{r['order_id']},{r['note']}\n" for r in records))
    else:
        path.write_text("\n".join(map(json.dumps, records)) if name == "a.jsonl" else json.dumps(records))
    one, three, long = rows_of(path)
    assert [(row["order_id"], row["source_line"]) for row in (one, three)] == [("o1", first), ("o3", first + 2)]
    assert long["source_line"] == first + 1 and "is longer than 1 kB" in long["problem"]
    assert len(long["original_text"]) < 1024 and "bbb" in long["original_text"]
    with pytest.raises(ValueError):  # no replay may take the beginning for the row
        json.loads(long["original_text"])


def test_a_row_of_unknown_columns_is_measured_too(tmp_path):
    path = file(tmp_path, "a.jsonl", json.dumps({"order_id": "o1", "odd": ["x" * 900, "y" * 900]}).encode())
    [row] = rows_of(path)
    assert row["order_id"] is None and "is longer than 1 kB" in row["problem"]
    path = file(tmp_path, "a.csv", b"order_id,one,two\no1," + b"x" * 600 + b"," + b"y" * 600 + b"\no2,,\n")
    assert [row["order_id"] for row in rows_of(path)] == ["o2", None]


def test_a_quote_that_is_never_closed_costs_its_line_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(landing_csv, "BLOCK_MB", 1)
    lines = b"".join(b"o%d,x\n" % number for number in range(500_000))
    rows = rows_of(file(tmp_path, "a.csv", b'order_id,note\nbad,"x\n' + lines), Limits(row_kb=64))
    assert len(rows) == 500_001
    assert told(rows)[-1] == (None, 2, "a quote is open for more than 64 kB; one is missing")
    assert told(rows)[0] == ("o0", 3, None) and rows[-1]["original_text"] == 'bad,"x'


def test_a_long_row_whose_quote_is_closed_is_one_row(tmp_path, monkeypatch):
    monkeypatch.setattr(landing_csv, "BLOCK_MB", 1)
    content = b'order_id,note\no1,"' + b"x,y\n" * 1_000_000 + b'"\no2,z\n'
    good, long = rows_of(file(tmp_path, "a.csv", content), Limits(row_kb=128))
    assert (good["order_id"], good["source_line"]) == ("o2", 3)
    assert long["source_line"] == 2 and "is longer than 128 kB" in long["problem"]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.json.gz", "a.csv.zst", "a.jsonl.zst"])
def test_a_packed_file_that_holds_more_than_the_limit_is_refused_whole(name, tmp_path):
    rows = {
        "csv": b"order_id,note\n" + b"o1,2\n" * 300_000,
        "jsonl": b'{"order_id": "o1"}\n' * 80_000,
        "json": b"[" + b'{"order_id": "o1"},' * 80_000 + b"{}]",
    }[name.split(".")[1]]
    packed = gzip.compress(rows) if name.endswith(".gz") else pa.compress(rows, codec="zstd", asbytes=True)
    path = file(tmp_path, name, packed)
    [row] = rows_of(path)
    assert row["source_line"] == 0 and "it unpacks to more than 1 MB" in row["problem"]
    assert len(rows_of(path, Limits())) > 1


def test_a_parquet_file_that_holds_more_than_the_limit_is_refused_whole(tmp_path):
    pq.write_table(pa.table({"order_id": pa.array(["o1"] * 300_000)}), tmp_path / "a.parquet")
    [row] = rows_of(tmp_path / "a.parquet")
    assert row["source_line"] == 0 and "it unpacks to more than 1 MB" in row["problem"]


def test_texts_that_a_parquet_file_holds_once_are_counted_as_often_as_they_are_rows(tmp_path):
    texts = pa.array(["x" * 2_000, "y" * 2_000]).take(pa.array([0, 1] * 5_000))
    pq.write_table(pa.table({"note": texts}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    [row] = rows_of(tmp_path / "a.parquet", Limits(row_kb=4, unpacked_mb=10))
    assert row["source_line"] == 0 and "it unpacks to more than 10 MB" in row["problem"]
    assert [row["note"][:1] for row in rows_of(tmp_path / "a.parquet", Limits(row_kb=4))] == ["x", "y"] * 5_000


def test_a_plain_file_may_be_as_large_as_it_is(tmp_path):
    assert len(rows_of(file(tmp_path, "a.csv", b"order_id,note\n" + b"o1,2\n" * 300_000))) == 300_000


def test_a_packed_file_that_is_cut_off_is_refused_whole(tmp_path):
    for name, row in (("a.csv.gz", b"o1,%d\n"), ("a.jsonl.gz", b'{"order_id": %d}\n')):
        content = gzip.compress(b"order_id,note\n" + b"".join(row % number for number in range(200_000)))
        [told] = rows_of(file(tmp_path, name, content[: len(content) // 2]), Limits())
        assert told["source_line"] == 0 and told["problem"].startswith("file can't be read")


def test_a_line_of_json_that_is_not_utf8_is_refused_alone(tmp_path):
    good, bad = rows_of(file(tmp_path, "a.jsonl", b'{"order_id": "\xff"}\n{"order_id": "o2"}\n'))
    assert good["order_id"] == "o2"
    assert (bad["source_line"], bad["problem"]) == (1, "the row is not UTF-8")
    assert bad["original_text"] == '{"order_id": "\ufffd"}'


def test_quotes_are_read_as_arrow_reads_them():
    """Where they open no value they are text; doubled they are one."""
    for line, is_open in (
        (b'5" screen,a', False),
        (b'a,"b', True),
        (b'"a""', True),
        (b'"a""b",c', False),
        (b'"a"b,"c', True),
        (b'a,"b",c"', False),
    ):
        assert landing_csv._stays_open(line, False) is is_open
