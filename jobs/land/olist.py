"""Olist: a Brazilian marketplace, from its CSVs in ``--source``.

Surprises of this data, and what is done:

- The person is ``customer_unique_id``; the files' ``customer_id`` is one per order.
- Times are local (America/Sao_Paulo) and stay without an offset.
- An item row is one unit. ``line_amount`` is its price; freight stands apart in ``shipping_amount``.
- Orders canceled or unavailable keep their sale lines and get cancellation lines (order ``C<order_id>``, all amounts
  negative) so that revenue is net. Nobody recorded when: they are dated by the promised delivery day, the latest
  moment at which the shop must have known, so that no feature sees a cancellation too early.
- Reviews are dated by their answer, when the customer wrote; ``review_creation_date`` is the day the shop sent its
  survey, up to 512 days before. One review may cover several orders: one row for each, ``event_id`` naming both.
- Payments count when approved, else (no approval) when the order was placed.
- Two product categories have no translation: they keep their Portuguese name. Products have no history: all are true
  from the first day. A person's state is taken when first seen or changed.
- No orders are published from 2016-10-11 to 2017-01-06.
- Orders thin out in the last days because the extract was cut by status: the last full day is the newest one with at
  least half the order lines of the median day among the 28 before it.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

from jobs.land import reject_options
from jobs.land.files import (
    DayRows,
    Row,
    day_of,
    day_path,
    group_by_day,
    landed_days,
    read_records,
    source_files,
    source_folder,
    write_days,
)

# How Brazilian customers speak of a purchase.
REVIEW_ASPECTS = (
    {
        "aspect": "size_fit",
        "words": "tamanho*|medida*|servi|serviu|serve|apertad*|largo|larga|curto|curta|numeracao",
    },
    {
        "aspect": "quality",
        "words": "qualidade|material|materiais|tecido*|acabamento|fragil|frageis|resistente*|defeito*|defeituos*"
        "|quebrad*|quebrou|estragad*|rasgad*|duravel|durabilidade|danificad*",
    },
    {
        "aspect": "delivery",
        "words": "entreg*|prazo*|cheg*|correio*|transportadora*|frete|receb*|atras*|embalagem|embalagens|embalad*"
        "|envi*|demor*",
    },
    {
        "aspect": "price",
        "words": "preco*|caro|cara|caros|caras|barat*|custo*|valor|dinheiro|promocao|promocoes|desconto*",
    },
    {
        "aspect": "service",
        "words": "atendimento|atendid*|atendente*|suporte|vendedor*|troca|trocar|devolu*|devolver|reembolso|reclama*"
        "|resposta|respond*|contato*|sac",
    },
)
PROFILE: dict[str, str | int | float | bool | date | tuple[dict[str, str], ...]] = {
    "dataset": "olist",
    "title": "Olist: orders, payments and reviews of a Brazilian marketplace",
    "licence": "CC-BY-NC-SA-4.0",
    "is_simulated": False,
    "is_historic": True,
    "business_timezone": "America/Sao_Paulo",
    "currency": "BRL",
    "churn_horizon_days": 180,
    "clv_horizon_days": 180,
    "consent_required": False,
    "has_prices": True,
    "minimum_volume_ratio": 0.2,
    "review_aspects": REVIEW_ASPECTS,
}
NOTES = {
    "churn_horizon_days": "Only 75 of 10,267 people in our subset order twice: churn says little here.",
    "consent_required": "The public data says nothing about marketing consent.",
    "review_aspects": "The reviews are Portuguese.",
    "minimum_volume_ratio": "Lowest day: 2018-01-01, 0.21 of the eight Mondays before. Few orders a day vary widely.",
}
PARTS: Mapping[str, tuple[str, ...]] = {
    "customers": ("olist_customers_dataset.csv", "customers.csv"),
    "orders": ("olist_orders_dataset.csv", "orders.csv"),
    "items": ("olist_order_items_dataset.csv", "order_items.csv"),
    "payments": ("olist_order_payments_dataset.csv", "order_payments.csv"),
    "reviews": ("olist_order_reviews_dataset.csv", "order_reviews.csv"),
    "products": ("olist_products_dataset.csv", "products.csv"),
    "categories": ("product_category_name_translation.csv",),
}
EXPECTS = f"the CSVs of the Olist Brazilian E-Commerce data set: {', '.join(names[0] for names in PARTS.values())}"
NEEDED: Mapping[str, tuple[str, ...]] = {
    "customers": ("customer_id", "customer_unique_id", "customer_state"),
    "orders": (
        "order_id",
        "customer_id",
        "order_status",
        "order_purchase_timestamp",
        "order_approved_at",
        "order_estimated_delivery_date",
    ),
    "items": ("order_id", "order_item_id", "product_id", "price", "freight_value"),
    "payments": ("order_id", "payment_sequential", "payment_type", "payment_installments", "payment_value"),
    "reviews": (
        "review_id",
        "order_id",
        "review_score",
        "review_comment_title",
        "review_comment_message",
        "review_answer_timestamp",
    ),
    "products": ("product_id", "product_category_name"),
    "categories": ("product_category_name", "product_category_name_english"),
}
CANCELED = {"canceled", "unavailable"}
LINE_COLUMNS = (
    "event_at",
    "order_id",
    "line_number",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "line_amount",
    "shipping_amount",
    "currency",
    "line_type",
    "original_order_id",
)
PAYMENT_COLUMNS = ("event_at", "order_id", "payment_sequence", "payment_type", "installments", "payment_amount")
REVIEW_COLUMNS = (
    "event_id",
    "event_at",
    "customer_id",
    "order_id",
    "product_id",
    "rating",
    "title",
    "review_text",
)
CUSTOMER_COLUMNS = ("customer_id", "event_at", "country", "region")
PRODUCT_COLUMNS = ("product_id", "event_at", "category")
Record = dict[str, str]
Dated = tuple[date | None, Row]


def land(source: Path | None, landing: Path, options: dict[str, str]) -> dict[str, int]:
    """Write transactions, payments, reviews, customers and products; return the rows of each."""
    reject_options("olist", options)
    files = source_files(source_folder(source, "olist", EXPECTS), PARTS, "olist", EXPECTS)
    data = {part: read_records(path, NEEDED[part]) for part, path in files.items()}
    persons = {r["customer_id"]: r for r in data["customers"]}
    for order in data["orders"]:
        order["person"] = persons.get(order["customer_id"], {}).get("customer_unique_id", "")
    orders = {r["order_id"]: r for r in data["orders"]}
    lines = _by_day(transaction_lines(data["items"], orders), files["items"])
    payments = _by_day(_payments(data["payments"], orders), files["payments"])
    reviews = _by_day(_reviews(data["reviews"], orders, data["items"]), files["reviews"])
    customers = _by_day(_customers(data["orders"], persons), files["orders"])
    products = {min(lines): _products(data["products"], data["categories"], min(lines))}
    return {
        "transactions": write_days(landing, "transactions", LINE_COLUMNS, lines, "csv"),
        "payments": write_days(landing, "payments", PAYMENT_COLUMNS, payments, "jsonl.gz"),
        "reviews": write_days(landing, "reviews", REVIEW_COLUMNS, reviews, "jsonl"),
        "customers": write_days(landing, "customers", CUSTOMER_COLUMNS, customers, "csv.gz"),
        "products": write_days(landing, "products", PRODUCT_COLUMNS, products, "parquet"),
    }


def transaction_lines(items: list[Record], orders: Mapping[str, Record]) -> Iterator[Dated]:
    """A sale line for each item and, for an order that came to nothing, a cancellation line as well."""
    for item in items:
        order = orders.get(item["order_id"], {})
        price, freight, bought = item["price"], item["freight_value"], order.get("order_purchase_timestamp", "")
        number, who = item["order_item_id"], (order.get("person", ""), item["product_id"])
        amounts = ("1", price, price, freight, "BRL")
        yield day_of(bought), (_iso(bought), item["order_id"], number, *who, *amounts, "sale", "")
        if order.get("order_status") in CANCELED:
            known = max(bought, order["order_estimated_delivery_date"])
            negative = ("-1", price, _minus(price), _minus(freight), "BRL")
            original = item["order_id"]
            row = (_iso(known), f"C{original}", number, *who, *negative, "cancellation", original)
            yield day_of(known), row


def _payments(payments: list[Record], orders: Mapping[str, Record]) -> Iterator[Dated]:
    for r in payments:
        order = orders.get(r["order_id"], {})
        paid = order.get("order_approved_at") or order.get("order_purchase_timestamp", "")
        what = (r["payment_sequential"], r["payment_type"], r["payment_installments"], r["payment_value"])
        yield day_of(paid), (_iso(paid), r["order_id"], *what)


def _reviews(reviews: list[Record], orders: Mapping[str, Record], items: list[Record]) -> Iterator[Dated]:
    products: dict[str, set[str]] = defaultdict(set)
    for item in items:
        products[item["order_id"]].add(item["product_id"])
    for r in reviews:
        order_id, answered = r["order_id"], r["review_answer_timestamp"]
        # A review of a basket of several products does not say which one it means.
        product = next(iter(products[order_id])) if len(products[order_id]) == 1 else ""
        ids = (f"{r['review_id']}-{order_id}", _iso(answered), orders.get(order_id, {}).get("person", ""), order_id)
        texts = (r["review_score"], r["review_comment_title"], r["review_comment_message"])
        yield day_of(answered), (*ids, product, *texts)


def _customers(orders: list[Record], persons: Mapping[str, Record]) -> Iterator[Dated]:
    states: dict[str, str] = {}
    for order in sorted(orders, key=lambda r: (r["order_purchase_timestamp"], r["order_id"])):
        person, state = order["person"], persons.get(order["customer_id"], {}).get("customer_state", "")
        if person and states.get(person) != state:
            states[person] = state
            bought = order["order_purchase_timestamp"]
            yield day_of(bought), (person, _iso(bought), "BR", state)


def _products(products: list[Record], categories: list[Record], first: date) -> list[Row]:
    english = {r["product_category_name"]: r["product_category_name_english"] for r in categories}
    names = ((r["product_id"], r["product_category_name"]) for r in products)
    rows = [(product, f"{first.isoformat()}T00:00:00", english.get(name, name)) for product, name in names]
    return sorted(rows, key=tuple)


def _by_day(rows: Iterable[Dated], where: Path) -> DayRows:
    return {day: sorted(of_day, key=tuple) for day, of_day in group_by_day(rows, where).items()}


def _iso(stamp: str) -> str:
    return stamp.replace(" ", "T")


def _minus(amount: str) -> str:
    try:
        return format(-Decimal(amount), "f")
    except InvalidOperation:
        return amount


def business_dates(landing: Path) -> tuple[date, date]:
    """First day, and the newest day that is not yet thinned out (see above)."""
    counts = {day: _line_count(landing, day) for day in landed_days(landing, "transactions")}
    days = list(counts)
    for i in range(len(days) - 1, 0, -1):
        before = [counts[day] for day in days[max(0, i - 28) : i]]
        if counts[days[i]] >= 0.5 * statistics.median(before):
            return days[0], days[i]
    return days[0], days[-1]


def _line_count(landing: Path, day: date) -> int:
    return day_path(landing, "transactions", day, "csv").read_bytes().count(b"\n") - 1
