"""Files that name the erased again, after their erasure, lose the rows that ingest refused, and no other."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from jobs import erase, erase_landing, erase_note, maintain
from jobs.errors import MissingInputError
from schemas.ops import OPS_ERASED_CUSTOMER, OPS_FILE
from schemas.raw import RAW_CLICKSTREAM, RAW_TRANSACTIONS
from tests.jobs.landed import D1, D2, D3, HEADER, land, line

GONE, ADDRESS = "GONE-01", "Jo@example.org"
CLICKS = "event_id,event_at,visitor_id,customer_id,event_type,email"
PEOPLE = "event_id,event_at,customer_id,email"


@pytest.fixture
def refused(lake, night, run_job):
    """A customer and her address were erased; then files of the next day named her again."""
    land(lake, D1, "a.csv", line("1").replace(",c1,", f",{GONE},"))
    land(lake, D1, "p.csv", f"p,{D1}T10:00:00Z,{GONE},{ADDRESS}", header=PEOPLE, source="customers")
    night(D1)
    run_job("erase", D1, None, "--customer", GONE)
    his, ragged, other = (line(name, D2).replace(",c1,", f",{GONE},") for name in ("2", "3", "4"))
    lines = land(lake, D2, "b.csv", his, ragged + ",x", other.replace(GONE, "c2"))
    who = (("", "jo@EXAMPLE.org "), (GONE, ""), ("other", ADDRESS.lower()), ("", "ann@example.org"))
    clicks = [(f"k{n}", f"{D2}T10:00:00Z", f"v{n}", one, "login", address) for n, (one, address) in enumerate(who)]
    rows = [dict(zip(CLICKS.split(","), click, strict=True)) for click in clicks]
    folder = lake / "landing" / "clickstream" / f"dt={D2}"
    folder.mkdir(parents=True)
    (folder / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    named = [row | {"event_id": row["event_id"] + "p"} for row in rows]
    pq.write_table(pa.Table.from_pylist(named), folder / "d.parquet")
    night(D2)
    return lines, folder / "c.jsonl", folder / "d.parquet"


def ids(lines, jsonl, parquet) -> tuple[list[str], list[str], list[str]]:
    """Event ids that are left in the three files."""
    left = [json.loads(one)["event_id"] for one in jsonl.read_text().splitlines()]
    return (
        [one.split(",")[0] for one in lines.read_text().splitlines()[1:]],
        left,
        pq.read_table(parquet)["event_id"].to_pylist(),
    )


LEFT = (["4"], ["k2", "k3"], ["k2p", "k3p"])


@pytest.mark.parametrize("job", ["erase", "maintain"])
def test_rows_that_ingest_refused_leave_their_landed_files_and_all_others_stay(job, refused, make_run, night, run_job):
    assert ids(*refused) == (["2", "3", "4"], [f"k{n}" for n in range(4)], [f"k{n}p" for n in range(4)])
    run_job(job, D3, None, *(["--refused"] if job == "erase" else []))
    assert ids(*refused) == LEFT
    before = {table: make_run(D1).read(table).count() for table in (RAW_TRANSACTIONS, RAW_CLICKSTREAM, OPS_FILE)}
    for day in (D3, D2):  # no file is new, and the night's own are known as they are now
        night(day)
    assert before == {table: make_run(D1).read(table).count() for table in before}


@pytest.mark.parametrize("lacks", ["values", "column"])
def test_a_list_of_before_it_told_kinds_is_one_of_customers(lacks, refused, make_run, run_job):
    path = str(make_run(D1).path(OPS_ERASED_CUSTOMER))
    if lacks == "values":
        DeltaTable(path).update(updates={"identifier_kind": "NULL"}, predicate="identifier_kind = 'customer_id'")
    else:
        rows = DeltaTable(path).to_pyarrow_table().drop_columns(["identifier_kind"])
        write_deltalake(path, rows, mode="overwrite", schema_mode="overwrite")
    run_job("erase", D3, None, "--refused")
    left = LEFT if lacks == "values" else (["4"], ["k0", "k2", "k3"], ["k0p", "k2p", "k3p"])
    assert ids(*refused) == left


@pytest.mark.parametrize("killed_at", ["register", "replace"])
def test_killed_and_run_again_it_completes_and_no_night_begins_before(killed_at, refused, run_job, monkeypatch):
    calls = []

    def die(*_):
        calls.append(1)
        if killed_at == "register" or len(calls) == 2:
            raise KeyboardInterrupt
        return replace(*_)

    replace = erase_landing.os.replace
    with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
        if killed_at == "register":
            broken.setattr(erase_landing, "register", die)
        else:
            broken.setattr(
                erase_landing.os, "replace", lambda *given: die(*given) if ".erased" in str(given) else replace(*given)
            )
        run_job("erase", D3, None, "--refused")
    with pytest.raises(MissingInputError, match=r"an erasure did not end; run `python -m jobs\.erase --refused`"):
        run_job("ingest", D3)
    run_job("erase", D3, None, "--refused")
    assert ids(*refused) == LEFT
    run_job("ingest", D3)


def test_a_shop_in_which_nobody_was_erased_has_nothing_to_take_out(lake, night, make_run, run_job):
    path = land(lake, D1, "a.csv", line("1"))
    night(D1)
    run_job("maintain", D1)
    assert path.read_text() == f"{HEADER}\n{line('1')}\n" and maintain.refused_files(make_run(D1)) == []
    assert erase.erase_refused(make_run(D1)) == {"files": 0, "rows": 0}
    assert not (lake / erase_note.UNFINISHED).exists()
