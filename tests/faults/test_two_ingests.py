"""Two ingests of one lake at once, as processes: one wins or both succeed, and no row is lost or doubled."""

import subprocess

import pytest

from schemas.ops import OPS_FILE, OPS_RUN
from schemas.raw import RAW_QUARANTINE, RAW_TRANSACTIONS
from tests.faults import shop
from tests.faults.compare import assert_same_rows
from tests.faults.corpus import D1, D2, as_csv, as_lines, rows

TABLES = (RAW_TRANSACTIONS, RAW_QUARANTINE, OPS_RUN, OPS_FILE)
SENT_AWAY = {75, 2}  # by the other one's lock, or because it read files that no tile has added yet


def landed(lake, day):
    folder = lake / "landing" / "transactions" / f"dt={day}"
    folder.mkdir(parents=True)
    good = [{"order_id": f"o{number}"} for number in range(2000)]
    (folder / "a.csv").write_bytes(as_csv(rows(f"{day}", *good, {"line_amount": "ten"})))
    (folder / "b.jsonl").write_bytes(as_lines(rows(f"{day}", *good[:100])))


@pytest.mark.parametrize("days", [(D1, D1), (D1, D2)], ids=["the same night", "a night and the next"])
def test_two_ingests_at_once_leave_what_one_leaves(days, spark, tmp_path):
    lake, alone = tmp_path / "lake", tmp_path / "alone"
    for place in (lake, alone):
        landed(place, D1)
    both = [
        subprocess.Popen(
            shop.command(("ingest",), day),
            cwd=shop.REPOSITORY,
            env=shop.environment(lake),
            stderr=subprocess.PIPE,
            text=True,
        )
        for day in days
    ]
    told = [(process.communicate()[1], process.returncode) for process in both]
    codes = {code for _, code in told}
    assert 0 in codes and codes - {0} <= SENT_AWAY, told
    won = max(shop.stored(lake, OPS_RUN)["ingest_date"].to_pylist())  # of two nights, the one that read the files
    shop.run(alone, ("ingest",), won)
    for again in (False, True):
        if again:
            shop.run(lake, ("ingest",), won)
        for table in TABLES:
            assert_same_rows(table, shop.stored(lake, table), shop.stored(alone, table))
