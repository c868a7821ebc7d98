"""The search finds an id wherever it stands as a word or a value, and takes no other for it."""

import gzip
import hashlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.erase_search import Finder, search


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("a CUST01 b", True),
        ("CUST010", False),
        ("x-CUST01", False),
        ("'CUST01'", True),
        ("ab@c.d,", True),
        ("xab@c.d", False),
    ],
)
def test_an_id_is_found_as_a_word_only(text, is_found):
    assert Finder({"CUST01", "ab@c.d"}, shortest=6).finds(text.encode()) is is_found


@pytest.mark.parametrize(
    ("text", "is_found"),
    [('{"customer_id":"12"}', True), (r"{\"id\":\"12\"}", True), ("<td>12</td>", True), ("12 rows", False)],
)
def test_a_short_id_is_found_as_a_value_only(text, is_found):
    assert Finder({"12"}, shortest=6).finds(text.encode()) is is_found


def test_every_kind_of_file_is_opened_and_hashes_count_but_in_the_list_of_the_refused(tmp_path):
    plain = hashlib.sha256(b"CUST01").hexdigest()
    (tmp_path / "a.log").write_text(f"seen {plain}")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id,CUST01\n"))
    pq.write_table(pa.table({"text": ["said CUST01 twice"], "n": [1]}), tmp_path / "c.parquet", compression="zstd")
    for place in ("ops_erased_customer", "other"):
        (tmp_path / place).mkdir()
        pq.write_table(pa.table({"customer_hash": ["keyed-hash"]}), tmp_path / place / "d.parquet")
    (tmp_path / "clean.txt").write_text("CUST011 CUST0")
    found = search(tmp_path, {"CUST01"}, {"keyed-hash"})
    assert (found.files, found.found, found.first) == (6, 4, str(tmp_path / "a.log"))
