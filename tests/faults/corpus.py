"""Hand-made bad landing files, each with its fate: what becomes of every row of it.

`FILES` is all of them, from one module for each kind. A row's `event_id` is the file's stem and its number, so that no
file's rows are another one's by accident.
"""

import csv
import gzip
import io
import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

ROW_KB, UNPACKED_MB = 64, 1  # the limits under which the corpus is read
D1, D2 = date(2024, 3, 1), date(2024, 3, 2)
GOOD: dict[str, dict[str, Any]] = {
    "transactions": {
        "event_at": f"{D1}T10:00:00Z",
        "order_id": "o1",
        "customer_id": "c1",
        "product_id": "p1",
        "quantity": "1",
        "line_amount": "9.50",
        "line_type": "sale",
        "currency": "",
    },
    "exchange_rates": {
        "event_at": f"{D1}T10:00:00Z",
        "rate_date": f"{D1}",
        "currency": "USD",
        "exchange_rate": "0.92",
    },
    "clickstream": {"event_at": f"{D1}T10:00:00Z", "visitor_id": "v1", "event_type": "view", "product_id": "p1"},
    "reviews": {"event_at": f"{D1}T10:00:00Z", "customer_id": "c1", "rating": "5", "review_text": "good"},
    "customers": {"event_at": f"{D1}T10:00:00Z", "customer_id": "c1", "signup_date": "2024-01-31"},
    "products": {"event_at": f"{D1}T10:00:00Z", "product_id": "p1", "list_price": "9.50"},
    "payments": {
        "event_at": f"{D1}T10:00:00Z",
        "order_id": "o1",
        "payment_sequence": "1",
        "payment_amount": "9.50",
    },
    "campaign_events": {
        "event_at": f"{D1}T10:00:00Z",
        "customer_id": "c1",
        "campaign_id": "k1",
        "event_type": "contact",
    },
}
Row = dict[str, Any]


@dataclass(frozen=True)
class BadFile:
    """A file and its fate: rows new and doubled, and the beginning of the reason for each line refused.

    `holds` are values of rows that were taken, by `event_id`. A file with `is_ignored` is never read;
    one that `stops` its source is read when it was mended.
    """

    name: str
    content: bytes
    new: int = 0
    duplicate: int = 0
    refused: dict[int, str] = field(default_factory=dict)
    holds: dict[str, Row] = field(default_factory=dict)
    source: str = "transactions"
    day: date = D1
    is_ignored: bool = False
    stops: str | None = None

    @property
    def path(self) -> str:
        """From the landing folder."""
        return f"{self.source}/dt={self.day}/{self.name}"


def rows(stem: str, *changes: Row, source: str = "transactions") -> list[Row]:
    """Good rows with those changes, numbered from 1."""
    return [{"event_id": f"{stem}.{n}"} | GOOD[source] | change for n, change in enumerate(changes, start=1)]


def as_csv(records: list[Row], delimiter: str = ",", end: str = "\n") -> bytes:
    """With a header of the first record's names."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(records[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue().encode()


def as_lines(records: list[Row]) -> bytes:
    """One JSON object a line."""
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def as_parquet(columns: dict[str, Any], **options: Any) -> bytes:
    """Columns as arrays, or lists of text."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer, **options)
    return buffer.getvalue()


def packed(content: bytes) -> bytes:
    """Gzip, the same bytes each time."""
    return gzip.compress(content, mtime=0)


def zstd(content: bytes) -> bytes:
    """Zstandard."""
    buffer = pa.BufferOutputStream()
    with pa.CompressedOutputStream(buffer, "zstd") as stream:
        stream.write(content)
    return buffer.getvalue().to_pybytes()
