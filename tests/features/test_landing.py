"""Landing files of every format become the same text rows; what is no row is told with its line."""

import csv
import gzip
import json
import sys
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.landing import file_format, header_of, read_rows, rows_schema

DAY = date(2024, 3, 1)
COLUMNS = ("event_id", "order_id", "amount", "note")


def rows_of(path: Path) -> list[dict]:
    batches = list(read_rows(path, f"x/{path.name}", DAY, COLUMNS))
    assert all(batch.schema == rows_schema(COLUMNS) for batch in batches)
    return [row for batch in batches for row in batch.to_pylist()]


def values(rows: list[dict]) -> list[tuple]:
    return [(row["order_id"], row["amount"], row["note"], row["source_line"], row["problem"]) for row in rows]


RECORDS = [{"order_id": "o1", "amount": "9.50", "note": "a, b"}, {"order_id": "o2", "amount": "1", "note": None}]
WANTED = {
    "csv": [("o1", "9.50", "a, b", 2, None), ("o2", "1", None, 3, None)],
    "other": [("o1", "9.50", "a, b", 1, None), ("o2", "1", None, 2, None)],
}


def write(path: Path, records: list[dict]) -> Path:
    kind = file_format(path)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
        return path
    text = {
        "csv": lambda: pd.DataFrame(records).to_csv(index=False),
        "jsonl": lambda: "\n".join(map(json.dumps, records)) + "\n",
        "json": lambda: json.dumps(records),
    }[kind]()
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.json", "a.parquet", "a.csv.gz", "a.jsonl.gz"])
def test_every_format_gives_the_same_rows_with_their_lines(name, tmp_path):
    rows = rows_of(write(tmp_path / name, RECORDS))
    assert values(rows) == WANTED["csv" if ".csv" in name else "other"]
    assert {(row["source_file"], row["ingest_date"]) for row in rows} == {(f"x/{name}", DAY)}


def test_rows_have_the_same_ids_in_every_format(tmp_path):
    ids = {
        tuple(row["event_id"] for row in rows_of(write(tmp_path / name, RECORDS)))
        for name in ("a.csv", "a.jsonl", "a.json", "a.parquet", "b.csv.gz")
    }
    assert len(ids) == 1


def test_equal_rows_of_a_file_stay_two_and_the_same_row_in_another_file_is_the_same(tmp_path):
    one, again, other = rows_of(write(tmp_path / "a.csv", [RECORDS[0], RECORDS[0], RECORDS[1]]))
    assert one["event_id"] != again["event_id"] and one["event_id"][:-1] == again["event_id"][:-1]
    assert [row["event_id"] for row in rows_of(write(tmp_path / "b.csv", [RECORDS[1], RECORDS[0]]))] == [
        other["event_id"],
        one["event_id"],
    ]


def test_a_column_that_is_absent_hashes_like_an_empty_one(tmp_path):
    with_note, without = [{"order_id": "o1", "amount": "1", "note": None}], [{"order_id": "o1", "amount": "1"}]
    for kind in ("csv", "jsonl"):
        [one], [other] = (rows_of(write(tmp_path / f"{len(r[0])}.{kind}", r)) for r in (with_note, without))
        assert one["event_id"] == other["event_id"]


def test_an_id_of_the_source_is_kept(tmp_path):
    rows = rows_of(
        write(tmp_path / "a.csv", [{"event_id": "e1", "order_id": "o"}, {"event_id": None, "order_id": "o"}])
    )
    assert rows[0]["event_id"] == "e1" and rows[1]["event_id"].endswith("-1")


def test_a_ragged_line_is_told_with_its_text_and_the_lines_after_it_keep_their_numbers(tmp_path):
    (tmp_path / "a.csv").write_text("order_id,amount,note\no1,1,a\no2,2\no3,3,c,d\no4,4,e\n")
    rows = rows_of(tmp_path / "a.csv")
    assert values(rows) == [
        ("o1", "1", "a", 2, None),
        ("o4", "4", "e", 5, None),
        (None, None, None, 3, "2 fields instead of 3"),
        (None, None, None, 4, "4 fields instead of 3"),
    ]
    assert [row["original_text"] for row in rows[2:]] == ["o2,2", "o3,3,c,d"]


