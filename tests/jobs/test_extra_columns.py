"""Columns that no contract knows stay in the raw table, are told, and are erased with their customer."""

import json
import logging

from schemas.clean import CLEAN_ORDER_LINES
from schemas.ops import OPS_RUN
from schemas.raw import EXTRA, RAW_CUSTOMERS, RAW_QUARANTINE, RAW_TRANSACTIONS
from schemas.tables import TABLES
from tests.jobs.landed import D1, D2, HEADER, land, line

WITH_COUPON = f"{HEADER},coupon"


def extras(run) -> dict[str, dict | None]:
    return {row.event_id: row[EXTRA] for row in run.read(RAW_TRANSACTIONS).collect()}


def test_an_extra_column_is_kept_counted_and_told_once(lake, run_job, make_run, told, caplog):
    land(lake, D1, "a.csv", line("1") + ",X", line("2") + ",", header=WITH_COUPON)
    land(lake, D1, "b.csv", line("3") + ",Y", header=WITH_COUPON)
    with caplog.at_level(logging.INFO, "nightjar"):
        run_job("ingest", D1)
    assert extras(make_run(D1)) == {"1": {"coupon": "X"}, "2": None, "3": {"coupon": "Y"}}
    assert told() == {D1: (3, 0, 0)}
    assert [row.extra_columns for row in make_run(D1).read(OPS_RUN).collect()] == ["coupon"]
    assert [one for one in caplog.messages if "extra" in one] == [
        "source=transactions extra column=coupon, kept in _extra"
    ]


def test_nights_with_and_without_extra_columns_stand_beside_each_other_and_reruns_replace_them(lake, night, make_run):
    for again in range(2):
        land(lake, D1, "a.csv", line("1"))
        land(lake, D2, "b.csv", line("2", D2) + ",X", header=WITH_COUPON)
        for day in (D1, D2):
            night(day)
        assert extras(make_run(D1)) == {"1": None, "2": {"coupon": "X"}}, again


def test_extra_columns_never_pass_the_raw_layer(lake, run_job, make_run):
    header = f"{HEADER},shopper_email,net_amount"
    land(lake, D1, "a.csv", line("1") + ",jo@example.org,9", header=header)
    land(lake, D1, "c.csv", f"k,{D1}T00:00:00Z,c1,jo", header="event_id,event_at,customer_id,nick", source="customers")
    for job in ("ingest", "conform", "tile", "snapshot"):
        run_job(job, D1)
    run = make_run(D1)
    assert extras(run) == {"1": {"shopper_email": "jo@example.org", "net_amount": "9"}}
    assert run.read(RAW_CUSTOMERS).first()[EXTRA] == {"nick": "jo"}
    assert run.read(CLEAN_ORDER_LINES).count() == 1
    for table in TABLES:
        if table.layer != "raw" and run.exists(table):
            rows = run.read(table)
            assert EXTRA not in rows.columns
            assert not [row for row in rows.collect() if "jo@example" in str(row)], table.name


def test_a_refused_row_keeps_its_extra_columns_in_its_text(lake, run_job, make_run):
    land(lake, D1, "a.csv", line("1", amount="ten") + ",X", header=WITH_COUPON)
    run_job("ingest", D1)
    [row] = make_run(D1).read(RAW_QUARANTINE).collect()
    assert json.loads(row.original_text)[EXTRA] == {"coupon": "X"}


def test_erasing_a_customer_blanks_extra_columns_that_quote_them(lake, run_job, make_run):
    header = f"{HEADER},friend"
    rows = [line("1"), line("2").replace("c1", "customer2"), line("3").replace("c1", "customer3")]
    land(lake, D1, "a.csv", rows[0] + ",customer2", rows[1] + ",x", rows[2] + ",y", header=header)
    run_job("ingest", D1)
    # The landed file still names the friend: the search finds it there, and nowhere else.
    (lake / "landing" / "transactions" / f"dt={D1}" / "a.csv").write_text(
        "\n".join((header, rows[0] + ",z", rows[1] + ",x", rows[2] + ",y")) + "\n"
    )
    run_job("erase", D1, None, "--customer", "customer2")
    assert extras(make_run(D1)) == {"1": {"(erased)": ""}, "3": {"friend": "y"}}


def test_names_that_may_be_values_are_counted_and_not_told(lake, run_job, make_run, caplog):
    record = {"event_id": "1", "event_at": f"{D1}T10:00:00Z", "order_id": "o", "product_id": "p", "line_amount": 1}
    record |= {"line_type": "sale", "jo@example.org": "1", "+49 30 1": "2", "note": "n"}
    folder = lake / "landing" / "transactions" / f"dt={D1}"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").write_text(json.dumps(record))
    with caplog.at_level(logging.INFO, "nightjar"):
        run_job("ingest", D1)
    assert [row.extra_columns for row in make_run(D1).read(OPS_RUN).collect()] == ["note, (2 others)"]
    assert not [one for one in caplog.messages if "jo@" in one or "+49" in one]
