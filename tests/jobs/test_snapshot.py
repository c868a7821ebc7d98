"""Snapshots as a job, and the law of the whole way to them: nights one by one give what one run over all gives."""

from datetime import date, timedelta

import pytest

from jobs.land.simulated import ShopConfig, generate
from jobs.runtime import Run
from jobs.settings import Settings
from schemas.clean import (
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_CUSTOMERS,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_ORDERS,
    CLEAN_PRODUCTS,
    CLEAN_REVIEWS,
    CLEAN_SESSIONS,
)
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY, FEATURE_PATTERN, FEATURE_PRODUCT
from schemas.ops import OPS_FILE, OPS_RUN
from schemas.raw import RAW_QUARANTINE, SOURCES

DAYS = 5
SHOP = ShopConfig(
    customers=60,
    days=DAYS,
    orders_per_month=9.0,
    sessions_per_order=2.0,
    late_share=0.15,
    duplicate_share=0.1,
    malformed_share=0.05,
    return_share=0.3,
    bot_share=0.05,
)
ADDED_TO = (
    *SOURCES.values(),
    RAW_QUARANTINE,
    OPS_FILE,
    OPS_RUN,
    CLEAN_EVENTS,
    CLEAN_ORDER_LINES,
    CLEAN_REVIEWS,
    CLEAN_CUSTOMERS,
    CLEAN_PRODUCTS,
    CLEAN_CAMPAIGN_EVENTS,
    CLEAN_SESSIONS,
    CLEAN_ORDERS,
    FEATURE_CUSTOMER_DAY,
    FEATURE_CUSTOMER,
    FEATURE_PRODUCT,
    FEATURE_PATTERN,
)
OF_THE_NIGHT = (FEATURE_PRODUCT, FEATURE_PATTERN)  # not made for `--dates`


@pytest.mark.slow
def test_nights_one_by_one_give_the_tables_of_one_run_over_all(tmp_path, run_job, spark, assert_rows):
    """Late rows, duplicates, malformed rows and returns included; every table, by key and value."""
    first, last = SHOP.start_date, SHOP.last_date
    days = [first + timedelta(days=shift) for shift in range(DAYS)]
    nightly, at_once = tmp_path / "nightly", tmp_path / "at_once"
    for lake in (nightly, at_once):
        generate(SHOP, lake, workers=1)
    shop = {"business_timezone": "Europe/Berlin"}
    for day in days:
        for job in ("ingest", "conform", "tile", "snapshot"):
            run_job(job, day, lake=nightly, **shop)
    for job in ("ingest", "conform", "tile"):
        run_job(job, last, first, lake=at_once, **shop)
    run_job("snapshot", last, None, "--dates", *map(str, days), lake=at_once, **shop)
    one, other = (Run(last, first, Settings(lake=lake)) for lake in (nightly, at_once))
    for table in ADDED_TO:
        assert one.exists(table) == other.exists(table), table.name
        if one.exists(table):
            only = f"as_of_date = DATE'{last}'" if table in OF_THE_NIGHT else "true"
            assert_rows(one.read(table).filter(only), other.read(table).filter(only), table)
    matches = {row.match_kind for row in one.read(CLEAN_ORDER_LINES).select("match_kind").collect()}
    assert one.read(RAW_QUARANTINE).count() > 0 and matches > {None}