def test_broken_json_is_told_with_its_text_and_its_line(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"order_id": "o1"}\n\n{"order_id":\n[1]\n{"order_id": 4, "note": true}\n')
    good, other, broken, listed = rows_of(tmp_path / "a.jsonl")
    assert (good["source_line"], other["source_line"]) == (1, 5)
    assert (other["order_id"], other["note"]) == ("4", "true")
    assert (broken["source_line"], broken["problem"][:8], broken["original_text"]) == (3, "not JSON", '{"order_id":')
    assert (listed["source_line"], listed["problem"], listed["original_text"]) == (4, "not a JSON object", "[1]")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.parquet", b"nothing"),
        ("a.csv.gz", b"no gzip"),
        ("a.jsonl.gz", gzip.compress(b'{"order_id": 1}\n' * 50, mtime=0)[:-12]),
        ("a.json", b"{}"),
        ("a.csv", b""),
        ("a.csv", b"x" * 200_000 + b"\n1\n"),  # no name of a column
        ("a.csv", b"\n"),
        ("a.json", b"[" + b"[" * 2000 + b"]" * 2000 + b"]"),
    ],
)
@pytest.mark.parametrize("limit", [131_072, sys.maxsize])  # of the process, which erasing and other files raise
def test_a_file_that_cannot_be_read_is_one_row_that_says_so(limit, name, content, tmp_path):
    csv.field_size_limit(limit)
    (tmp_path / name).write_bytes(content)
    [row] = rows_of(tmp_path / name)
    assert row["source_line"] == 0 and row["problem"].startswith("file can't be read")


@pytest.mark.parametrize(
    "content",
    [
        "order_id,prix payé\no1,2\n".encode("latin-1"),
        "order_id,note\no1,2\n".encode("utf-16"),
        "order_id,note\no1,2\n".encode("utf-16-le"),
    ],
)
def test_a_csv_whose_names_are_not_utf8_is_one_row_that_says_what_to_do(content, tmp_path, capfd):
    (tmp_path / "a.csv").write_bytes(content)
    [row] = rows_of(tmp_path / "a.csv")
    assert row["problem"] == "file can't be read: it is not UTF-8; save it as UTF-8"
    assert capfd.readouterr().err == ""


def test_a_parquet_file_broken_inside_is_one_row_that_says_so_and_its_header_stops_nothing(tmp_path):
    path = write(tmp_path / "a.parquet", RECORDS * 1000)
    whole = path.read_bytes()
    for start in range(4, len(whole), 97):
        path.write_bytes(whole[:start] + b"\xff" * 40 + whole[start + 40 :])
        header_of(path)
        list(read_rows(path, "x", DAY, COLUMNS))  # any of Arrow's errors, or none: never a traceback


def test_brackets_without_end_cost_their_line_alone(tmp_path):
    deep = b'{"order_id": "o1", "other": ' + b"[" * 1000 + b"]" * 1000 + b"}"
    (tmp_path / "a.jsonl").write_bytes(deep + b'\n{"order_id": "o2"}\n')
    assert "o2" in [row["order_id"] for row in rows_of(tmp_path / "a.jsonl")]
    (tmp_path / "a.json").write_bytes(b'[{"order_id": "o1", "other": ' + b"[" * 300 + b"]" * 300 + b"}]")
    assert [row["order_id"] for row in rows_of(tmp_path / "a.json")] == ["o1"]


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_json_numbers_keep_every_digit(kind, tmp_path):
    texts = ['{"order_id": 123456789012345678901, "amount": 12345678901234.5678}', '{"order_id": 7, "amount": 1.10}']
    (tmp_path / f"a.{kind}").write_text("\n".join(texts) if kind == "jsonl" else f"[{','.join(texts)}]")
    found = [(row["order_id"], row["amount"]) for row in rows_of(tmp_path / f"a.{kind}")]
    assert found == [("123456789012345678901", "12345678901234.5678"), ("7", "1.1")]


