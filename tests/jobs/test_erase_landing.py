"""Landed files lose the rows of the erased, in every format, and keep every other byte or value."""

import csv
import gzip
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.landing_rows import Limits
from jobs.erase_landing import without
from jobs.erase_landing_formats import _slow_csv_ends, csv_ends
from jobs.erase_words import Sought

SUBJECTS = Sought({"customer_id": {"c1", "c,2"}, "order_id": {"o7"}, "visitor_id": set()})


def left_of(tmp_path, name: str, content: bytes) -> tuple[bytes, int] | None:
    (tmp_path / name).write_bytes(content)
    return without(tmp_path / name, SUBJECTS)


def test_a_csv_keeps_its_other_records_to_the_byte(tmp_path):
    kept = b'\xef\xbb\xbfevent_id,customer_id,order_id,note\r\n1,c10,o1,"two\nlines, c1"\r\n'
    gone = b'2,c1,o2,x\r\n3,"c,2",o3,"a\nb"\r\n4,,o7,guest of that order\r\n5,c1\r\n'
    assert left_of(tmp_path, "a.csv", kept + gone + b"6,c3,o6,\xff\r\n") == (kept + b"6,c3,o6,\xff\r\n", 4)


def test_a_file_without_the_erased_is_left_alone(tmp_path):
    assert left_of(tmp_path, "a.csv", b"customer_id,amount\nc10,1\n") is None


def test_a_broken_line_of_json_goes_when_it_names_the_erased(tmp_path):
    lines = [b'{"customer_id": "c1"}', b'{"customer_id": "c10"}', b'{"customer_id": "c1', b'{"customer_id": "c10', b""]
    assert left_of(tmp_path, "a.jsonl", b"\n".join(lines)) == (b"\n".join([lines[1], lines[3], b""]), 2)


def test_an_array_of_json_keeps_the_others(tmp_path):
    rows = [{"customer_id": "c1"}, {"customer_id": "é"}, {"order_id": "o7"}, {"order_id": 7}]
    found = left_of(tmp_path, "a.json", json.dumps(rows).encode())
    assert found is not None and (json.loads(found[0]), found[1]) == ([rows[1], rows[3]], 2)


def test_a_packed_file_stays_packed(tmp_path):
    found = left_of(tmp_path, "a.csv.gz", gzip.compress(b"customer_id\nc1\nc3\n"))
    assert found is not None and (gzip.decompress(found[0]), found[1]) == (b"customer_id\nc3\n", 1)
    packed = pa.compress(b"customer_id\nc1\nc3\n", codec="zstd", asbytes=True)
    found = left_of(tmp_path, "a.csv.zst", packed)
    assert found is not None and found[0][:4] == packed[:4]


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.zst", "a.parquet"])
def test_a_file_that_unpacks_to_more_than_ingest_takes_is_left_for_the_search_to_tell(name, tmp_path):
    path, limits = tmp_path / name, Limits(unpacked_mb=1)
    if name == "a.parquet":
        pq.write_table(pa.table({"customer_id": ["c1"] * 20, "note": ["x" * 100_000] * 20}), path)
    else:
        line = b"customer_id\n" if "csv" in name else b'{"customer_id": "c1"}\n'
        text = line + b"c1\n" * 500_000 if "csv" in name else line * 100_000
        path.write_bytes(pa.compress(text, codec="gzip" if name.endswith("gz") else "zstd", asbytes=True))
    before = path.read_bytes()
    assert without(path, SUBJECTS, limits) is None and path.read_bytes() == before
    found = without(path, SUBJECTS)
    assert found is not None and found[1] > 0


def test_a_parquet_file_keeps_its_other_rows_and_types(tmp_path):
    table = pa.table({"customer_id": ["c1", None, "c3"], "amount": pa.array([1, 2, 3], pa.int16())})
    pq.write_table(table, tmp_path / "a.parquet")
    found = without(tmp_path / "a.parquet", SUBJECTS)
    assert found is not None and found[1] == 1
    assert pq.read_table(pa.BufferReader(found[0])).equals(table.slice(1))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
