"""What the logs hide, for tests and benchmarks only: Parquet under `<lake>/truth/`, never under landing."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from jobs.land.files import parquet_bytes
from jobs.land.simulated import text
from jobs.land.simulated.catalogue import CATEGORY_NAMES, PROMOTION_DISCOUNT_PERCENT, TIERS
from jobs.land.simulated.clicks import BOT_CUSTOMERS_EACH, bot_visitor, clicks_of_day
from jobs.land.simulated.config import ShopConfig
from jobs.land.simulated.faults import FAULTS, GOOD
from jobs.land.simulated.landing import Tally
from jobs.land.simulated.orders import BASE, CANCELLED_FOR_EACH_RETURN, EXTRA_UNITS, OFFER
from jobs.land.simulated.patterns import PATTERNS, describe
from jobs.land.simulated.planted import PLANTED
from jobs.land.simulated.render import CLICK_DIGITS
from jobs.land.simulated.streams import FloatArray, IntArray
from jobs.land.simulated.world import SENSITIVE_RATE_LOSS, World
from jobs.whole_files import write_whole

# Of the units on returned lines, the share that comes back: any number from one to all is as likely.
RETURNED_UNITS = (2 + EXTRA_UNITS) / 2 / (1 + EXTRA_UNITS)


def write_truth(world: World, truth: Path, tallies: Iterable[Tally]) -> None:
    """Write all truth; deliveries of days made by earlier calls stay."""
    tables = {
        "customers": customer_truth(world),
        "products": _product_truth(world),
        "patterns": _pattern_truth(),
        "visitors": _visitor_truth(world),
        "promotions": _promotion_truth(world),
        "offers": _offer_truth(world),
        "deliveries": _delivery_truth(world, truth / "deliveries.parquet", tallies),
    }
    if world.config.planted_share:
        tables["planted"] = _planted_truth(world.config.planted_share)
    for name, table in tables.items():
        write_whole(truth / f"{name}.parquet", parquet_bytes(table))


def claim(world: World, truth: Path) -> None:
    """Note which shop lives here; refuse to mix it with another one."""
    path = truth / "config.json"
    contacts = sorted(world.contacts.items())
    record = world.config.as_record() | {"offers": f"{zlib.crc32(repr(contacts).encode()):08x}" if contacts else "none"}
    held = record
    if path.exists():  # a shop of before there was a dial has its default
        held = {**ShopConfig().as_record(), **json.loads(path.read_text())}
    if held != record:
        turned = sorted(name for name in record.keys() | held.keys() if record.get(name) != held.get(name))
        raise ValueError(
            f"{truth.parent} holds another simulated shop (differs in {', '.join(turned)}): use another lake"
        )
    content = json.dumps(record, indent=2, sort_keys=True) + "\n"
    write_whole(path, content.encode())


def customer_truth(world: World) -> pa.Table:
    """Every hidden parameter of each customer, and what to expect of a day of their life."""
    people, config = world.people, world.config
    before, net_before = expected_order_amounts(world, 0)
    after, net_after = expected_order_amounts(world, config.drift_day) if config.drift else (before, net_before)
    later_rate = people.rate * (1 - SENSITIVE_RATE_LOSS * config.drift * people.price_sensitivity)
    columns: dict[str, Any] = {
        "customer_id": text.customer_id(np.arange(len(people))),
        "person_id": text.customer_id(world.households.person),
        "signup_date": _dates(world, people.signup_day),
        "death_date": _dates(world, people.death_day),  # first day without purchases
        "orders_per_day": people.rate,
        "orders_per_day_after_drift": later_rate,
        "expected_order_amount": before,
        "expected_net_order_amount": net_before,
        "expected_net_amount_per_day": people.rate * net_before,
        "expected_order_amount_after_drift": after,
        "expected_net_amount_per_day_after_drift": later_rate * net_after,
        "spend_level": people.spend_level,
        "lines_per_order": 1 + people.extra_lines,
        "price_sensitivity": people.price_sensitivity,
        "tone": people.tone,
        "review_share": people.review_share,
        "sessions_per_order": 1 + people.extra_visits,
        "offer_uplift": people.offer_uplift,
        "device_count": people.device_count,
    }
    columns |= {f"interest_{name}": people.interests[:, code] for code, name in enumerate(CATEGORY_NAMES)}
    columns |= {f"later_interest_{name}": people.later_interests[:, code] for code, name in enumerate(CATEGORY_NAMES)}
    columns |= {f"tier_{name}": people.tier_share[:, code] for code, name in enumerate(TIERS)}
    return text.table(columns)


def expected_order_amounts(world: World, day: int) -> tuple[FloatArray, FloatArray]:
    """Expected line money of an order before and after returns and cancellations, averaged over promotion weeks.

    The weeks before or from the drift on, whichever the day lies in. Rounding to cents is left out.
    """
    catalogue, people, config = world.catalogue, world.people, world.config
    prices = catalogue.prices(world.is_drifted(day)).astype(float)
    return_share = config.return_share * (1 - 0.3 * np.tanh(catalogue.quality))
    usual = catalogue.shelf_means(prices)
    kept = catalogue.shelf_means(prices * (1 - RETURNED_UNITS * return_share))
    end = config.drift_day if config.drift and not world.is_drifted(day) else config.days
    days = range(day, max(end, day + 1), 7)
    totals = np.zeros((2, len(people)))
    for week in days:
        weights = world.category_weights(np.arange(len(people)), week)
        discount = 1 - PROMOTION_DISCOUNT_PERCENT / 100 * catalogue.promoted[week // 7]
        weights *= discount / weights.sum(axis=1, keepdims=True)
        for row, shelf in enumerate((usual, kept)):
            totals[row] += ((weights @ shelf) * people.tier_share).sum(axis=1)
    gross, net = totals / len(days) / 100 * (1 + EXTRA_UNITS) * (1 + people.extra_lines)
    return gross, net * (1 - CANCELLED_FOR_EACH_RETURN * config.return_share)


def _dates(world: World, day: IntArray) -> pa.Array:
    """Dates of day numbers; a death too far away to matter stands at the end of the year 2999."""
    dates = np.datetime64(world.config.start_date, "D") + day
    return pa.array(np.minimum(dates, np.datetime64("2999-12-31", "D")))


def _product_truth(world: World) -> pa.Table:
    catalogue = world.catalogue
    return text.table(
        {
            "product_id": text.product_id(np.arange(world.config.products)),
            "category": pa.array(CATEGORY_NAMES).take(text.column(catalogue.category)),
            "tier": pa.array(TIERS).take(text.column(catalogue.tier)),
            "quality": catalogue.quality,
            "fit": catalogue.fit,
        }
    )


def _pattern_truth() -> pa.Table:
    return text.table(
        {
            "name": [pattern.name for pattern in PATTERNS],
            "typical_of": [pattern.meaning for pattern in PATTERNS],
            "steps": [describe(pattern) for pattern in PATTERNS],
            "buying_share": [pattern.buying for pattern in PATTERNS],
            "preparing_share": [pattern.preparing for pattern in PATTERNS],
            "browsing_share": [pattern.browsing for pattern in PATTERNS],
        }
    )


def _planted_truth(share: float) -> pa.Table:
    return text.table(
        {
            "name": [planted.name for planted in PLANTED],
            "typical_of": [planted.meaning for planted in PLANTED],
            "steps": [planted.words for planted in PLANTED],
            "stay": [planted.stay for planted in PLANTED],
            "between": [planted.between for planted in PLANTED],
            "buying_share": [share * planted.buying for planted in PLANTED],
            "preparing_share": [share * planted.preparing for planted in PLANTED],
            "browsing_share": [share * planted.browsing for planted in PLANTED],
        }
    )


def write_visits(world: World, truth: Path, first: int, end: int) -> None:
    """Who made every click of the days, which a shop with dials of identity hides from its logs."""
    if not world.config.has_identity:
        return
    for day in range(first, end):
        parts = []
        for batch in (BASE, OFFER) if world.contacts else (BASE,):
            clicks, sessions = clicks_of_day(world, day, batch)
            customer = sessions.customer[clicks.session]
            columns = {
                "event_id": text.join(
                    text.day_label(world, day, "k", batch), text.digits(np.arange(len(clicks)), CLICK_DIGITS)
                ),
                "customer_id": text.customer_id(customer),
                "person_id": text.customer_id(world.households.person[customer]),
            }
            parts.append(text.table(columns))
        path = truth / "visits" / f"dt={world.config.date_of(day)}" / "visits.parquet"
        write_whole(path, parquet_bytes(pa.concat_tables(parts)))


def _visitor_truth(world: World) -> pa.Table:
    """Whose device a visitor is, twice where two share it; robots belong to nobody."""
    people, config = world.people, world.config
    customer = np.repeat(np.arange(len(people)), people.device_count)
    place = np.concatenate([np.arange(count) for count in people.device_count])
    days = range(0, config.days, config.cookie_days or config.days)
    visitor = np.concatenate([world.households.visitor(customer, place, day) for day in days])
    robots = bot_visitor(world, np.arange(max(len(people) // BOT_CUSTOMERS_EACH, 2)))
    visitor = np.concatenate([visitor, robots])
    owner = np.concatenate([np.tile(customer, len(days)), np.full(len(robots), -1)])
    return text.table(
        {
            "visitor_id": text.visitor_id(visitor),
            "customer_id": text.masked(owner < 0, None, text.customer_id(owner)),
            "is_bot": owner < 0,
        }
    )


def _promotion_truth(world: World) -> pa.Table:
    week, category = np.nonzero(world.catalogue.promoted)
    return text.table(
        {"first_date": _dates(world, week * 7), "category": pa.array(CATEGORY_NAMES).take(text.column(category))}
    )


def _offer_truth(world: World) -> pa.Table:
    pairs = [(customer, day) for day, customers in sorted(world.contacts.items()) for customer in customers]
    customer, day = (np.array(column, dtype=np.int64) for column in (zip(*pairs, strict=True) if pairs else ((), ())))
    return text.table({"customer_id": text.customer_id(customer), "contact_date": _dates(world, day)})


def _delivery_truth(world: World, path: Path, tallies: Iterable[Tally]) -> pa.Table:
    """Rows handed over, by source, landing day, event day and state, and the money on good transaction rows."""
    totals: dict[tuple[str, int, int, int], list[int]] = {}
    for *key, count, cents in tallies:  # batches of one day are told together
        total = totals.setdefault(tuple(key), [0, 0])  # type: ignore[arg-type]
        total[0] += count
        total[1] += cents
    columns = list(zip(*(key + tuple(total) for key, total in totals.items()), strict=True)) or [()] * 6
    source, landed, event, state, rows, amounts = (np.array(column) for column in columns)
    table = text.table(
        {
            "source": pa.array(source.tolist(), pa.string()),
            "dt": _dates(world, landed.astype(np.int64)),
            "event_date": _dates(world, event.astype(np.int64)),
            "state": pa.array(FAULTS).take(text.column(state.astype(np.int64))),
            "is_late": pa.array((landed > event) & (state == GOOD), pa.bool_()),
            "row_count": rows.astype(np.int64),
            "line_amount_cents": amounts.astype(np.int64),
        }
    )
    if path.exists():
        held = pq.read_table(path)
        stays = pc.invert(pc.is_in(held["dt"], value_set=pc.unique(table["dt"])))
        table = pa.concat_tables([held.filter(stays), table])
    keys: Any = [(name, "ascending") for name in ("source", "dt", "event_date", "state")]
    return table.sort_by(keys)
