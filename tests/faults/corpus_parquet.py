"""Parquet files of other types than text, and Parquet files that are none."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from tests.faults.corpus import D1, ROW_KB, BadFile, Row, as_csv, as_parquet, rows

NOON = datetime(2024, 3, 1, 12)


def columns(stem: str, count: int = 2, **other: Any) -> dict[str, Any]:
    """Good columns, with others in their place; one that is None is left out."""
    records = rows(f"parquet_{stem}", *[{}] * count)
    good = {name: [record[name] for record in records] for name in records[0]} | other
    return {name: values for name, values in good.items() if values is not None}


def taken(stem: str, holds: Row, **other: Any) -> BadFile:
    """Both rows are taken."""
    content = as_parquet(columns(stem, **other))
    return BadFile(f"{stem}.parquet", content, 2, holds={f"parquet_{stem}.{n}": holds for n in (1, 2)})


def refused(stem: str, reason: str, **other: Any) -> BadFile:
    """The second row is refused."""
    return BadFile(f"{stem}.parquet", as_parquet(columns(stem, **other)), 1, refused={2: reason})


def moments(unit: str, zone: str | None = None) -> pa.Array:
    return pa.array([NOON, NOON], pa.timestamp(unit, zone))


WHOLE = as_parquet(columns("whole"))

FILES = [
    *(taken(f"moment_{unit}", {"event_date": D1}, event_at=moments(unit)) for unit in ("s", "ms", "us", "ns")),
    *(taken(f"moment_{unit}_utc", {"event_date": D1}, event_at=moments(unit, "UTC")) for unit in ("ms", "us", "ns")),
    taken("moment_zone", {"event_date": D1}, event_at=moments("us", "America/New_York")),
    taken("moment_date", {"event_date": D1}, event_at=pa.array([D1, D1], pa.date32())),
    taken("moment_epoch", {"event_date": D1}, event_at=pa.array([1709287200] * 2, pa.int64())),
    taken("amount_decimal", {"line_amount": 9.5}, line_amount=pa.array([Decimal("9.50")] * 2, pa.decimal128(12, 2))),
    taken("amount_float", {"line_amount": 9.5}, line_amount=pa.array([9.5, 9.5], pa.float64())),
    taken("amount_float32", {"line_amount": 9.5}, line_amount=pa.array([9.5, 9.5], pa.float32())),
    taken("amount_whole", {"line_amount": 9}, line_amount=pa.array([9, 9], pa.int32())),
    taken("amount_large", {"line_amount": 12345678.0}, line_amount=pa.array([12345678.0] * 2, pa.float64())),
    taken("dictionary", {"product_id": "p1"}, product_id=pa.array(["p1", "p1"]).dictionary_encode()),
    taken("large_text", {"product_id": "p1"}, product_id=pa.array(["p1", "p1"], pa.large_string())),
    taken("view_text", {"product_id": "p1"}, product_id=pa.array(["p1", "p1"], pa.string_view())),
    taken("binary_text", {"product_id": "p1"}, product_id=pa.array([b"p1", b"p1"], pa.binary())),
    taken("whole_id", {"order_id": "77"}, order_id=pa.array([77, 77], pa.int64())),
    taken("all_null", {"customer_id": None}, customer_id=pa.nulls(2)),
    taken("absent", {"customer_id": None}, customer_id=None),
    refused("amount_nan", "line_amount is no decimal", line_amount=pa.array([9.5, float("nan")])),
    refused("amount_infinite", "line_amount is", line_amount=pa.array([9.5, float("inf")])),
    refused("amount_float_large", "line_amount is a float too large", line_amount=pa.array([9.5, 2.0**60])),
    refused("id_float", "order_id is a float too large", order_id=pa.array([77.0, 2.0**54])),
    refused("units_unsigned", "quantity is no bigint", quantity=pa.array([1, 2**64 - 1], pa.uint64())),
    refused("units_float", "quantity is no bigint: 2.5", quantity=pa.array(["1", "2.5"])),
    refused("null_needed", "order_id is missing", order_id=pa.array(["o1", None])),
    refused("moment_text", "event_at is no timestamp: noon", event_at=pa.array([str(D1), "noon"])),
    refused("moment_far", "event_at", event_at=pa.array([D1, date(9999, 12, 31)])),
    refused("listed", "customer_id is no text", customer_id=pa.array([None, ["c1"]])),
    refused("nested", "customer_id is no text", customer_id=pa.array([None, {"id": "c1"}])),
    refused("word", "line_type must be one of", line_type=pa.array(["sale", "gift"])),
    BadFile(
        "not_utf8.parquet",
        as_parquet(columns("not_utf8", product_id=pa.array([b"p1", b"caf\xe9"], pa.binary()))),
        refused={0: "file can't be read"},
    ),
    refused("oversized", "a row of", till=pa.array(["", "x" * (ROW_KB << 10)])),
    taken("till", {"_extra": {"till": "7"}}, till=pa.array([7, 7])),
    BadFile(
        "type_bool.parquet",
        as_parquet(columns("type_bool", line_type=[True, False])),
        refused={1: "line_type must be", 2: "line_type must be"},
    ),
    BadFile(
        "moment_time.parquet",
        as_parquet(columns("moment_time", event_at=pa.array([1, 2], pa.time32("s")))),
        refused={1: "event_at is no timestamp", 2: "event_at is no timestamp"},
    ),
    BadFile("no_row.parquet", as_parquet({name: pa.array([], pa.string()) for name in columns("no_row")})),
    BadFile("groups.parquet", as_parquet(columns("groups", 5), row_group_size=2, compression="zstd"), 5),
    BadFile(
        "int96.parquet", as_parquet(columns("int96", event_at=moments("ns")), use_deprecated_int96_timestamps=True), 2
    ),
    BadFile("empty.parquet", b"", refused={0: "file can't be read"}),
    BadFile("half.parquet", WHOLE[: len(WHOLE) // 2], refused={0: "file can't be read"}),
    BadFile("footer.parquet", WHOLE[:-900] + b"\xff" * 100 + WHOLE[-800:], refused={0: "file can't be read"}),
    BadFile("magic.parquet", b"PAR1PAR1", refused={0: "file can't be read"}),
    BadFile("csv.parquet", as_csv(rows("csv", {})), refused={0: "file can't be read"}),
]
