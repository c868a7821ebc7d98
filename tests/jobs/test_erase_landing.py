"""Landed files lose the rows of the erased, in every format, and keep every other byte or value."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.erase_landing import without
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


def test_a_parquet_file_keeps_its_other_rows_and_types(tmp_path):
    table = pa.table({"customer_id": ["c1", None, "c3"], "amount": pa.array([1, 2, 3], pa.int16())})
    pq.write_table(table, tmp_path / "a.parquet")
    found = without(tmp_path / "a.parquet", SUBJECTS)
    assert found is not None and found[1] == 1
    assert pq.read_table(pa.BufferReader(found[0])).equals(table.slice(1))


@pytest.mark.parametrize("name", ["a.csv.gz", "a.parquet"])
def test_an_unreadable_file_is_left_for_the_search_to_tell(tmp_path, name):
    assert left_of(tmp_path, name, b"\x1f\x8bbroken") is None
