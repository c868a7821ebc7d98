"""However rows are dirtied, split, packed, repeated and delayed: the same clean tables, and equations that balance."""

import os
from collections import Counter
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, seed, settings

from schemas.clean import CLEAN_ORDER_LINES, CLEAN_ORDERS
from schemas.feature import FEATURE_CUSTOMER_DAY
from schemas.ops import OPS_RUN
from schemas.raw import RAW_QUARANTINE, RAW_TRANSACTIONS
from tests.faults import shop
from tests.faults.compare import assert_same_rows
from tests.faults.mixtures import NIGHTS, Delivery, deliveries, tidy, write

# NIGHTJAR_CHAOS_SEED, as for the kills, draws other examples. Each takes seconds: few, and no shrinking.
SEED = int(os.environ.get("NIGHTJAR_CHAOS_SEED", "4"))
EXAMPLES = 4
JOBS = (("ingest",), ("conform",), ("tile",))


@seed(SEED)
@settings(
    max_examples=EXAMPLES,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(made=deliveries())
def test_dirt_repeats_and_layout_change_no_clean_row(made: list[Delivery], spark, tmp_path_factory):
    dirty, clean = (tmp_path_factory.mktemp("mixture") / name for name in ("dirty", "tidy"))
    landed = write(dirty / "landing", made)
    for night in NIGHTS:
        shop.run_all(dirty, JOBS, night)
    write(clean / "landing", tidy(made))
    for name, *_ in JOBS:  # at once: the same rows as night by night
        shop.run(clean, (name, "--from", str(NIGHTS[0])), NIGHTS[-1])
    for table in (CLEAN_ORDER_LINES, CLEAN_ORDERS, FEATURE_CUSTOMER_DAY):
        assert_same_rows(table, shop.stored(dirty, table), shop.stored(clean, table))
    raw, other = (shop.stored(lake, RAW_TRANSACTIONS) for lake in (dirty, clean))
    assert raw.drop_columns("source_file").equals(other.drop_columns("source_file"))
    assert_balanced(dirty, made, landed)


def assert_balanced(lake, made: list[Delivery], landed: Counter) -> None:
    """Every row of every file is accounted for, night by night and over all; money to the cent."""
    runs = {row["ingest_date"]: row for row in shop.stored(lake, OPS_RUN).to_pylist()}
    assert {night: row["file_row_count"] for night, row in runs.items()} == dict(landed)
    for row in runs.values():
        fates = [row[f"{fate}_row_count"] for fate in ("new", "duplicate", "quarantined")]
        assert row["file_row_count"] == sum(fates)
    good = {group.row["event_id"] or str(group.row): group for file in made for group in file.groups if group.is_good}
    bad = {group.row["event_id"] for file in made for group in file.groups if not group.is_good}
    raw = shop.stored(lake, RAW_TRANSACTIONS)
    assert raw.num_rows == sum(group.copies for group in good.values())
    assert raw.num_rows == sum(row["new_row_count"] for row in runs.values())
    assert shop.stored(lake, RAW_QUARANTINE).num_rows == sum(row["quarantined_row_count"] for row in runs.values())
    assert len(bad) <= sum(row["quarantined_row_count"] for row in runs.values())
    wanted = sum(Decimal(group.row["line_amount"]) * group.copies for group in good.values())
    assert sum(shop.stored(lake, CLEAN_ORDER_LINES)["net_amount"].to_pylist()) == wanted
