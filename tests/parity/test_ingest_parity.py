"""Ingest beside typing is the same on Apache Spark: unknown columns, sources that stop, lateness, erased maps."""

import json
from pathlib import Path

import pytest
from deltalake import DeltaTable

from schemas.ops import OPS_LATENESS, OPS_RUN
from schemas.raw import EXTRA, RAW_QUARANTINE, RAW_TRANSACTIONS
from tests.jobs.landed import D1, D2, HEADER, land, line
from tests.parity.test_parity import run_all


def nights(lake: Path, engine: dict[str, str]) -> dict[str, list[dict]]:
    """Two nights with bad files, mended, and an erasure; what is in the tables then, as delta-rs reads them."""
    header = f"{HEADER},friend"
    rows = [line(f"a{n}").replace("c1", f"customer{n}") for n in range(10)]
    land(lake, D1, "a.csv", *(f"{row},{'x' if n else 'customer3'}" for n, row in enumerate(rows)), header=header)
    record = {"event_at": f"{D1}T10:00:00Z", "order_id": "o", "product_id": "p", "line_amount": "ten", "odd": [1]}
    (lake / "landing" / "transactions" / f"dt={D1}" / "b.jsonl").write_text(json.dumps(record))
    run_all(lake, engine, D1, (("ingest",), ("tile",)))
    bad = (line(f"b{n}", D2, amount="ten") for n in range(10))
    land(lake, D2, "c.csv", *bad)
    run_all(lake, engine, D2, (("ingest",),))
    stopped = told(lake, OPS_RUN)
    land(lake, D2, "c.csv", *(line(f"b{n}", D1) for n in range(10)))
    run_all(lake, engine, D2, (("ingest",), ("tile",)))
    run_all(lake, engine, D2, (("ingest",),))  # once more: the slice with maps is replaced
    kept = {table.name: told(lake, table) for table in (RAW_TRANSACTIONS, RAW_QUARANTINE, OPS_RUN, OPS_LATENESS)}
    landed = lake / "landing" / "transactions" / f"dt={D1}" / "a.csv"
    landed.write_text(landed.read_text().replace(",customer3\n", ",x\n"))  # an erasure leaves rows of others there
    run_all(lake, engine, D2, (("erase", "--customer", "customer3"),))
    return {"stopped": stopped, **kept, "erased": told(lake, RAW_TRANSACTIONS)}


def told(lake: Path, table) -> list[dict]:
    rows = DeltaTable(str(lake / table.name)).to_pyarrow_table().to_pylist()
    return sorted((row | {EXTRA: row.get(EXTRA) and sorted(row[EXTRA])} for row in rows), key=repr)


@pytest.mark.spark
def test_both_engines_keep_unknown_columns_stop_sources_and_measure_lateness_alike(spark, spark_connect, tmp_path):
    on_sail = nights(tmp_path / "sail", {"engine": "sail"})
    on_spark = nights(tmp_path / "spark", {"engine": "spark", "spark_remote": spark_connect})
    assert on_sail == on_spark
    assert [row["stopped_reason"] is not None for row in on_sail["stopped"]] == [False, True]
    assert {tuple(row[EXTRA] or ()) for row in on_sail[RAW_TRANSACTIONS.name]} == {
        (),
        (("friend", "x"),),
        (("friend", "customer3"),),
    }
    assert {tuple(row[EXTRA] or ()) for row in on_sail["erased"]} == {(), (("friend", "x"),), (("(erased)", ""),)}
    assert len(on_sail["erased"]) == 19
