"""Strategies: the same shop rows, dirtied, split into files of any format, repeated and delayed over some nights."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from hypothesis import strategies as st

from tests.faults.corpus import Row, as_csv, as_lines, as_parquet, packed, zstd

START = date(2024, 3, 1)
NIGHTS = tuple(START + timedelta(days=shift) for shift in range(3))
NAMES = (
    "event_id",
    "event_at",
    "order_id",
    "customer_id",
    "product_id",
    "quantity",
    "line_amount",
    "line_type",
    "original_order_id",
)
FORMATS = ("csv", "csv.gz", "jsonl", "jsonl.zst", "json", "json.gz", "parquet")
FAULTS = ("amount", "moment", "type", "order", "torn")


@dataclass(frozen=True)
class Group:
    """Rows that always come together: one row, or equal ones without an id, which are truly so many purchases."""

    row: Row
    copies: int = 1
    fault: str | None = None

    @property
    def is_good(self) -> bool:
        """Whether the contract takes it."""
        return self.fault is None


@dataclass(frozen=True)
class Delivery:
    """A file: what comes in it, in this order, in which night and form."""

    night: date
    groups: tuple[Group, ...]
    form: str
    seed: int

    @property
    def row_count(self) -> int:
        """Rows in the file."""
        return sum(group.copies for group in self.groups)


@st.composite
def orders(draw: st.DrawFn) -> list[Group]:
    """Sales of some customers, returns of some of them, equal purchases without an id, and rows that are bad."""
    groups = []
    for number in range(draw(st.integers(4, 9))):
        row = {
            "event_id": f"e{number}",
            "event_at": f"{draw(st.sampled_from(NIGHTS))}T{draw(st.integers(0, 23)):02}:{number:02}:00Z",
            "order_id": f"o{number // 2}",
            "customer_id": draw(st.sampled_from(("c1", "c2", None))),
            "product_id": draw(st.sampled_from(("p1", "p2"))),
            "quantity": str(draw(st.integers(1, 3))),
            "line_amount": f"{draw(st.integers(0, 9999)) / 100:.2f}",
            "line_type": "sale",
            "original_order_id": None,
        }
        copies = draw(st.sampled_from((0, 0, 2)))
        groups.append(Group(row | {"event_id": None}, copies) if copies else Group(row))
        if draw(st.booleans()):
            back = {"event_id": f"r{number}", "line_type": "return", "quantity": "-1", "order_id": f"x{number}"}
            named = row["order_id"] if draw(st.booleans()) else None
            late = f"{NIGHTS[-1]}T23:{number:02}:30Z"
            money = {"line_amount": f"-{row['line_amount']}", "event_at": late, "original_order_id": named}
            groups.append(Group(row | back | money))
    bad = draw(st.lists(st.sampled_from(FAULTS), min_size=1, max_size=5))
    return groups + [Group(groups[0].row | {"event_id": f"bad{n}"}, fault=fault) for n, fault in enumerate(bad)]


@st.composite
def deliveries(draw: st.DrawFn) -> list[Delivery]:
    """Every group once at least, not before its day; some again later, alone or as the same file once more."""
    groups = draw(orders())
    found: dict[tuple[date, int], list[Group]] = {}
    for group in draw(st.permutations(groups)):
        nights = [night for night in NIGHTS if str(night) >= group.row["event_at"][:10]]
        for _ in range(draw(st.integers(1, 3)) if group.is_good else 1):
            held = found.setdefault((draw(st.sampled_from(nights)), draw(st.integers(0, 2))), [])
            if group not in held:  # twice in one file, rows without an id would be so many purchases more
                held.append(group)
    made = [
        Delivery(night, tuple(held), draw(st.sampled_from(FORMATS)), draw(st.integers(0, 10**6)))
        for (night, _), held in found.items()
    ]
    again = draw(st.lists(st.sampled_from(made), max_size=2))
    return made + [Delivery(NIGHTS[-1], one.groups, one.form, one.seed) for one in again]


def spelt(row: Row, chance: random.Random) -> Row:
    """The moment of a row as one of those who write it may; a row without an id is known by its text, which stays."""
    if row["event_id"] is None:
        return row
    moment = datetime.fromisoformat(row["event_at"])
    ways = (
        row["event_at"],
        str(int(moment.timestamp())),
        str(int(moment.timestamp() * 1000)),
        (moment + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00",
        moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    )
    return row | {"event_at": chance.choice(ways)}


def spoilt(row: Row, fault: str | None) -> Row:
    """The row with a fault that every format can say."""
    match fault:
        case "amount":
            return row | {"line_amount": "1,5"}
        case "moment":
            return row | {"event_at": "2024-02-30T10:00:00Z"}
        case "type":
            return row | {"line_type": "gift"}
        case "order":
            return row | {"order_id": None}
    return row


def content_of(delivery: Delivery) -> bytes:
    """The file's bytes."""
    chance = random.Random(delivery.seed)
    records, torn = [], []
    for group in delivery.groups:
        row = spoilt(spelt(group.row, chance), group.fault)
        records += [row] * group.copies
        torn += [group.fault == "torn"] * group.copies
    kind, _, packing = delivery.form.partition(".")
    content = {"csv": _csv, "jsonl": _lines, "json": _array, "parquet": _parquet}[kind](records, torn, chance)
    return {"": bytes, "gz": packed, "zst": zstd}[packing](content)