def test_parquet_floats_are_said_exactly_or_refused(tmp_path):
    amounts = [5.0, 12345678.0, 123456789012.25, 2.0**53, None, 0.1]
    pq.write_table(pa.table({"order_id": list("abcdef"), "amount": amounts}), tmp_path / "a.parquet")
    *rows, refused = rows_of(tmp_path / "a.parquet")
    assert [row["amount"] for row in rows] == ["5", "12345678", "123456789012.25", None, "0.1"]
    assert [row["source_line"] for row in rows] == [1, 2, 3, 5, 6]
    assert (refused["source_line"], refused["problem"]) == (4, "amount is a float too large to be exact")


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.parquet"])
def test_a_list_or_a_record_where_a_text_belongs_refuses_its_row(name, tmp_path):
    good, bad = {"order_id": "o1", "note": None}, {"order_id": "o2", "note": {"k": "v"}}
    one, refused = rows_of(write(tmp_path / name, [good, bad]))
    assert (one["order_id"], one["source_line"]) == ("o1", 1)
    assert (refused["problem"], refused["source_line"], refused["order_id"]) == ("note is no text", 2, None)
    assert json.loads(refused["original_text"]) == bad


@pytest.mark.parametrize("kind", ["jsonl", "json"])
def test_a_name_that_stands_twice_in_a_json_record_refuses_it(kind, tmp_path):
    texts = ['{"order_id": "o1", "note": "a", "order_id": "o2"}', '{"order_id": "o3", "other": {"order_id": 1}}']
    (tmp_path / f"a.{kind}").write_text("\n".join(texts) if kind == "jsonl" else f"[{','.join(texts)}]")
    one, refused = rows_of(tmp_path / f"a.{kind}")
    assert (one["order_id"], refused["problem"]) == ("o3", "order_id stands twice in the record")


def test_a_csv_of_a_header_alone_is_empty_with_and_without_its_line_end(tmp_path):
    for text in ("order_id,note", "order_id,note\n", "order_id"):
        (tmp_path / "a.csv").write_text(text)
        assert rows_of(tmp_path / "a.csv") == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.json"])
def test_a_byte_order_mark_costs_no_row(name, tmp_path):
    path = write(tmp_path / name, RECORDS)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert [row["order_id"] for row in rows_of(path)] == ["o1", "o2"]
    assert header_of(path) in (None, ["order_id", "amount", "note"])


def test_lines_between_quotes_are_one_row(tmp_path):
    (tmp_path / "a.csv").write_text('order_id,note\no1,"two\nlines"\no2,x\n')
    assert [(row["order_id"], row["note"]) for row in rows_of(tmp_path / "a.csv")] == [
        ("o1", "two\nlines"),
        ("o2", "x"),
    ]


def test_headers_are_known_before_reading_where_a_format_has_them(tmp_path):
    assert header_of(write(tmp_path / "a.csv.gz", RECORDS)) == ["order_id", "amount", "note"]
    assert header_of(write(tmp_path / "a.parquet", RECORDS)) == ["order_id", "amount", "note"]
    assert header_of(write(tmp_path / "a.jsonl", RECORDS)) is None


def test_names_of_other_kinds_are_none_of_ours():
    assert [file_format(Path(name)) for name in ("a.csv.zst", "a.txt", "a.csv.tmp")] == ["csv", None, None]


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\x1f", exclude_categories=("Cs",)), min_size=1)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(text, st.none() | text), min_size=1, max_size=4))
def test_any_text_comes_through_json_and_csv_alike(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("any")
    records = [{"order_id": one, "amount": "1", "note": other} for one, other in pairs]
    csv, jsonl = (rows_of(write(folder / name, records)) for name in ("a.csv", "a.jsonl"))
    assert [row["order_id"] for row in jsonl] == [one for one, _ in pairs]
    assert [(row["event_id"], row["note"]) for row in csv] == [(row["event_id"], row["note"]) for row in jsonl]
