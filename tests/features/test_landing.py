"""Landing files of every format become the same text rows; what is no row is told with its line."""

import gzip
import json
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
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
    (tmp_path / "a.jsonl").write_text('{"order_id": "o1"}\n\n{"order_id":\n[1]\n{"order_id": 4, "note": {"k": 1}}\n')
    good, other, broken, listed = rows_of(tmp_path / "a.jsonl")
    assert (good["source_line"], other["source_line"]) == (1, 5)
    assert (other["order_id"], json.loads(other["note"])) == ("4", {"k": 1})
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
        ("a.csv", b"order_id,note\n\xff\xfe,a\n"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_row_that_says_so(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    [row] = rows_of(tmp_path / name)
    assert row["source_line"] == 0 and row["problem"].startswith("file can't be read")


def test_lines_between_quotes_are_one_row(tmp_path):
    (tmp_path / "a.csv").write_text('order_id,note\no1,"two\nlines"\no2,x\n')
    assert [(row["order_id"], row["note"]) for row in rows_of(tmp_path / "a.csv")] == [
        ("o1", "two\nlines"),
        ("o2", "x"),
    ]


def test_headers_are_known_before_reading_where_a_format_has_them(tmp_path):
    assert header_of(write(tmp_path / "a.csv.gz", RECORDS)) == {"order_id", "amount", "note"}
    assert header_of(write(tmp_path / "a.parquet", RECORDS)) == {"order_id", "amount", "note"}
    assert header_of(write(tmp_path / "a.jsonl", RECORDS)) is None


def test_names_of_other_kinds_are_none_of_ours():
    assert [file_format(Path(name)) for name in ("a.csv.zst", "a.txt", "a.csv.tmp")] == ["csv", None, None]


text = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0\x1f", exclude_categories=("Cs",)), min_size=1)


@given(st.lists(st.tuples(text, st.none() | text), min_size=1, max_size=4))
def test_any_text_comes_through_json_and_csv_alike(tmp_path_factory, pairs):
    folder = tmp_path_factory.mktemp("any")
    records = [{"order_id": one, "amount": "1", "note": other} for one, other in pairs]
    csv, jsonl = (rows_of(write(folder / name, records)) for name in ("a.csv", "a.jsonl"))
    assert [row["order_id"] for row in jsonl] == [one for one, _ in pairs]
    assert [(row["event_id"], row["note"]) for row in csv] == [(row["event_id"], row["note"]) for row in jsonl]
