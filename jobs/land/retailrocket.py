"""RetailRocket: the clicks of a web shop, from ``events.csv`` in ``--source``.

Surprises of this data, and what is done:

- Times are epoch milliseconds. Where the shop lies is not published, so business days are UTC days.
- A visitor is the only person that the data knows: ``customer_id`` is the visitor's id too.
- There are no prices. A transaction event becomes a purchase click and a transaction line of amount 0.00, so orders
  can be counted and revenue cannot (``has_prices = false``). Units are not counted either: ``quantity`` is absent.
- ``transactionid`` is float text (``3129.0``): order 3129. Its lines may be some milliseconds apart.
- The log ends at 02:35 UTC: the last full day is the one before the last.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from jobs.land import reject_options
from jobs.land.files import (
    DayRows,
    Row,
    day_of,
    group_by_day,
    landed_days,
    read_records,
    source_files,
    source_folder,
    write_days,
)

PROFILE: dict[str, str | int | float | bool | date] = {
    "dataset": "retailrocket",
    "title": "RetailRocket: clicks and purchases of a web shop, without prices",
    "licence": "CC-BY-NC-SA-4.0",
    "is_simulated": False,
    "is_historic": True,
    "business_timezone": "UTC",
    "currency": "XXX",
    "churn_horizon_days": 28,
    "clv_horizon_days": 28,
    "consent_required": False,
    "has_prices": False,
    "minimum_volume_ratio": 0.05,
}
NOTES = {
    "business_timezone": "The shop's place is not published.",
    "currency": "ISO 4217 for none: the data has no prices.",
    "consent_required": "The public data says nothing about marketing consent.",
    "minimum_volume_ratio": "A small sample: the lowest day has 0.09 of the events of its weekday.",
}
FIELDS = ("timestamp", "visitorid", "event", "itemid", "transactionid")
EXPECTS = f"events.csv of the RetailRocket recommender data set, columns {','.join(FIELDS)}"
EVENT_TYPES = {"view": "view", "addtocart": "add_to_cart", "transaction": "purchase"}
CLICK_COLUMNS = ("event_at", "visitor_id", "customer_id", "event_type", "product_id", "order_id")
LINE_COLUMNS = ("event_at", "order_id", "customer_id", "product_id", "line_amount", "line_type")


def land(source: Path | None, landing: Path, options: dict[str, str]) -> dict[str, int]:
    """Write clickstream and transactions; return the rows of each."""
    reject_options("retailrocket", options)
    folder = source_folder(source, "retailrocket", EXPECTS)
    path = source_files(folder, {"events": ("events.csv",)}, "retailrocket", EXPECTS)["events"]
    clicks = {day: sorted(rows, key=tuple) for day, rows in group_by_day(_clicks(path), path).items()}
    return {
        "clickstream": write_days(landing, "clickstream", CLICK_COLUMNS, clicks, "jsonl.gz"),
        "transactions": write_days(landing, "transactions", LINE_COLUMNS, _transactions(clicks), "csv"),
    }


def _clicks(path: Path) -> Iterator[tuple[date | None, Row]]:
    for r in read_records(path, FIELDS):
        stamp = event_at(r["timestamp"])
        # An unknown event keeps its name: ingest quarantines it, nothing is dropped here.
        event_type = EVENT_TYPES.get(r["event"], r["event"])
        order_id = r["transactionid"].removesuffix(".0")
        yield day_of(stamp), (stamp, r["visitorid"], r["visitorid"], event_type, r["itemid"], order_id)


def event_at(milliseconds: str) -> str:
    """ISO UTC time of epoch milliseconds; else the text itself."""
    try:
        instant = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=int(milliseconds))
    except (ValueError, OverflowError):
        return milliseconds
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _transactions(clicks: DayRows) -> DayRows:
    days: DayRows = {}
    for day, rows in clicks.items():
        for stamp, _, visitor, event_type, product, order_id in rows:
            if event_type == "purchase":
                days.setdefault(day, []).append((stamp, order_id, visitor, product, "0.00", "sale"))
    return days


def business_dates(landing: Path) -> tuple[date, date]:
    """First day, and the day before the last, which the log cuts in the middle."""
    days = landed_days(landing, "clickstream")
    return days[0], max(days[0], days[-1] - timedelta(days=1))
