"""The search finds an id wherever it stands as a word or a value, and takes no other for it."""

import gzip
import hashlib
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.erase_search import Finder, search
from jobs.erase_texts import texts_of


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("a CUST01 b", True),
        ("CUST010", False),
        ("x-CUST01", False),
        ("'CUST01'", True),
        ("ab@c.de,", True),
        ("xab@c.de", False),
        ("ab@c.de7", False),
        ('"two words"', True),
        ("two wordsy", False),
        ("Zoë-77", True),
        ("ëëëëëë", True),
        (r"Zo\u00EB-77", True),
        (r"Zo\u00eb-77", True),
        (r"Zo\u00eb-777", False),
    ],
)
def test_an_id_is_found_as_a_word_only(text, is_found):
    assert Finder({"CUST01", "ab@c.de", "two words", "Zoë-77", "ëëëëëë"}).finds(text.encode()) is is_found


@pytest.mark.parametrize(
    ("text", "column", "is_found"),
    [
        ('{"customer_id":"12"}', "", True),
        ('{"customer_id": 12}', "", True),
        (r"{\"customer_id\":\"12\"}", "", True),
        ('{"customer_id":"123"}', "", False),
        ('{"product_id":"12","size":12}', "", False),
        ("12 rows", "", False),
        ("\x0012\x00", "customer_id", True),
        ("\x0012\x00", "product_id", False),
        ("\x00123456\x00", "order_id", False),
        ("\x00123456\x00", "customer_id", True),
    ],
)
def test_a_short_id_or_a_number_is_found_where_customers_stand(text, column, is_found):
    assert Finder({"12", "123456"}).finds(text.encode(), column) is is_found


def test_ids_across_blocks_are_found_and_long_ones_whole(monkeypatch):
    monkeypatch.setattr("jobs.erase_words.BLOCK_BYTES", 16)
    long = "a-customer-id-of-more-than-sixteen-bytes"
    for before in range(20):
        assert Finder({"CUST01", long}).finds(b"x " * before + b"CUST01")
        assert Finder({"CUST01", long}).finds(b"x " * before + long.encode())
        assert not Finder({"CUST01", long}).finds(b"x " * before + long.encode() + b"s")


def test_every_kind_of_file_is_opened_and_hashes_count_but_in_the_list_of_the_refused(tmp_path):
    plain = hashlib.sha256(b"CUST01").hexdigest()
    (tmp_path / "a.log").write_text(f"seen {plain}")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"id,CUST01\n"))
    texts = pa.table({"text": ["said CUST01 twice"], "n": [1]})
    pq.write_table(texts, tmp_path / "c.parquet", compression="zstd")
    nested = pa.array([[("referrer", "CUST01")], None], pa.map_(pa.string(), pa.string()))
    pq.write_table(pa.table({"extra": nested}), tmp_path / "d.parquet")
    with zipfile.ZipFile(tmp_path / "e.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("names", "CUST01")
    (tmp_path / "short.csv").write_text("customer_id,quantity\n7,12\n")
    for place in ("ops_erased_customer", "other"):
        (tmp_path / place).mkdir()
        pq.write_table(pa.table({"customer_hash": ["keyed-hash"]}), tmp_path / place / "f.parquet")
    (tmp_path / "of.CUST01.txt").write_text("nothing")
    (tmp_path / "clean.txt").write_text("CUST011 CUST0")
    (tmp_path / "clean.csv").write_text("customer_id,quantity\n12,7\n")
    found = search(tmp_path, {"CUST01", "7"}, {"keyed-hash"})
    names = [str(path.relative_to(tmp_path)) for path in found.found]
    assert (found.files, names) == (
        11,
        ["a.log", "b.csv.gz", "c.parquet", "d.parquet", "e.npz", "of.CUST01.txt", "other/f.parquet", "short.csv"],
    )


def test_what_unpacks_to_a_line_without_end_is_searched_in_pieces(tmp_path, monkeypatch):
    """An id across two pieces is found, a longer one is not taken for it, and no piece is large."""
    monkeypatch.setattr("jobs.erase_texts.PIECE_BYTES", 1 << 13)
    path = tmp_path / "a.jsonl.gz"
    for before in range((1 << 13) - 20, (1 << 13) + 20):
        for word, is_found in (("two words", True), ("two wordsy", False)):
            text = " " * before + word
            path.write_bytes(gzip.compress((text + " " * (1 << 16)).encode()))
            assert Finder({"two words"}).finds_in(path) is is_found
            path.write_bytes(gzip.compress(("\0" * (1 << 14) + text + "\0" * (1 << 16)).encode()))
            assert Finder({"two words"}).finds_in(path) is is_found
    pieces = [len(text) for _, text in texts_of(path)]
    assert max(pieces) <= 3 << 13
    path.write_bytes(gzip.compress(b"x" * (1 << 20)))
    assert max(len(text) for _, text in texts_of(path)) <= 3 << 13


def test_a_linked_folder_is_searched_once_and_a_loop_has_an_end(tmp_path):
    lake, elsewhere = tmp_path / "lake", tmp_path / "elsewhere"
    for folder in (lake / "landing", elsewhere / "deep"):
        folder.mkdir(parents=True)
    (elsewhere / "deep" / "a.csv").write_text("customer_id\nCUST01\n")
    (lake / "landing" / "transactions").symlink_to(elsewhere)
    (lake / "again").symlink_to(elsewhere / "deep")
    (elsewhere / "loop").symlink_to(lake)
    (elsewhere / "nowhere").symlink_to(lake / "gone")
    found = search(lake, {"CUST01"}, set())
    assert found.files == 1 and [path.name for path in found.found] == ["a.csv"]


def test_what_lies_in_two_places_is_found_in_its_own(tmp_path):
    (tmp_path / "raw_reviews").mkdir()
    (tmp_path / "raw_reviews" / "a.txt").write_text("CUST01")
    (tmp_path / "a_link").symlink_to(tmp_path / "raw_reviews")
    assert search(tmp_path, {"CUST01"}, set()).found == (tmp_path / "raw_reviews" / "a.txt",)
