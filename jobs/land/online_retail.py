"""UCI Online Retail: a UK gift shop, from one CSV a day (``YYYY-MM-DD.csv``) or one CSV of the whole, in ``--source``.

Surprises of this data, and what is done:

- Times are local (Europe/London) and stay without an offset.
- ``C…`` invoices are cancellations; they do not name the order that they cancel, so there is no ``original_order_id``.
- ``A…`` invoices (bad debt) are adjustments, and so are the 925 negative quantities of ordinary invoices: all are free,
  without customer, and described as damaged, thrown away or lost. They are stock counts, not returns.
- Not every line is merchandise: see ``LINE_RULES``. ``M`` (manual) and ``D`` (discount) stay merchandise, for they
  change what customers pay for goods.
- 2,483 lines equal another one in every field and there are no line numbers. They are passed on as they are: ingest
  tells a second copy from a first by content.
- ``line_amount`` is quantity × unit price without rounding (one price has three decimals).
- A row that cannot be read is passed on as it stands, for ingest to quarantine: file rows = landed rows.
- There is no file on days without trade: all Saturdays, 2010-12-24 to 2011-01-03, Easter.
- A product's description is taken from rows with a price, since free rows describe damages; at most one version a day.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from pathlib import Path

from jobs.land import LandingError, Value, reject_options
from jobs.land.files import DayRows, Row, day_of, group_by_day, landed_days, read_csv, source_folder, write_days

LINE_RULES: tuple[dict[str, str], ...] = (
    {"name": "postage", "effect": "postage", "product_id": "POST|DOT|C2"},
    {"name": "fees", "effect": "excluded", "product_id": "AMAZONFEE|BANK CHARGES|CRUK"},
    {"name": "bad debt", "effect": "excluded", "product_id": "B", "line_type": "adjustment"},
    {"name": "samples", "effect": "excluded", "product_id": "S"},
    {"name": "gift vouchers", "effect": "excluded", "product_id": "gift_.*"},
    {"name": "given away, lost or found", "effect": "excluded", "price": "zero"},
    {"name": "negative prices", "effect": "excluded", "price": "negative"},
)
PROFILE: dict[str, Value] = {
    "dataset": "online-retail",
    "title": "UCI Online Retail: a UK gift wholesaler and web shop",
    "licence": "CC-BY-4.0",
    "is_simulated": False,
    "is_historic": True,
    "business_timezone": "Europe/London",
    "currency": "GBP",
    "churn_horizon_days": 90,
    "clv_horizon_days": 90,
    "consent_required": False,
    "has_prices": True,
    "minimum_volume_ratio": 0.2,
    "line_rules": LINE_RULES,
}
NOTES = {
    "consent_required": "The public data says nothing about marketing consent.",
    "minimum_volume_ratio": "Lowest days: 2010-12-22, 0.21 of the usual Wednesday; 2011-02-06, 0.32 of its Sundays.",
    "line_rules": "What is no merchandise. The first rule that a line fits decides.",
}
SATURDAY = 5
FIELDS = ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country")
EXPECTS = (
    f"the UCI Online Retail data (doi 10.1057/dbm.2012.17) as CSV, one file or one a day, columns {','.join(FIELDS)}"
)
LINE_COLUMNS = (
    "event_at",
    "order_id",
    "customer_id",
    "product_id",
    "quantity",
    "unit_price",
    "line_amount",
    "line_type",
)
#: Stock codes of postage, fees and corrections: no goods.
CHARGES = {"POST", "DOT", "M", "C2", "D", "S", "AMAZONFEE", "BANK CHARGES", "B", "CRUK"}


def land(source: Path | None, landing: Path, options: dict[str, str]) -> dict[str, int]:
    """Write transactions, customers and products; return the rows of each."""
    reject_options("online-retail", options)
    place = source_folder(source, "online-retail", EXPECTS)
    days = group_by_day(_all_rows(place), place)
    lines = {day: [transaction_line(row) for row in rows] for day, rows in days.items()}
    customers, products = _versions(days)
    columns = ("customer_id", "event_at", "country")
    return {
        "transactions": write_days(landing, "transactions", LINE_COLUMNS, lines, "csv"),
        "customers": write_days(landing, "customers", columns, customers, "jsonl"),
        "products": write_days(
            landing, "products", ("product_id", "event_at", "product_name", "department"), products, "csv.gz"
        ),
    }


def _all_rows(place: Path) -> Iterator[tuple[date | None, Row]]:
    """Every row with its business day: the day in the file's name, else the row's own."""
    files = [place] if place.is_file() else sorted(place.glob("*.csv"))
    if not files:
        raise LandingError(
            f"--source (make: SOURCE=) {place} holds no .csv file: data set online-retail needs {EXPECTS}"
        )
    for path in files:
        header, records = read_csv(path, FIELDS)
        order = [header.index(name) for name in FIELDS]
        file_day = day_of(path.stem)
        for record in records:
            if len(record) != len(header):
                yield file_day, record
                continue
            row = [record[i] for i in order]
            yield file_day or day_of(event_at(row[4])), row


@lru_cache(maxsize=1024)
def event_at(text: str) -> str:
    """ISO local time of an InvoiceDate (ISO, or ``12/1/2010 8:26`` as spreadsheets export it); else the text itself."""
    for form in ("%Y-%m-%d %H:%M:%S", "%m/%d/%Y %H:%M"):
        try:
            return datetime.strptime(text.strip(), form).isoformat()
        except ValueError:
            continue
    return text


def transaction_line(row: Row) -> Row:
    """One row in the raw format; a row of the wrong length stays as it is, so that ingest sees it is broken."""
    if len(row) != len(FIELDS):
        return row
    invoice, stock_code, _, quantity, stamp, price, customer, _ = row
    try:
        amount = format(Decimal(quantity) * Decimal(price), "f")
    except InvalidOperation:
        amount = ""
    line_type = "sale"
    if invoice.startswith("C"):
        line_type = "cancellation"
    elif invoice.startswith("A") or quantity.startswith("-"):
        line_type = "adjustment"
    return (event_at(stamp), invoice, customer_id(customer), stock_code, quantity, price, amount, line_type)


def customer_id(text: str) -> str:
    """The number without its float tail: ``17850.0`` is customer 17850."""
    return re.sub(r"\.0+$", "", text.strip())


def _versions(days: DayRows) -> tuple[DayRows, DayRows]:
    """Customers by country and products by description, each when first seen or changed."""
    countries: dict[str, str] = {}
    names: dict[str, str] = {}
    customers: DayRows = {}
    products: DayRows = {}
    for day, rows in sorted(days.items()):
        described: set[str] = set()
        for row in rows:
            if len(row) != len(FIELDS):
                continue
            _, code, name, _, stamp, price, customer, country = row
            person = customer_id(customer)
            if person and countries.get(person) != country:
                countries[person] = country
                known = "" if country == "Unspecified" else country
                customers.setdefault(day, []).append((person, event_at(stamp), known))
            if name and code not in described and _is_positive(price):
                described.add(code)
                if names.get(code) != name:
                    names[code] = name
                    department = "charges" if code in CHARGES else "goods"
                    products.setdefault(day, []).append((code, event_at(stamp), name, department))
    return customers, products


def _is_positive(price: str) -> bool:
    try:
        return Decimal(price) > 0
    except InvalidOperation:
        return False


def closed_dates(landing: Path) -> tuple[date, ...]:
    """Days without a file, but for Saturdays, on which this shop never trades: Christmas, New Year, Easter."""
    days = set(landed_days(landing, "transactions"))
    span = (min(days) + timedelta(days=number) for number in range((max(days) - min(days)).days)) if days else ()
    return tuple(day for day in span if day not in days and day.weekday() != SATURDAY)
