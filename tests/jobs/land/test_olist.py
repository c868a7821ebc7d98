from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from jobs.land import LandingError, olist
from tests.jobs.land.landed import rows, total

FILES = {
    "customers.csv": """\
customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state
c1,ana,1,x,SP
c2,ana,1,x,SP
c3,rui,1,x,MG
""",
    "orders.csv": """\
order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at,order_estimated_delivery_date
o1,c1,delivered,2017-01-10 10:00:00,2017-01-11 09:00:00,2017-01-30 00:00:00
o2,c2,delivered,2017-01-12 23:59:59,,2017-01-31 00:00:00
o3,c3,canceled,2017-01-12 12:00:00,,2017-02-05 00:00:00
""",
    "order_items.csv": """\
order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s,2017-01-20,100.00,10.50
o1,2,p2,s,2017-01-20,50.00,5.25
o2,1,p1,s,2017-01-20,99.90,0.00
o3,1,p2,s,2017-01-20,20.10,3.00
""",
    "order_payments.csv": """\
order_id,payment_sequential,payment_type,payment_installments,payment_value
o1,1,credit_card,3,165.75
o2,1,voucher,1,99.90
""",
    "order_reviews.csv": """\
review_id,order_id,review_score,review_comment_title,review_comment_message,review_creation_date,review_answer_timestamp
r1,o1,5,,"muito bom,
recomendo",2017-01-20 00:00:00,2017-01-22 08:00:00
r1,o2,5,,,2017-01-20 00:00:00,2017-01-22 08:00:00
""",
    "olist_products_dataset.csv": "product_id,product_category_name\np1,beleza_saude\np2,pc_gamer\n",
    "product_category_name_translation.csv": (
        "\ufeffproduct_category_name,product_category_name_english\nbeleza_saude,health_beauty\n"
    ),
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def lake(source: Path, tmp_path: Path) -> Path:
    olist.land(source, tmp_path / "lake" / "landing", {})
    return tmp_path / "lake"


def test_the_person_is_the_unique_id_not_the_id_per_order(lake: Path) -> None:
    owners = {line["order_id"]: line["customer_id"] for line in rows(lake, "transactions")}
    assert owners["o1"] == owners["o2"] == "ana"
    assert [(r["customer_id"], r["dt"], r["country"], r["region"]) for r in rows(lake, "customers")] == [
        ("ana", "2017-01-10", "BR", "SP"),
        ("rui", "2017-01-12", "BR", "MG"),
    ]


def test_a_canceled_order_nets_to_nothing_and_names_its_original(lake: Path) -> None:
    lines = [line for line in rows(lake, "transactions") if line["product_id"] == "p2" and line["customer_id"] == "rui"]
    assert [line["line_type"] for line in lines] == ["sale", "cancellation"]
    assert total(lines) == total(lines, "shipping_amount") == 0
    assert (lines[1]["order_id"], lines[1]["original_order_id"], lines[1]["dt"]) == ("Co3", "o3", "2017-02-05")


def test_freight_stands_apart_from_the_price_of_the_line(lake: Path) -> None:
    lines = [line for line in rows(lake, "transactions") if line["order_id"] == "o1"]
    assert [(line["line_number"], line["line_amount"], line["shipping_amount"]) for line in lines] == [
        ("1", "100.00", "10.50"),
        ("2", "50.00", "5.25"),
    ]


def test_payments_count_when_approved_else_when_ordered(lake: Path) -> None:
    assert [(r["order_id"], r["event_at"]) for r in rows(lake, "payments")] == [
        ("o1", "2017-01-11T09:00:00"),
        ("o2", "2017-01-12T23:59:59"),
    ]


def test_a_review_is_known_from_its_answer_and_stands_once_per_order(lake: Path) -> None:
    reviews = rows(lake, "reviews")
    assert [(r["event_id"], r["dt"], r.get("product_id")) for r in reviews] == [
        ("r1-o1", "2017-01-22", None),
        ("r1-o2", "2017-01-22", "p1"),
    ]
    assert reviews[0]["review_text"] == "muito bom,\nrecomendo"
    assert {r["customer_id"] for r in reviews} == {"ana"}


def test_a_category_without_translation_keeps_its_name(lake: Path) -> None:
    assert {r["product_id"]: r["category"] for r in rows(lake, "products")} == {"p1": "health_beauty", "p2": "pc_gamer"}


def test_an_item_whose_order_is_unknown_still_lands(source: Path, tmp_path: Path) -> None:
    with (source / "order_items.csv").open("a") as file:
        file.write("lost,1,p1,s,2017-01-20,1.00,0.00\n")
    assert olist.land(source, tmp_path / "other" / "landing", {})["transactions"] == 6
    (lost,) = [line for line in rows(tmp_path / "other", "transactions") if line["order_id"] == "lost"]
    assert "event_at" not in lost


def test_thinned_out_last_days_are_not_full(tmp_path: Path) -> None:
    for day, lines in [(1, 9), (2, 8), (3, 10), (4, 5), (5, 4), (6, 1)]:
        folder = tmp_path / "transactions" / f"dt=2018-08-0{day}"
        folder.mkdir(parents=True)
        (folder / "transactions.csv").write_text("header\n" + "line\n" * lines)
    assert olist.business_dates(tmp_path) == (date(2018, 8, 1), date(2018, 8, 4))


def test_missing_files_are_all_named(source: Path, tmp_path: Path) -> None:
    (source / "orders.csv").unlink()
    (source / "order_items.csv").unlink()
    with pytest.raises(LandingError, match=r"lacks olist_orders_dataset.csv, olist_order_items_dataset.csv"):
        olist.land(source, tmp_path / "lake", {})


def test_the_published_facts_survive_landing(shared_data: Path, tmp_path: Path) -> None:
    olist.land(shared_data / "olist", tmp_path / "landing", {})
    lines, payments, reviews = (rows(tmp_path, name) for name in ("transactions", "payments", "reviews"))
    sales = [line for line in lines if line["line_type"] == "sale"]
    assert (len(sales), total(sales)) == (11_780, Decimal("1394639.39"))
    # 50 canceled orders and an unavailable one had items: 8,695.30 and 64.90.
    assert total(lines) == Decimal("1394639.39") - Decimal("8760.20")
    assert (len(payments), total(payments, "payment_amount")) == (10_880, Decimal("1651329.59"))
    assert len(reviews) == len({r["event_id"] for r in reviews}) == 10_313
    assert round(sum(int(r["rating"]) for r in reviews) / len(reviews), 3) == 4.090
    assert len(rows(tmp_path, "customers")) == 10_267
    assert olist.business_dates(tmp_path / "landing") == (date(2016, 9, 15), date(2018, 8, 23))
