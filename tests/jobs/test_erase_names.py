"""A file called after an erased customer is no dead end: it has another name, and is still the one that was read."""

import pytest

from jobs import erase
from schemas.ops import OPS_FILE
from schemas.raw import RAW_QUARANTINE, RAW_TRANSACTIONS
from tests.jobs.landed import D1, D2, land, line

GONE = "GONE-01"


def die(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize("killed_at", ["", "remove", "erase_landing", "rename"])
def test_a_file_named_after_an_erased_customer_is_renamed_and_known(killed_at, lake, night, make_run, monkeypatch):
    his = line("1").replace(",c1,", f",{GONE},")
    for day in (D1, D2):
        land(lake, day, f"of {GONE}.csv", his.replace(str(D1), str(day)), line(f"kept {day}", day), "broken")
        land(lake, day, "others.csv", line(f"other {day}", day))
        night(day)
    if killed_at:
        with monkeypatch.context() as broken, pytest.raises(KeyboardInterrupt):
            broken.setattr("pathlib.Path.rename" if killed_at == "rename" else f"jobs.erase.{killed_at}", die)
            erase.erase(make_run(D2), {GONE})
    erase.erase(make_run(D2), {GONE})  # raises where a search finds him, in the name of a file too
    names = {str(path.relative_to(lake / "landing")) for path in (lake / "landing").glob("*/*/*")}
    assert len(names) == 4 and not any(GONE in name for name in names)
    assert {row.source_file for row in make_run(D2).read(OPS_FILE).collect()} == names
    rows = [(row.event_id, row.ingest_date) for row in make_run(D2).read(RAW_TRANSACTIONS).collect()]
    assert sorted(rows) == [(f"{what} {day}", day) for what in ("kept", "other") for day in (D1, D2)]
    for day in (D1, D2):
        night(day)
    told = [row.source_file for row in make_run(D2).read(RAW_QUARANTINE).collect()]
    assert len(told) == 2 and {*told} < names
    assert [row.source_file for row in make_run(D2).read(RAW_TRANSACTIONS).filter("event_id LIKE 'kept%'").collect()]


def test_the_log_tells_no_name_of_a_file_that_names_him(lake, make_run):
    (lake / "kept").mkdir()
    (lake / "kept" / f"{GONE}.bin").write_bytes(b"x")
    with pytest.raises(erase.NotErasedError, match=r"kept/\(erased\)\.bin; mend, rename or remove") as error:
        erase.erase(make_run(D1), {GONE})
    assert GONE not in str(error.value)
