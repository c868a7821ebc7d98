"""Sixty nights, each made from the one before, are what all tiles make of every one of them."""

import shutil
from datetime import timedelta

import pytest

from jobs.land.simulated import ShopConfig, generate
from jobs.settings import Settings
from jobs.tables import Run
from schemas.feature import FEATURE_CUSTOMER, FEATURE_CUSTOMER_DAY
from schemas.identity import CLEAN_IDENTITY
from schemas.score import CUSTOMER_360

SHOP = ShopConfig(
    customers=36,
    days=60,
    orders_per_month=9.0,
    sessions_per_order=1.5,
    late_share=0.15,
    return_share=0.3,
    login_share=0.6,
    second_account_share=0.4,
    shared_device_share=0.2,
    cookie_days=3,
    guest_email_share=0.5,
)
DAYS = [SHOP.start_date + timedelta(days=shift) for shift in range(SHOP.days)]
HALVES = (DAYS[:30], DAYS[30:])  # an erasure lies between them
FROM_THE_DAY_BEFORE = len(DAYS) - 2  # the first has none, and none is made from what counted the erased
SETTINGS = {"business_timezone": "Europe/Berlin"}


@pytest.mark.long
def test_sixty_nights_with_late_rows_returns_merges_and_an_erasure_are_what_all_tiles_make_of_each(
    tmp_path, run_job, frame, assert_rows, caplog
):
    """That nights one by one bring the tiles that one run over all brings is test_snapshot.py's to show."""
    nightly = tmp_path / "nightly"
    generate(SHOP, nightly, workers=1)
    caplog.set_level("INFO", "nightjar")
    for half, days in enumerate(HALVES):
        first, last = days[0], days[-1]
        for job in ("ingest", "conform", "tile"):
            run_job(job, last, first, lake=nightly, **SETTINGS)
        snapshots = ("snapshot", last, None, "--dates", *map(str, days))
        run_job(*snapshots, lake=nightly, rolling_from_tiles=0, **SETTINGS)
        anew = shutil.copytree(nightly, tmp_path / f"anew-{half}")
        shutil.rmtree(anew / FEATURE_CUSTOMER.name)
        run_job(*snapshots, lake=anew, rolling_from_tiles=10**9, **SETTINGS)
        run, other = (Run(first, last, Settings(lake=lake)) for lake in (nightly, anew))
        for day in days:
            at_day = f"as_of_date = DATE'{day}'"
            rolled, whole = (lake.read(FEATURE_CUSTOMER).filter(at_day) for lake in (run, other))
            assert_rows(rolled, whole, FEATURE_CUSTOMER)
        tiles = run.read(FEATURE_CUSTOMER_DAY).filter(f"ingest_date BETWEEN DATE'{first}' AND DATE'{last}'")
        told = ("ingest_date > event_date AND order_count > 0", "refund_amount > 0", "order_count < 0")
        assert all(tiles.filter(rule).head(1) for rule in told)
        merged = "identifier_kind = 'customer' AND identifier <> customer_id"
        assert run.read(CLEAN_IDENTITY).filter(f"{merged} AND valid_from > DATE'{first}'").head(1)
        if half == 0:
            run.replace(frame(CUSTOMER_360, *({"as_of_date": day} for day in days)), CUSTOMER_360, first, last)
            erased = rolled.orderBy("order_count_lifetime", ascending=False).head().customer_id
            run_job("erase", last, None, "--customer", erased, lake=nightly, **SETTINGS)
    assert {row.customer_id for row in rolled.collect()}.isdisjoint({erased})
    assert caplog.text.count("made_of=the day before") == FROM_THE_DAY_BEFORE