def test_an_unreadable_file_is_left_for_the_search_to_tell(tmp_path, name):
    assert left_of(tmp_path, name, b"\x1f\x8bbroken") is None


@settings(max_examples=300)
@given(st.text('ab,"\n\r', max_size=30))
def test_records_of_a_csv_end_where_its_reader_ends_them(text):
    data = text.encode()
    assert csv_ends(data).tolist() == _slow_csv_ends(data).tolist()


@given(st.lists(st.tuples(st.sampled_from(["c1", "c2", "c,2", ""]), st.text('a,"\n c1', max_size=6)), max_size=8))
def test_a_csv_loses_the_rows_of_the_erased_and_no_other(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows([("customer_id", "note"), *rows])
    kept = [list(row) for row in rows if row[0] not in SUBJECTS.customers]
    found = without(path, SUBJECTS)
    assert (found is None) == (len(kept) == len(rows))
    content = path.read_bytes() if found is None else found[0]
    assert list(csv.reader(io.StringIO(content.decode(), newline="")))[1:] == kept


def test_free_text_of_others_loses_the_name_alone_in_every_format(tmp_path):
    sought = Sought({"customer_id": {"c00001"}, "email": {"jo@example.org"}})
    rows = [{"customer_id": "c2", "note": "ask c00001 or jo@example.org", "more": ["c00001"]}]
    said = {"customer_id": "c2", "note": "ask (erased) or (erased)", "more": ["(erased)"]}
    files = {
        "a.jsonl": json.dumps(rows[0]).encode() + b"\n",
        "a.json": json.dumps(rows).encode(),
        "a.csv": b"customer_id,note\nc2,ask c00001 or jo@example.org\n",
        "broken.json": b'[{"note": "c00001"',
    }
    left = {}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        left[name] = without(tmp_path / name, sought)[0]
    assert json.loads(left["a.jsonl"]) == said and json.loads(left["a.json"]) == [said]
    assert left["a.csv"] == b"customer_id,note\nc2,ask (erased) or (erased)\n"
    assert left["broken.json"] == b'[{"note": "(erased)"'
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    assert pq.read_table(pa.BufferReader(without(tmp_path / "a.parquet", sought)[0])).to_pylist() == [said]


def test_an_array_keeps_its_other_records_as_they_were_written(tmp_path):
    left = left_of(tmp_path, "a.json", b'\xef\xbb\xbf [ {"customer_id":"c1"} ,\n{"amount": 10.10, "x" :1e2}\n]')
    assert left == (b'[{"amount": 10.10, "x" :1e2}]', 1)


def test_an_id_that_json_spells_in_escapes_is_found(tmp_path):
    assert left_of(tmp_path, "a.jsonl", b'{"customer_id": "\\u0063\\u0031"}\n{"a": 1}\n') == (b'{"a": 1}\n', 1)


@pytest.mark.parametrize("spelt", [r"Zo\u00eb-77", r"Zo\u00EB-77", r"AB\/123456", r"AB\u002F123456"])
def test_an_id_is_found_as_any_writer_of_json_spells_it(spelt, tmp_path):
    sought = Sought({"customer_id": {"Zoë-77", "AB/123456"}})
    for name, text in (("a.jsonl", f'{{"customer_id": "{spelt}"}}\n'), ("a.json", f'[{{"customer_id": "{spelt}"}}]')):
        (tmp_path / name).write_text(text)
        found = without(tmp_path / name, sought)
        assert found is not None and found[1] == 1


def test_ids_that_are_numbers_in_parquet_are_found(tmp_path):
    sought = Sought({"customer_id": {"12"}})
    pq.write_table(pa.table({"customer_id": pa.array([12, 13])}), tmp_path / "a.parquet")
    assert without(tmp_path / "a.parquet", sought)[1] == 1