def _csv(records: list[Row], torn: list[bool], chance: random.Random) -> bytes:
    names = chance.sample(NAMES, len(NAMES))
    lines = as_csv([{name: record[name] for name in names} for record in records]).splitlines()
    cut = [line.rpartition(b",")[0] if bad else line for line, bad in zip(lines[1:], torn, strict=True)]
    return b"\n".join([lines[0], *cut]) + b"\n"


def _lines(records: list[Row], torn: list[bool], chance: random.Random) -> bytes:
    lines = as_lines([_numbers(record, chance) for record in records]).splitlines()
    return b"".join((line[:-9] if bad else line) + b"\n" for line, bad in zip(lines, torn, strict=True))


def _array(records: list[Row], torn: list[bool], chance: random.Random) -> bytes:
    made = [7 if bad else _numbers(record, chance) for record, bad in zip(records, torn, strict=True)]
    return json.dumps(made, indent=chance.choice((None, 1))).encode()


def _numbers(record: Row, chance: random.Random) -> Row:
    if record["event_id"] is None or "," in record["line_amount"] or chance.random() < 0.5:
        return record
    return record | {"line_amount": float(record["line_amount"]), "quantity": int(record["quantity"])}


def _parquet(records: list[Row], torn: list[bool], chance: random.Random) -> bytes:
    made = [record | {"product_id": None} if bad else record for record, bad in zip(records, torn, strict=True)]
    names = chance.sample(NAMES, len(NAMES))
    return as_parquet({name: pa.array([record[name] for record in made], pa.string()) for name in names})


def write(landing: Path, made: Iterable[Delivery]) -> Counter[date]:
    """Land the files; rows by the night that counts them: a file of the same content counts once."""
    counted: Counter[date] = Counter()
    seen: set[bytes] = set()
    for number, delivery in enumerate(sorted(made, key=lambda one: one.night)):
        content = content_of(delivery)
        name = f"{delivery.seed}-{number}.{delivery.form}"
        folder = landing / "transactions" / f"dt={delivery.night}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
        if content not in seen:
            counted[delivery.night] += delivery.row_count
        seen.add(content)
    return counted


def tidy(made: Iterable[Delivery]) -> list[Delivery]:
    """The good rows alone, each in the night of its first coming, a CSV file a night."""
    first: dict[str, tuple[date, Group]] = {}
    for delivery in sorted(made, key=lambda one: one.night):
        for group in delivery.groups:
            if group.is_good:
                first.setdefault(json.dumps(group.row), (delivery.night, group))
    held: dict[date, list[Group]] = {}
    for night, group in first.values():
        held.setdefault(night, []).append(group)
    return [Delivery(night, tuple(groups), "csv", 0) for night, groups in held.items()]
