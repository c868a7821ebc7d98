"""Nobody is erased whom the operator did not name: a header is no person, and what can't be read is refused."""

import csv

import pytest

from jobs import erase
from jobs.erase_ids import ids_in, ids_of_options
from jobs.errors import MissingInputError


@pytest.mark.parametrize(
    "text",
    [
        "customer_id\nC-1\nC-2\n",
        "customer_id \nC-1 \nC-2\n",
        "Customer_ID\r\nC-1\r\nC-2\r\n",
        "\ufeff customerId\nC-1\n\n C-2\n",
        'name, "customer_id"\nAnn,C-1\n"Bo, b",C-2\n',
        "customer_id;name\nC-1;Ann\nC-2;Bob\n",
        "name\tCUSTOMER ID\nAnn\tC-1\nBob\tC-2\n",
        "name|customer_id\nAnn|C-1\nBob|C-2\n",
        "C-1\nC-2\nC-1\n",
        "C-1\rC-2\r",
    ],
)
def test_a_header_is_recognised_however_it_is_spelt(text, tmp_path):
    path = tmp_path / "ids.csv"
    path.write_text(text, "utf-8", newline="")
    assert list(ids_in(path)) == ["C-1", "C-2"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"customer_id,customer_id \nC-1,C-2\n", "twice"),
        (b"customer\nC-1\n", "line 1 is the word customer, which names"),
        (b"C-1\nraw_Transactions\n", "line 2 is the word raw_Transactions"),
        (b"name;id\nAnn;C-1\n", "several columns and none is called customer_id"),
        (b"C-1\nC-2;Ann\n", "several columns and none is called customer_id"),
        (b"name,customer_id\nAnn,C-1\nBob\n", "line 3 has 1 columns, the header 2"),
        (b"name,customer_id\nMiller, Ann,C-1\n", "line 2 has 3 columns, the header 2"),
        (b"name,customer_id\nAnn,\n", "line 2 has no customer_id"),
        ("customer_id\nZo\u00eb\n".encode("latin-1"), "is not UTF-8"),
        ("customer_id\nC-1\n".encode("utf-16"), "is not UTF-8"),
        ("customer_id\nC-1\n".encode("utf-16-le"), "is not UTF-8"),
        (b"customer_id\n" + b"C" * 140_000 + b"\n", "line 2: field larger than field limit"),
        (b'customer_id\n"C-1\nC-2\nC-3\n', "the id that ends in line 4 has a line break"),
        (b"customer_id\n", "names no customer"),
        (b"", "names no customer"),
    ],
)
def test_a_file_that_may_name_somebody_else_is_refused_in_one_line(content, told, tmp_path, request):
    limit = csv.field_size_limit(131_072)
    request.addfinalizer(lambda: csv.field_size_limit(limit))
    path = tmp_path / "ids.csv"
    path.write_bytes(content)
    with pytest.raises(MissingInputError, match=told) as refused:
        ids_in(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "word", ["customer_id", " Customer_ID", "clickstream", "customer_360", "champions", "purchase"]
)
def test_a_word_of_the_lakes_own_is_nobody(word, lake, no_settings, monkeypatch):
    monkeypatch.setenv("NIGHTJAR_LAKE", str(lake))
    with pytest.raises(MissingInputError, match=r"--customer number 2 is the word"):
        erase.main(["--customer", "C-1", "--customer", word])
    assert not any(lake.iterdir())


@pytest.mark.parametrize("one", ["30", "c1", "7", "C000123", "id", "max"])
def test_ids_that_a_shop_may_have_are_taken(one):
    assert ids_of_options([one, f" {one}"]) == {one: "--customer number 1"}
