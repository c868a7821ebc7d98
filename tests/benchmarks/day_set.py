"""A simulated day of transaction lines, as large as asked for, with the dirt that real ones have: not real data.

Orders of five lines on average, products by a Zipf law, guests, returns (some name their order), lines sent twice,
and lines that break each kind of rule. The same seed gives the same lines, as CSV and as Parquet.
"""

from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

DAY = date(2024, 3, 1)
FILES = 10
PRODUCTS = 50_000
GUEST_SHARE, RETURN_SHARE, NAMED_SHARE = 0.10, 0.03, 0.5
DUPLICATE_SHARE, BAD_SHARE = 0.01, 0.002
LINES_PER_ORDER, LINES_PER_CUSTOMER = 5, 25
DAY_SECONDS = 86_400


def day_lines(rows: int, seed: int, day: date = DAY) -> pa.Table:
    """`rows` lines as text, in the order in which the shop sent them."""
    chance = np.random.default_rng(seed)
    sent = int(rows / (1 + DUPLICATE_SHARE))
    order = np.sort(chance.integers(0, max(1, sent // LINES_PER_ORDER), sent))
    customer = chance.integers(0, max(1, rows // LINES_PER_CUSTOMER), order.max() + 1)[order]
    is_guest = (chance.random(order.max() + 1) < GUEST_SHARE)[order]
    second = np.minimum(np.sort(chance.integers(0, DAY_SECONDS, order.max() + 1)), DAY_SECONDS - 1)[order]
    product = _products(chance, sent)
    quantity = chance.integers(1, 5, sent)
    cents = chance.integers(99, 9_999, sent)
    line_type = np.full(sent, "sale", dtype=object)
    original = np.full(sent, None, dtype=object)
    back = np.flatnonzero((chance.random(sent) < RETURN_SHARE) & (np.arange(sent) > sent // 10))
    # A return gives back one unit of an earlier line of the day, and every second one says which order that was.
    of_line = chance.integers(0, back // 2 + 1)
    line_type[back] = "return"
    product[back], customer[back], is_guest[back] = product[of_line], customer[of_line], is_guest[of_line]
    quantity[back], cents[back] = -1, cents[of_line]
    named = chance.random(len(back)) < NAMED_SHARE
    amount = quantity * cents
    prefix = f"{day:%y%m%d}-"
    order_id = np.char.add(f"o{prefix}", order.astype("U9")).astype(object)
    original[back[named]] = order_id[of_line[named]]
    order_id[back] = np.char.add(f"r{prefix}", back.astype("U9")).astype(object)
    columns = {
        "event_id": np.char.add(prefix, np.arange(sent).astype("U9")).astype(object),
        "event_at": _moments(day, second),
        "order_id": order_id,
        "customer_id": np.where(is_guest, None, np.char.add("c", customer.astype("U9")).astype(object)),
        "product_id": np.char.add("p", product.astype("U6")).astype(object),
        "quantity": quantity.astype("U4").astype(object),
        "unit_price": _money(cents),
        "line_amount": _money(amount),
        "line_type": line_type,
        "original_order_id": original,
    }
    _spoil(columns, chance, sent)
    lines = pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})
    again = chance.choice(sent, rows - sent, replace=False)
    return pa.concat_tables([lines, lines.take(pa.array(np.sort(again)))])


def _products(chance: np.random.Generator, count: int) -> np.ndarray:
    weight = np.arange(1, PRODUCTS + 1) ** -0.8
    return np.searchsorted(np.cumsum(weight / weight.sum()), chance.random(count)).astype(np.int64)


def _moments(day: date, second: np.ndarray) -> np.ndarray:
    at = np.datetime64(day, "s") + second
    return np.char.add(np.datetime_as_string(at), "Z").astype(object)


def _money(cents: np.ndarray) -> np.ndarray:
    sign = np.where(cents < 0, "-", "")
    whole, rest = np.divmod(np.abs(cents), 100)
    text = np.char.add(np.char.add(whole.astype("U9"), "."), np.char.zfill(rest.astype("U2"), 2))
    return np.char.add(sign, text).astype(object)


def _spoil(columns: dict[str, np.ndarray], chance: np.random.Generator, count: int) -> None:
    """Break one rule in each of a few lines."""
    bad = np.array_split(chance.choice(count, int(count * BAD_SHARE), replace=False), 6)
    columns["line_amount"][bad[0]] = "ten"
    columns["event_at"][bad[1]] = "2024-02-30T10:00:00Z"
    columns["product_id"][bad[2]] = None
    columns["line_type"][bad[3]] = "gift"
    columns["quantity"][bad[4]] = "1.5"
    columns["line_type"][bad[5]], columns["line_amount"][bad[5]] = "sale", "-1.00"


def day_clicks(count: int, seed: int, day: date) -> pa.Table:
    """Clicks of a day as text, without dirt: ten a visitor, half of the visitors logged in."""
    chance = np.random.default_rng(seed)
    visitor = chance.integers(0, max(1, count // 10), count)
    customer = np.char.add("c", visitor.astype("U9")).astype(object)
    columns = {
        "event_id": np.char.add(f"k{day:%y%m%d}-", np.arange(count).astype("U9")).astype(object),
        "event_at": _moments(day, np.sort(chance.integers(0, DAY_SECONDS, count))),
        "visitor_id": np.char.add("v", visitor.astype("U9")).astype(object),
        "customer_id": np.where(visitor % 2, None, customer),
        "event_type": np.array(["view", "search", "add_to_cart"], dtype=object)[chance.integers(0, 3, count)],
        "product_id": np.char.add("p", _products(chance, count).astype("U6")).astype(object),
    }
    return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})


def write(lines: pa.Table, folder: Path, kind: str, files: int = FILES) -> list[Path]:
    """Write the lines into that many files of one kind, `csv` or `parquet`; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-lines.num_rows // files)
    paths = []
    for number in range(files):
        part = lines.slice(number * step, step)
        path = folder / f"part-{number:02d}.{kind}"
        if kind == "csv":
            pa_csv.write_csv(part, path, pa_csv.WriteOptions(quoting_style="needed"))
        else:
            pq.write_table(part, path)
        paths.append(path)
    return paths
