from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.land import LandingError, online_retail
from tests.jobs.land.landed import rows, total

HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
FIRST_DAY = """\
1,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
1,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
2,22,"SET OF ""3"", RED",1,2010-12-01 09:00:00,0.001,,Unspecified
3,23,damaged,-5,2010-12-01 10:00:00,0.0,,United Kingdom
A4,B,Adjust bad debt,1,2010-12-01 11:00:00,-11062.06,,United Kingdom
5,POST,POSTAGE,one,2010-12-01 11:30:00,18.0,17850.0,United Kingdom
"""
SECOND_DAY = """\
C6,85123A,HOLDER,-6,2010-12-02 08:26:00,2.55,17850.0,France
7,85123A,WHITE HOLDER,6,not a time,2.55,17850.0,France
8,85123A,too few
"""


def land(source: Path, lake: Path) -> dict[str, int]:
    return online_retail.land(source, lake / "landing", {})


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    source = tmp_path / "source"
    source.mkdir()
    (source / "2010-12-01.csv").write_text(HEADER + FIRST_DAY)
    (source / "2010-12-02.csv").write_text(HEADER + SECOND_DAY)
    assert land(source, tmp_path / "lake")["transactions"] == 9
    return tmp_path / "lake"


def test_every_file_row_lands_even_when_it_cannot_be_read(lake: Path) -> None:
    lines = rows(lake, "transactions")
    assert len(lines) == 9
    unreadable = next(line for line in lines if line.get("quantity") == "one")
    assert "line_amount" not in unreadable
    assert [line["event_at"] for line in lines if line["dt"] == "2010-12-02"][1] == "not a time"
    text = (lake / "landing/transactions/dt=2010-12-02/transactions.csv").read_text()
    assert text.endswith("8,85123A,too few\n")


def test_exact_duplicates_are_left_for_ingest_to_tell(lake: Path) -> None:
    lines = rows(lake, "transactions")
    assert lines[0] == lines[1]
    assert "line_number" not in lines[0] and "event_id" not in lines[0]


def test_invoice_letter_and_sign_tell_the_line_type(lake: Path) -> None:
    types = {line["order_id"]: line.get("line_type") for line in rows(lake, "transactions")}
    assert {k: types[k] for k in ("1", "2", "3", "A4", "C6")} == {
        "1": "sale",
        "2": "sale",
        "3": "adjustment",
        "A4": "adjustment",
        "C6": "cancellation",
    }


def test_amounts_are_exact_and_customer_ids_lose_their_float_tail(lake: Path) -> None:
    lines = rows(lake, "transactions")
    assert [line.get("line_amount") for line in lines[:3]] == ["15.30", "15.30", "0.001"]
    assert lines[0]["customer_id"] == "17850"
    assert "customer_id" not in lines[2]
    assert lines[0]["event_at"] == "2010-12-01T08:26:00"


def test_customer_versions_follow_the_country_and_product_versions_the_description(lake: Path) -> None:
    countries = [(r["customer_id"], r["dt"], r["country"]) for r in rows(lake, "customers")]
    assert countries == [("17850", "2010-12-01", "United Kingdom"), ("17850", "2010-12-02", "France")]
    names = [(r["product_id"], r["dt"], r["product_name"]) for r in rows(lake, "products")]
    assert ("22", "2010-12-01", 'SET OF "3", RED') in names
    assert not any("damaged" in name for _, _, name in names)
    departments = {r["product_id"]: r["department"] for r in rows(lake, "products")}
    assert departments["85123A"] == "goods" and departments["POST"] == "charges"


def test_one_csv_of_the_whole_lands_as_the_daily_files_do(lake: Path, tmp_path: Path) -> None:
    whole = tmp_path / "online_retail.csv"
    whole.write_text(HEADER + FIRST_DAY + SECOND_DAY)
    land(whole, tmp_path / "other")
    assert rows(tmp_path / "other", "transactions") == rows(lake, "transactions")


def test_spreadsheet_times_and_encoding_are_understood(tmp_path: Path) -> None:
    csv = tmp_path / "data.csv"
    csv.write_bytes((HEADER + "1,gift,Voucher £20,1,12/1/2010 8:26,20,1.0,EIRE\n").encode("cp1252"))
    land(csv, tmp_path / "lake")
    assert rows(tmp_path / "lake", "transactions")[0]["event_at"] == "2010-12-01T08:26:00"
    assert rows(tmp_path / "lake", "products")[0]["product_name"] == "Voucher £20"


def test_a_foreign_csv_is_refused_by_its_missing_columns(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(LandingError, match=r"lacks the column.s. InvoiceNo"):
        land(tmp_path, tmp_path / "lake")


def test_the_published_facts_survive_landing(shared_data: Path, tmp_path: Path) -> None:
    counts = land(shared_data / "online-retail", tmp_path)
    lines = rows(tmp_path, "transactions")
    assert len(lines) == counts["transactions"] == 320_705
    assert len({line["dt"] for line in lines}) == 219
    assert total(lines).quantize(Decimal("0.01")) == Decimal("5761931.38")
    assert sum("customer_id" not in line for line in lines) == 88_652
    assert len({line.get("customer_id") for line in lines}) - 1 == 3_360
    assert len({line["order_id"] for line in lines}) == 16_459
    assert Counter(line["line_type"] for line in lines) == {"sale": 313_930, "cancellation": 5_847, "adjustment": 928}
    kept = [
        line
        for line in lines
        if "customer_id" in line and line["line_type"] == "sale" and Decimal(line["line_amount"]) > 0
    ]
    assert (len(kept), total(kept).quantize(Decimal("0.01"))) == (226_467, Decimal("5239240.56"))


def test_days_without_a_file_are_closed_but_for_saturdays(tmp_path: Path) -> None:
    for day in ("2010-12-23", "2010-12-26"):  # a Thursday; Friday and Saturday lack a file
        (tmp_path / "transactions" / f"dt={day}").mkdir(parents=True)
    assert online_retail.closed_dates(tmp_path) == (date(2010, 12, 24),)
    assert online_retail.closed_dates(tmp_path / "none") == ()
